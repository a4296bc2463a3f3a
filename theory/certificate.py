"""(ε, δ, τ)-certificates: how close an unlearned model is to a KKT point of the retained problem.

θ′ is (ε, δ, τ)-successful when an (ε, δ)-KKT point θ̃ of the max-margin problem on the retained data
has cos(θ′, θ̃) ≥ 1 − τ (the criterion is paper GA's; the wording is ours). A certificate carries θ̃
and its multipliers, so that anyone can check it again with :meth:`Certificate.verify`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.checks import as_data, as_forget_mask, as_weights
from theory.numerics import cosine_gap, masked_min, norm, tolerance
from theory.solvers.kkt import KKTResiduals, best_multipliers, residuals_at


class Certificate(NamedTuple):
    """The triple with its witness. ``feasible`` is False when no positive multiple of θ′ has all margins ≥ 1."""

    epsilon: Float[Array, ""]  # stationarity of θ̃
    delta: Float[Array, ""]  # complementarity of θ̃
    tau: Float[Array, ""]  # 1 − cos(θ′, θ̃)
    witness: Float[Array, " d"]  # θ̃
    lam: Float[Array, " m"]  # multipliers of θ̃, 0 on the forget set
    feasible: Bool[Array, ""]
    distance_bound: Float[Array, ""]  # ‖θ̃ − w*‖ is at most this, w* the retrained model (derived here)

    def verify(self, w: Any, X: Any, y: Any, forget: Any) -> KKTResiduals:
        """Recompute the four residuals of the witness from the data alone.

        Raises:
            ValueError: a recomputed residual, 1 − cos or the distance bound exceeds the stated one by more than
                1e-9 of its scale (1 for margins and τ, ‖θ̃‖, the largest multiplier).
        """
        points, labels = as_data(X, y)
        retained = ~as_forget_mask(forget, points.shape[0])
        margins = labels * (points @ self.witness)
        lam = jnp.where(retained, self.lam, 0.0)
        again = residuals_at(lam, margins, norm(self.witness - points.T @ (labels * lam)), retained)
        tau = cosine_gap(as_weights(w, points.shape[1]), self.witness)
        bound = distance_bound(again.stationarity, jnp.sum(jnp.where(retained, lam * (margins - 1.0), 0.0)))
        length, largest = norm(self.witness), jnp.max(jnp.abs(lam))
        stated: dict[str, tuple[Any, Any, Any]] = {
            "primal": (again.primal, 0.0, 1.0),
            "dual": (again.dual, 0.0, largest),
            "epsilon": (again.stationarity, self.epsilon, length),
            "delta": (again.complementarity, self.delta, largest),
            "tau": (tau, self.tau, 1.0),
            # the bound's square root turns a rounding of the gap, eps Σλ, into its root
            "distance_bound": (bound, self.distance_bound, length + 1e9 * jnp.sqrt(tolerance(jnp.sum(jnp.abs(lam))))),
        }
        for name, (found, claimed, size) in stated.items():
            if not float(found) <= float(claimed) + 1e-9 * float(size):
                raise ValueError(f"certificate: {name} is {float(found):.6g}, above the stated {float(claimed):.6g}")
        return again


def distance_bound(stationarity: Float[Array, ""], gap: Float[Array, ""]) -> Float[Array, ""]:
    """‖θ̃ − w*‖ is at most this, for a feasible θ̃ with stationarity ε and gap Σ λ̃ᵢ(M̃ᵢ − 1); rises in both.

    The sharp form of ‖θ̃ − w*‖² ≤ ε² + 2 Σ λ̃ᵢ(M̃ᵢ − 1), see theory/claims/ga/linear/distance_to_retraining.py.
    """
    return 0.5 * (stationarity + jnp.sqrt(stationarity**2 + 4.0 * jnp.maximum(gap, 0.0)))


def certify_linear(
    w: Float[Array, " d"],
    X: Float[Array, "m d"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"],
    slackness: float = 0.0,
) -> Certificate:
    """Certificate with the witness θ̃ = w / min margin, so τ = 0; for use inside ``jit`` and ``vmap``."""
    least = masked_min(y * (X @ w), retained)
    feasible = least > 0
    witness = w / jnp.where(feasible, least, 1.0)
    best = best_multipliers(witness, X, y, retained, slackness)
    residuals = best.residuals
    gap = jnp.sum(jnp.where(retained, best.lam * (best.margins - 1.0), 0.0))
    bound = distance_bound(residuals.stationarity, gap)
    return Certificate(
        epsilon=jnp.where(feasible, residuals.stationarity, jnp.inf),
        delta=jnp.where(feasible, jnp.maximum(residuals.complementarity, 0.0), jnp.inf),
        tau=jnp.zeros(()),
        witness=witness,
        lam=best.lam,
        feasible=feasible,
        distance_bound=jnp.where(feasible, bound, jnp.inf),
    )


_certify = jax.jit(certify_linear, static_argnames="slackness")


def certificate(w: Any, X: Any, y: Any, forget: Any, slackness: float = 0.0) -> Certificate:
    """Certificate of any linear model as an unlearned one, whatever method produced it.

    Args:
        w: unlearned weights (d,). X, y: the *original* training points and labels ±1.
        forget: the forget set (indices or mask). slackness: weight ≥ 0 of complementarity against
            stationarity in the choice of multipliers; 0 gives the least ε.

    Returns:
        :class:`Certificate`. Where some retained margin is ≤ 0 there is no certificate of this kind:
        ``feasible`` is False and ε = δ = ∞.

    Raises:
        ValueError: bad shapes, values, labels or forget set. RuntimeError: x64 is off.

    Source: criterion of paper GA, arXiv 2510.14844 (abstract); construction and distance bound derived here.
    """
    points, labels = as_data(X, y)
    m, d = points.shape
    if not 0.0 <= slackness < float("inf"):
        raise ValueError(f"slackness: expected a finite weight >= 0, got {slackness}")
    return _certify(as_weights(w, d), points, labels, ~as_forget_mask(forget, m), float(slackness))
