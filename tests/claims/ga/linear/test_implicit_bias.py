from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import nnls

from tests.claims import harness
from theory.claim import Outcome, evaluate, judge
from theory.claims.ga.linear import implicit_bias
from theory.evidence.check import check

CLAIM = implicit_bias.CLAIM
run = jax.jit(lambda i: (evaluate(CLAIM, i), implicit_bias.solve(i)))


def points(X, y, lam) -> implicit_bias.Start:
    return implicit_bias.Start(*map(jnp.asarray, (X, y, lam, np.zeros(len(y)))))


def test_hand_worked():
    """Orthonormal points: p = (1/2, 1/2), so w(s) = (s/2, s/2), M = s/2, f = log 2 − s/2; γ = 1/√2.

    Growth and loss are equalities, and the direction is exact: H(λ*/Σλ*) = log 2.
    """
    evaluation, s = run(points(np.eye(2), np.ones(2), np.ones(2)))
    assert judge(CLAIM, evaluation) is Outcome.HOLDS, harness.report(CLAIM, evaluation)
    times = np.asarray(s.path.times)
    np.testing.assert_allclose(times[[0, -1]], [1.0, 1000.0])
    np.testing.assert_allclose(s.path.margins, np.stack([times / 2, times / 2], axis=1), rtol=1e-12)
    np.testing.assert_allclose(s.path.norms, times / np.sqrt(2), rtol=1e-12)
    np.testing.assert_allclose(s.path.log_loss, np.log(2) - times / 2, rtol=1e-11)
    np.testing.assert_allclose(s.entropy, np.log(2), rtol=1e-12)
    np.testing.assert_allclose(s.gaps, 0.0, atol=1e-15)


def test_hand_worked_limit():
    """Points e₁ and −2e₂ labelled +1, −1: dM₁ = p₁, dM₂ = 4p₂ settle at p₁ = 4p₂ = 4/5, so M₂ − M₁ → log 4.

    w* = (1, 1/2), λ* = (1, 1/4), γ² = 4/5, and the margins grow at rate 4/5. At the end, s = 250 (step
    1/4), w = (M₁, M₁/2) + (0, log 4 / 2): off w* by the angle (log 4 / 2) cos(atan 1/2) / ‖w‖.
    """
    evaluation, s = run(points(np.array([[1.0, 0.0], [0.0, -2.0]]), np.array([1.0, -1.0]), np.array([1.0, 0.25])))
    assert judge(CLAIM, evaluation) is Outcome.HOLDS, harness.report(CLAIM, evaluation)
    first, second = np.asarray(s.path.margins).T
    np.testing.assert_allclose(second[-1] - first[-1], np.log(4), rtol=1e-9)
    np.testing.assert_allclose(first[-1] / 250, 4 / 5, rtol=1e-2)
    angle = np.log(4) / 2 * np.sqrt(4 / 5) / s.path.norms[-1]
    np.testing.assert_allclose(s.gaps[-1], angle**2 / 2, rtol=2e-2)


@pytest.fixture(scope="module")
def random_instance() -> implicit_bias.Start:
    sizes = CLAIM.sizes[1]
    z = np.random.default_rng(5).normal(size=CLAIM.latent(sizes))
    return implicit_bias.build(sizes, jnp.asarray(z))


def max_margin(rows: np.ndarray) -> np.ndarray:
    """w* of rows yᵢxᵢ by an independent solver: with c = 1 − Σμ at the minimum, w* = Σ μᵢzᵢ / c."""
    mu, _ = nnls(np.vstack([rows.T, np.ones(len(rows))]), np.eye(rows.shape[1] + 1)[-1])
    return rows.T @ mu / (1.0 - mu.sum())


def test_planted_model_is_the_max_margin_model(random_instance):
    """The instance's multipliers against non-negative least squares, min ‖Σ μᵢzᵢ‖² + (Σμ − 1)² (equivalent)."""
    X, y, lam, _start = random_instance
    np.testing.assert_allclose(X.T @ (lam * y), max_margin(np.asarray(y[:, None] * X)), rtol=1e-9, atol=1e-12)


def test_integrator_error_is_seen(random_instance):
    """The allowance is the change under a halved step: positive, and far below what is compared."""
    s = jax.jit(implicit_bias.solve)(random_instance)
    assert 1e-12 < float(jnp.max(s.loss_error)) < 1e-2
    assert float(implicit_bias.unsolved(random_instance, s)) < CLAIM.residual_target


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutants():
    """Wrong constants, all in one run: each conclusion is refuted, the counted one by its interval."""
    wrong = {
        "margin": lambda i, s: jnp.broadcast_to(s.gamma, s.gaps.shape),  # log m forgotten
        "direction": lambda i, s: 0.0 * s.gaps,  # entropy taken as log m
        "rate": lambda i, s: 0.1 * jnp.log(len(i.y)) / (s.gamma**2 * s.path.times),  # a tenth of the bound
        "decay": lambda i, s: 1e-3 * s.gaps[-1 - implicit_bias.DECADE] + 1e-15,  # a thousandfold fall
    }
    changed = tuple(replace(c, rhs=wrong.get(c.name, c.rhs)) for c in CLAIM.conclusions)
    verdict = check(replace(CLAIM, conclusions=changed, sizes=CLAIM.sizes[:1]), examples=256, seed=2)
    assert verdict.outcome is Outcome.REFUTED
    for evidence in verdict.conclusions:
        if evidence.name == "decay":
            assert evidence.interval[1] < evidence.share
        elif evidence.name in wrong:
            assert evidence.held < evidence.tested, f"{evidence.name} survives"
