"""Minimum-norm least squares and row-space projections by SVD; any rank, and the rank is reported."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from theory.checks import as_float_array, as_forget_mask
from theory.numerics import EPS, norm


class RowSpace(NamedTuple):
    """Row space of a matrix from its SVD; ``r`` = min(m, d) directions, the first ``rank`` count."""

    basis: Float[Array, "r d"]  # right singular vectors; zero beyond the rank
    left: Float[Array, "m r"]
    singular_values: Float[Array, " r"]
    rank: Int[Array, ""]

    def project(self, v: Float[Array, " d"]) -> Float[Array, " d"]:
        """Orthogonal projection of ``v`` onto the row space."""
        return self.basis.T @ (self.basis @ v)

    def reject(self, v: Float[Array, " d"]) -> Float[Array, " d"]:
        """``v`` minus its projection; projected twice, so that what is left is orthogonal to rounding."""
        once = v - self.project(v)
        return once - self.project(once)

    def pseudo_solve(self, target: Float[Array, " m"]) -> Float[Array, " d"]:
        """Minimum-norm least-squares solution of A w = target."""
        return self.basis.T @ (self._inverse_values() * (self.left.T @ target))

    def combination(self, v: Float[Array, " d"]) -> Float[Array, " m"]:
        """Coefficients of least norm with which the rows combine to the projection of ``v``."""
        return self.left @ (self._inverse_values() * (self.basis @ v))

    def _inverse_values(self) -> Float[Array, " r"]:
        kept = jnp.arange(len(self.singular_values)) < self.rank
        return jnp.where(kept, 1.0 / jnp.where(kept, self.singular_values, 1.0), 0.0)


class MinNorm(NamedTuple):
    """Minimum-norm least-squares solution."""

    w: Float[Array, " d"]
    rank: Int[Array, ""]
    condition: Float[Array, ""]  # ratio of the extreme singular values that count
    residual: Float[Array, ""]  # ‖A w − y‖₂
    row_space_residual: Float[Array, ""]  # ‖w − P w‖₂: 0 for a minimum-norm solution


def row_space(A: Float[Array, "m d"], rows: Bool[Array, " m"] | None = None, rcond: float | None = None) -> RowSpace:
    """SVD of ``A`` restricted to the masked ``rows`` (default all).

    Singular values at or below ``rcond`` times the largest count as zero; the default is
    max(m, d) eps, the usual one. Works under ``jit`` and ``vmap``.
    """
    kept = A if rows is None else jnp.where(rows[:, None], A, 0.0)
    left, values, basis = jnp.linalg.svd(kept, full_matrices=False)
    cut = (max(A.shape) * EPS if rcond is None else rcond) * jnp.max(values, initial=0.0)
    rank = jnp.sum(values > cut)
    counts = jnp.arange(len(values)) < rank
    return RowSpace(jnp.where(counts[:, None], basis, 0.0), left, values, rank)


def min_norm(
    A: Float[Array, "m d"],
    target: Float[Array, " m"],
    rows: Bool[Array, " m"] | None = None,
    rcond: float | None = None,
) -> MinNorm:
    """Minimum-norm least squares over the masked ``rows``; composes with ``jit`` and ``vmap``."""
    space = row_space(A, rows, rcond)
    wanted = target if rows is None else jnp.where(rows, target, 0.0)
    w = space.pseudo_solve(wanted)
    kept = A if rows is None else jnp.where(rows[:, None], A, 0.0)
    smallest = space.singular_values[jnp.maximum(space.rank - 1, 0)]
    return MinNorm(
        w=w,
        rank=space.rank,
        condition=jnp.where(space.rank > 0, space.singular_values[0] / jnp.where(smallest > 0, smallest, 1.0), 1.0),
        residual=norm(kept @ w - wanted),
        row_space_residual=norm(w - space.project(w)),
    )


def solve_min_norm(X: Any, target: Any, forget: Any = None, rcond: float | None = None) -> MinNorm:
    """Minimum-norm interpolator or least-squares fit, rank-deficient data allowed.

    Args:
        X: matrix (m, d). target: values (m,). forget: rows left out (indices or mask), None keeps all.
        rcond: relative cut below which a singular value counts as zero; default max(m, d) eps.

    Returns:
        :class:`MinNorm` with ``rank``, ``condition`` and both residuals.

    Raises:
        ValueError: bad shapes, non-finite values, bad forget set, or ``rcond`` outside [0, 1).
        RuntimeError: x64 is off.
    """
    matrix = as_float_array(X, "X", 2)
    values = as_float_array(target, "target", 1)
    m = matrix.shape[0]
    if len(values) != m:
        raise ValueError(f"target: expected {m} values, one per row of X, got {len(values)}")
    if rcond is not None and not 0.0 <= rcond < 1.0:
        raise ValueError(f"rcond: expected a ratio in [0, 1), got {rcond}")
    rows = None if forget is None else ~as_forget_mask(forget, m)
    return min_norm(matrix, values, rows, rcond)
