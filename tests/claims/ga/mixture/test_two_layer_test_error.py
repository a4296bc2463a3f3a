from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from theory.claims.ga.mixture import two_layer_test_error
from theory.claims.ga.mixture.two_layer_test_error import Setting
from theory.models.mixture_error import count_errors

CLAIM = two_layer_test_error.CLAIM


def test_hand_worked():
    """d = 4, x₁ = (3, 4, 0, 0), x₂ = (0, 0, 1, 0), μ = e₁, C = [[1, 0], [0, 2]]: w₁ = x₁, w₂ = 2e₃.

    Wμ = (3, 0), WWᵀ/4 = diag(25/4, 1). The linear network of w₁ has √4 · 3/5 = 6/5: Φ(−1.2) = 0.11507. Of N itself,
    u = (1, 1): label −1 is always wrong, label +1 where both are inactive: ½(1 + ½Φ(−1.2)) = 0.52877.
    """
    X = np.array([[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    C, mu = np.diag([1.0, 2.0]), np.array([1.0, 0.0, 0.0, 0.0])
    fields = (X, np.array([1.0, -1.0]), mu, np.ones(2), C, np.zeros((2, 4)), np.uint32(3))
    instance = Setting(*map(jnp.asarray, fields))
    harness.assert_holds_on(CLAIM, instance, linear_network=0.11506967022170828)
    s = jax.jit(two_layer_test_error.solve)(instance)
    np.testing.assert_allclose(s.law.mean, [3.0, 0.0], atol=1e-14)
    np.testing.assert_allclose(s.law.factor @ s.law.factor.T, np.diag([6.25, 1.0]), atol=1e-14)
    exact = 0.5 * (1.0 + 0.5 * 0.11506967022170828)
    for rate in (s.sampled, s.direct):
        assert abs(float(rate) - exact) <= two_layer_test_error.hoeffding(1e-9, 1)


def test_errors_of_every_size_occur():
    """Not all networks of the claim are at chance: both small and large errors are compared."""
    sizes = CLAIM.sizes[-1]
    z = np.random.default_rng(0).normal(size=(40, CLAIM.latent(sizes)))
    solved = jax.jit(jax.vmap(lambda v: two_layer_test_error.solve(CLAIM.build(sizes, v)).sampled))
    rates = np.asarray(solved(jnp.asarray(z)))
    assert np.quantile(rates, 0.25) < 0.35
    assert np.quantile(rates, 0.75) > 0.4


def test_property(sizes):
    harness.assert_property(CLAIM, cost=4, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_mutant_forgets_that_the_label_moves_the_mean():
    """A law with mean 0 (ξ alone) is refuted by the mean and by Monte Carlo."""

    def centred(i):
        s = two_layer_test_error.solve(i)
        return s._replace(law=s.law._replace(mean=0.0 * s.law.mean))

    harness.assert_refuted(replace(CLAIM, solve=centred))


def test_mutant_of_the_sampler_is_seen_by_monte_carlo_alone():
    """Errors counted with twice the noise: the laws agree, the counts do not."""

    def noisy(i):
        s = two_layer_test_error.solve(i)
        wide = s.law._replace(factor=2.0 * s.law.factor)
        key = jax.random.key(i.seed)
        counted = count_errors(key, i.u, wide, two_layer_test_error.SAMPLES)
        return s._replace(sampled=counted / two_layer_test_error.SAMPLES)

    harness.assert_refuted(replace(CLAIM, solve=noisy))
