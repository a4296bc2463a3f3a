r"""(ε, δ, τ)-certificates of unlearned two-layer ReLU networks, in coefficients.

One ascent step (derived here). Let θ be an (ε₁, δ₁) Clarke-KKT point with (λ, t); the step removes g, an exact
removal would be r_j = u_j Σ_{l∈F} y_l t_lj x_l. The witness θ̃ = θ − (I − P_R) g has every retained pre-activation of
θ, so margins, activations and kinks are θ's: it is feasible with δ = δ₁, and with (λ_R, t_R)

    ε ≤ ε₁ + ‖r − g + P_R g‖,    τ = 1 − cos(θ′, θ̃) ≤ 1 − √(1 − q²) ≤ q²,  q = ‖P_R g‖/‖θ̃‖ < 1,

since θ̃ − θ′ = P_R g: the angle to a point at distance q‖θ̃‖ has sine at most q.
Refitting the multipliers of θ's support lowers ε, and leaves δ at 0 where θ is exact; multipliers of further points
would lower ε more at the price of δ. For any network, whatever method made it, there are two more:
its own direction as the witness (τ = 0), and an exact KKT point of the retained problem reached from its
activation pattern (ε = δ = 0, only τ is left).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.checks import as_forget_mask, as_gram, as_labels
from theory.models import two_layer
from theory.models.two_layer import TwoLayer, as_network
from theory.numerics import masked_max, tangent_gap
from theory.solvers.clarke import KINK_TOLERANCE, best_clarke_multipliers, find_kinks, stationarity
from theory.solvers.clarke_kkt_point import KinkStatus, KKTPoint, kkt_point_from_pattern
from theory.solvers.kkt import KKTResiduals, residuals_at
from theory.solvers.two_layer_flow import explain_unseparated
from theory.unlearning.two_layer_ascent import (
    ascend,
    multipliers_of,
    reject,
    removed_terms,
    retained_projector,
    step_weights,
)


class NetworkCertificate(NamedTuple):
    """The triple with its witness θ̃ and multipliers; 0 ≤ t ≤ λ, both 0 on the forget set."""

    epsilon: Float[Array, ""]
    delta: Float[Array, ""]
    tau: Float[Array, ""]
    witness: TwoLayer
    lam: Float[Array, " m"]
    t: Float[Array, "m n"]
    feasible: Bool[Array, ""]  # False: no certificate of this kind (ε = δ = ∞)

    def verify(
        self, net: TwoLayer, gram: Any, y: Any, forget: Any, kink_tolerance: float = KINK_TOLERANCE
    ) -> KKTResiduals:
        """Recompute the residuals of the witness, t's admissibility, and τ to the unlearned ``net``.

        Raises:
            ValueError: something recomputed exceeds what is stated by more than 1e-9 of its scale.
        """
        G = as_gram(gram)
        m = G.shape[0]
        labels, retained = as_labels(y, m), ~as_forget_mask(forget, m)
        lam = jnp.where(retained, self.lam, 0.0)
        t = jnp.where(retained[:, None], self.t, 0.0)
        margins = two_layer.margins(self.witness, G, labels)
        again = residuals_at(lam, margins, stationarity(self.witness, G, labels, t), retained)
        kinks = find_kinks(self.witness, G, kink_tolerance)
        on = two_layer.preactivations(self.witness, G) > 0
        exact = jnp.where(on, lam[:, None], 0.0)
        off = jnp.where(kinks, jnp.maximum(t - lam[:, None], -t), jnp.abs(t - exact))
        off = jnp.where(retained[:, None] & (self.witness.u != 0)[None, :], off, 0.0)
        stated: dict[str, tuple[Any, Any, Any]] = {
            "primal": (again.primal, 0.0, 1.0),
            "dual": (again.dual, 0.0, 1.0),
            "subgradient": (jnp.max(off), 0.0, jnp.max(lam)),
            "epsilon": (again.stationarity, self.epsilon, two_layer.size(self.witness, G)),
            "delta": (again.complementarity, self.delta, jnp.max(lam)),
            "tau": (two_layer.cosine_gap(as_network(net, m), self.witness, G), self.tau, 1.0),
        }
        for name, (found, claimed, scale) in stated.items():
            if not float(found) <= float(claimed) + 1e-9 * (1.0 + float(scale)):
                raise ValueError(f"certificate: {name} is {float(found):.6g}, above the stated {float(claimed):.6g}")
        return again


class StepCertificate(NamedTuple):
    """What the theorem says of one ascent step, and what holds on this instance."""

    unlearned: TwoLayer  # θ′ = θ − g
    certificate: NetworkCertificate  # witness θ̃ with (λ_R, t_R), as in the theorem
    refitted: NetworkCertificate  # the same witness, multipliers of θ's support refitted: ε is no larger
    epsilon_bound: Float[Array, ""]  # ε₁ + ‖r − g + P_R g‖
    delta_bound: Float[Array, ""]  # δ₁
    tau_bound: Float[Array, ""]  # 1 − √(1 − q²), q = ‖P_R g‖/‖θ̃‖; 2 for q ≥ 1, where the theorem does not speak
    projected_size: Float[Array, ""]  # ‖P_R g‖


def _choose(first: Any, second: Any, take: Array) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(take, a, b), first, second)


def certify_step(
    net: TwoLayer,
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    lam: Float[Array, " m"],
    t: Float[Array, "m n"],
    forget: Bool[Array, " m"],
    weights: Float[Array, "m n"],
    kink_tolerance: Float[Array, ""] | float = KINK_TOLERANCE,
) -> StepCertificate:
    """The theorem's certificate of θ − g; for use inside ``jit`` and ``vmap``.

    Args:
        net: θ, feasible (margins ≥ 1), with multipliers λ and t on all points. forget: mask of F.
        weights: λ s of the step (:func:`theory.unlearning.two_layer_ascent.step_weights`).
        kink_tolerance: for the refit; it must cover what θ's t uses as kinks, else the refit is worse.
    """
    retained = ~forget
    B = retained_projector(G, retained)
    g = removed_terms(net, y, forget, weights)
    r = removed_terms(net, y, forget, t)
    projected = g - reject(g, B)
    unlearned = ascend(net, y, forget, weights)
    witness = net._replace(C=unlearned.C + projected)

    def length(c: Array) -> Array:
        return two_layer.size(two_layer.spanned(net.u, c), G)

    margins, tau = two_layer.margins(witness, G, y), two_layer.cosine_gap(unlearned, witness, G)

    def certified(lam: Array, t: Array) -> NetworkCertificate:
        found = residuals_at(lam, margins, stationarity(witness, G, y, t), retained)
        delta, feasible = jnp.maximum(found.complementarity, 0.0), found.primal <= 1e-9
        return NetworkCertificate(found.stationarity, delta, tau, witness, lam, t, feasible)

    kept = certified(jnp.where(retained, lam, 0.0), jnp.where(retained[:, None], t, 0.0))
    best = best_clarke_multipliers(witness, G, y, retained & (lam > 0), kink_tolerance)
    refitted = certified(best.lam, best.t)
    refitted = _choose(refitted, kept, refitted.epsilon < kept.epsilon)
    size, moved = two_layer.size(witness, G), length(projected)
    before = residuals_at(lam, two_layer.margins(net, G, y), stationarity(net, G, y, t), jnp.ones(len(y), bool))
    return StepCertificate(
        unlearned=unlearned,
        certificate=kept,
        refitted=refitted,
        epsilon_bound=before.stationarity + length(r - g + projected),
        delta_bound=before.complementarity,
        tau_bound=tangent_gap(moved / size),
        projected_size=moved,
    )


def certify_direction(
    net: TwoLayer,
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"],
    kink_tolerance: Float[Array, ""] | float = KINK_TOLERANCE,
    slackness: Float[Array, ""] | float = 0.0,
) -> NetworkCertificate:
    """Certificate of any network with the witness θ′/min margin, so τ = 0; for ``jit`` and ``vmap``.

    Where a retained margin is ≤ 0 there is none: ``feasible`` is False.
    """
    least = -masked_max(-two_layer.margins(net, G, y), retained)
    feasible = least > 0
    witness = two_layer.scaled(net, 1.0 / jnp.where(feasible, least, 1.0))
    best = best_clarke_multipliers(witness, G, y, retained, kink_tolerance, slackness)
    return NetworkCertificate(
        epsilon=jnp.where(feasible, best.residuals.stationarity, jnp.inf),
        delta=jnp.where(feasible, jnp.maximum(best.residuals.complementarity, 0.0), jnp.inf),
        tau=jnp.zeros((), G.dtype),
        witness=witness,
        lam=best.lam,
        t=best.t,
        feasible=feasible,
    )


def certify_exact(
    net: TwoLayer,
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"],
    pattern: Bool[Array, "m n"] | None = None,
) -> tuple[NetworkCertificate, KKTPoint]:
    """(0, 0, τ): an exact KKT point of the retained problem, from ``pattern`` (default: the network's own).

    ε and δ are the point's residuals, at rounding level. ``feasible`` is False where the solver failed; the
    point's ``status`` says why. For use inside ``jit`` and ``vmap``.
    """
    begin = two_layer.preactivations(net, G) > 0 if pattern is None else pattern
    point = kkt_point_from_pattern(net.u, G, y, begin, retained)
    solved = point.status == KinkStatus.SOLVED
    certificate = NetworkCertificate(
        epsilon=jnp.where(solved, point.residuals.stationarity, jnp.inf),
        delta=jnp.where(solved, jnp.maximum(point.residuals.complementarity, 0.0), jnp.inf),
        tau=jnp.where(solved, two_layer.cosine_gap(net, point.net, G), jnp.inf),
        witness=point.net,
        lam=point.lam,
        t=point.t,
        feasible=solved,
    )
    return certificate, point


class NetworkCertificates(NamedTuple):
    """Both certificates that any network has."""

    direction: NetworkCertificate  # (ε, δ, 0)
    exact: NetworkCertificate  # (0, 0, τ)
    point: KKTPoint  # the exact certificate's witness, with the solver's report


@jax.jit
def _both(
    net: TwoLayer, G: Array, y: Array, retained: Array, tolerance: Array, slackness: Array
) -> NetworkCertificates:
    return NetworkCertificates(
        certify_direction(net, G, y, retained, tolerance, slackness), *certify_exact(net, G, y, retained)
    )


def network_certificates(
    net: TwoLayer, gram: Any, y: Any, forget: Any, kink_tolerance: float = KINK_TOLERANCE, slackness: float = 0.0
) -> NetworkCertificates:
    """Certificates of any two-layer network as an unlearned one, whatever method produced it.

    Args:
        net: unlearned network in coefficients over *all* m points. gram: (m, m). y: labels ±1.
        forget: the forget set (indices or mask). kink_tolerance, slackness: as in
            :func:`theory.solvers.clarke.clarke_residual`, for the direction's certificate.

    Returns:
        :class:`NetworkCertificates`; where the solver failed ``exact.feasible`` is False.

    Raises:
        ValueError: width 0, NaN, shapes that do not match, bad labels or forget set.
        NotSeparated: a retained margin is ≤ 0. RuntimeError: x64 is off.

    Source: criterion of paper GA, arXiv 2510.14844 (abstract); constructions derived here.
    """
    G = as_gram(gram)
    m = G.shape[0]
    labels, network, retained = as_labels(y, m), as_network(net, m), ~as_forget_mask(forget, m)
    explain_unseparated(network, G, labels, retained)
    return _both(network, G, labels, retained, jnp.asarray(kink_tolerance), jnp.asarray(slackness))


_step = jax.jit(certify_step)


def step_certificate(
    net: TwoLayer,
    gram: Any,
    y: Any,
    forget: Any,
    subgradient: str = "model",
    lam: Any = None,
    t: Any = None,
    kink_tolerance: float = KINK_TOLERANCE,
) -> StepCertificate:
    """The theorem's certificate of one ascent step from a trained two-layer network.

    Args:
        net: trained network in coefficients, every margin at least 1 (a KKT point, or ``two_layer.normalised``).
        gram: inner products (m, m). y: labels ±1. forget: the forget set (indices or mask).
        subgradient: of the step, see :func:`theory.unlearning.two_layer_ascent.unlearn_two_layer`.
        lam, t: multipliers (m,) and (m, n) of the network; None finds the best ones (a convex QP).
        kink_tolerance: for the best multipliers and the refit.

    Returns:
        :class:`StepCertificate`: the unlearned network, its certificates, and the theorem's bounds on ε, δ and τ.

    Raises:
        ValueError: width 0, NaN, shapes that do not match, bad labels, forget set or subgradient, or a margin
            below 1. NotSeparated: a margin is ≤ 0. RuntimeError: x64 is off.

    Source: criterion of paper GA, arXiv 2510.14844 (abstract); the certificate is derived here.
    """
    G = as_gram(gram)
    m = G.shape[0]
    labels, network, mask = as_labels(y, m), as_network(net, m), as_forget_mask(forget, m)
    explain_unseparated(network, G, labels)
    least = float(jnp.min(two_layer.margins(network, G, labels)))
    if least < 1.0 - 1e-9:
        raise ValueError(f"network: expected every margin >= 1, got {least:.6g}; scale it with two_layer.normalised")
    multipliers, parts = multipliers_of(network, G, labels, lam, t, kink_tolerance)
    weights = step_weights(network, G, multipliers, parts, subgradient)
    return _step(network, G, labels, multipliers, parts, mask, weights, jnp.asarray(kink_tolerance))
