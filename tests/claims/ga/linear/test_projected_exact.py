from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claims.ga.linear import projected_exact as claim_file

CLAIM = claim_file.CLAIM
solve = jax.jit(claim_file.solve)


def hand_worked():
    """x₁ = (1, 0), x₂ = (1/2, 1), both +1: w = (1, 1/2) = (3/4) x₁ + (1/2) x₂ has both margins 1.

    Forgetting x₂ removes its part (0, 1/2) outside span(x₁): w⊥ = (1, 0) = x₁, the max-margin model of x₁
    alone, with λ₁ + κ₁ = 3/4 + 1/4. The plain step is (3/4, 0), 1/4 away.
    """
    return claim_file._model([[1, 0], [0.5, 1]], [1, 0.5], [0.75, 0.5], [False, True])


def test_hand_worked():
    harness.assert_holds_on(CLAIM, hand_worked(), retrained=0.0, plain_step_misses_by=0.25)
    found = solve(hand_worked())
    np.testing.assert_allclose(found.projected.w, [1, 0], atol=1e-15)
    np.testing.assert_allclose(found.projected.multipliers, [1, 0], atol=1e-15)


def test_lost_support_by_hand():
    """The exact numbers of the counterexample: w⊥ = (5/4, −1/2, 0), retrained (5/4, 0, 0)."""
    found = solve(claim_file._lost_support())
    np.testing.assert_allclose(found.projected.w, [1.25, -0.5, 0], atol=1e-14)
    np.testing.assert_allclose(found.projected.multipliers, [2.8125, -1, 0], atol=1e-14)
    np.testing.assert_allclose(found.retrained.w, [1.25, 0, 0], atol=1e-14)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def plain_step(i):
    s = claim_file.solve(i)
    return s._replace(projected=s.projected._replace(w=s.plain))


def without_kappa(i):
    s = claim_file.solve(i)
    return s._replace(projected=s.projected._replace(multipliers=jnp.where(i.forget, 0.0, i.lam)))


def half_projected(i):
    s = claim_file.solve(i)
    return s._replace(plain=0.5 * (s.plain + s.projected.w))


@pytest.mark.parametrize(
    ("conclusion", "solve"),
    [("retrained", plain_step), ("multipliers", without_kappa), ("plain step misses by", half_projected)],
)
def test_mutant_step_is_refuted(conclusion, solve):
    """Every conclusion alone refutes some mutant, so none is idle."""
    only = tuple(c for c in CLAIM.conclusions if c.name == conclusion)
    harness.assert_refuted(replace(CLAIM, solve=solve, conclusions=only))
