"""Exact active-set solver for the QP behind margins and multipliers.

    minimise ½ λᵀ K λ − qᵀ λ   over λ ≥ 0 (λᵢ = 0 outside ``allowed``),

K symmetric positive semidefinite. Its conditions λ ≥ 0, s = Kλ − q ≥ 0, λ ∘ s = 0 are the
dual of max-margin (q = 1) and non-negative least squares (q = Aᵀb).

Phases, each run only where the one before could not *show* that it solved the problem:

1. *Block principal pivoting* (Júdice & Pires 1994) in float64: exchange every wrong sign at once, one
   Cholesky factor a round; when their number stops falling, one at a time (Murty's rule, finite for K ≻ 0).
2. *Dual active set* (:mod:`theory.solvers.dual_active_set`) in float64 where K is singular (more
   points than dimensions) or pivoting did not settle. The result of 1 and 2 counts where the
   rounding of Kλ is small against q, and a certificate of infeasibility where it vanishes.
3. *Block pivoting with refined systems* from the set found: residuals in twice float64, for thin margins.
4. *Dual active set in twice float64*: whatever is left.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Bool, Float, Int

from theory.numerics import EPS, norm
from theory.solvers.dual_active_set import OPTIMAL as ASCENDED
from theory.solvers.dual_active_set import UNBOUNDED, dual_active_set, unresolved
from theory.solvers.extended import (
    Extended,
    accurate_matmul,
    add,
    columns,
    exactly,
    negative,
    once,
    power_scale,
    sliced_matmul,
    slices,
    where,
    width,
)


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
    Status.OPTIMAL: "solved: the conditions hold to rounding",
    Status.INFEASIBLE: "infeasible: no weights separate the points through the origin; "
    "the certificate is a convex combination of y_i x_i that equals 0",
    Status.ITERATION_LIMIT: "not solved: the points are separable by less than float64 resolves, nearly duplicate "
    "with opposite labels, or the Gram matrix is not positive semidefinite",
    Status.NONFINITE: "not solved: the input holds NaN or infinity, or its squares or multipliers overflow",
}


class NonnegQP(NamedTuple):
    """Result of :func:`nonneg_qp`; ``m`` is the number of variables."""

    lam: Float[Array, " m"]  # minimiser
    low: Float[Array, " m"]  # minimiser beyond float64: lam + low is accurate to about 2⁻¹⁰⁰ where it is not 0
    slack: Float[Array, " m"]  # Kλ − q
    active: Bool[Array, " m"]  # indices that are free to be positive
    ray: Float[Array, " m"]  # certificate of infeasibility (sums to 1), else 0
    status: Int[Array, ""]  # a Status
    rounds: Int[Array, ""]  # linear systems solved in phases 1 and 2
    steps: Int[Array, ""]  # pivots made in phase 3
    exchanges: Int[Array, ""]  # indices that entered or left the active set, all told


class _Blocks(NamedTuple):
    active: Array
    lam: Extended
    wrong: Array
    best: Array
    patience: Array
    rounds: Array
    exchanges: Array


_PATIENCE = 3  # full exchanges allowed without progress, as in the original rule
_DEPENDENT = 1e-11  # share of Kᵢᵢ below which a float64 Schur complement is rounding
_TRUSTED = 1e-11  # rounding of Kλ, relative to q, up to which float64 alone is believed
_REFINEMENTS = 8  # of one linear system in phase 2; each gains the digits that the factor has


def _masked(K: Array, active: Array) -> Array:
    return jnp.where(active[:, None] & active[None, :], K, jnp.eye(len(active), dtype=K.dtype))


def _solve_active(K: Array, q: Array, active: Array, refinements: int) -> Array:
    """λ with K_AA λ_A = q_A and 0 elsewhere; NaN where K_AA is numerically singular."""
    masked = _masked(K, active)
    rhs = jnp.where(active, q, 0.0)
    factor = cho_factor(masked, lower=True)
    lam = cho_solve(factor, rhs)
    for _ in range(refinements):
        lam = lam + cho_solve(factor, rhs - masked @ lam)
    return lam


def _rounding(K: Array, q: Array, lam: Array) -> Array:
    return 16 * EPS * (jnp.abs(K) @ jnp.abs(lam) + jnp.abs(q))


def _block_pivoting(
    classify: Callable[[Array], tuple[Extended, Array]], allowed: Array, start: Array, run: Array, limit: int
) -> _Blocks:
    """Exchange until no sign is wrong; ``classify`` gives λ and the wrong signs of an active set."""
    m = len(allowed)

    def body(state: _Blocks) -> _Blocks:
        first = state.rounds == 0
        count = jnp.sum(state.wrong)
        patience = jnp.where(first | (count < state.best), _PATIENCE, state.patience - 1)
        last = m - 1 - jnp.argmax(state.wrong[::-1])
        flip = jnp.where(patience >= 0, state.wrong, jnp.arange(m) == last)
        active = state.active ^ flip
        lam, wrong = classify(active)
        best = jnp.where(first, m + 1, jnp.minimum(count, state.best))
        return _Blocks(active, lam, wrong, best, patience, state.rounds + 1, state.exchanges + jnp.sum(flip))

    def unfinished(state: _Blocks) -> Array:
        going = jnp.any(state.wrong) & (state.rounds < limit) & jnp.all(jnp.isfinite(state.lam.hi))
        return run & ((state.rounds == 0) | going)

    nothing = exactly(jnp.zeros(m))
    zero = jnp.array(0)
    state = _Blocks(start, nothing, jnp.zeros(m, bool), jnp.array(m + 1), jnp.array(_PATIENCE), zero, zero)
    return jax.lax.while_loop(unfinished, body, state)


def _plain_classify(K: Array, q: Array, allowed: Array) -> Callable[[Array], tuple[Extended, Array]]:
    def classify(active: Array) -> tuple[Extended, Array]:
        lam = _solve_active(K, q, active, 0)
        tol = _rounding(K, q, lam)
        wrong = jnp.where(active, lam < -tol, K @ lam - q < -tol) & allowed
        return exactly(lam), jnp.where(jnp.all(jnp.isfinite(lam)), wrong, allowed)

    return classify


def _refined_classify(
    K: Array, parts: Array, q: Extended, allowed: Array, size: Array
) -> Callable[[Array], tuple[Extended, Array]]:
    def classify(active: Array) -> tuple[Extended, Array]:
        factor = cho_factor(_masked(K, active), lower=True)

        def refine(state: tuple[Extended, Array, Array]) -> tuple[Extended, Array, Array]:
            lam, slack, rounds = state
            lam = add(lam, exactly(cho_solve(factor, jnp.where(active, -slack, 0.0))))
            product = sliced_matmul(parts, slices(columns(lam), 0, width(len(size))))
            return lam, add(product, columns(negative(q))).rounded()[:, 0], rounds + 1

        def rough(state: tuple[Extended, Array, Array]) -> Array:
            far = jnp.any(active & ~(jnp.abs(state[1]) <= unresolved(state[0], size))) & jnp.all(jnp.isfinite(state[1]))
            return (state[2] == 0) | (far & (state[2] < _REFINEMENTS))

        start = (exactly(jnp.zeros_like(size)), -q.hi, jnp.array(0))
        lam, slack, _ = jax.lax.while_loop(rough, refine, start)
        noise = unresolved(lam, size)
        least = jnp.min(jnp.where(allowed, noise, jnp.inf)) / len(size)  # clipping so small a λ moves no slack further
        wrong = jnp.where(active, lam.hi < -least, slack < -noise) & allowed
        solved = jnp.all(jnp.where(active, jnp.abs(slack) <= noise, True))  # False for NaN
        return Extended(jnp.where(solved, lam.hi, jnp.nan), lam.lo), jnp.where(solved, wrong, allowed)

    return classify


def nonneg_qp(
    K: Float[Array, "m m"],
    q: Float[Array, " m"],
    allowed: Bool[Array, " m"] | None = None,
    start: Bool[Array, " m"] | None = None,
    factor: Float[Array, "m d"] | None = None,
    point: Float[Array, " d"] | None = None,
    magnitude: Float[Array, " m"] | None = None,
) -> NonnegQP:
    """Minimise ½ λᵀKλ − qᵀλ over λ ≥ 0, exactly (module docstring: how).

    Args:
        K: symmetric positive semidefinite, any rank. Rows are rescaled inside, by powers of two.
        q: linear term.
        allowed: indices that may be positive; the others are left out of the problem. Default: all.
        start: first guess of the active set (a warm start). Default: ``allowed``.
        factor: Z with K = Z Zᵀ. With it, conditioning up to that of Z, not of K, is resolved.
        point: p (d,) adds Z p to q, summed without rounding; the QP is then bounded whatever rounding says
            (non-negative least squares).
        magnitude: what each slack must be small against; default |q|∞ + ‖Z‖‖p‖ in units of the rescaled rows.

    Returns:
        A :class:`NonnegQP`. ``status`` must be read: on ``INFEASIBLE`` ``lam`` is meaningless and
        ``ray`` certifies it; NaN input ends as ``NONFINITE`` rather than in an exception, so that
        the function composes with ``jit`` and ``vmap``.

    Source: standard algorithms (Júdice & Pires 1994; Goldfarb & Idnani 1983).
    """
    m = len(q)
    allowed = jnp.ones(m, bool) if allowed is None else allowed
    start = allowed if start is None else start & allowed
    total = q if point is None or factor is None else q + factor @ point
    finite = jnp.all(jnp.isfinite(K)) & jnp.all(jnp.isfinite(total))
    K = jnp.where(finite, K, jnp.eye(m, dtype=K.dtype))
    q, total = jnp.where(finite, q, 0.0), jnp.where(finite, total, 0.0)

    scale = power_scale(jnp.sqrt(jnp.maximum(jnp.diagonal(K), 0.0)))
    unit, rhs = scale[:, None] * K * scale[None, :], scale * total
    size = jnp.full(m, jnp.max(jnp.abs(scale * q))) if magnitude is None else scale * magnitude
    Z = None if factor is None else jnp.where(finite, scale[:, None] * factor, 0.0)
    if Z is not None and point is not None:
        point = jnp.where(finite, point, 0.0)
        size = size + jnp.sqrt(jnp.diagonal(unit)) * norm(point)

    blocks = _block_pivoting(_plain_classify(unit, rhs, allowed), allowed, start, finite, min(50, 3 * m + 10))
    plausible = ~jnp.any(blocks.wrong) & jnp.all(jnp.isfinite(blocks.lam.hi))

    bounded = point is not None
    plain = (Extended(unit, None), Extended(rhs, None), allowed, size)
    guess = dual_active_set(*plain, _DEPENDENT, finite & ~plausible, limit=20 * m + 100, bounded=bounded)
    active = jnp.where(plausible, blocks.active, guess.active)
    rough = jnp.where(plausible, blocks.lam.hi, guess.lam.hi)
    polished = _solve_active(unit, rhs, active, 2)
    polished = jnp.where(_misfit(unit, rhs, polished) <= _misfit(unit, rhs, rough), polished, rough)
    tol = _rounding(unit, rhs, polished)
    slack = unit @ polished - rhs
    met = (polished >= -tol) & jnp.where(active, jnp.abs(slack) <= tol, slack >= -tol) & (tol <= _TRUSTED * size)
    trusted = jnp.all(met | ~allowed)
    ray, vanishes = _normalised(unit, Z, guess.ray, 16 * EPS)
    infeasible = (guess.status == UNBOUNDED) & vanishes & ~trusted

    hard = finite & ~trusted & ~infeasible
    operands = [unit, scale * q] if Z is None else [Z, scale * q] + ([] if point is None else [point])

    def tabulate(source: Array, linear: Array, point: Array | None = None) -> tuple[Extended, Array, Extended]:
        gram = exactly(source) if Z is None else accurate_matmul(exactly(source), exactly(source.T))
        term = exactly(linear)
        if point is not None:
            moved = accurate_matmul(exactly(source), columns(exactly(point)))
            term = add(term, moved.each(lambda part: part[:, 0]))
        return gram, slices(gram, 1, width(m)), term

    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(tabulate, *operands))
    table, parts, term = once(hard, tabulate, nothing, *operands)
    classify = _refined_classify(unit, parts, term, allowed, size)
    refined = _block_pivoting(classify, allowed, active, hard, limit=20)
    second = (refined.rounds > 0) & ~jnp.any(refined.wrong) & jnp.all(jnp.isfinite(refined.lam.hi))

    dependent = 16 * EPS * m if Z is None else (64 * EPS) ** 2 * m
    dual = dual_active_set(table, term, allowed, size, dependent, hard & ~second, limit=20 * m + 100, bounded=bounded)
    sure_ray, sure = _normalised(unit, Z, dual.ray, 256 * EPS)
    infeasible = infeasible | (hard & ~second & (dual.status == UNBOUNDED) & sure)
    ray = jnp.where(infeasible, jnp.where(hard, sure_ray, ray), 0.0) * scale

    status = jnp.where(dual.status == ASCENDED, int(Status.OPTIMAL), int(Status.ITERATION_LIMIT))
    status = jnp.where(infeasible, int(Status.INFEASIBLE), status)
    active = jnp.where(trusted, active, jnp.where(second, refined.active, dual.active))
    hi = jnp.where(trusted, polished, jnp.where(second, refined.lam.hi, dual.lam.hi))
    lo = jnp.where(trusted, 0.0, where(second, refined.lam, dual.lam).rounding())
    positive = hi > 0
    lam, low = jnp.where(positive, hi * scale, 0.0), jnp.where(positive, lo * scale, 0.0)
    finite = finite & jnp.all(jnp.isfinite(lam))
    return NonnegQP(
        lam=lam,
        low=low,
        slack=K @ lam - total,
        active=active,
        ray=ray / jnp.where(jnp.any(ray != 0), jnp.sum(ray), 1.0),
        status=jnp.where(finite, status, int(Status.NONFINITE)),
        rounds=blocks.rounds + refined.rounds,
        steps=guess.steps + dual.steps,
        exchanges=blocks.exchanges + guess.steps + refined.exchanges + dual.steps,
    )


def _misfit(K: Array, q: Array, lam: Array) -> Array:
    """Largest violation of the conditions at λ; inf for NaN."""
    slack = K @ lam - q
    worst = jnp.max(jnp.maximum(jnp.where(lam > 0, jnp.abs(slack), -slack), -lam))
    return jnp.where(jnp.isnan(worst), jnp.inf, worst)


def _normalised(K: Array, Z: Array | None, ray: Array, zero: float) -> tuple[Array, Array]:
    """The ray with sum 1, and whether its combination of unit points is below ``zero``, all that float64 tells."""
    ray = ray / jnp.where(jnp.any(ray > 0), jnp.sum(ray), 1.0)
    if Z is None:
        return ray, jnp.abs(ray @ K @ ray) <= 64 * EPS * len(ray)
    return ray, jnp.sum((ray @ Z) ** 2) <= zero**2 * len(ray)
