"""Dual active set (Goldfarb & Idnani 1983), in float64 for a guess and in twice float64 to be sure.

One index enters a step and the dual objective rises, so no active set returns. It needs no K ≻ 0:
duplicate points and more points than dimensions are fine, and an unbounded dual ends in a ray z ≥ 0,
Kz ≈ 0, qᵀz > 0. The tableau is the principal pivot transform of K on the active set. Its Schur
complements are squared distances, down to the squared margin: thin margins need twice float64.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from theory.numerics import EPS
from theory.solvers.extended import Extended, add, exactly, multiply, negative, reciprocal, where

RUNNING, OPTIMAL, UNBOUNDED = -1, 0, 1
_RESOLUTIONS = (2.0**-46, 2.0**-96)  # relative accuracy left after the pivots in float64, and in twice float64


class DualActiveSet(NamedTuple):
    """Result; ``status`` is RUNNING where the step limit was reached."""

    lam: Extended
    active: Bool[Array, " m"]
    ray: Float[Array, " m"]  # where UNBOUNDED: direction of unbounded ascent, else 0
    status: Int[Array, ""]
    steps: Int[Array, ""]


class _State(NamedTuple):
    table: Extended
    lam: Extended
    slack: Extended
    active: Array
    allowed: Array
    entering: Array
    ray: Array
    status: Array
    steps: Array


def unresolved(lam: Extended, size: Float[Array, " m"]) -> Float[Array, " m"]:
    """Slack (Kλ − q) that counts as 0: what the arithmetic leaves of q and of Kλ."""
    known = 16 * EPS if lam.lo is None else 1e-4 * EPS
    return known * size + _resolution(lam) * len(size) * jnp.max(jnp.abs(lam.hi))


def _resolution(x: Extended) -> float:
    return _RESOLUTIONS[x.lo is not None]


def _pick(x: Extended, index: Array) -> Extended:
    return x.each(lambda part: part[index])


def _pivot(table: Extended, active: Array, p: Array, inverse: Extended) -> Extended:
    """Principal pivot transform of the tableau on index p (its own inverse); ``inverse`` is 1 over the pivot.

    For symmetric K the tableau is symmetric up to the sign between active and inactive indices.
    """
    column = table.each(lambda part: part[:, p])
    scaled = multiply(column, inverse)
    sign = jnp.where(active == active[p], 1.0, -1.0)
    across = column.each(lambda part: (sign * part)[None, :])
    updated = add(table, negative(multiply(scaled.each(lambda part: part[:, None]), across)))
    here = jnp.arange(len(sign)) == p
    updated = where(here[:, None], scaled.each(lambda part: (-sign * part)[None, :]), updated)
    updated = where(here[None, :], scaled.each(lambda part: part[:, None]), updated)
    return where(here[:, None] & here[None, :], inverse, updated)


def dual_active_set(
    K: Extended,
    q: Extended,
    allowed: Bool[Array, " m"],
    size: Float[Array, " m"],
    dependent: float,
    run: Bool[Array, ""],
    limit: int,
    bounded: bool = False,
) -> DualActiveSet:
    """Minimise ½ λᵀKλ − qᵀλ over λ ≥ 0 from λ = 0; nothing is done where ``run`` is false.

    Args:
        K: positive semidefinite. q: linear term; both with ``lo``, or neither for plain float64.
        allowed: indices that may be positive.
        size: magnitude of the numbers behind q, see :func:`unresolved`.
        dependent: a Schur complement at or below this share of Kᵢᵢ counts as 0.
        limit: largest number of steps.
        bounded: the minimum is known to be attained; an index that seems to ascend without bound is set aside.
    """
    m = len(size)
    diagonal = jnp.diagonal(K.hi)

    def body(state: _State) -> _State:
        noise = unresolved(state.lam, size)
        candidates = jnp.where(state.allowed & ~state.active, state.slack.hi + noise, jnp.inf)
        j = jnp.where(state.entering >= 0, state.entering, jnp.argmin(candidates))
        optimal = (state.entering < 0) & ~(candidates[j] < 0)

        column = state.table.each(lambda part: part[:, j])
        falls = state.active & (column.hi < -EPS)
        ratio = jnp.where(falls, state.lam.hi / jnp.where(falls, -column.hi, 1.0), jnp.inf)
        blocking = jnp.argmin(ratio)
        # the distance of point j to the active span, squared, against what the arithmetic leaves of it
        spread = 1.0 + jnp.sum(jnp.where(state.active, jnp.abs(column.hi), 0.0))
        independent = column.hi[j] > jnp.maximum(dependent * diagonal[j], _resolution(K) * spread**2)
        to_zero = jnp.where(independent, -state.slack.hi[j] / jnp.where(independent, column.hi[j], 1.0), jnp.inf)
        unbounded = ~optimal & jnp.isinf(ratio[blocking]) & jnp.isinf(to_zero)
        moved = ~(optimal | unbounded)
        aside = unbounded & bounded
        enters = to_zero <= ratio[blocking]
        p = jnp.where(enters, j, blocking)

        inverse = reciprocal(where(moved, state.table.each(lambda part: part[p, p]), exactly(jnp.ones(()))))
        divisor = where(enters, _pick(column, j), negative(_pick(column, blocking)))
        over = reciprocal(where(moved, divisor, exactly(jnp.ones(()))))
        distance = where(enters, negative(_pick(state.slack, j)), _pick(state.lam, blocking))
        step = multiply(distance, over)
        change = multiply(column, step)

        index = jnp.arange(m)
        zero = exactly(jnp.zeros(m))
        lam = add(state.lam, where(index == j, step, where(state.active, change, zero)))
        lam = where((lam.hi < 0) | (~enters & (index == blocking)), zero, lam)
        slack = add(state.slack, where(state.active, zero, change))
        slack = where(enters & (index == j), zero, slack)
        direction = jnp.where(index == j, 1.0, jnp.where(state.active, column.hi, 0.0))
        return _State(
            table=where(moved, _pivot(state.table, state.active, p, inverse), state.table),
            lam=where(moved, lam, state.lam),
            slack=where(moved, slack, state.slack),
            active=jnp.where(moved, state.active.at[p].set(enters), state.active),
            allowed=state.allowed & ~(aside & (index == j)),
            entering=jnp.where(moved & ~enters, j, -1),
            ray=jnp.where(unbounded, jnp.maximum(direction, 0.0), state.ray),
            status=jnp.where(optimal, OPTIMAL, jnp.where(unbounded & ~aside, UNBOUNDED, RUNNING)),
            steps=state.steps + (moved | aside).astype(state.steps.dtype),
        )

    def unfinished(state: _State) -> Array:
        return (state.status == RUNNING) & (state.steps < limit)

    start = _State(
        table=K,
        lam=q.each(jnp.zeros_like),
        slack=negative(q),
        active=jnp.zeros(m, bool),
        allowed=allowed,
        entering=jnp.array(-1),
        ray=jnp.zeros(m),
        status=jnp.where(run, RUNNING, OPTIMAL),
        steps=jnp.array(0),
    )
    end = jax.lax.while_loop(unfinished, body, start)
    return DualActiveSet(end.lam, end.active, end.ray, end.status, end.steps)
