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
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float

from theory.numerics import EPS, gram_norm, norm, require_x64
from theory.solvers.active_guess import guess_active
from theory.solvers.kkt import residuals_at
from theory.solvers.margin import MarginSolution, margin_from_gram, margin_from_points
from theory.solvers.nonneg_qp import Status

CHUNK_ENTRIES = 125_000  # float64 entries of the Gram matrices of a chunk: 1 MB, the second-level cache
_LEFT = 16  # problems of one call on what is left over: the slowest of a call sets its time
_TRUSTED = 1e-11  # rounding of a margin, relative to 1, up to which one float64 system is believed
_SWEEPS = (8, 60)  # of the guess at the first try and the second: 95% of mixtures need no more than 8


def _one_system(K: Array, sweeps: int) -> tuple[Array, Array, Array]:
    """λ of the guessed support vectors, the guess, and whether every sign proves it."""
    m = K.shape[0]
    ones = jnp.ones(m)
    active = guess_active(K, ones, jnp.ones(m, bool), sweeps)
    masked = jnp.where(active[:, None] & active[None, :], K, jnp.eye(m))
    lam = cho_solve(cho_factor(masked, lower=True), jnp.where(active, ones, 0.0))
    margins = K @ lam
    rounding = 16 * EPS * (jnp.abs(K) @ jnp.abs(lam) + 1.0)
    wrong = jnp.where(active, lam * jnp.diagonal(K) < -rounding, margins < 1.0 - rounding)
    # a margin of 1 is checked as well: a wrong factor would show here
    missed = active & ~(jnp.abs(margins - 1.0) <= _TRUSTED)
    proved = ~jnp.any(wrong | missed) & jnp.all(rounding <= _TRUSTED)
    return jnp.where(proved, jnp.maximum(lam, 0.0), 0.0), active, proved


def _solution(
    lam: Array, proved: Array, y: Array, margins: Array, size: Array, stationarity: Array, w: Array | None
) -> MarginSolution:
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
        w=w,
    )


def _try_gram(sweeps: int, G: Array, y: Array) -> tuple[MarginSolution, Array]:
    K = y[:, None] * G * y[None, :]
    lam, active, proved = _one_system(K, sweeps)
    return _solution(lam, proved, y, K @ lam, gram_norm(lam, K), jnp.zeros(()), None), active


def _try_points(sweeps: int, X: Array, y: Array) -> tuple[MarginSolution, Array]:
    Z = y[:, None] * X
    lam, active, proved = _one_system(Z @ Z.T, sweeps)
    w = Z.T @ lam
    return _solution(lam, proved, y, Z @ w, norm(w), norm(w - X.T @ (y * lam)), w), active


def _full_gram(G: Array, y: Array, start: Array) -> MarginSolution:
    return margin_from_gram(G, y, start=start)


def _full_points(X: Array, y: Array, start: Array) -> MarginSolution:
    return margin_from_points(X, y, start=start)


_TRIES = {
    is_gram: [jax.jit(jax.vmap(functools.partial(attempt, sweeps))) for sweeps in _SWEEPS]
    for is_gram, attempt in ((True, _try_gram), (False, _try_points))
}
_FULL = {True: jax.jit(jax.vmap(_full_gram)), False: jax.jit(jax.vmap(_full_points))}


def _chunks(length: int, size: int) -> Iterator[np.ndarray]:
    """Index blocks of one length, the last filled up with repeats of its last index."""
    for start in range(0, length, size):
        yield np.minimum(np.arange(start, start + size), length - 1)


def _run(call: Callable[..., Any], arrays: tuple[np.ndarray, ...], size: int) -> Any:
    """``call`` on chunks, joined; all chunks are queued before the first is read."""
    n = len(arrays[0])
    queued = [call(*(jnp.asarray(a[block]) for a in arrays)) for block in _chunks(n, size)]
    return jax.tree.map(lambda *parts: np.concatenate([np.asarray(p) for p in parts])[:n], *queued)


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
    n, m = labels.shape
    quick, thorough = _TRIES[is_gram]
    whole = _run(quick, (points, labels), min(n, max(1, CHUNK_ENTRIES // m**2)))
    left = _left(whole)
    if len(left):
        _put(whole, left, _run(thorough, (points[left], labels[left]), min(n, _LEFT)))
        left = _left(whole)
    solution, guess = whole
    if len(left):
        _put(solution, left, _run(_FULL[is_gram], (points[left], labels[left], guess[left]), min(n, _LEFT)))
    return solution


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
    if not np.isfinite(values).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise ValueError(f"{name}: expected finite numbers, got {values[where]} at index {where}")
    if not (np.abs(labels) == 1.0).all():
        raise ValueError(f"y: expected labels -1 or +1, got {labels[np.abs(labels) != 1.0][0]:g}")
    if is_gram and np.abs(values - values.transpose(0, 2, 1)).max() > 1e-8 * np.abs(values).max():
        raise ValueError("gram: expected symmetric matrices")
    return values, labels
