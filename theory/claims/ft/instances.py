"""Regression with retained and forget features: the instances and trained models that the FT claims share.

The matrix is well conditioned by construction. Every retained row owns a pivot column in which the
other retained pivot rows are zero, every forget row one in which all rows before it are zero:

    X = diag(s) [ I  0  N ]     retained pivot rows, N free
                [ B  I  M ]     forget rows, B and M free

so σ_min(X) ≥ min(s)/(1 + ‖B‖) with bounded free entries, whatever the latent vector. Where the retained
rows are at least as many as their columns, further rows are free and X has full column rank instead.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.claim import Assumption, Sizes
from theory.data.feature_overlap import column_masks
from theory.numerics import norm, tolerance
from theory.solvers.min_norm import MinNorm, RowSpace, min_norm, row_space

SIZES: tuple[dict[str, int], ...] = (
    {"r": 2, "f": 1, "a": 2, "b": 1, "c": 1},
    {"r": 2, "f": 2, "a": 3, "b": 0, "c": 3},  # distinct features
    {"r": 3, "f": 2, "a": 0, "b": 7, "c": 0},  # full overlap
    {"r": 6, "f": 4, "a": 8, "b": 4, "c": 8},
)
"""Rows retained and forgotten, columns retained-only, shared and forget-only."""

NEGLIGIBLE = 1e-60  # latents below it count as 0, so that no square underflows


class FeatureProblem(NamedTuple):
    """A regression problem with a forget set, the columns each side uses and a strict subset of R."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    w_star: Float[Array, " d"]
    forget: Bool[Array, " m"]
    retained_columns: Bool[Array, " d"]  # columns the retained rows use
    forget_columns: Bool[Array, " d"]  # columns the forget rows use
    subset: Bool[Array, " m"]  # some retained rows, never none and, when |R| > 1, never all


def free_entries(sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Boolean masks (m, d) of the entries that are 1 in the pattern above, and of those that are free.

    Raises:
        ValueError: sizes for which that pattern has neither full row rank nor retained rows of full rank.
    """
    r, f, a, b, c = (sizes[name] for name in "rfabc")
    d, pivots = a + b + c, min(r, a + b)
    if min(r, f, a + b, b + c) < 1 or (r < a + b and f > d - max(a, r)):
        raise ValueError(f"sizes: expected r >= a + b, or r + f <= d and f <= b + c, got {dict(sizes)}")
    forget_pivots = min(f, d - max(a, pivots))
    rows, columns = np.indices((r + f, d))
    used = np.where(rows < r, columns < a + b, columns >= a)
    one = ((rows == columns) & (rows < pivots)) | (
        (rows >= r) & (rows - r == d - 1 - columns) & (rows - r < forget_pivots)
    )
    beside_retained = (rows < pivots) & (columns < pivots)
    beside_forget = (rows < r + forget_pivots) & (columns >= d - forget_pivots)
    return one, used & ~one & ~beside_retained & ~beside_forget


def problem_latent(sizes: Sizes) -> int:
    """Latent length of :func:`feature_problem`: matrix entries, row scales, w*, subset."""
    m, d = sizes["r"] + sizes["f"], sizes["a"] + sizes["b"] + sizes["c"]
    return m * d + m + d + m


def feature_problem(sizes: Sizes, z: Float[Array, " n"]) -> FeatureProblem:
    """y = X w* with the column supports of ``sizes``; entries of X up to 2e, w* free. Sizes: see SIZES."""
    m, d = sizes["r"] + sizes["f"], sizes["a"] + sizes["b"] + sizes["c"]
    one, free = free_entries(sizes)
    z = jnp.where(jnp.abs(z) < NEGLIGIBLE, 0.0, z)
    entries, scales, w_star, chosen = jnp.split(z, [m * d, m * d + m, m * d + m + d])
    pattern = jnp.where(free, 2.0 * jnp.tanh(entries.reshape(m, d) / 2.0), jnp.where(one, 1.0, 0.0))
    X = jnp.exp(jnp.tanh(scales))[:, None] * pattern
    row = jnp.arange(m)
    retained_columns, forget_columns = column_masks(sizes["a"], sizes["b"], sizes["c"])
    subset = (row == 0) | ((chosen > 0) & (row < sizes["r"] - 1))
    return FeatureProblem(X, X @ w_star, w_star, row >= sizes["r"], retained_columns, forget_columns, subset)


class Trained(NamedTuple):
    """Pretrained and golden model, the row spaces, and the magnitudes that rounding is measured against."""

    pretrained: MinNorm  # w_o, on all rows
    golden: MinNorm  # w_g, on the retained rows alone
    everything: RowSpace  # of X
    retained: RowSpace  # of X_R
    condition: Float[Array, ""]  # largest singular value of X over the least that counts in X or X_R
    top: Float[Array, ""]  # largest singular value of X
    weights: Float[Array, ""]  # error of a weight vector, in roundings: condition times the weights' size
    values: Float[Array, ""]  # the same for a prediction
    losses: Float[Array, ""]  # the same for a squared prediction


def _least(space: RowSpace) -> Float[Array, ""]:
    return space.singular_values[jnp.maximum(space.rank - 1, 0)]


def train(i: FeatureProblem) -> Trained:
    """Both models by minimum norm, and the conditioning of everything that is inverted."""
    pretrained, golden = min_norm(i.X, i.y), min_norm(i.X, i.y, ~i.forget)
    everything, retained = row_space(i.X), row_space(i.X, ~i.forget)
    top = everything.singular_values[0]
    # with independent rows, leaving rows out only raises the least singular value: subsets of R are covered
    condition = top / jnp.minimum(_least(everything), _least(retained))
    # absolute sums, not norms: they bound the norms and do not underflow
    size = jnp.sum(jnp.abs(i.w_star)) + jnp.sum(jnp.abs(pretrained.w)) + jnp.sum(jnp.abs(golden.w))
    weights = condition * size
    return Trained(
        pretrained, golden, everything, retained, condition, top, weights, top * weights, top**2 * size * weights
    )


def fit_residual(i: FeatureProblem, base: Trained) -> Float[Array, ""]:
    """Optimality of both models: gradient of the squared loss and distance to the row space, relative."""
    size = jnp.sum(jnp.abs(i.y))
    kept = jnp.where(i.forget[:, None], 0.0, i.X)
    gradients = norm(i.X.T @ (i.X @ base.pretrained.w - i.y)) + norm(kept.T @ (kept @ base.golden.w - i.y))
    outside = base.pretrained.row_space_residual + base.golden.row_space_residual
    return jnp.where(size > 0, (gradients / base.top + base.top * outside) / jnp.where(size > 0, size, 1.0), 0.0)


def count(rows: Bool[Array, " m"]) -> Float[Array, ""]:
    """Number of masked rows as a float."""
    return jnp.sum(jnp.where(rows, 1.0, 0.0))


def misfit(i: FeatureProblem, w: Float[Array, " d"], rows: Bool[Array, " m"]) -> Float[Array, ""]:
    """‖X w − y‖ over the masked rows: 0 exactly where the loss is, and not squared, so 1e-16 is seen as 1e-16."""
    return norm(jnp.where(rows, i.X @ w - i.y, 0.0))


def loss(i: FeatureProblem, w: Float[Array, " d"], rows: Bool[Array, " m"]) -> Float[Array, ""]:
    """Mean squared error over the masked rows: RL with ~forget, UL with forget."""
    return mean_square(i.X @ w - i.y, rows)


def mean_square(values: Float[Array, " m"], rows: Bool[Array, " m"]) -> Float[Array, ""]:
    """Mean of the squares over the masked rows."""
    return jnp.sum(jnp.where(rows, values**2, 0.0)) / count(rows)


def overlap_columns(i: FeatureProblem) -> Bool[Array, " d"]:
    """Columns that both sides use."""
    return i.retained_columns & i.forget_columns


def where_distinct(i: FeatureProblem, value: Array) -> Array:
    """``value`` where no column is shared, 0 elsewhere: for statements about distinct features."""
    return jnp.where(jnp.any(overlap_columns(i)), 0.0, value)


def noiseless(i: FeatureProblem) -> Float[Array, ""]:
    """≥ 0 where y = X w* up to rounding."""
    size = norm(i.X) * jnp.sum(jnp.abs(i.w_star))
    return tolerance(size) - norm(i.X @ i.w_star - i.y)


def supports(i: FeatureProblem) -> Float[Array, ""]:
    """≥ 0 where retained rows vanish on the forget-only columns and forget rows on the retained-only ones."""
    used = jnp.where(i.forget[:, None], i.forget_columns[None, :], i.retained_columns[None, :])
    return -jnp.max(jnp.where(used, 0.0, jnp.abs(i.X)))


NOISELESS = Assumption("noiseless", r"y = Xw^*", noiseless)
SUPPORTS = Assumption("supports", r"X_R \text{ and } X_F \text{ vanish off their columns}", supports)


def by_hand(
    X: list[list[float]],
    y: list[float],
    w_star: list[float],
    columns: tuple[int, int, int],
    retained: int,
    subset: int | None = None,
) -> FeatureProblem:
    """An instance written out: the first ``retained`` rows are retained, the first ``subset`` of them the subset."""
    row = jnp.arange(len(y))
    arrays = [jnp.asarray(value, jnp.float64) for value in (X, y, w_star)]
    part = max(retained - 1, 1) if subset is None else subset
    return FeatureProblem(arrays[0], arrays[1], arrays[2], row >= retained, *column_masks(*columns), row < part)
