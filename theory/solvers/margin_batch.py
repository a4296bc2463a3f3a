"""Many max-margin problems of one size, solved together.

Most need one linear system: a guess of the support vectors (:mod:`theory.solvers.active_guess`), one
Cholesky factor, and the check of every sign that proves the guess right. The rest, told by that check,
are gathered and go through :func:`theory.solvers.nonneg_qp.nonneg_qp`, so that no problem waits for the
slowest of the batch. Problems are taken in chunks that stay in the cache.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.numerics import EPS, require_x64
from theory.solvers.active_guess import guess_active
from theory.solvers.kkt import residuals_at
from theory.solvers.margin import MarginSolution, margin_from_gram, margin_from_points
from theory.solvers.nonneg_qp import Status

CHUNK_ENTRIES = 100_000  # float64 entries of a chunk's Gram matrices: 0.8 MB, within the second-level cache
_LEFT = 16  # problems of one call on what is left over: the slowest of a call sets its time
_TRUSTED = 1e-11  # rounding of a margin, relative to 1, up to which one float64 system is believed
_CORNER = 1e300  # above 1ᵀK⁻¹1 whatever K: the bordered matrix stays positive definite
_SWEEPS = (9, 40)  # of the guess at the first try and the second: 98% of mixtures need no more than 9


def _solve_active(K: Array, active: Array) -> Array:
    """λ with K_AA λ_A = 1 and 0 elsewhere; NaN where K_AA is numerically singular.

    The right-hand side is one row more of the matrix, so that the factor brings the forward substitution with it.
    """
    m = len(active)
    masked = jnp.where(active[:, None] & active[None, :], K, jnp.eye(m))
    below = jnp.concatenate([masked, jnp.where(active, 1.0, 0.0)[None, :]])
    bordered = jnp.concatenate([below, jnp.full((m + 1, 1), _CORNER)], axis=1)  # above the diagonal nothing is read
    factor = jax.lax.linalg.cholesky(bordered, symmetrize_input=False)
    forward = jnp.where(jnp.arange(m + 1) < m, factor[m], 0.0)
    solved = jax.lax.linalg.triangular_solve(factor, forward[:, None], left_side=True, lower=True, transpose_a=True)
    return solved[:m, 0]


def _one_system(sweeps: int, G: Array, y: Array) -> tuple[Array, Array, Array, Array, Array]:
    """λ of the guessed support vectors, all margins, Σ λᵢ‖xᵢ‖, the guess, and whether every sign proves it."""
    m = len(y)
    K = y[:, None] * G * y[None, :]
    ones = jnp.ones(m)
    active = guess_active(K, ones, jnp.ones(m, bool), sweeps)
    lam = _solve_active(K, active)
    margins = K @ lam
    lengths = jnp.sqrt(jnp.diagonal(K))
    total = lengths @ jnp.abs(lam)
    rounding = 16 * EPS * (lengths * total + 1.0)  # |Kᵢⱼ| ≤ ‖xᵢ‖ ‖xⱼ‖: no second product
    wrong = jnp.where(active, lam * jnp.diagonal(K) < -rounding, margins < 1.0 - rounding)
    # a margin of 1 is checked as well: a wrong factor would show here
    missed = active & ~(jnp.abs(margins - 1.0) <= _TRUSTED)
    proved = ~jnp.any(wrong | missed) & jnp.all(rounding <= _TRUSTED)
    return jnp.where(proved, jnp.maximum(lam, 0.0), 0.0), margins, total, active, proved


def _solution(lam: Array, proved: Array, y: Array, margins: Array, size: Array, stationarity: Array) -> MarginSolution:
    residuals = residuals_at(lam, margins, stationarity, jnp.ones(len(y), bool))
    relative = residuals.worst_relative(size, jnp.max(lam))
    return MarginSolution(
        lam=lam,
        coefficients=lam * y,
        margins=margins,
        support=lam > 0,
        residuals=residuals,
        relative_residual=jnp.where(proved, relative, jnp.inf),
        certificate=jnp.zeros_like(y),
        status=jnp.where(proved, int(Status.OPTIMAL), int(Status.ITERATION_LIMIT)),
        rounds=jnp.array(1),
        exchanges=jnp.array(0),
        w=None,
    )


def _size_from_gram(lam: Array, margins: Array) -> Array:
    """‖w‖, from ‖w‖² = Σ λᵢ Mᵢ."""
    return jnp.sqrt(jnp.maximum(lam @ margins, 0.0))


def _full_gram(G: Array, y: Array, start: Array) -> MarginSolution:
    return margin_from_gram(G, y, start=start)


def _full_points(X: Array, y: Array, start: Array) -> MarginSolution:
    return margin_from_points(X, y, start=start)


_TRIES = [jax.jit(jax.vmap(functools.partial(_one_system, sweeps))) for sweeps in _SWEEPS]
_FINISH = jax.jit(jax.vmap(_solution))
_SIZE = jax.jit(jax.vmap(_size_from_gram))
_FULL = {True: jax.jit(jax.vmap(_full_gram)), False: jax.jit(jax.vmap(_full_points))}


def _attempt(sweeps: int, is_gram: bool, points: np.ndarray, y: np.ndarray) -> tuple[MarginSolution, np.ndarray]:
    """One system for each problem, and the guesses. Products with the points are BLAS's: XLA's are slower here."""
    n, m, d = points.shape
    size = min(n, max(1, CHUNK_ENTRIES // (m * max(m, d // 2))))
    parts = []
    w = None if is_gram else np.empty((n, d))
    for block in _chunks(n, size):
        chunk = points[block]
        gram = chunk if is_gram else chunk @ chunk.transpose(0, 2, 1)
        part = jax.tree.map(np.asarray, _TRIES[sweeps](gram, y[block]))
        parts.append(part)
        if w is not None:
            w[block] = ((part[0] * y[block])[:, None, :] @ chunk)[:, 0]
    lam, margins, total, active, proved = (np.concatenate(part)[:n] for part in zip(*parts, strict=True))
    # w is the sum itself: its stationarity is the rounding of m additions
    stationarity = np.zeros(n) if is_gram else EPS * np.sqrt(m) * total
    solution = _FINISH(lam, proved, y, margins, _SIZE(lam, margins), stationarity)
    return jax.tree.map(np.array, solution)._replace(w=w), active


def _chunks(length: int, size: int) -> Iterator[slice | np.ndarray]:
    """Index blocks of one length, the last filled up with repeats of its last index; slices copy nothing."""
    for start in range(0, length, size):
        whole = start + size <= length
        yield slice(start, start + size) if whole else np.minimum(np.arange(start, start + size), length - 1)


def _run(call: Callable[..., Any], arrays: tuple[np.ndarray, ...], size: int) -> Any:
    """``call`` on chunks of numpy arrays, joined."""
    n = len(arrays[0])
    parts = [jax.tree.map(np.asarray, call(*(a[block] for a in arrays))) for block in _chunks(n, size)]
    return jax.tree.map(lambda *part: np.concatenate(part)[:n], *parts)


def solve_margin_batch(X: Any = None, y: Any = None, *, gram: Any = None) -> MarginSolution:
    """:func:`theory.solvers.margin.solve_margin` for n problems of one size, at a fraction of its time each.

    Args:
        X: points (n, m, d), or leave out to work from ``gram``.
        y: labels ±1 (n, m).
        gram: X Xᵀ of each problem (n, m, m), instead of X; then ``w`` is None.

    Returns:
        :class:`theory.solvers.margin.MarginSolution` of numpy arrays with a leading axis n. ``status``
        (n,) must be read: one problem without a solution does not raise, its ``relative_residual`` is inf.

    Raises:
        ValueError: bad shapes, values or labels; both or neither of X and ``gram``. RuntimeError: x64 is off.
    """
    require_x64()
    if (X is None) == (gram is None):
        raise ValueError("solve_margin_batch: expected exactly one of X and gram")
    name, is_gram = ("X", False) if gram is None else ("gram", True)
    points, labels = _checked(X if gram is None else gram, y, name, is_gram)
    whole = _attempt(0, is_gram, points, labels)
    left = _left(whole)
    if len(left):
        _require_finite(points[left], name)
        _put(whole, left, _attempt(1, is_gram, points[left], labels[left]))
        left = _left(whole)
    solution, guess = whole
    if len(left):
        full = _run(_FULL[is_gram], (points[left], labels[left], guess[left]), _LEFT)
        _put(solution, left, full)
    return solution


def _require_finite(values: np.ndarray, name: str) -> None:
    """NaN and infinity can be among the problems left over only: no system of theirs proves itself."""
    if not np.isfinite(values).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise ValueError(
            f"{name}: expected finite numbers, got {values[where]} ({(~np.isfinite(values)).sum()} in all)"
        )


def _left(tried: tuple[MarginSolution, np.ndarray]) -> np.ndarray:
    return np.flatnonzero(tried[0].status != int(Status.OPTIMAL))


def _put(whole: Any, index: np.ndarray, part: Any) -> None:
    for target, source in zip(jax.tree.leaves(whole), jax.tree.leaves(part), strict=True):
        target[index] = source


def _checked(
    points: Any, y: Any, name: str, is_gram: bool
) -> tuple[Float[np.ndarray, "n m k"], Float[np.ndarray, "n m"]]:
    values, labels = np.asarray(points, np.float64), np.asarray(y, np.float64)
    if values.ndim != 3 or 0 in values.shape or (is_gram and values.shape[1] != values.shape[2]):
        wanted = "Gram matrices (n, m, m)" if is_gram else "points (n, m, d)"
        raise ValueError(f"{name}: expected {wanted}, none of them 0, got shape {values.shape}")
    if labels.shape != values.shape[:2]:
        raise ValueError(f"y: expected labels of shape {values.shape[:2]}, one per point, got shape {labels.shape}")
    if not (np.abs(labels) == 1.0).all():
        raise ValueError(f"y: expected labels -1 or +1, got {labels[np.abs(labels) != 1.0][0]:g}")
    if is_gram and np.abs(values - values.transpose(0, 2, 1)).max() > 1e-8 * np.abs(values).max():
        raise ValueError("gram: expected symmetric matrices")
    return values, labels
