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
from theory.numerics import cosine_gap, masked_min, norm
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
            ValueError: the recomputed residuals or 1 − cos exceed the stated ones by more than 1e-9.
        """
        points, labels = as_data(X, y)
        retained = ~as_forget_mask(forget, points.shape[0])
        margins = labels * (points @ self.witness)
        lam = jnp.where(retained, self.lam, 0.0)
        again = residuals_at(lam, margins, norm(self.witness - points.T @ (labels * lam)), retained)
        tau = cosine_gap(as_weights(w, points.shape[1]), self.witness)
        stated: dict[str, tuple[Any, Any]] = {
            "primal": (again.primal, 0.0),
            "dual": (again.dual, 0.0),
            "epsilon": (again.stationarity, self.epsilon),
            "delta": (again.complementarity, self.delta),
            "tau": (tau, self.tau),
        }
        for name, (found, claimed) in stated.items():
            size = 1.0 + float(norm(self.witness))
            if not float(found) <= float(claimed) + 1e-9 * size:
                raise ValueError(f"certificate: {name} is {float(found):.6g}, above the stated {float(claimed):.6g}")
        return again


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
    # the sharp form of ‖θ̃ − w*‖² ≤ ε² + 2 Σ λ̃ᵢ(M̃ᵢ − 1), see theory/claims/ga/linear/distance_to_retraining.py
    stationarity = residuals.stationarity
    bound = 0.5 * (stationarity + jnp.sqrt(stationarity**2 + 4.0 * jnp.maximum(gap, 0.0)))
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
    if slackness < 0:
        raise ValueError(f"slackness: expected a weight >= 0, got {slackness}")
    return _certify(as_weights(w, d), points, labels, ~as_forget_mask(forget, m), float(slackness))
