"""Exact active-set solver for the QP behind margins and multipliers.

    minimise ½ λᵀ K λ − qᵀ λ   over λ ≥ 0 (λᵢ = 0 outside ``allowed``),

K symmetric positive semidefinite. Its conditions λ ≥ 0, s = Kλ − q ≥ 0, λ ∘ s = 0 are the
dual of max-margin (q = 1) and non-negative least squares (q = Aᵀb).

Phases, each run only where the one before could not *show* that it solved the problem:

1. *Block principal pivoting* (:mod:`theory.solvers.block_pivoting`) in float64.
2. *Dual active set* (:mod:`theory.solvers.dual_active_set`) in float64 where K is singular (more
   points than dimensions) or pivoting did not settle. The result of 1 and 2 counts where the
   rounding of Kλ is small against q, and a certificate of infeasibility where it vanishes.
3. *Block pivoting with refined systems* from the set found: residuals in twice float64, for thin margins.
4. *Dual active set in twice float64*: whatever is left.
"""

import functools
from enum import IntEnum
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from theory.numerics import EPS, norm
from theory.solvers.block_pivoting import block_pivoting, plain_classify, refined_classify, rounding, solve_active
from theory.solvers.dual_active_set import OPTIMAL as ASCENDED
from theory.solvers.dual_active_set import UNBOUNDED, dual_active_set
from theory.solvers.extended import (
    Extended,
    accurate_matmul,
    add,
    columns,
    exactly,
    once,
    power_scale,
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


_DEPENDENT = 1e-11  # share of Kᵢᵢ below which a float64 Schur complement is rounding
_TRUSTED = 1e-11  # rounding of Kλ, relative to q, up to which float64 alone is believed


class _Problem(NamedTuple):
    """The QP with its rows rescaled to length 1: K, q less Z p, all of q, Z and p where given."""

    K: Array
    linear: Array
    total: Array
    Z: Array | None
    point: Array | None
    allowed: Array
    size: Array  # of the numbers behind each slack

    @property
    def limit(self) -> int:
        """Steps of a dual active set."""
        return 20 * len(self.size) + 100


class _Stage(NamedTuple):
    """What two phases found."""

    lam: Extended
    active: Array
    ray: Array
    solved: Array
    infeasible: Array
    rounds: Array
    steps: Array
    exchanges: Array


@functools.partial(jax.jit, static_argnames="extended")  # so that a program traces it once, and it is known by name
def nonneg_qp(
    K: Float[Array, "m m"],
    q: Float[Array, " m"],
    allowed: Bool[Array, " m"] | None = None,
    start: Bool[Array, " m"] | None = None,
    factor: Float[Array, "m d"] | None = None,
    point: Float[Array, " d"] | None = None,
    magnitude: Float[Array, " m"] | None = None,
    extended: bool = True,
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
        extended: whether phases 3 and 4 are there. Without them, compiled in half the time, a slack or λ within
            the rounding of q's own terms, 16 eps of ``magnitude``, counts as 0, and a problem that needs more
            ends as ``ITERATION_LIMIT``.

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
    unit = scale[:, None] * K * scale[None, :]
    size = jnp.full(m, jnp.max(jnp.abs(scale * q))) if magnitude is None else scale * magnitude
    Z = None if factor is None else jnp.where(finite, scale[:, None] * factor, 0.0)
    if Z is not None and point is not None:
        point = jnp.where(finite, point, 0.0)
        near_one = power_scale(jnp.max(jnp.abs(point), keepdims=True))[0]  # squares of tiny entries would underflow
        size = size + jnp.sqrt(jnp.diagonal(unit)) * norm(near_one * point) / near_one

    problem = _Problem(unit, scale * q, scale * total, Z, point, allowed, size)
    found = _in_float64(problem, start, finite, 0.0 if extended else 16 * EPS)
    if extended:
        found = _in_twice_float64(problem, found, finite)

    ray = jnp.where(found.infeasible, found.ray, 0.0) * scale
    status = jnp.where(found.solved, int(Status.OPTIMAL), int(Status.ITERATION_LIMIT))
    status = jnp.where(found.infeasible, int(Status.INFEASIBLE), status)
    positive = found.lam.hi > 0
    lam, low = (jnp.where(positive, part * scale, 0.0) for part in (found.lam.hi, found.lam.rounding()))
    finite = finite & jnp.all(jnp.isfinite(lam))
    return NonnegQP(
        lam=lam,
        low=low,
        slack=K @ lam - total,
        active=found.active,
        ray=ray / jnp.where(jnp.any(ray != 0), jnp.sum(ray), 1.0),
        status=jnp.where(finite, status, int(Status.NONFINITE)),
        rounds=found.rounds,
        steps=found.steps,
        exchanges=found.exchanges,
    )


def _in_float64(problem: _Problem, start: Array, run: Array, known: float) -> _Stage:
    """Phases 1 and 2; ``solved`` where the rounding of the result, or ``known`` of q's size, shows it."""
    K, _, rhs, Z, point, allowed, size = problem
    m = len(size)
    blocks = block_pivoting(plain_classify(K, rhs, allowed), allowed, start, run, min(50, 3 * m + 10))
    plausible = ~jnp.any(blocks.wrong) & jnp.all(jnp.isfinite(blocks.lam.hi))

    plain = (Extended(K, None), Extended(rhs, None), allowed, size)
    guess = dual_active_set(*plain, _DEPENDENT, run & ~plausible, problem.limit, bounded=point is not None)
    active = jnp.where(plausible, blocks.active, guess.active)
    rough = jnp.where(plausible, blocks.lam.hi, guess.lam.hi)
    polished = solve_active(K, rhs, active, 2)
    polished = jnp.where(_misfit(K, rhs, polished) <= _misfit(K, rhs, rough), polished, rough)
    tol = jnp.maximum(rounding(K, rhs, polished), known * size)
    slack = K @ polished - rhs
    met = (polished >= -tol) & jnp.where(active, jnp.abs(slack) <= tol, slack >= -tol) & (tol <= _TRUSTED * size)
    solved = jnp.all(met | ~allowed)
    ray, vanishes = _normalised(K, Z, guess.ray, 16 * EPS)
    return _Stage(
        lam=Extended(polished, None),
        active=active,
        ray=ray,
        solved=solved,
        infeasible=(guess.status == UNBOUNDED) & vanishes & ~solved,
        rounds=blocks.rounds,
        steps=guess.steps,
        exchanges=blocks.exchanges + guess.steps,
    )


def _in_twice_float64(problem: _Problem, found: _Stage, finite: Array) -> _Stage:
    """Phases 3 and 4, run where 1 and 2 were not enough."""
    K, linear, _, Z, point, allowed, size = problem
    m = len(size)
    hard = finite & ~found.solved & ~found.infeasible
    operands = [K, linear] if Z is None else [Z, linear] + ([] if point is None else [point])

    def tabulate(source: Array, linear: Array, point: Array | None = None) -> tuple[Extended, Array, Extended]:
        gram = exactly(source) if Z is None else accurate_matmul(exactly(source), exactly(source.T))
        term = exactly(linear)
        if point is not None:
            moved = accurate_matmul(exactly(source), columns(exactly(point)))
            term = add(term, moved.each(lambda part: part[:, 0]))
        return gram, slices(gram, 1, width(m)), term

    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(tabulate, *operands))
    table, parts, term = once(hard, tabulate, nothing, *operands)
    classify = refined_classify(K, parts, term, allowed, size)
    refined = block_pivoting(classify, allowed, found.active, hard, limit=20)
    second = (refined.rounds > 0) & ~jnp.any(refined.wrong) & jnp.all(jnp.isfinite(refined.lam.hi))

    dependent = 16 * EPS * m if Z is None else (64 * EPS) ** 2 * m
    last = hard & ~second
    dual = dual_active_set(table, term, allowed, size, dependent, last, problem.limit, bounded=point is not None)
    ray, vanishes = _normalised(K, Z, dual.ray, 256 * EPS)
    hi = jnp.where(found.solved, found.lam.hi, jnp.where(second, refined.lam.hi, dual.lam.hi))
    low = jnp.where(found.solved, 0.0, where(second, refined.lam, dual.lam).rounding())
    return _Stage(
        lam=Extended(hi, low),
        active=jnp.where(found.solved, found.active, jnp.where(second, refined.active, dual.active)),
        ray=jnp.where(hard, ray, found.ray),
        solved=dual.status == ASCENDED,
        infeasible=found.infeasible | (last & (dual.status == UNBOUNDED) & vanishes),
        rounds=found.rounds + refined.rounds,
        steps=found.steps + dual.steps,
        exchanges=found.exchanges + refined.exchanges + dual.steps,
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
