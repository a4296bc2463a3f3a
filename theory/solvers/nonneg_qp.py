"""Exact active-set solver for the QP behind margins and multipliers.

    minimise ½ λᵀ K λ − qᵀ λ   over λ ≥ 0 (λᵢ = 0 outside ``allowed``),

K symmetric positive semidefinite. Its conditions λ ≥ 0, s = Kλ − q ≥ 0, λ ∘ s = 0 are the
dual of max-margin (q = 1) and non-negative least squares (q = Aᵀb).

Two phases, both exact up to rounding, both O(m²) memory, both ``jit`` and ``vmap``:

1. *Block principal pivoting* (Júdice & Pires 1994): exchange every index of the wrong
   sign at once, one Cholesky factor a round; a few rounds usually suffice. When the
   number of wrong signs stops falling, one index at a time (Murty's rule, finite for
   K ≻ 0).
2. *Dual active set* (Goldfarb & Idnani 1983) with a principal-pivot tableau: one index
   a step, the dual objective rises strictly, so an active set never returns. It needs no
   K ≻ 0: duplicate points and m > d are fine, and an unbounded dual is *certified* by a
   ray z ≥ 0, Kz = 0, qᵀz > 0. It runs only where phase 1 did not finish.
"""

from enum import IntEnum
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Bool, Float, Int

from theory.numerics import EPS


class Status(IntEnum):
    """How a solve ended; ``message`` says what to do about it."""

    OPTIMAL = 0
    INFEASIBLE = 1
    ITERATION_LIMIT = 2
    NONFINITE = 3

    @property
    def message(self) -> str:
        return _MESSAGES[self]


_MESSAGES = {
    Status.OPTIMAL: "solved: all residuals are at rounding level",
    Status.INFEASIBLE: "infeasible: no weights separate the points through the origin; "
    "the certificate is a convex combination of y_i x_i that equals 0",
    Status.ITERATION_LIMIT: "not solved: the active set did not settle; the points are separable by less than "
    "float64 resolves, or nearly duplicate with opposite labels",
    Status.NONFINITE: "not solved: the input holds NaN or infinity, or is too large to square",
}


class NonnegQP(NamedTuple):
    """Result of :func:`nonneg_qp`; ``m`` is the number of variables."""

    lam: Float[Array, " m"]  # minimiser
    slack: Float[Array, " m"]  # Kλ − q
    active: Bool[Array, " m"]  # indices that are free to be positive
    ray: Float[Array, " m"]  # certificate of infeasibility (sums to 1), else 0
    status: Int[Array, ""]  # a Status
    rounds: Int[Array, ""]  # linear systems solved in phase 1
    steps: Int[Array, ""]  # pivots made in phase 2
    exchanges: Int[Array, ""]  # indices that entered or left the active set, all told


class _Blocks(NamedTuple):
    active: Array
    lam: Array
    wrong: Array
    best: Array
    patience: Array
    rounds: Array
    exchanges: Array


class _Dual(NamedTuple):
    table: Array
    lam: Array
    slack: Array
    active: Array
    entering: Array
    ray: Array
    status: Array
    steps: Array


_RUNNING = -1
_PATIENCE = 3  # full exchanges allowed without progress, as in the original rule
_DEPENDENT = 1e-11  # a Schur complement below this share of the diagonal is rounding


def _solve_active(K: Array, q: Array, active: Array, refinements: int) -> Array:
    """λ with K_AA λ_A = q_A and 0 elsewhere; NaN where K_AA is numerically singular."""
    both = active[:, None] & active[None, :]
    masked = jnp.where(both, K, jnp.eye(len(q), dtype=K.dtype))
    rhs = jnp.where(active, q, 0.0)
    factor = cho_factor(masked, lower=True)
    lam = cho_solve(factor, rhs)
    for _ in range(refinements):
        lam = lam + cho_solve(factor, rhs - masked @ lam)
    return lam


def _rounding(K: Array, q: Array, lam: Array) -> Array:
    return 32 * EPS * (jnp.abs(K) @ jnp.abs(lam) + jnp.abs(q)) + 1e-13 * jnp.abs(q)


def _block_pivoting(K: Array, q: Array, allowed: Array, start: Array, limit: int) -> _Blocks:
    m = len(q)

    def classify(active: Array) -> tuple[Array, Array]:
        lam = _solve_active(K, q, active, 0)
        slack = K @ lam - q
        tol = _rounding(K, q, lam)
        wrong = jnp.where(active, lam < -tol, slack < -tol) & allowed
        bad = ~jnp.all(jnp.isfinite(lam))
        return lam, jnp.where(bad, allowed, wrong)

    def body(state: _Blocks) -> _Blocks:
        count = jnp.sum(state.wrong)
        improved = count < state.best
        patience = jnp.where(improved, _PATIENCE, state.patience - 1)
        last = m - 1 - jnp.argmax(state.wrong[::-1])
        single = jnp.zeros(m, bool).at[last].set(True)
        flip = jnp.where(patience >= 0, state.wrong, single)
        active = state.active ^ flip
        lam, wrong = classify(active)
        return _Blocks(
            active,
            lam,
            wrong,
            jnp.minimum(count, state.best),
            patience,
            state.rounds + 1,
            state.exchanges + jnp.sum(flip),
        )

    def unfinished(state: _Blocks) -> Array:
        return jnp.any(state.wrong) & (state.rounds < limit) & jnp.all(jnp.isfinite(state.lam))

    lam, wrong = classify(start)
    state = _Blocks(start, lam, wrong, jnp.array(m + 1), jnp.array(_PATIENCE), jnp.array(1), jnp.array(0))
    return jax.lax.while_loop(unfinished, body, state)


def _pivot(table: Array, p: Array) -> Array:
    """Principal pivot transform of the tableau on index p (its own inverse)."""
    row, column, pivot = table[p], table[:, p], table[p, p]
    updated = table - column[:, None] * (row / pivot)[None, :]
    updated = updated.at[p, :].set(-row / pivot)
    updated = updated.at[:, p].set(column / pivot)
    return updated.at[p, p].set(1.0 / pivot)


def _dual_active_set(K: Array, q: Array, allowed: Array, done: Array, limit: int) -> _Dual:
    m = len(q)
    diagonal = jnp.diagonal(K)

    def body(state: _Dual) -> _Dual:
        candidates = jnp.where(allowed & ~state.active, state.slack, jnp.inf)
        j = jnp.where(state.entering >= 0, state.entering, jnp.argmin(candidates))
        optimal = (state.entering < 0) & (candidates[j] >= -_rounding(K, q, state.lam)[j])

        column = state.table[:, j]
        move = jnp.where(state.active, column, 0.0)
        ratio = jnp.where(state.active & (move < -EPS), state.lam / jnp.where(move < -EPS, -move, 1.0), jnp.inf)
        blocking = jnp.argmin(ratio)
        to_block = jnp.maximum(ratio[blocking], 0.0)
        schur = state.table[j, j]
        independent = schur > _DEPENDENT * diagonal[j]
        to_zero = jnp.where(independent, -state.slack[j] / jnp.where(independent, schur, 1.0), jnp.inf)
        infeasible = ~optimal & jnp.isinf(to_block) & jnp.isinf(to_zero)
        step = jnp.minimum(to_block, to_zero)
        enters = to_zero <= to_block

        direction = move.at[j].set(1.0)
        lam = jnp.maximum(state.lam + jnp.where(jnp.isfinite(step), step, 0.0) * direction, 0.0)
        moved = ~(optimal | infeasible)
        p = jnp.where(enters, j, blocking)
        lam = jnp.where(enters, lam, lam.at[blocking].set(0.0))
        active = state.active.at[p].set(enters)
        return _Dual(
            table=jnp.where(moved, _pivot(state.table, p), state.table),
            lam=jnp.where(moved, lam, state.lam),
            slack=jnp.where(moved, K @ lam - q, state.slack),
            active=jnp.where(moved, active, state.active),
            entering=jnp.where(moved & ~enters, j, -1),
            ray=jnp.where(infeasible, direction / jnp.sum(jnp.abs(direction)), state.ray),
            status=jnp.where(optimal, Status.OPTIMAL, jnp.where(infeasible, Status.INFEASIBLE, _RUNNING)),
            steps=state.steps + moved.astype(state.steps.dtype),
        )

    def unfinished(state: _Dual) -> Array:
        return (state.status == _RUNNING) & (state.steps < limit)

    zeros = jnp.zeros_like(q)
    start = _Dual(
        table=K,
        lam=zeros,
        slack=-q,
        active=jnp.zeros(m, bool),
        entering=jnp.array(-1),
        ray=zeros,
        status=jnp.where(done, int(Status.OPTIMAL), _RUNNING),
        steps=jnp.array(0),
    )
    return jax.lax.while_loop(unfinished, body, start)


def nonneg_qp(
    K: Float[Array, "m m"],
    q: Float[Array, " m"],
    allowed: Bool[Array, " m"] | None = None,
    start: Bool[Array, " m"] | None = None,
) -> NonnegQP:
    """Minimise ½ λᵀKλ − qᵀλ over λ ≥ 0, exactly (module docstring: how).

    Args:
        K: symmetric positive semidefinite, any rank. Rows are rescaled to unit diagonal inside.
        q: linear term.
        allowed: indices that may be positive; the others are left out of the problem. Default: all.
        start: first guess of the active set (a warm start). Default: ``allowed``.

    Returns:
        A :class:`NonnegQP`. ``status`` must be read: on ``INFEASIBLE`` ``lam`` is meaningless and
        ``ray`` certifies it; NaN input ends as ``NONFINITE`` rather than in an exception, so that
        the function composes with ``jit`` and ``vmap``.

    Source: standard algorithms (Júdice & Pires 1994; Goldfarb & Idnani 1983).
    """
    m = len(q)
    allowed = jnp.ones(m, bool) if allowed is None else allowed
    start = allowed if start is None else start & allowed
    finite = jnp.all(jnp.isfinite(K)) & jnp.all(jnp.isfinite(q))
    K = jnp.where(finite, K, jnp.eye(m, dtype=K.dtype))
    q = jnp.where(finite, q, 0.0)

    diagonal = jnp.diagonal(K)
    scale = jnp.where(diagonal > 0, 1.0 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1.0)), 1.0)
    unit, rhs = scale[:, None] * K * scale[None, :], scale * q

    blocks = _block_pivoting(unit, rhs, allowed, start, limit=min(50, 3 * m + 10))
    solved = ~jnp.any(blocks.wrong) & jnp.all(jnp.isfinite(blocks.lam))
    dual = _dual_active_set(unit, rhs, allowed, solved | ~finite, limit=20 * m + 100)

    active = jnp.where(solved, blocks.active, dual.active)
    fallback = jnp.where(solved, blocks.lam, dual.lam)
    polished = _solve_active(unit, rhs, active, 2)
    keep = jnp.all(jnp.isfinite(polished)) & jnp.all(polished >= -_rounding(unit, rhs, fallback))
    lam = jnp.where(keep, polished, fallback)
    lam = jnp.where(active, jnp.maximum(lam, 0.0), 0.0) * scale
    status = jnp.where(solved, int(Status.OPTIMAL), dual.status)
    status = jnp.where(status == _RUNNING, int(Status.ITERATION_LIMIT), status)
    ray = dual.ray * scale
    return NonnegQP(
        lam=lam,
        slack=K @ lam - q,
        active=active,
        ray=ray / jnp.where(jnp.any(ray != 0), jnp.sum(ray), 1.0),
        status=jnp.where(finite, status, int(Status.NONFINITE)),
        rounds=blocks.rounds,
        steps=dual.steps,
        exchanges=blocks.exchanges + dual.steps,
    )
