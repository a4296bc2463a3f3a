"""Unlearning points from a two-layer ReLU network by gradient ascent, plain and projected, in coefficients.

At a Clarke-KKT point w_j = u_j Σ_i y_i t_ij x_i the theorem's step sizes β_l = λ_l/|ℓ′(M_l)| turn one ascent step
on the forget points into θ′ = θ − g, g_j = u_j Σ_{l∈F} y_l λ_l s_lj x_l, where s_lj ∈ [0, 1] is the subgradient
the step takes. Autodiff takes s ∈ {0, 1}, at a kink a coin toss; removing exactly what the point put there
takes λ_l s_lj = t_lj. The choice is an argument here, never implied.

Projected ascent subtracts (I − P_R) g, P_R the projector onto the retained points' span: no retained
pre-activation moves, so no prediction, activation or kink does (derived here).
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.checks import as_float_array, as_forget_mask, as_gram, as_labels
from theory.models import two_layer
from theory.models.two_layer import TwoLayer, as_network
from theory.numerics import EPS
from theory.solvers.clarke import KINK_TOLERANCE, best_clarke_multipliers
from theory.unlearning.ascent import loss_slope

SUBGRADIENTS = ("autodiff", "model")
METHODS = ("ascent", "projected")


def step_weights(
    net: TwoLayer,
    G: Float[Array, "m m"],
    lam: Float[Array, " m"],
    t: Float[Array, "m n"],
    subgradient: str,
) -> Float[Array, "m n"]:
    """λᵢ s_ij of every pair: "autodiff" takes s = 1 where the computed z > 0, else 0; "model" takes λ s = t."""
    if subgradient not in SUBGRADIENTS:
        raise ValueError(f"subgradient: expected one of {', '.join(SUBGRADIENTS)}, got {subgradient!r}")
    if subgradient == "model":
        return t
    return jnp.where(two_layer.preactivations(net, G) > 0, lam[:, None], 0.0)


def removed_terms(
    net: TwoLayer, y: Float[Array, " m"], forget: Bool[Array, " m"], weights: Float[Array, "m n"]
) -> Float[Array, "n m"]:
    """Coefficients of g: u_j y_l weights_lj on the forget points, 0 on the others."""
    return jnp.where(forget[None, :], net.u[:, None] * (y[:, None] * weights).T, 0.0)


def retained_projector(G: Float[Array, "m m"], retained: Bool[Array, " m"]) -> Float[Array, "m m"]:
    """B with P_R x_l = Σ_i B_li x_i, so that coefficient rows c project to c B; any rank (pseudo-inverse)."""
    both = retained[:, None] & retained[None, :]
    values, vectors = jnp.linalg.eigh(jnp.where(both, G, 0.0))
    counts = values > len(values) * EPS * values[-1]
    inverse = jnp.where(counts, 1.0 / jnp.where(counts, values, 1.0), 0.0)
    return jnp.where(
        retained[None, :], (G * retained[None, :].astype(G.dtype)) @ (vectors * inverse[None, :]) @ vectors.T, 0.0
    )


def reject(g: Float[Array, "n m"], B: Float[Array, "m m"]) -> Float[Array, "n m"]:
    """(I − P_R) g in coefficients; twice, so that what is left is orthogonal to rounding."""
    once = g - g @ B
    return once - once @ B


def ascend(
    net: TwoLayer,
    y: Float[Array, " m"],
    forget: Bool[Array, " m"],
    weights: Float[Array, "m n"],
    fraction: Float[Array, ""] | float = 1.0,
) -> TwoLayer:
    """θ − fraction · g, with the step's λ s from :func:`step_weights`."""
    return net._replace(C=net.C - fraction * removed_terms(net, y, forget, weights))


def ascend_projected(
    net: TwoLayer,
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    forget: Bool[Array, " m"],
    weights: Float[Array, "m n"],
    fraction: Float[Array, ""] | float = 1.0,
) -> TwoLayer:
    """θ − fraction · (I − P_R) g: every retained pre-activation stays what it was."""
    g = removed_terms(net, y, forget, weights)
    return net._replace(C=net.C - fraction * reject(g, retained_projector(G, ~forget)))


def ascend_repeatedly(
    net: TwoLayer,
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    forget: Bool[Array, " m"],
    lam: Float[Array, " m"],
    steps: int,
    fraction: Float[Array, ""] | float = 1.0,
    loss: str | None = None,
) -> TwoLayer:
    """The theorem's step in ``steps`` parts, each with autodiff's subgradient where it then stands.

    ``loss`` None: every part removes fraction/steps · λ_l of the current gradient direction. With a loss, the step
    sizes β_l/steps stay fixed instead, and the slope |ℓ′(M_l)| grows as the margin falls: ascent accelerates, and
    on the exponential loss it can overflow to NaN within a few dozen parts.
    """
    first = jnp.zeros_like(y) if loss is None else two_layer.margins(net, G, y)

    def step(_: Any, current: TwoLayer) -> TwoLayer:
        weights = step_weights(current, G, lam, jnp.zeros_like(current.Z0), "autodiff")
        if loss is not None:
            weights = weights * (loss_slope(two_layer.margins(current, G, y), loss) / loss_slope(first, loss))[:, None]
        return ascend(current, y, forget, weights, fraction / steps)

    return jax.lax.fori_loop(0, steps, step, net)


_best = jax.jit(best_clarke_multipliers)


def multipliers_of(
    net: TwoLayer, G: Array, y: Array, lam: Any, t: Any, kink_tolerance: float = KINK_TOLERANCE
) -> tuple[Array, Array]:
    """(λ, t) checked together, or the network's best ones when both are None.

    Raises:
        ValueError: one without the other, shapes that do not match, or t outside [0, λ].
    """
    if lam is None and t is None:
        best = _best(net, G, y, None, kink_tolerance)
        return best.lam, best.t
    if lam is None or t is None:
        raise ValueError(f"lam, t: expected both or neither, got {'t' if lam is None else 'lam'} alone")
    m, n = len(y), len(net.u)
    multipliers, parts = as_float_array(lam, "lam", 1), as_float_array(t, "t", 2)
    if multipliers.shape != (m,) or parts.shape != (m, n):
        raise ValueError(f"lam, t: expected shapes ({m},) and ({m}, {n}), got {multipliers.shape} and {parts.shape}")
    slack = 1e-9 * float(jnp.max(jnp.abs(multipliers)))
    if bool(jnp.any((parts < -slack) | (parts > multipliers[:, None] + slack))):
        raise ValueError("t: expected 0 <= t_ij <= lam_i for every point i and neuron j")
    return multipliers, parts


def unlearn_two_layer(
    net: TwoLayer,
    gram: Any,
    y: Any,
    forget: Any,
    method: str = "ascent",
    subgradient: str = "autodiff",
    lam: Any = None,
    t: Any = None,
    fraction: float = 1.0,
    kink_tolerance: float = KINK_TOLERANCE,
) -> TwoLayer:
    """Unlearn points from a two-layer ReLU network by one ascent step of the theorem's size.

    Args:
        net: trained network in coefficients. gram: inner products (m, m). y: labels ±1 (m,).
        forget: what to forget (indices or mask). method: "ascent" or "projected".
        subgradient: "autodiff" (s ∈ {0, 1}) or "model" (λ s = t), see the module docstring.
        lam, t: multipliers (m,) and (m, n) of the network; None finds the best ones (a convex QP).
        fraction: share of the theorem's step. kink_tolerance: for the best multipliers.

    Returns:
        The unlearned network.

    Raises:
        ValueError: width 0, NaN, shapes that do not match, bad labels, forget set, method or subgradient.
        RuntimeError: x64 is off.

    Source: plain step paper GA, arXiv 2510.14844 (abstract); its scaling and the projection derived here.
    """
    G = as_gram(gram)
    m = G.shape[0]
    labels, network, mask = as_labels(y, m), as_network(net, m), as_forget_mask(forget, m)
    if method not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    multipliers, parts = multipliers_of(network, G, labels, lam, t, kink_tolerance)
    weights = step_weights(network, G, multipliers, parts, subgradient)
    if method == "ascent":
        return ascend(network, labels, mask, weights, fraction)
    return ascend_projected(network, G, labels, mask, weights, fraction)
