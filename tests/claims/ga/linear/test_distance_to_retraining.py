from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import nnls

from tests.claims import harness
from theory.claim import Outcome, evaluate, judge
from theory.claims.ga.linear import distance_to_retraining
from theory.claims.ga.linear.distance_to_retraining import _model
from theory.evidence.check import check

CLAIM = distance_to_retraining.CLAIM
run = jax.jit(lambda i: evaluate(CLAIM, i))


@pytest.mark.parametrize(
    ("epsilon", "t"),
    [pytest.param(0.0, 2.0, id="no-error"), pytest.param(0.5, 2.0, id="both"), pytest.param(2.0, 2.0, id="no-gap")],
)
def test_best_bound_is_attained(epsilon, t):
    """Rows e₁ and e₁ + 2e₂, so w* = e₁. w̃ = (1, t), λ̃₂ = s = (t − ε)/2, λ̃₁ = 1 − s: u = (1, t − ε).

    Hence D = t, M̃ = (1, 1 + 2t), g = 2ts = t(t − ε), and t² = εt + g: the bound is an equality.
    """
    s = (t - epsilon) / 2
    instance = _model([1.0, t], [1.0 - s, s, 0.0], [1.0, 2.0])
    evaluation = run(instance)
    assert judge(CLAIM, evaluation) is Outcome.HOLDS, harness.report(CLAIM, evaluation)
    terms = distance_to_retraining.solve(instance)
    np.testing.assert_allclose([terms.distance, terms.epsilon, terms.gap], [t, epsilon, t * (t - epsilon)], atol=1e-15)
    np.testing.assert_allclose(evaluation.conclusions["best possible"].lhs, t**2, rtol=1e-14)
    np.testing.assert_allclose(evaluation.conclusions["best possible"].rhs, t**2, rtol=1e-14)
    bound = evaluation.conclusions["certificate"].rhs  # ε² + 2g: 2D² at ε = 0, D² at ε = D
    np.testing.assert_allclose(bound, epsilon**2 + 2 * t * (t - epsilon), rtol=1e-14)


def max_margin(rows: np.ndarray) -> np.ndarray:
    """w* of rows yᵢxᵢ by an independent solver: with c = 1 − Σμ at the minimum, w* = Σ μᵢzᵢ / c."""
    mu, _ = nnls(np.vstack([rows.T, np.ones(len(rows))]), np.eye(rows.shape[1] + 1)[-1])
    return rows.T @ mu / (1.0 - mu.sum())


@pytest.mark.slow
def test_planted_model_is_the_retrained_model():
    """λ* of the instance against non-negative least squares, min ‖Σ μᵢzᵢ‖² + (Σμ − 1)², an equivalent problem."""
    sizes = CLAIM.sizes[1]
    i = CLAIM.build(sizes, jnp.asarray(np.random.default_rng(4).normal(size=CLAIM.latent(sizes))))
    retained = np.asarray(i.y[:, None] * i.X)[~np.asarray(i.forget)]
    np.testing.assert_allclose(i.X.T @ (i.best_lam * i.y), max_margin(retained), rtol=1e-9, atol=1e-12)


def test_all_families_occur():
    """Near w*, exactly at a right angle, free, and the ascent step's witness: a good share of each is tested."""
    sizes = CLAIM.sizes[1]
    rng = np.random.default_rng(6)
    z = jnp.asarray(rng.normal(size=(200, CLAIM.latent(sizes))))
    built = jax.jit(jax.vmap(lambda v: CLAIM.build(sizes, v)))
    free, stepped = built(z.at[:, -1].set(-1.0)), built(z.at[:, -1].set(1.0))
    feasible = jax.vmap(distance_to_retraining.feasibility)
    assert np.mean(feasible(free) >= 0) > 0.4
    differs = np.any(np.asarray(free.w != stepped.w), axis=1)
    assert np.mean(differs & np.asarray(feasible(stepped) >= 0)) > 0.1


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutants():
    """g counted at 0.9 in the first bound, g forgotten in the second, |R| forgotten in the third."""
    wrong = {
        "certificate": lambda i, t: t.epsilon**2 + 0.9 * t.gap,
        "best possible": lambda i, t: t.epsilon * t.distance,
        "worst point": lambda i, t: t.epsilon**2 + 2.0 * t.delta,
    }
    changed = tuple(replace(c, rhs=wrong.get(c.name, c.rhs)) for c in CLAIM.conclusions)
    verdict = check(replace(CLAIM, conclusions=changed, sizes=CLAIM.sizes[:1]), examples=400, seed=2)
    for evidence in verdict.conclusions:
        if evidence.name in wrong:
            assert evidence.held < evidence.tested, f"{evidence.name} survives"
