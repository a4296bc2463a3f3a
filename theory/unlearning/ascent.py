"""One gradient-ascent step on the forget points (paper GA).

θ′ = θ + Σ_{l∈F} β_l ∇ℓ(M_l). With the theorem's step sizes β_l = λ_l / |ℓ′(M_l)| this is
θ − Σ_{l∈F} λ_l y_l h_l: it removes exactly the terms of F from the KKT expansion of θ.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.checks import as_data, as_float_array, as_forget_mask, as_weights
from theory.solvers.gradient_flow import LOSSES
from theory.solvers.kkt import best_multipliers_compiled


def loss_slope(margins: Float[Array, " m"], loss: str) -> Float[Array, " m"]:
    """|ℓ′(M)|: e^{−M} for the exponential loss, 1/(1 + e^M) for the logistic."""
    if loss not in LOSSES:
        raise ValueError(f"loss: expected one of {', '.join(LOSSES)}, got {loss!r}")
    return jnp.exp(-margins) if loss == "exponential" else jax.nn.sigmoid(-margins)


def theorem_step_sizes(lam: Float[Array, " m"], margins: Float[Array, " m"], loss: str) -> Float[Array, " m"]:
    """β_l = λ_l / |ℓ′(M_l)|, the step sizes of the theorem."""
    return lam / loss_slope(margins, loss)


def ascend(
    w: Float[Array, " d"], X: Float[Array, "k d"], y: Float[Array, " k"], step_sizes: Float[Array, " k"], loss: str
) -> Float[Array, " d"]:
    """w + Σ_l β_l ∇ℓ(y_l⟨w, x_l⟩) over the forget points given."""
    return w - X.T @ (y * step_sizes * loss_slope(y * (X @ w), loss))


def remove_terms(
    w: Float[Array, " d"],
    X: Float[Array, "m d"],
    y: Float[Array, " m"],
    lam: Float[Array, " m"],
    forget: Bool[Array, " m"],
    fraction: Float[Array, ""] | float = 1.0,
) -> Float[Array, " d"]:
    """w − c Σ_{l∈F} λ_l y_l x_l: the step of the theorem times ``fraction`` c, whatever the loss."""
    return w - fraction * (X.T @ jnp.where(forget, lam * y, 0.0))


def gradient_ascent(w: Any, X: Any, y: Any, forget: Any, lam: Any = None, fraction: float = 1.0) -> Float[Array, " d"]:
    """Unlearn points from a linear classifier by one gradient-ascent step of the theorem's size.

    Args:
        w: trained weights (d,). X, y: training points (m, d) and labels ±1.
        forget: what to forget (indices or mask). lam: multipliers (m,) of the trained model;
            None finds the best ones, see :func:`theory.solvers.kkt.best_multipliers`.
        fraction: share of the theorem's step, 1 for the full step.

    Returns:
        The unlearned weights (d,).

    Raises:
        ValueError: bad shapes, values, labels or forget set. RuntimeError: x64 is off.

    Source: paper GA, arXiv 2510.14844 (abstract); the scaling is derived here.
    """
    points, labels = as_data(X, y)
    m, d = points.shape
    weights, mask = as_weights(w, d), as_forget_mask(forget, m)
    return remove_terms(weights, points, labels, multipliers_of(weights, points, labels, lam), mask, fraction)


def multipliers_of(w: Array, X: Array, y: Array, lam: Any) -> Array:
    """``lam`` checked, or the best multipliers of ``w`` when it is None."""
    if lam is None:
        return best_multipliers_compiled(w, X, y, jnp.ones(len(y), bool)).lam
    given = as_float_array(lam, "lam", 1)
    if len(given) != len(y):
        raise ValueError(f"lam: expected {len(y)} multipliers, one per row of X, got {len(given)}")
    return given
