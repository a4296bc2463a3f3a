"""Projected ascent: the ascent step minus its component in the span of the retained points.

w⊥ = w − (I − P_R) Σ_{l∈F} λ_l y_l x_l keeps every retained margin. Where every retained point is on
the margin and stays a support vector it *is* the retrained max-margin model (derived here).
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.checks import as_data, as_forget_mask, as_weights
from theory.solvers.min_norm import row_space
from theory.unlearning.ascent import multipliers_of


class Projected(NamedTuple):
    """A projected step; ``multipliers`` are λ + κ, 0 on F.

    They expand ``w`` with the trained model's own stationarity error. With none, all retained points on
    the margin and ``multipliers`` ≥ 0, ``w`` is the retrained model. A negative one disproves that only
    where the retained points are independent; dependent points have other expansions.
    """

    w: Float[Array, " d"]
    multipliers: Float[Array, " m"]


def project_step(
    w: Float[Array, " d"],
    X: Float[Array, "m d"],
    y: Float[Array, " m"],
    lam: Float[Array, " m"],
    forget: Bool[Array, " m"],
) -> Projected:
    """The step in R^d by SVD of the retained points; any rank. Composes with ``jit`` and ``vmap``."""
    step = X.T @ jnp.where(forget, lam * y, 0.0)
    space = row_space(X, ~forget)
    kappa = y * space.combination(step)  # P_R step = Σ κᵢ yᵢ xᵢ
    return Projected(w - space.reject(step), jnp.where(forget, 0.0, lam + kappa))


def projected_ascent(w: Any, X: Any, y: Any, forget: Any, lam: Any = None) -> Projected:
    """Unlearn points from a linear classifier without touching any retained prediction.

    Args:
        w: trained weights (d,). X, y: training points (m, d) and labels ±1.
        forget: what to forget (indices or mask). lam: multipliers (m,); None finds the best ones.

    Returns:
        :class:`Projected`. When the retained points span R^d the step is zero and ``w`` unchanged.

    Raises:
        ValueError: bad shapes, values, labels or forget set. RuntimeError: x64 is off.

    Source: derived here.
    """
    points, labels = as_data(X, y)
    m, d = points.shape
    weights, mask = as_weights(w, d), as_forget_mask(forget, m)
    return project_step(weights, points, labels, multipliers_of(weights, points, labels, lam), mask)
