"""KKT residuals of the margin problem (P): minimise ½‖θ‖² subject to yᵢ N(θ, xᵢ) ≥ 1.

Four residuals, never merged into one, since one number hides which condition failed:
primal maxᵢ (1 − Mᵢ)₊, dual maxᵢ (−λᵢ)₊, stationarity ‖θ − Σ λᵢ yᵢ hᵢ‖, complementarity
maxᵢ λᵢ (Mᵢ − 1). The residual of a *model* is the best over λ: a convex problem, solved by
:func:`best_multipliers`; a residual at one guessed λ says nothing about the model.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from theory.checks import as_data, as_float_array, as_forget_mask, as_weights
from theory.numerics import masked_max, norm
from theory.solvers.nonneg_qp import nonneg_qp


class KKTResiduals(NamedTuple):
    """The four residuals, in the units of the problem (margins are ≥ 1)."""

    primal: Float[Array, ""]
    dual: Float[Array, ""]
    stationarity: Float[Array, ""]
    complementarity: Float[Array, ""]

    def worst_relative(self, size: Float[Array, ""], lam_max: Float[Array, ""]) -> Float[Array, ""]:
        """Largest residual relative to its scale: 1 for margins, ‖θ‖, and the largest multiplier."""
        lam_scale = jnp.where(lam_max > 0, lam_max, 1.0)
        return jnp.maximum(
            jnp.maximum(self.primal, self.dual / lam_scale),
            jnp.maximum(self.stationarity / jnp.where(size > 0, size, 1.0), jnp.abs(self.complementarity) / lam_scale),
        )


class Multipliers(NamedTuple):
    """Best multipliers of a model and the residuals they give."""

    lam: Float[Array, " m"]
    margins: Float[Array, " m"]
    residuals: KKTResiduals
    status: Int[Array, ""]  # a solvers.nonneg_qp.Status


def residuals_at(
    lam: Float[Array, " m"],
    margins: Float[Array, " m"],
    stationarity: Float[Array, ""],
    retained: Bool[Array, " m"],
) -> KKTResiduals:
    """The four residuals at given multipliers; points outside ``retained`` do not count.

    The seam for other models: they bring their own margins and stationarity.
    """
    return KKTResiduals(
        primal=jnp.maximum(masked_max(1.0 - margins, retained), 0.0),
        dual=jnp.maximum(masked_max(-lam, retained), 0.0),
        stationarity=stationarity,
        complementarity=masked_max(lam * (margins - 1.0), retained),
    )


def best_multipliers(
    w: Float[Array, " d"],
    X: Float[Array, "m d"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"],
    slackness: float = 0.0,
    extended: bool = True,
) -> Multipliers:
    """Multipliers that minimise ½‖w − Σ λᵢ yᵢ xᵢ‖² + slackness · Σ λᵢ (Mᵢ − 1) over λ ≥ 0.

    Args:
        w: linear model. X, y: points and labels ±1. retained: the points of (P).
        slackness: 0 gives the least stationarity (non-negative least squares); larger values
            trade stationarity for complementarity.
        extended: static; without it no twice float64 is compiled in (:func:`theory.solvers.nonneg_qp.nonneg_qp`).

    Returns:
        :class:`Multipliers`. Works under ``jit`` and ``vmap``; no exceptions, read ``status``.
    """
    Z = y[:, None] * X
    margins = Z @ w
    K = Z @ Z.T
    offset = jnp.full(len(y), slackness)
    solved = nonneg_qp(K, offset, allowed=retained, factor=Z, point=(1.0 - slackness) * w, extended=extended)
    stationarity = norm(w - Z.T @ solved.lam)
    return Multipliers(solved.lam, margins, residuals_at(solved.lam, margins, stationarity, retained), solved.status)


best_multipliers_compiled = jax.jit(best_multipliers, static_argnames="slackness")


def kkt_residuals(w: Any, X: Any, y: Any, lam: Any = None, forget: Any = None, slackness: float = 0.0) -> Multipliers:
    """How far a linear model is from a KKT point of the margin problem.

    Args:
        w: weights (d,). X: points (m, d). y: labels ±1 (m,).
        lam: multipliers (m,) to evaluate; None (default) takes the best ones, see
            :func:`best_multipliers`.
        forget: points left out of the problem (indices or mask); None keeps all.
        slackness: weight of complementarity in the choice of the best multipliers, ≥ 0.

    Returns:
        :class:`Multipliers`: ``lam``, ``margins`` and the four residuals.

    Raises:
        ValueError: bad shapes, values, labels, forget set, or a negative ``slackness``.
        RuntimeError: x64 is off.
    """
    points, labels = as_data(X, y)
    m, d = points.shape
    weights = as_weights(w, d)
    if not 0.0 <= slackness < float("inf"):
        raise ValueError(f"slackness: expected a finite weight >= 0, got {slackness}")
    retained = jnp.ones(m, bool) if forget is None else ~as_forget_mask(forget, m)
    if lam is None:
        return best_multipliers_compiled(weights, points, labels, retained, float(slackness))
    multipliers = as_float_array(lam, "lam", 1)
    if len(multipliers) != m:
        raise ValueError(f"lam: expected {m} multipliers, one per row of X, got {len(multipliers)}")
    multipliers = jnp.where(retained, multipliers, 0.0)
    margins = labels * (points @ weights)
    stationarity = norm(weights - points.T @ (labels * multipliers))
    residuals = residuals_at(multipliers, margins, stationarity, retained)
    return Multipliers(multipliers, margins, residuals, jnp.array(0))
