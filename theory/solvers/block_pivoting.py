"""Block principal pivoting (Júdice & Pires 1994): the float64 and the refined form that nonneg_qp runs first.

Every index of a wrong sign changes sides at once, one Cholesky factor a round; when the number of wrong signs stops
falling, one index at a time (Murty's rule, finite for K ≻ 0).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array

from theory.numerics import EPS
from theory.solvers.dual_active_set import unresolved
from theory.solvers.extended import Extended, add, columns, exactly, negative, sliced_matmul, slices, width

_PATIENCE = 3  # full exchanges allowed without progress, as in the original rule
_REFINEMENTS = 8  # of one linear system; each gains the digits that the factor has


class Blocks(NamedTuple):
    active: Array
    lam: Extended
    wrong: Array
    best: Array
    patience: Array
    rounds: Array
    exchanges: Array


def _masked(K: Array, active: Array) -> Array:
    return jnp.where(active[:, None] & active[None, :], K, jnp.eye(len(active), dtype=K.dtype))


def solve_active(K: Array, q: Array, active: Array, refinements: int) -> Array:
    """λ with K_AA λ_A = q_A and 0 elsewhere; NaN where K_AA is numerically singular."""
    masked = _masked(K, active)
    rhs = jnp.where(active, q, 0.0)
    factor = cho_factor(masked, lower=True)
    lam = cho_solve(factor, rhs)
    for _ in range(refinements):
        lam = lam + cho_solve(factor, rhs - masked @ lam)
    return lam


def rounding(K: Array, q: Array, lam: Array) -> Array:
    return 16 * EPS * (jnp.abs(K) @ jnp.abs(lam) + jnp.abs(q))


def block_pivoting(
    classify: Callable[[Array], tuple[Extended, Array]], allowed: Array, start: Array, run: Array, limit: int
) -> Blocks:
    """Exchange until no sign is wrong; ``classify`` gives λ and the wrong signs of an active set."""
    m = len(allowed)

    def body(state: Blocks) -> Blocks:
        first = state.rounds == 0
        count = jnp.sum(state.wrong)
        patience = jnp.where(first | (count < state.best), _PATIENCE, state.patience - 1)
        last = m - 1 - jnp.argmax(state.wrong[::-1])
        flip = jnp.where(patience >= 0, state.wrong, jnp.arange(m) == last)
        active = state.active ^ flip
        lam, wrong = classify(active)
        best = jnp.where(first, m + 1, jnp.minimum(count, state.best))
        return Blocks(active, lam, wrong, best, patience, state.rounds + 1, state.exchanges + jnp.sum(flip))

    def unfinished(state: Blocks) -> Array:
        going = jnp.any(state.wrong) & (state.rounds < limit) & jnp.all(jnp.isfinite(state.lam.hi))
        return run & ((state.rounds == 0) | going)

    nothing = exactly(jnp.zeros(m))
    zero = jnp.array(0)
    state = Blocks(start, nothing, jnp.zeros(m, bool), jnp.array(m + 1), jnp.array(_PATIENCE), zero, zero)
    return jax.lax.while_loop(unfinished, body, state)


def plain_classify(K: Array, q: Array, allowed: Array) -> Callable[[Array], tuple[Extended, Array]]:
    def classify(active: Array) -> tuple[Extended, Array]:
        lam = solve_active(K, q, active, 0)
        tol = rounding(K, q, lam)
        wrong = jnp.where(active, lam < -tol, K @ lam - q < -tol) & allowed
        return exactly(lam), jnp.where(jnp.all(jnp.isfinite(lam)), wrong, allowed)

    return classify


def refined_classify(
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
