from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claim import Outcome, evaluate, judge
from theory.claims.ga.linear import decremental
from theory.data.dataset import ForgetSplit
from theory.evidence.check import check, draw_latents, evaluate_batch, outcomes
from theory.unlearning.projected_ascent import project_step

CLAIM = decremental.CLAIM
run = jax.jit(lambda i: (evaluate(CLAIM, i), decremental.solve(i)))


def hand_worked() -> ForgetSplit:
    """Retain (1, 1), (2, −1), forget (1, −1), all labelled +1.

    Trained: w = (1, 0), λ = (1/2, 0, 1/2): the second point has margin 2. Retrained: both on the margin,
    w₁ + w₂ = 1 and 2w₁ − w₂ = 1, so w* = (2/3, 1/3), λ* = (4/9, 1/9, 0). A = {1}, B = {1, 2}: one exchange.
    """
    X = np.array([[1.0, 1.0], [2.0, -1.0], [1.0, -1.0]])
    return ForgetSplit(*map(jnp.asarray, (X, np.ones(3), np.array([False, False, True]))))


def test_hand_worked():
    i = hand_worked()
    evaluation, s = run(i)
    assert judge(CLAIM, evaluation) is Outcome.HOLDS, harness.report(CLAIM, evaluation)
    np.testing.assert_allclose(s.w, [[1, 0], [2 / 3, 1 / 3], [2 / 3, 1 / 3]], atol=1e-14)
    np.testing.assert_allclose(s.lam, [[1 / 2, 0, 1 / 2], [4 / 9, 1 / 9, 0], [4 / 9, 1 / 9, 0]], atol=1e-14)
    exchanges = evaluation.conclusions["exchanges"]
    assert (float(exchanges.lhs), float(exchanges.rhs)) == (1.0, 2.0)
    projected = project_step(s.w[0], i.X, i.y, s.lam[0], i.forget)  # the retained points span R²: no step at all
    np.testing.assert_allclose(projected.w, [1, 0], atol=1e-14)


@pytest.mark.parametrize("sizes", CLAIM.sizes, ids=str)
def test_instances_leave_points_off_the_margin(sizes):
    """In at least half of the instances some retained point lies strictly off the trained margin, and λ_F ≠ 0."""
    z = draw_latents(np.random.default_rng(0), 128, CLAIM.latent(sizes))

    def describe(v):
        rows, w, lam = decremental.planted(v[sizes["m"] :], sizes["m"], sizes["d"])
        return jnp.max(rows @ w) > 1 + 1e-9, lam[0] > 0

    off, forgotten = jax.vmap(describe)(jnp.asarray(z))
    assert np.mean(off) > 0.5
    assert np.all(forgotten)


def test_points_that_nearly_coincide_are_solved():
    """Latents 4e-14 apart, found by hypothesis: float64 alone gives up on them."""
    z = np.full(CLAIM.latent(CLAIM.sizes[0]), 0.3)
    z[[0, 1, 15]] = 0.0, 0.0, 3.930425735970513e-14
    assert outcomes(CLAIM, evaluate_batch(CLAIM, CLAIM.sizes[0], z[None])).tolist() == ["HOLDS"]


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_mutants():
    """Keeping the trained support vectors without exchanges is not retraining; nor is every second exchange needed."""

    def frozen(i):
        s = decremental.solve(i)
        kept = (s.lam[0] > 0) & ~i.forget
        Z = jnp.where(kept[:, None], i.y[:, None] * i.X, 0.0)
        w = jnp.linalg.lstsq(Z, jnp.where(kept, 1.0, 0.0))[0]
        return s._replace(w=s.w.at[2].set(w), margins=s.margins.at[2].set(i.y * (i.X @ w)))

    wrong = replace(CLAIM.with_bound("exchanges", 0.25), solve=frozen, sizes=CLAIM.sizes[:1])
    verdict = check(wrong, examples=256, seed=2)
    assert verdict.outcome is Outcome.REFUTED
    evidence = {e.name: e for e in verdict.conclusions}
    assert evidence["same model"].held < evidence["same model"].tested
    assert evidence["same margins"].held < evidence["same margins"].tested
    assert evidence["exchanges"].interval[1] < evidence["exchanges"].share
