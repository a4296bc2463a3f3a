from dataclasses import replace
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claims.wc.selection import fixed_losses
from theory.claims.wc.selection.fixed_losses import STEPS, Losses
from theory.solvers.capped_simplex import capped_simplex
from theory.solvers.reachable_step import reachable

CLAIM = fixed_losses.CLAIM


def problem(losses, start, alpha) -> Losses:
    losses = jnp.asarray(losses)
    return Losses(losses, jnp.tile(losses, (STEPS, 1)), jnp.asarray(start), jnp.asarray(alpha))


def test_hand_worked():
    """Losses 1 and 0, the first chosen, α = 1/5: each step moves 1/10 from it to the other.

    αG = 1/5: they are level after 5 = 1/(αG) steps and exchanged after 10 = 2/(αG). The distance is √2(1 − t/10).
    """
    i = problem([1.0, 0.0], [True, False], 0.2)
    harness.assert_holds_on(CLAIM, i)
    path = fixed_losses.solve(i).fixed
    expected = np.clip(1.0 - np.arange(STEPS + 1) / 10, 0.0, 1.0)
    np.testing.assert_allclose(path, np.stack([expected, 1.0 - expected], axis=1), atol=1e-14)


def test_one_point_leaves_as_slowly_as_stated():
    """N − 1 = 3 equal losses 0 share what the point of loss 1 loses: α · 3/4 a step."""
    i = problem([1.0, 0.0, 0.0, 0.0], [True, False, False, False], 0.1)
    np.testing.assert_allclose(1.0 - fixed_losses.solve(i).fixed[:5, 0], 0.075 * np.arange(5), atol=1e-14)


@pytest.mark.parametrize("alpha", [0.3, 0.7, 1.9])
def test_a_swap_of_neighbours_takes_exactly_the_steps_stated(alpha):
    """k = 3 of 6; the start holds the fourth lowest in the place of the third: ⌈2/(αΔ)⌉."""
    losses, start = jnp.asarray([0.0, 0.3, 1.0, 1.4, 2.0, 5.0]), jnp.asarray([1.0, 1.0, 0.0, 1.0, 0.0, 0.0])
    project = jax.jit(lambda w: capped_simplex(w - alpha * losses, jnp.asarray(3.0)).w)
    w, taken = start, 0
    while float(jnp.max(jnp.abs(w - jnp.asarray([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])))) > 1e-12:
        w, taken = project(w), taken + 1
    assert taken == ceil(2.0 / (alpha * 0.4) - 1e-9)


@pytest.mark.parametrize(("alpha", "least", "most"), [(1e-3, 1.0, 1.0), (1e4, 0.0, 0.2)])
def test_the_trap_of_a_small_step(alpha, least, most):
    """A random tenth of 500 losses up to about 6, 20 iterations: at α = 10⁻³ it stays, at 10⁴ what chance keeps."""
    draw = np.random.default_rng(0)
    losses = jnp.asarray(draw.exponential(size=500))
    start = np.isin(np.arange(500), draw.choice(500, 50, replace=False))

    @jax.jit
    def select(w):
        k = jnp.asarray(50.0)
        w = jax.lax.fori_loop(0, 20, lambda _, v: capped_simplex(v - alpha * losses, k).w, w)
        return jax.lax.top_k(w, 50)[1]

    chosen = select(jnp.asarray(start, jnp.float64))
    assert least <= np.mean(start[np.asarray(chosen)]) <= most
    assert reachable(alpha, 20, losses).can_change == (most < 1)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutant_one_step_a_swap():
    """Half the loss gap does not bound what two weights gain on one another."""
    harness.assert_refuted(CLAIM.with_bound("selection", 0.5))


def test_mutant_without_the_root():
    """The distance does not fall by all of αΔ a step."""

    def faster(i, s):
        start = fixed_losses.contraction(i, s)
        return jnp.maximum(start[0] - jnp.sqrt(2.0) * (start[0] - start), 0.0)

    (kept,) = (replace(c, rhs=faster) for c in CLAIM.conclusions if c.name == "convergence")
    harness.assert_refuted(replace(CLAIM, conclusions=(kept,)))
