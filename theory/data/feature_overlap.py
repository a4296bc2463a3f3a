"""Over-parameterised regression whose retained and forget rows use different columns (paper FT's setting).

Columns are ordered retained-only, overlap, forget-only. Distinct features have no overlap columns,
full overlap has nothing else.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from theory.data.dataset import Regression
from theory.numerics import require_x64


def column_masks(retained_only: int, overlap: int, forget_only: int) -> tuple[Array, Array]:
    """Boolean masks (d,) of the columns that the retained and the forget rows use."""
    column = jnp.arange(retained_only + overlap + forget_only)
    return column < retained_only + overlap, column >= retained_only


def sample_feature_overlap(
    key: Key[Array, ""],
    retained_rows: int,
    forget_rows: int,
    retained_only: int,
    overlap: int,
    forget_only: int,
    noise: float = 0.0,
) -> Regression:
    """Gaussian rows with the given column supports, and y = X w* + noise.

    Args:
        key: JAX random key.
        retained_rows, forget_rows: numbers of rows of each side, ≥ 1. The forget rows come last.
        retained_only, overlap, forget_only: numbers of columns of each kind, ≥ 0.
        noise: standard deviation of Gaussian label noise, ≥ 0.

    Returns:
        :class:`Regression`. Over-parameterised when each side has at least as many columns as rows
        and all rows together no more than the columns; other sizes are allowed (ridge studies use them).

    Raises:
        ValueError: a count out of range, or a side without columns. RuntimeError: x64 is off.
    """
    require_x64()
    if min(retained_rows, forget_rows) < 1 or min(retained_only, overlap, forget_only) < 0 or not noise >= 0:
        raise ValueError(
            "sample_feature_overlap: expected at least one row a side, column counts >= 0 and noise >= 0, got rows "
            f"{retained_rows} and {forget_rows}, columns {retained_only}, {overlap}, {forget_only}, noise {noise}"
        )
    if retained_only + overlap == 0 or overlap + forget_only == 0:
        raise ValueError(
            "retained_only, overlap, forget_only: expected at least one column for each side, "
            f"got {retained_only}, {overlap}, {forget_only}"
        )
    retained_columns, forget_columns = column_masks(retained_only, overlap, forget_only)
    m, d = retained_rows + forget_rows, len(retained_columns)
    row_key, weight_key, noise_key = jax.random.split(key, 3)
    forget = jnp.arange(m) >= retained_rows
    used = jnp.where(forget[:, None], forget_columns[None, :], retained_columns[None, :])
    X = jnp.where(used, jax.random.normal(row_key, (m, d)), 0.0)
    w_star = jax.random.normal(weight_key, (d,))
    y = X @ w_star + noise * jax.random.normal(noise_key, (m,))
    return Regression(X, y, w_star, forget, retained_columns, forget_columns)
