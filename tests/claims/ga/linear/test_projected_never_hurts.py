from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from tests.claims.ga.linear.test_ascent_never_hurts import correlated
from theory.claim import Outcome, evaluate, judge
from theory.claims.ga.linear import ascent_never_hurts, projected_never_hurts
from theory.unlearning.ascent import remove_terms

CLAIM = projected_never_hurts.CLAIM
run = jax.jit(lambda i: (evaluate(CLAIM, i), projected_never_hurts.step(i)))


def test_hand_worked():
    """Retain e₁, e₂, forget (4 e₁ + 3 e₃)/5: the projected step removes only e₃/3, so w⊥ = e₁ + e₂ = w*."""
    instance = correlated(0.8)
    evaluation, s = run(instance)
    assert judge(CLAIM, evaluation) is Outcome.HOLDS, harness.report(CLAIM, evaluation)
    np.testing.assert_allclose(s.unlearned, [1.0, 1.0, 0.0], atol=1e-15)
    np.testing.assert_allclose(evaluation.conclusions["distance"].rhs, 1 / 3, rtol=1e-12)


def test_hand_worked_not_exact():
    """λ = (1, 2, 1) on the same points: w = (9/5, 2, 3/5), w⊥ = (9/5, 2, 0), w* = (1, 1, 0).

    ‖w⊥ − w*‖² = 16/25 + 1 = 41/25 and ‖w − w*‖² = 41/25 + 9/25 = 2.
    """
    model = correlated(0.8)
    lam = jnp.array([1.0, 2.0, 1.0])
    evaluation, s = run(model._replace(lam=lam, w=model.X.T @ lam))
    assert judge(CLAIM, evaluation) is Outcome.HOLDS, harness.report(CLAIM, evaluation)
    np.testing.assert_allclose(s.unlearned, [1.8, 2.0, 0.0], atol=1e-15)
    np.testing.assert_allclose(evaluation.conclusions["pythagoras"].lhs, 41 / 25, rtol=1e-12)
    np.testing.assert_allclose(evaluation.conclusions["distance"].rhs, np.sqrt(2), rtol=1e-12)


@pytest.mark.slow
def test_instances_include_those_that_refute_plain_ascent():
    """Factors 1 (latents 0) give the counter-regime's own instances."""
    sizes = CLAIM.sizes[1]
    z = np.random.default_rng(3).normal(size=ascent_never_hurts.CLAIM.latent(sizes))
    ours = CLAIM.build(sizes, jnp.asarray(np.concatenate([z, np.zeros(sizes["m"])])))
    theirs = ascent_never_hurts.CLAIM.build(sizes, jnp.asarray(z))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutant_without_the_projection():
    """The plain step in its place is refuted."""

    def plain(i):
        s = projected_never_hurts.step(i)
        return s._replace(unlearned=remove_terms(i.w, i.X, i.y, i.lam, i.forget))

    harness.assert_refuted(replace(CLAIM, solve=plain))
