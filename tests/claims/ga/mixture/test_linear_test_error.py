from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm as gaussian

from tests.claims import harness
from theory.claim import Outcome
from theory.claims.ga.mixture import linear_test_error
from theory.claims.ga.mixture.linear_test_error import Setting
from theory.evidence.check import check

CLAIM = linear_test_error.CLAIM


def test_hand_worked():
    """d = 4, μ = e₁, w = (3, 4, 0, 0): √4 · 3/5 = 6/5, so the error is Φ(−1.2) = 0.11507; the best, Φ(−2) = 0.02275."""
    w, mu = np.array([3.0, 4.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0, 0.0])
    instance = Setting(*map(jnp.asarray, (w, mu, np.ones(4), np.uint32(11))))
    evaluation = harness.assert_holds_on(CLAIM, instance, quadrature=0.11506967022170828)
    np.testing.assert_allclose(evaluation.conclusions["best model"].rhs, 0.022750131948179195, rtol=1e-12)


@pytest.mark.parametrize("snr", [0.0, 0.5, 2.0, 5.0, 9.0])
def test_closed_form_against_scipy(snr):
    """The tail keeps its relative accuracy, and the length of w does not matter."""
    mu = jnp.array([snr / 2, 0.0, 0.0, 0.0])
    for length in (1e-3, 1.0, 1e3):
        found = linear_test_error.closed_form(jnp.array([length, 0.0, 0.0, 0.0]), mu)
        np.testing.assert_allclose(found, gaussian.cdf(-snr), rtol=1e-12)


def test_seeds_differ():
    """The Monte Carlo seed is a function of the latent vector: other instances see other points."""
    sizes = CLAIM.sizes[0]
    z = np.random.default_rng(0).normal(size=(200, CLAIM.latent(sizes)))
    seeds = [int(CLAIM.build(sizes, jnp.asarray(v)).seed) for v in z]
    assert len(set(seeds)) == len(seeds)


def test_property(sizes):
    harness.assert_property(CLAIM, cost=4, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutant_without_the_dimension():
    """Φ(−⟨w, μ⟩/‖w‖), √d forgotten, is refuted by quadrature, by Monte Carlo and by the count."""

    def forgetful(i):
        s = linear_test_error.solve(i)
        return s._replace(closed=gaussian_cdf(-(i.w @ i.mu) / jnp.sqrt(jnp.sum(i.w**2))))

    wrong = replace(CLAIM, solve=forgetful, sizes=CLAIM.sizes[1:2])
    verdict = check(wrong, examples=256, seed=2)
    assert verdict.outcome is Outcome.REFUTED
    evidence = {e.name: e for e in verdict.conclusions}
    for name in ("quadrature", "monte carlo"):
        assert evidence[name].held < evidence[name].tested, f"{name} survives"
    counted = evidence["monte carlo, counted"]
    assert counted.interval[1] < counted.share


def gaussian_cdf(x):
    return linear_test_error.gaussian.cdf(x)
