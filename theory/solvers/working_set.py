"""The QP behind margins and multipliers for many points, of which few are active.

    minimise ½‖Zᵀλ − p‖² − cᵀλ   over λ ≥ 0 (λᵢ = 0 outside ``allowed``),   Z = diag(y) X.

Solve it on a working set, price every point, s = Z(Zᵀλ − p) − c, and let those with s < 0 in, until there are none. A
minimiser on the working set with s ≥ 0 elsewhere is one of the whole problem; a ray that proves the part unbounded
proves the whole unbounded. The next set holds the support and a point that lowers the minimum, so minima fall strictly,
no support returns, and the loop ends (derived here).

Only products with X run over all points. A working set of up to ``DENSE`` points is solved by
:func:`theory.solvers.nonneg_qp.nonneg_qp`; a larger one by block principal pivoting (Júdice & Pires 1994) on a tiled
Cholesky factor, which needs its active points to be independent.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Bool, Float, Int

from theory.numerics import EPS
from theory.solvers.block_pivoting import block_pivoting
from theory.solvers.device_rows import NUMBER, Rows, require_free
from theory.solvers.extended import Extended, exactly
from theory.solvers.nonneg_qp import Status, nonneg_qp
from theory.solvers.tiled_cholesky import Tile, TiledFactor, tile_count, tile_size, tiled_cholesky

FIRST, DENSE = 128, 2048  # points of the smallest and the largest working set that is one array
TOLERANCE = 1e-11  # of a slack, against the numbers behind it
_ROUNDS = 200  # of pricing; 5 to 15 are usual
_PIVOTS, _PATIENCE = 60, 3  # rounds of block pivoting, and those without progress before Murty's rule
_REFINEMENTS = 2  # of a linear system
_SMALL = 512  # points of a working set that nonneg_qp is tried on before fewer are let in
_HARD = 8  # working sets solved in twice float64 before the margin counts as too thin
_COPIES = 14  # arrays of a dense working set's square that its solver holds


class Solved(NamedTuple):
    """``status`` is a :class:`Status`; on ``INFEASIBLE`` only ``ray`` counts."""

    lam: Float[np.ndarray, " m"]
    slack: Float[np.ndarray, " m"]  # Z(Zᵀλ − p) − c
    combination: Float[np.ndarray, " d"]  # Zᵀλ
    ray: Float[np.ndarray, " m"]  # z ≥ 0, Σ z = 1, Zᵀz = 0, else 0
    status: Status
    rounds: int  # working sets solved
    entered: int  # points that entered a working set after the first
    largest: int  # points in the largest working set


class _Part(NamedTuple):
    """A working set's solution; ``status`` None where its active points are dependent."""

    lam: np.ndarray
    combination: np.ndarray
    ray: np.ndarray
    status: Status | None


class _Problem(NamedTuple):
    rows: Rows
    y: np.ndarray
    c: np.ndarray
    p: np.ndarray | None

    def slack(self, combination: np.ndarray) -> np.ndarray:
        v = combination if self.p is None else combination - self.p
        return self.y * self.rows.times(jnp.asarray(v)) - self.c


def working_set_qp(
    rows: Rows,
    y: Float[np.ndarray, " m"],
    c: Float[np.ndarray, " m"],
    p: Float[np.ndarray, " d"] | None = None,
    allowed: Bool[np.ndarray, " m"] | None = None,
    support: Bool[np.ndarray, " m"] | None = None,
    slack: Float[np.ndarray, " m"] | None = None,
) -> Solved:
    """Minimise the QP of the module's docstring.

    Args:
        rows, y, c, p: the problem; without p an unbounded one is recognised, with it the minimum is attained.
        allowed: points that may be positive, at least one.
        support, slack: a guess of the active points and of their order of entry (least first): a warm start.

    Raises:
        ValueError: a working set that the devices' free memory does not hold.
    """
    problem = _Problem(rows, y, c, p)
    m = rows.m
    free = np.ones(m, bool) if allowed is None else allowed
    lengths = np.maximum(rows.lengths(), 1e-300)
    inside = np.zeros(m, bool) if support is None else support & free
    if slack is None:  # margins of the points' mean, where slacks at λ = 0 tell nothing apart
        mean = rows.combine(y * free) if p is None else np.zeros(rows.dimension)
        slack = problem.slack(mean)
    working = _next(inside, free, slack / lengths, int(inside.sum()) + FIRST)
    lam, combination, fresh = np.zeros(m), np.zeros(rows.dimension), free
    let_in, most_hard, rounds, entered, largest = FIRST, _HARD, 0, 0, 0
    for _ in range(_ROUNDS):
        rounds += 1
        index = np.flatnonzero(working)
        largest = max(largest, len(index))
        hard = let_in <= 1
        most_hard -= hard
        part = (_dense if len(index) <= DENSE else _tiled)(problem, index, inside[index] | (slack[index] < 0), hard)
        status = part.status
        if status is None:
            if hard or most_hard == 0:
                break
            let_in //= 2  # the active points were dependent, or nearly: fewer at a time
        elif status is Status.OPTIMAL:
            lam = np.zeros(m)
            lam[index] = part.lam
            inside, slack, combination = lam > 0, problem.slack(part.combination), part.combination
            # a working set's own slacks are known to one noise: priced again they may be off by as much
            fresh = free & (slack < -4 * slack_noise(c, p, lengths, combination))
            outside = int((fresh & ~working).sum())
            if outside == 0:
                status = Status.ITERATION_LIMIT if fresh.any() else status
                break
            everything = inside[index].all() and (fresh | inside)[free].all()  # all are support so far: why wait
            let_in = outside if everything else min(outside, 2 * let_in, max(FIRST, int(inside.sum())))
        else:
            break
        following = _next(inside, free, slack / lengths, int(inside.sum()) + max(1, let_in))
        entered += int((following & ~working).sum())
        working = following
    status = Status.ITERATION_LIMIT if status is None else status
    ray = np.zeros(m)
    if status is Status.INFEASIBLE:
        ray[index] = part.ray
    return Solved(lam, slack, combination, ray, status, rounds, entered, largest)


def _bucket(size: int) -> int:
    """Sizes of dense working sets are few, so that few programs compile."""
    return size if size > DENSE else max(FIRST, 1 << (size - 1).bit_length())


def _next(inside: np.ndarray, free: np.ndarray, order: np.ndarray, size: int) -> np.ndarray:
    """The support, filled up to ``size`` with the free points of least ``order``."""
    ranked = np.where(inside, -np.inf, np.where(free, order, np.inf))
    chosen = np.argsort(ranked, kind="stable")[:size]
    mask = np.zeros(len(free), bool)
    mask[chosen] = True
    return mask & free


def slack_noise(c: Any, p: Any, lengths: Any, combination: Any) -> Any:
    """Slacks above minus this count as 0; NumPy or JAX arrays."""
    length = (combination @ combination) ** 0.5
    given = 0.0 if p is None else (p @ p) ** 0.5
    return TOLERANCE * (abs(c) + lengths * given) + 16 * EPS * lengths * (length + given)


def clipped(noise: Any, lengths: Any) -> Any:
    """A multiplier above minus this counts as 0: setting it to 0 moves no slack by more than its noise."""
    return noise.min() / (lengths.max() ** 2 + 1e-300)


def _dense(problem: _Problem, index: np.ndarray, start: np.ndarray, hard: bool) -> _Part:
    """A working set as one array: pivoting, then :func:`nonneg_qp`, with ``hard`` in twice float64 too."""
    size = _bucket(len(index))
    needed = (_COPIES * size + 2 * problem.rows.dimension) * size * NUMBER
    require_free(needed, f"a working set of {size} points", "use fewer points or coordinates")
    filled = np.concatenate([index, np.zeros(size - len(index), int)])
    Z = problem.y[filled, None] * problem.rows.take(filled)
    c, used = jnp.asarray(problem.c[filled]), jnp.arange(size) < len(index)
    guess = jnp.asarray(np.pad(start, (0, size - len(index))))
    p = None if problem.p is None else jnp.asarray(problem.p)
    lam, combination, settled = _pivot(Z, c, jnp.zeros(Z.shape[1]) if p is None else p, used, guess)
    ray, status = jnp.zeros(size), Status.OPTIMAL if settled else None
    hard = hard or Z.shape[1] < size <= _SMALL  # dependent for sure: fewer points would not help
    for extended in (False, True) if hard else (False,):
        if status is None and (hard or size <= _SMALL):
            lam, combination, ray, code = _thorough(Z, c, p, used, extended)
            status = None if int(code) == Status.ITERATION_LIMIT else Status(int(code))
    kept = slice(0, len(index))
    return _Part(np.asarray(lam)[kept], np.asarray(combination), np.asarray(ray)[kept], status)


@jax.jit
def _pivot(
    Z: Float[Array, "n d"],
    c: Float[Array, " n"],
    p: Float[Array, " d"],
    used: Bool[Array, " n"],
    start: Bool[Array, " n"],
) -> tuple[Array, Array, Array]:
    """Block principal pivoting with residuals from the points, not from their Gram matrix, which rounds squares."""
    K, q = Z @ Z.T, c + Z @ p
    lengths = jnp.sqrt(jnp.maximum(jnp.diagonal(K), 0.0))

    def classify(active: Array) -> tuple[Extended, Array]:
        factor = cho_factor(jnp.where(active[:, None] & active[None, :], K, jnp.eye(len(c))), lower=True)
        lam = cho_solve(factor, jnp.where(active, q, 0.0))
        for _ in range(_REFINEMENTS):
            lam = lam - cho_solve(factor, jnp.where(active, Z @ (lam @ Z) - q, 0.0))
        combination = lam @ Z
        noise = slack_noise(c, p, lengths, combination)
        slack = Z @ combination - q
        wrong = jnp.where(active, lam < -clipped(noise, lengths), slack < -noise) & used
        exact = jnp.all(jnp.where(active, jnp.abs(slack) <= noise, True))
        return exactly(jnp.where(exact, lam, jnp.nan)), jnp.where(exact, wrong, used)

    found = block_pivoting(classify, used, start & used, jnp.array(True), _PIVOTS)
    settled = ~jnp.any(found.wrong) & jnp.all(jnp.isfinite(found.lam.hi))
    lam = jnp.maximum(found.lam.hi, 0.0)
    return lam, lam @ Z, settled


@functools.partial(jax.jit, static_argnames="extended")
def _thorough(
    Z: Float[Array, "n d"], c: Float[Array, " n"], p: Float[Array, " d"] | None, used: Bool[Array, " n"], extended: bool
) -> tuple[Array, Array, Array, Array]:
    magnitude = c if p is None else None
    found = nonneg_qp(Z @ Z.T, c, used, factor=Z, point=p, magnitude=magnitude, extended=extended)
    return found.lam, found.lam @ Z, found.ray, found.status


def _tiled(problem: _Problem, index: np.ndarray, start: np.ndarray, hard: bool) -> _Part:
    """Block principal pivoting on a working set."""
    del hard
    rows, y, c, p = problem
    nothing = np.zeros(len(index))
    q = c[index] if p is None else c[index] + (y * rows.times(jnp.asarray(p)))[index]
    lengths = rows.lengths()
    active, best, patience = start.copy(), len(index) + 1, _PATIENCE
    for _ in range(_PIVOTS):
        chosen = index[active]
        factor = factor_points(rows, y, chosen)
        if not factor.sound:
            return _Part(nothing, np.zeros(rows.dimension), nothing, None)
        lam, combination = _refined(rows, y, factor, chosen, q[active])
        slack = problem.slack(combination)[index]
        noise = slack_noise(c, p, lengths, combination)[index]
        full = nothing.copy()
        full[active] = lam
        wrong = np.where(active, full < -clipped(noise, lengths[index]), slack < -noise)
        count = int(wrong.sum())
        if count == 0:
            return _Part(np.maximum(full, 0.0), combination, nothing, Status.OPTIMAL)
        patience = _PATIENCE if count < best else patience - 1
        best = min(best, count)
        flip = wrong if patience >= 0 else np.arange(len(index)) == np.flatnonzero(wrong)[-1]
        active = active ^ flip
    return _Part(nothing, np.zeros(rows.dimension), nothing, Status.ITERATION_LIMIT)


def factor_points(rows: Rows, y: Float[np.ndarray, " m"], chosen: np.ndarray) -> TiledFactor:
    """Tiled Cholesky factor of the Gram matrix of the points yᵢxᵢ, i in ``chosen``.

    Raises:
        ValueError: the devices' free memory does not hold it.
    """
    size = len(chosen)
    block = tile_size(size)
    needed = (tile_count(size) * block * block + 4 * block * rows.dimension) * NUMBER
    require_free(needed, f"the Cholesky factor of {size} points", "use fewer points", rows.devices)
    padded = np.pad(chosen, (0, -size % block))
    sign = np.where(np.arange(len(padded)) < size, y[padded], 0.0)
    kept: dict[tuple[int, object], Array] = {}

    def signed(i: int, device: object) -> Array:
        here = slice(i * block, (i + 1) * block)
        return jax.device_put(sign[here, None], device) * rows.take(padded[here], device)

    def tile(i: int, j: int, device: object) -> Tile:
        if (j, device) not in kept:  # a column's own points serve all of its rows
            for old in [key for key in kept if key[0] != j]:
                del kept[old]
            kept[j, device] = signed(j, device)
        own = kept[j, device] if i == j else signed(i, device)
        return _gram_tile(own, kept[j, device], jnp.int64(size - i * block if i == j else block))

    return tiled_cholesky(tile, size, rows.devices)


@jax.jit
def _gram_tile(a: Float[Array, "b d"], b: Float[Array, "b d"], used: Int[Array, ""]) -> Tile:
    """aᵢ·bⱼ, and 1 on the diagonal from row ``used`` on."""
    return a @ b.T + jnp.diag(jnp.where(jnp.arange(len(a)) < used, 0.0, 1.0))


def _refined(
    rows: Rows, y: np.ndarray, factor: TiledFactor, chosen: np.ndarray, q: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """λ with K_AA λ = q, refined twice with residuals from the points, and Zᵀλ."""
    lam, residual = np.zeros(len(chosen)), q
    combination = np.zeros(rows.dimension)
    for _ in range(3):
        lam = lam + factor.solve(residual[:, None])[:, 0]
        spread = np.zeros(rows.m)
        spread[chosen] = y[chosen] * lam
        combination = rows.combine(spread)
        residual = q - (y * rows.times(jnp.asarray(combination)))[chosen]
    return lam, combination
