"""All m leave-one-out unlearned models at once, from one inverse of the Gram matrix.

With H = G⁻¹, (I − P_{−l}) x_l = Xᵀ H[:, l] / H[l, l]: the projected step for every l costs one
Cholesky factor in all, O(m³), instead of m projections (derived here).

How near "exact" is (derived here). Let w = Σ λ̃ᵢ yᵢ xᵢ over the retained points, λ̃ ≥ 0, with margins Mᵢ ≥ 1 − τ and
λ̃ᵢ(Mᵢ − 1) ≤ δ; let w* be the retrained model, λ* its multipliers, M* ≥ 1 its margins. Then ‖w − w*‖² =
Σ (λ̃ᵢ − λ*ᵢ)(Mᵢ − M*ᵢ), where λ̃ᵢ(Mᵢ − M*ᵢ) ≤ λ̃ᵢ(Mᵢ − 1) ≤ δ, and −λ*ᵢ(Mᵢ − M*ᵢ) = λ*ᵢ(1 − Mᵢ) ≤ λ*ᵢ τ, since
λ*ᵢ > 0 means M*ᵢ = 1. With Σ λ*ᵢ = ‖w*‖² ≤ ‖w‖²/(1 − τ)², for w/(1 − τ) is feasible, the distance is at most
√((m − 1)δ + τ‖w‖²/(1 − τ)²).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Bool, Float

from theory.checks import as_float_array, as_gram, as_labels
from theory.numerics import EPS, tolerance

SINGULAR = 1e-6
"""Relative error of H from which on G counts as singular: condition number 4.5e9."""


class LeaveOneOut(NamedTuple):
    """Row l of ``coefficients`` is the model without point l: w = Xᵀ coefficients[l]."""

    coefficients: Float[Array, "m m"]
    epsilon: Float[Array, " m"]  # certificate of each model on its retained points, at (λ + κ)₊: stationarity
    delta: Float[Array, " m"]  # ... and complementarity; τ = 0
    primal: Float[Array, " m"]  # margins' shortfall below 1
    exact: Bool[Array, " m"]  # ε = 0, and primal = δ = 0 up to rounding: the model is the retrained one ...
    exact_within: Float[Array, " m"]  # ... up to this distance, the most that the rounding allowed for can hide
    margins: Float[Array, "m m"]  # margins[l, i] of point i under model l


def leave_one_out(G: Float[Array, "m m"], y: Float[Array, " m"], lam: Float[Array, " m"]) -> LeaveOneOut:
    """All leave-one-out projected-ascent models and their certificates.

    Args:
        G: positive definite Gram matrix; a singular one gives NaN. y: labels ±1.
        lam: multipliers of the trained model w = Xᵀ(λ ∘ y), an exact KKT point.

    Returns:
        :class:`LeaveOneOut`, computed with two m×m products beside the factor.
    """
    m = len(y)
    H = cho_solve(cho_factor(G, lower=True), jnp.eye(m))
    condition = jnp.linalg.norm(G, ord=jnp.inf) * jnp.linalg.norm(H, ord=jnp.inf)
    H = jnp.where(condition * EPS < SINGULAR, H, jnp.nan)  # rounding may give a singular G a factor
    coefficients = (lam * y)[None, :] - (lam * y / jnp.diagonal(H))[:, None] * H
    coefficients = coefficients.at[jnp.diag_indices(m)].set(0.0)
    margins = y[None, :] * (coefficients @ G)
    off = ~jnp.eye(m, dtype=bool)
    multipliers = jnp.where(off, coefficients * y[None, :], 0.0)
    clipped = jnp.maximum(multipliers, 0.0)
    negative = (multipliers - clipped) * y[None, :]
    # with λ̃ = (λ + κ)₊ the stationarity error is exactly the negative part's vector
    squared = jax.lax.cond(
        jnp.any(negative != 0.0),  # with none, a third of the work is saved
        lambda: jnp.sum((negative @ G) * negative, axis=1),
        lambda: jnp.zeros(m),
    )
    epsilon = jnp.sqrt(jnp.maximum(squared, 0.0))
    slack = jnp.where(off, margins - 1.0, 0.0)
    delta = jnp.maximum(jnp.max(clipped * slack, axis=1), 0.0)
    primal = jnp.maximum(jnp.max(-slack, axis=1), 0.0)
    # nonnegative multipliers are not enough: a point off the margin may have got a positive one
    largest = jnp.max(jnp.abs(multipliers), axis=1)
    most_primal, most_delta = tolerance(1.0, condition), tolerance(largest, condition)
    met = (primal <= most_primal) & (delta <= most_delta)
    squared_norm = jnp.maximum(jnp.sum(multipliers * margins, axis=1), 0.0)
    return LeaveOneOut(
        coefficients=coefficients,
        epsilon=epsilon,
        delta=delta,
        primal=primal,
        exact=(jnp.min(multipliers, axis=1) >= 0.0) & met,
        exact_within=jnp.sqrt((m - 1) * most_delta + most_primal * squared_norm / (1.0 - most_primal) ** 2),
        margins=margins,
    )


_leave_one_out = jax.jit(leave_one_out)


def unlearn_each(gram: Any, y: Any, lam: Any) -> LeaveOneOut:
    """:func:`leave_one_out` with its arguments checked.

    Raises:
        ValueError: bad shapes, values or labels, fewer than two points, or a Gram matrix that is not
            positive definite (duplicate points, or m > d). RuntimeError: x64 is off.
    """
    G = as_gram(gram)
    labels = as_labels(y, G.shape[0])
    multipliers = as_float_array(lam, "lam", 1)
    if multipliers.shape != labels.shape:
        raise ValueError(f"lam: expected {len(labels)} multipliers, one per point, got shape {multipliers.shape}")
    if len(labels) < 2:
        raise ValueError("gram: expected at least two points, so that one is retained, got 1")
    result = _leave_one_out(G, labels, multipliers)
    if not bool(jnp.all(jnp.isfinite(result.coefficients))):
        raise ValueError(
            "gram: expected a positive definite matrix with condition number below 4e9; "
            "points are dependent or nearly so (duplicates, or m > d)"
        )
    return result
