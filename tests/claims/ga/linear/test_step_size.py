from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claims.ga.linear import step_size as claim_file

CLAIM = claim_file.CLAIM


def hand_worked(c: float, v=(0.0, 0.0)) -> claim_file.Stepped:
    """x₁ = (1, 0), x₂ = (3/5, 4/5), both +1, λ = (1, 2); forget x₂: u = (6/5, 8/5), (I − P_R)u = (0, 8/5)."""
    fields = (np.array([[1.0, 0.0], [0.6, 0.8]]), np.ones(2), np.array([False, True]), np.array([1.0, 2.0]))
    return claim_file.Stepped(*map(jnp.asarray, (*fields, np.array(v), np.array(c))))


@pytest.mark.parametrize(
    ("c", "fixed", "refitted"),
    [
        (0.5, 1.0, 0.8),  # w′ = (1 + 3/5, 4/5): μ₁ = 8/5 leaves (0, 4/5), the lower bound
        (1.0, 0.0, 0.0),  # the tip
        (2.0, 2.0, np.hypot(0.2, 1.6)),  # w′ = (1 − 6/5, −8/5): μ₁ = 0, above the lower bound 8/5
    ],
)
def test_hand_worked(c, fixed, refitted):
    evaluation = harness.assert_holds_on(CLAIM, hand_worked(c), fixed_multipliers=fixed)
    np.testing.assert_allclose(evaluation.conclusions["refitted, lower"].lhs, refitted, atol=1e-12)
    np.testing.assert_allclose(evaluation.conclusions["refitted, lower"].rhs, abs(1 - c) * 1.6, atol=1e-12)


def test_the_tip_moves_with_the_error():
    """v = (0, −4/5): ⟨u, v⟩/‖u‖² = −(32/25)/4, so the tip is at c = 17/25, with the part of v outside u left."""
    residual = [
        harness.assert_holds_on(CLAIM, hand_worked(c, (0.0, -0.8))).conclusions["fixed multipliers"].lhs
        for c in (0.67, 0.68, 0.69, 1.0)
    ]
    np.testing.assert_allclose(residual[1], 0.8 * 0.6, rtol=1e-12)  # sin of the angle between v and u is 3/5
    assert residual[1] == min(residual)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def larger_step(i):
    """Of 1.01 times the stated size."""
    return claim_file.solve(i._replace(c=1.01 * i.c))


def no_projection(i):
    s = claim_file.solve(i)
    return s._replace(left_outside=s.left, u_outside=claim_file.removed(i))


def no_error(i):
    s = claim_file.solve(i)
    return s._replace(v_outside=jnp.zeros_like(i.v))


def not_refitted(i):
    """All multipliers zero: feasible, not the best."""
    s = claim_file.solve(i)
    residuals = s.refitted.residuals._replace(stationarity=claim_file.norm(s.w))
    return s._replace(refitted=s.refitted._replace(residuals=residuals))


@pytest.mark.parametrize(
    ("conclusion", "solve"),
    [
        ("refitted, lower", no_projection),
        ("refitted, V", no_projection),
        ("refitted, V", no_error),
        ("refitted, upper", not_refitted),
    ],
)
def test_mutant_is_refuted(conclusion, solve):
    """Every inequality alone refutes a mutant with one ingredient removed."""
    only = tuple(c for c in CLAIM.conclusions if c.name == conclusion)
    harness.assert_refuted(replace(CLAIM, solve=solve, conclusions=only))


def test_mutant_step_is_refuted():
    """A step 1% too long leaves another residual than ‖v + (1 − c)u‖."""
    fixed = replace(CLAIM.conclusions[0], rhs=lambda i, s: claim_file.norm(i.v + (1.0 - i.c) * claim_file.removed(i)))
    harness.assert_refuted(replace(CLAIM, solve=larger_step, conclusions=(fixed,)))
