from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claims.ga.linear import leave_one_out as claim_file
from theory.unlearning.leave_one_out import unlearn_each

CLAIM = claim_file.CLAIM
solve = jax.jit(claim_file.solve)


def trained(X, lam) -> claim_file.Trained:
    """All labels +1."""
    return claim_file.Trained(*map(jnp.asarray, (np.array(X, float), np.ones(len(lam)), np.array(lam, float))))


def test_hand_worked():
    """x₁ = (1, 0), x₂ = (1/2, 1): λ = (3/4, 1/2). Without x₂: x₁. Without x₁: x₂/‖x₂‖² = (2/5, 4/5)."""
    i = trained([[1, 0], [0.5, 1]], [0.75, 0.5])
    harness.assert_holds_on(CLAIM, i, epsilon=0.0, delta=0.0)
    found = unlearn_each(i.X @ i.X.T, i.y, i.lam)
    np.testing.assert_allclose(found.coefficients, [[0, 0.8], [1, 0]], atol=1e-15)
    assert found.exact.all()


@pytest.mark.slow
def test_lost_support_is_not_exact():
    """Without x₃ the others' multipliers are (45/16, −1): ε = ‖x₂‖ = √(5/4), δ = 0, retraining is 1/2 away."""
    h = np.sqrt(0.5)
    i = trained([[0.8, 0, 0], [1, 0.5, 0], [0, -1, h]], [0.3125, 1, 1])
    harness.assert_holds_on(CLAIM, i)
    models = solve(i)
    assert not models.formula.exact[2]
    np.testing.assert_allclose(models.formula.epsilon[2], np.sqrt(1.25), rtol=1e-12)
    np.testing.assert_allclose(models.formula.delta[2], 0.0, atol=1e-12)
    np.testing.assert_allclose(claim_file._distance(i, models)[2], 0.5, rtol=1e-12)


def test_positive_multipliers_off_the_margin_are_not_exact():
    """w = (1, 1, 0), x₂ = (4/5, 1, 1) has M₂ = 9/5 and λ₂ = 0. Forgetting x₃ = (0, 1, 0):

    the part of x₃ outside span(x₁, x₂) is (0, 1/2, −1/2), so κ = (−2/5, 1/2) and λ + κ = (3/5, 1/2) ≥ 0, but
    δ = ½ · 4/5 = 2/5: w⊥ = (1, 1/2, 1/2) is not the retrained (1, 1/10, 1/10).
    """
    i = trained([[1, 0, 0], [0.8, 1, 1], [0, 1, 0]], [1, 0, 1])
    harness.assert_holds_on(CLAIM, i)
    models = solve(i)
    np.testing.assert_allclose(models.formula.coefficients[2], [0.6, 0.5, 0], atol=1e-14)
    np.testing.assert_allclose(models.formula.delta[2], 0.4, rtol=1e-12)
    np.testing.assert_allclose(models.formula.epsilon[2], 0.0, atol=1e-14)
    np.testing.assert_allclose(models.retrained.w[2], [1, 0.1, 0.1], atol=1e-14)
    assert models.formula.exact.tolist() == [False, True, False]  # x₂ was no support vector: nothing changes


def test_a_tie_within_rounding_is_exact_up_to_what_the_flag_says():
    """x₂ = (1 + g, s, 1) gets λ₂ = s at M₂ = 1 + g when x₃ = (0, 1, 0) is forgotten: δ = sg counts as 0.

    The retrained model is x₁, and w⊥ = x₁ + s (0, s, 1): s away, many times the rounding of the weights.
    """
    g, s = 0.01, 3e-11
    i = trained([[1, 0, 0], [1 + g, s, 1], [0, 1, 0]], [1, 0, 1])
    harness.assert_holds_on(CLAIM, i)
    models = solve(i)
    assert models.formula.exact[2]
    np.testing.assert_allclose(claim_file._distance(i, models)[2], s, rtol=1e-3)
    assert s < models.formula.exact_within[2] < 2e-6


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def changed(field, change):
    def solve(i):
        s = claim_file.solve(i)
        return s._replace(formula=s.formula._replace(**{field: change(i, s)}))

    return solve


def plain_ascent(i, s):
    """The step without the projection: row l of λ∘y with entry l removed."""
    return jnp.where(jnp.eye(len(i.y), dtype=bool), 0.0, (i.lam * i.y)[None, :])


def nonnegative_only(i, s):
    """λ + κ ≥ 0 taken for exactness, whatever the margins."""
    return jnp.min(s.formula.coefficients * i.y[None, :], axis=1) >= 0.0


def support_only(i, s):
    """δ over the trained multipliers instead of the new ones: always 0."""
    return jnp.max(jnp.maximum(i.lam, 0.0)[None, :] * claim_file._slack(i, s), axis=1)


MUTANTS = [
    ("models", "coefficients", plain_ascent),
    ("delta", "delta", support_only),
    ("retrained where exact", "exact", nonnegative_only),
    ("distance to retraining", "delta", support_only),
]


@pytest.mark.parametrize(("conclusion", "field", "change"), MUTANTS, ids=[f"{c}-{f.__name__}" for c, _, f in MUTANTS])
def test_mutant_is_refuted(conclusion, field, change):
    only = tuple(c for c in CLAIM.conclusions if c.name == conclusion)
    mutant = replace(CLAIM, sizes=CLAIM.sizes[1:2], conclusions=only, solve=changed(field, change))
    harness.assert_refuted(mutant)


@pytest.mark.parametrize("seed", range(12))
def test_dependent_points_are_refused(seed):
    """A repeated point: rounding lets some of these Gram matrices have a Cholesky factor."""
    X = np.random.default_rng(seed).normal(size=(6, 8))
    X[3] = X[1]
    with pytest.raises(ValueError, match="gram: expected a positive definite matrix"):
        unlearn_each(X @ X.T, np.ones(6), np.ones(6))


def test_bad_multipliers_are_named():
    with pytest.raises(ValueError, match="lam: expected finite numbers, got nan"):
        unlearn_each(np.eye(3), np.ones(3), np.array([1, np.nan, 1]))
    with pytest.raises(ValueError, match="lam: expected 3 multipliers"):
        unlearn_each(np.eye(3), np.ones(3), np.ones(2))


@pytest.mark.slow
def test_larger_problem_against_retraining():
    """m = 60, d = 400: every exact model agrees with its own max-margin solve."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 400)) / 20
    y = np.where(rng.normal(size=60) > 0, 1.0, -1.0)
    margin = claim_file.margin_from_points
    lam = jax.jit(margin)(jnp.asarray(X), jnp.asarray(y)).lam
    found = unlearn_each(X @ X.T, y, lam)
    retrain = jax.jit(lambda l: margin(jnp.asarray(X), jnp.asarray(y), jnp.arange(60) != l).w)
    distance = np.array([np.linalg.norm(found.coefficients[l] @ X - retrain(l)) for l in range(0, 60, 6)])
    exact = np.asarray(found.exact)[::6]
    bound = np.sqrt(np.asarray(found.epsilon) ** 2 + 2 * 59 * np.asarray(found.delta))[::6]
    assert (distance[exact] < 1e-11).all()
    assert (distance <= bound + 1e-11).all()
    assert exact.any()
