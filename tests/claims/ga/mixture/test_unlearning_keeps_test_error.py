from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from tests.claims import harness
from theory.claims.ga.mixture import unlearning_keeps_test_error as claim
from theory.data.wishart import GramSample
from theory.models import two_layer

CLAIM = claim.CLAIM


def no_noise_overlap(m: int, n: int, d: float, signal: float) -> claim.Problem:
    """aᵢ = yᵢρ exactly and orthonormal noise: G = ρ² y yᵀ + I."""
    y = jnp.where(jnp.arange(m) % 2 == 0, 1.0, -1.0)
    rho = np.sqrt(signal / np.sqrt(m)) * d**-0.25
    factor = jnp.concatenate([rho * y[:, None], jnp.eye(m)], axis=1)
    sample = GramSample(factor @ factor.T, y, factor, rho**2 * y)
    start = two_layer.initialise(jax.random.key(2), factor, two_layer.output_weights(n), d)
    return claim.Problem(sample, start, jnp.arange(m) == m - 1, jnp.array(d), jnp.array(3, jnp.uint32))


def test_hand_worked():
    """G = ρ² y yᵀ + I, √d ρ² = 2/√m: all multipliers are equal, w ∝ Σ yᵢxᵢ, ⟨w, μ⟩ = mρ², ‖w‖² = m + m²ρ².

    At m = 12, d = 10¹²: errors Φ(−√d √m ρ²/√(1 + mρ²)) = Φ(−2) = 0.02275 before and, with 11 points,
    Φ(−2 √(11/12)) = Φ(−1.91485) = 0.02776 after, by ascent, projected ascent and retraining alike: gap 0.00501.
    """
    instance = no_noise_overlap(12, claim.N, 1e12, 2.0)
    rho2 = 2.0 / np.sqrt(12) * 1e-6
    before, after = (norm.cdf(-1e6 * np.sqrt(m) * rho2 / np.sqrt(1 + m * rho2)) for m in (12, 11))
    np.testing.assert_allclose([before, after], [0.02275, 0.02776], atol=2e-5)
    harness.assert_holds_on(CLAIM, instance, linear_models=after - before)
    np.testing.assert_allclose(claim.linear_errors(instance)[0], [before, after, after, after], rtol=1e-8)


@pytest.mark.slow
def test_linear_models_against_least_squares():
    """Errors of min-norm interpolators and of both steps, from their weights in coordinates, by SVD."""
    i = jax.jit(lambda z: claim.build(CLAIM.sizes[0], z))(jnp.array([-3.0, 0.0, 1.0, 0.0, 0.0, 0.0]))
    X, y, kept = (np.asarray(a) for a in (i.sample.factor, i.sample.y, ~i.forget))
    trained, retrained = (np.linalg.pinv(X[mask]) @ y[mask] for mask in (kept | True, kept))
    lam = y * (np.linalg.pinv(X.T) @ trained)
    assert lam.min() > 0  # so that the interpolator is the max-margin model
    removed = X[~kept].T @ (lam * y)[~kept]
    projected = trained - removed + np.linalg.pinv(X[kept]) @ X[kept] @ removed
    np.testing.assert_allclose(projected, retrained, atol=1e-12)
    along = np.sqrt(float(i.d)) * float(i.sample.x_mu[0]) / X[0, 0]  # √d ρ; μ is the first coordinate
    models = (trained, trained - removed, projected, retrained)
    expected = [norm.cdf(-along * w[0] / np.linalg.norm(w)) for w in models]
    np.testing.assert_allclose(jax.jit(claim.linear_errors)(i)[0], expected, rtol=1e-9)


def test_property(sizes):
    harness.assert_property(CLAIM, cost=4, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_a_label_that_is_not_retained_is_lost():
    """The only point with label −1 is forgotten: retrained networks are wrong on that half, linear models are not."""
    y = jnp.where(jnp.arange(claim.M) == claim.M - 1, -1.0, 1.0)
    arguments = (y, claim.N, 1, jnp.array(1e6), jnp.array(2.4), jnp.array(5, jnp.uint32))
    instance = jax.jit(lambda: claim.make(*arguments))()
    assert float(claim._both_labels(instance)) < 0
    s = jax.jit(claim.solve)(instance)
    assert float(s.residual) < 1e-12
    assert float(s.network[3]) > 0.4
    assert float(claim.spread(s.linear)) < 0.01


def test_mutant_ascends_too_far():
    """Ten times the theorem's step: the test error rises by more than the stated gap on too many instances."""

    def far(i):
        s = claim.solve(i)
        nets, original, _ = claim.network_models(i)
        weights = 10.0 * claim.step_weights(nets[0], i.sample.G, original.lam, original.t, "autodiff")
        law = claim.preactivation_law(claim.ascend(nets[0], i.sample.y, i.forget, weights), i.sample, i.d)
        wrong = claim.count_errors(jax.random.key(i.seed + 1), i.start.u, law, claim.SAMPLES) / claim.SAMPLES
        return s._replace(network=s.network.at[1].set(wrong))

    harness.assert_refuted(replace(CLAIM, solve=far), examples=128)
