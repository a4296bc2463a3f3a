"""How far a two-layer ReLU network is from a Clarke-KKT point of the margin problem (a convex QP).

With t_ij = λᵢ where ⟨w_j, xᵢ⟩ > 0, t_ij = 0 where < 0 and 0 ≤ t_ij ≤ λᵢ at the kink, the best stationarity is
the minimum over (λ, t) of ½ Σ_j ‖w_j − u_j Σ_i y_i t_ij x_i‖². In t it reads

    ½ Σ_j u_j² t_jᵀ K t_j − Σ_ij u_j y_i z_ij t_ij + ½‖W‖²,   K = diag(y) G diag(y),

so in the metric Σ u_j² t_ij² the Hessian is K: the accelerated projected gradient method converges at the
rate of K's condition number, which is near 1 for high-dimensional points, whatever m, n and u. The projection
separates by point: a one-dimensional piecewise linear equation for λᵢ, solved by Newton's method from the
left in a few passes. Strong convexity turns the last step into a bound on the distance to the minimum.

A subgradient guessed by autodiff is no substitute: see :func:`autodiff_residual`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from theory.checks import as_forget_mask, as_gram, as_labels
from theory.models import two_layer
from theory.models.two_layer import TwoLayer, as_network
from theory.numerics import EPS
from theory.solvers.kkt import KKTResiduals, residuals_at
from theory.solvers.memory import require_memory
from theory.solvers.nonneg_qp import nonneg_qp
from theory.solvers.two_layer_flow import NetworkPath, explain_unseparated

KINK_TOLERANCE = 1e-12
"""Default: |⟨w_j, xᵢ⟩| ≤ 1e-12 ‖w_j‖ ‖xᵢ‖ counts as a kink. For exact points, whose kinks sit at 1e-16 and whose other
pairs come as close as 2e-9 (d = 5·10⁴; less for larger d); a flow's end needs far more, to cover its chatter."""


class ClarkeMultipliers(NamedTuple):
    """Best multipliers of a network and the residuals they give."""

    lam: Float[Array, " m"]
    t: Float[Array, "m n"]  # λᵢ times the subgradient of each neuron
    kinks: Bool[Array, "m n"]
    margins: Float[Array, " m"]
    residuals: KKTResiduals
    gap: Float[Array, ""]  # squared stationarity (plus its price) minus the QP's minimum is at most this; ∞ unproved
    iterations: Int[Array, ""]


class _Cone(NamedTuple):
    """Where t may lie: equal to λ at ``on``, in [0, λ] at ``kink``, 0 elsewhere; λ = 0 outside ``retained``."""

    on: Array
    kink: Array
    retained: Array
    weight: Array  # u_j²
    slack: Array  # price of λᵢ in the objective, ≥ 0


def find_kinks(
    net: TwoLayer, G: Float[Array, "m m"], tolerance: Float[Array, ""] | float = KINK_TOLERANCE
) -> Bool[Array, "m n"]:
    """Pairs with |⟨w_j, xᵢ⟩| ≤ tolerance · ‖w_j‖ ‖xᵢ‖: the tolerance is a cosine, free of all scales."""
    reach = jnp.sqrt(jnp.diagonal(G))[:, None] * jnp.sqrt(two_layer.square_norms(net, G))[None, :]
    return jnp.abs(two_layer.preactivations(net, G)) <= tolerance * reach


def _project(cone: _Cone, t: Array, step: Array) -> tuple[Array, Array]:
    """(λ, t): the cone's point nearest to t in the metric Σ u_j² t_ij², plus step · slack · λ."""
    w = cone.weight[None, :]
    mass, pull = (
        jnp.sum(jnp.where(cone.on, w, 0.0), axis=1),
        jnp.sum(jnp.where(cone.on, w * t, 0.0), axis=1) - step * cone.slack,
    )

    # h(λ) = Σ_on w (λ − t) + Σ_kink w min(0, λ − t) is increasing and concave: Newton from the left is monotone
    def newton(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        lam, _, passes = state
        above = cone.kink & (t > lam[:, None])
        slope = mass + jnp.sum(jnp.where(above, w, 0.0), axis=1)
        target = pull + jnp.sum(jnp.where(above, w * t, 0.0), axis=1)
        new = jnp.where(slope > 0, target / jnp.where(slope > 0, slope, 1.0), lam)
        new = jnp.maximum(jnp.where(cone.retained, new, 0.0), lam)
        return new, jnp.any(new > lam), passes + 1

    start = jnp.zeros_like(mass)
    lam, _, _ = jax.lax.while_loop(
        lambda s: s[1] & (s[2] < cone.on.shape[1] + 2), newton, (start, jnp.array(True), jnp.array(0))
    )
    boxed = jnp.where(cone.kink, jnp.clip(t, 0.0, lam[:, None]), 0.0)
    return lam, jnp.where(cone.on, lam[:, None], boxed)


def best_clarke_multipliers(
    net: TwoLayer,
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"] | None = None,
    kink_tolerance: Float[Array, ""] | float = KINK_TOLERANCE,
    slackness: Float[Array, ""] | float = 0.0,
    limit: int = 5000,
) -> ClarkeMultipliers:
    """:func:`clarke_residual` for use inside ``jit`` and ``vmap``: no checks; read ``gap``."""
    kept = jnp.ones(len(y), bool) if retained is None else retained
    Z, M = two_layer.preactivations(net, G), two_layer.margins(net, G, y)
    kinks = find_kinks(net, G, kink_tolerance)
    used = (net.u != 0)[None, :] & kept[:, None]
    cone = _Cone(
        (Z > 0) & ~kinks & used,
        kinks & used,
        kept,
        net.u**2,
        jnp.where(kept, slackness * jnp.maximum(M - 1.0, 0.0), 0.0),
    )
    K = y[:, None] * G * y[None, :]
    v = y[:, None] * Z / jnp.where(net.u != 0, net.u, 1.0)[None, :]
    spectrum = jnp.linalg.eigvalsh(K)
    top = 1.001 * spectrum[-1]
    low = jnp.maximum(spectrum[0], EPS * top)
    cap = (jnp.sqrt(top) - jnp.sqrt(low)) / (jnp.sqrt(top) + jnp.sqrt(low))

    def descend(t: Array) -> tuple[Array, Array]:
        return _project(cone, t - (K @ t - v) / top, 1.0 / top)

    def length(t: Array) -> Array:
        return jnp.sqrt(jnp.sum(cone.weight[None, :] * t * t))

    State = tuple[Array, Array, Array, Array, Array]

    def body(state: State) -> State:
        t, ahead, pace, _, count = state
        new = descend(ahead)[1]
        # momentum that points uphill is dropped (O'Donoghue & Candès 2015)
        uphill = jnp.sum(cone.weight[None, :] * (ahead - new) * (new - t)) > 0
        faster = jnp.where(uphill, 1.0, 0.5 * (1.0 + jnp.sqrt(1.0 + 4.0 * pace * pace)))
        momentum = jnp.where(uphill, 0.0, jnp.minimum((pace - 1.0) / faster, cap))
        return new, new + momentum * (new - t), faster, length(new - ahead), count + 1

    def unfinished(state: State) -> Array:
        return (state[3] > 16 * EPS * length(state[0])) & (state[4] < limit)

    lam, t = descend(jnp.where(cone.kink, 0.0, v))
    one = jnp.ones((), G.dtype)
    t, *_, count = jax.lax.while_loop(unfinished, body, (t, t, one, jnp.inf * one, jnp.array(0)))
    lam, t = descend(t)

    end = t
    lam, t = descend(end)
    # strong convexity: f(t⁺) − min f ≤ ½ (1/μ − 1/L) ‖L (t − t⁺)‖²
    gap = (1.0 / low - 1.0 / top) * (top * length(end - t)) ** 2
    gap = jnp.where(spectrum[0] > len(y) * EPS * top, gap, jnp.inf)  # dependent points: nothing is proved
    residuals = residuals_at(lam, M, stationarity(net, G, y, t), kept)
    return ClarkeMultipliers(lam, t, kinks, M, residuals, gap, count)


def stationarity(
    net: TwoLayer, G: Float[Array, "m m"], y: Float[Array, " m"], t: Float[Array, "m n"]
) -> Float[Array, ""]:
    """(Σ_j ‖w_j − u_j Σ_i y_i t_ij x_i‖²)^½, without cancellation when the network is a combination of points."""
    return two_layer.size(net._replace(C=net.C - net.u[:, None] * (y[:, None] * t).T), G)


def residuals_along(
    path: NetworkPath,
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"] | None = None,
    kink_tolerance: Float[Array, ""] | float = KINK_TOLERANCE,
) -> KKTResiduals:
    """The residuals at every record of a flow, each network scaled to least margin 1; NaN before separation.

    The path must have been trained with ``keep=True``. Every field has one entry a record.
    """
    if path.coefficients is None:
        raise ValueError("path: expected recorded coefficients, got None; train with keep=True")

    def at(C: Array) -> KKTResiduals:
        net = two_layer.normalised(path.end._replace(C=C), G, y, retained)
        return best_clarke_multipliers(net, G, y, retained, kink_tolerance).residuals

    return jax.lax.map(at, path.coefficients)


class AutodiffResidual(NamedTuple):
    """What a residual says that knows no kinks."""

    lam: Float[Array, " m"]
    residuals: KKTResiduals


def autodiff_residual(
    net: TwoLayer, G: Float[Array, "m m"], y: Float[Array, " m"], retained: Bool[Array, " m"] | None = None
) -> AutodiffResidual:
    """Residuals with autodiff's subgradient, σ′ = 1 where the computed z is > 0, else 0: NOT the Clarke residual.

    At a kink z is rounding noise, so the subgradient is a coin toss. Offered to show how far off that is:
    λ is still the best one (non-negative least squares). Composes with ``jit`` and ``vmap``.
    """
    kept = jnp.ones(len(y), bool) if retained is None else retained
    Z = two_layer.preactivations(net, G)
    on = ((Z > 0) & kept[:, None]).astype(G.dtype)
    weighted = on * (net.u**2)[None, :]
    Q = (y[:, None] * G * y[None, :]) * (weighted @ on.T)
    lam = nonneg_qp(Q, y * jnp.sum(on * Z * net.u[None, :], axis=1), allowed=kept).lam
    M = two_layer.margins(net, G, y)
    return AutodiffResidual(lam, residuals_at(lam, M, stationarity(net, G, y, on * lam[:, None]), kept))


_best = jax.jit(best_clarke_multipliers)


def clarke_residual(
    net: TwoLayer,
    gram: Any,
    y: Any,
    forget: Any = None,
    kink_tolerance: float = KINK_TOLERANCE,
    slackness: float = 0.0,
    memory_limit: int | None = None,
) -> ClarkeMultipliers:
    """The four KKT residuals of a two-layer ReLU network at its best multipliers and subgradients.

    Args:
        net: network in coefficients, evaluated as it is: pass ``two_layer.normalised(net, G, y)`` for the
            multiple whose least margin is 1. gram: inner products (m, m). y: labels ±1.
        forget: points left out of the problem (indices or mask); None keeps all.
        kink_tolerance: a pair counts as a kink where |⟨w_j, xᵢ⟩| ≤ tolerance · ‖w_j‖ ‖xᵢ‖. A larger value admits
            more subgradients, so the residual falls; at a flow's end it must cover the chatter of its steps.
        slackness: weight ≥ 0 of Σ λᵢ (Mᵢ − 1)₊ against ½ stationarity² in the choice of multipliers.
        memory_limit: bytes allowed; None allows 80% of the machine's memory.

    Returns:
        :class:`ClarkeMultipliers`; λ and t in the units where a margin is 1.

    Raises:
        ValueError: width 0, NaN, shapes that do not match, bad labels, forget set or tolerances, or memory
            that would not fit. NotSeparated: a retained margin is ≤ 0, so that no multiple is feasible.
        RuntimeError: x64 is off.

    Source: derived here.
    """
    G = as_gram(gram)
    m = G.shape[0]
    labels, network = as_labels(y, m), as_network(net, m)
    if not 0.0 <= kink_tolerance < 1.0:
        raise ValueError(f"kink_tolerance: expected a cosine in [0, 1), got {kink_tolerance}")
    if not 0.0 <= slackness < float("inf"):
        raise ValueError(f"slackness: expected a weight >= 0, got {slackness}")
    kept = jnp.ones(m, bool) if forget is None else ~as_forget_mask(forget, m)
    n = len(network.u)
    require_memory(96 * n * m, f"the QP at m = {m}, n = {n}", "use fewer neurons or points", memory_limit)
    explain_unseparated(network, G, labels, kept)
    return _best(network, G, labels, kept, kink_tolerance, slackness)
