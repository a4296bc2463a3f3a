"""The sampler in coefficients against fresh points in R^d, against closed forms, and at d = 10¹²."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import ks_2samp, norm

from theory.data.wishart import GramSample, sample_gram
from theory.models.mixture_error import (
    count_errors,
    in_coordinates,
    initial_coordinates,
    mixture_test_error,
    preactivation_law,
)
from theory.models.two_layer import TwoLayer, from_weights, initialise, output_weights, spanned
from theory.solvers.two_layer_flow import train_in_coefficients

M, N, D, RHO = 5, 4, 12, 0.5


def in_space(seed: int) -> tuple[GramSample, np.ndarray, np.ndarray]:
    """Points of R^D with μ = ρe₁, as a sample (the factor is X itself), X and μ."""
    rng = np.random.default_rng(seed)
    y = np.where(rng.uniform(size=M) < 0.5, -1.0, 1.0)
    mu = np.zeros(D)
    mu[0] = RHO
    X = y[:, None] * mu + rng.normal(size=(M, D)) / np.sqrt(D)
    return GramSample(jnp.asarray(X @ X.T), jnp.asarray(y), jnp.asarray(X), jnp.asarray(X @ mu)), X, mu


def some_network(seed: int, m: int = M, n: int = N) -> TwoLayer:
    rng = np.random.default_rng(seed)
    return spanned(jnp.asarray(rng.normal(size=n)), jnp.asarray(rng.normal(size=(n, m))))


def errors_in_space(u: np.ndarray, W: np.ndarray, mu: np.ndarray, count: int, seed: int) -> int:
    """Fresh points of R^D, in numpy."""
    rng = np.random.default_rng(seed)
    y = np.where(rng.uniform(size=count) < 0.5, -1.0, 1.0)
    X = y[:, None] * mu + rng.normal(size=(count, len(mu))) / np.sqrt(len(mu))
    return int(np.sum(y * (np.maximum(X @ W.T, 0.0) @ u) <= 0))


def test_law_is_that_of_the_weights_in_space():
    sample, X, mu = in_space(0)
    net = some_network(1)
    law = preactivation_law(net, sample, D)
    W = np.asarray(net.C) @ X
    np.testing.assert_allclose(law.mean, W @ mu, rtol=1e-12)
    np.testing.assert_allclose(law.factor @ law.factor.T, W @ W.T / D, rtol=1e-12)
    few = preactivation_law(net, in_coordinates(jnp.asarray(X), sample.y, jnp.asarray(mu)), D)
    assert few.factor.shape == (N, M + 1)
    np.testing.assert_allclose(few.mean, law.mean, rtol=1e-12)
    np.testing.assert_allclose(few.factor @ few.factor.T, W @ W.T / D, rtol=1e-11)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_first_coordinate_runs_along_the_mean(sign):
    _, X, mu = in_space(5)
    found = in_coordinates(jnp.asarray(X), jnp.ones(M), jnp.asarray(sign * mu))
    np.testing.assert_allclose(RHO * found.factor[:, 0], found.x_mu, atol=1e-14)
    np.testing.assert_allclose(found.factor @ found.factor.T, found.G, rtol=1e-12)


def test_error_agrees_with_fresh_points_in_space():
    sample, X, mu = in_space(2)
    net = some_network(3)
    found = mixture_test_error(net, sample, D, jax.random.key(0), samples=200_000)
    direct = errors_in_space(np.asarray(net.u), np.asarray(net.C) @ X, mu, 200_000, 4) / 200_000
    assert abs(found.rate - direct) <= np.sqrt(np.log(2e9) / 200_000)  # Hoeffding, failure probability 1e-9
    assert found.interval[0] < found.rate < found.interval[1]
    assert found.errors == round(found.rate * found.samples)


@pytest.mark.parametrize("d", [20.0, 1e6, 1e12])
def test_linear_network_has_the_closed_form(d):
    """u = (1, −1), w₂ = −w₁ is ⟨w₁, x⟩: error Φ(−√d⟨w₁, μ⟩/‖w₁‖), at any dimension."""
    sample = sample_gram(jax.random.key(1), M, d, 0.9 * d**-0.25)
    c = sample.y[None, :]
    net = spanned(jnp.array([1.0, -1.0]), jnp.concatenate([c, -c]))
    expected = norm.cdf(-np.sqrt(d) * float(c[0] @ sample.x_mu) / np.sqrt(float(c[0] @ sample.G @ c[0])))
    found = mixture_test_error(net, sample, d, jax.random.key(2), confidence=1 - 1e-9)
    assert 0.005 < expected < 0.3
    assert found.interval[0] < expected < found.interval[1]


def test_a_silent_network_is_always_wrong():
    """Half of the points at u > 0 alone: label −1 never has a positive margin."""
    sample = sample_gram(jax.random.key(1), M, 50.0, 2.0)
    c = 20.0 * sample.y[None, :]
    found = mixture_test_error(spanned(jnp.array([1.0]), c), sample, 50.0, jax.random.key(3), samples=20_000)
    assert found.interval[0] < 0.5 < found.interval[1]


def test_batches_count_every_sample_once():
    """An infinitely wrong network errs on each point, so the count is the number of points, whatever the batch."""
    law = preactivation_law(spanned(jnp.array([-1.0, 1.0]), jnp.array([[1.0], [-1.0]])), one_point(), 4.0)
    for samples, batch in ((1, 8), (8, 8), (9, 8), (100, 7)):
        assert int(count_errors(jax.random.key(0), jnp.array([-1.0, 1.0]), law, samples, batch)) == samples


def one_point() -> GramSample:
    """x = (1000, 0) with μ = (1000, 0): no noise worth mentioning."""
    return GramSample(jnp.array([[1e6]]), jnp.ones(1), jnp.array([[1e3, 0.0]]), jnp.array([1e6]))


@pytest.mark.slow
def test_unseen_initial_coordinates_keep_what_training_saw():
    sample = sample_gram(jax.random.key(4), M, 40.0, RHO)
    start = initialise(jax.random.key(5), sample.factor, output_weights(N), 40.0, 0.3)
    W0 = initial_coordinates(jax.random.key(6), start, sample, 40.0)
    r = sample.factor.shape[1]
    np.testing.assert_allclose(sample.factor @ W0[:, :r].T, start.Z0, atol=1e-14)
    np.testing.assert_allclose(jnp.sum(W0 * W0, axis=1), start.sq0, rtol=1e-12)


@pytest.mark.slow
def test_initial_coordinates_have_the_law_of_a_start_in_space():
    """⟨w₀₁, μ⟩, ⟨w₀₁, w₀₂⟩ and the trained network's error, over seeds, against W₀ drawn in R^D and trained there."""
    sample, X, mu = in_space(7)
    coordinates = in_coordinates(jnp.asarray(X), sample.y, jnp.asarray(mu))
    u = output_weights(N)
    seeds = 3000

    def drawn(key):
        start_key, unseen_key, test_key = jax.random.split(key, 3)
        start = initialise(start_key, coordinates.factor, u, D, 1.0)
        W0 = initial_coordinates(unseen_key, start, coordinates, D)
        end = train_in_coefficients(start, sample.G, sample.y, steps=20, records=2).end
        law = preactivation_law(end, coordinates, D, W0)
        return RHO * W0[0, 0], W0[0] @ W0[1], law.mean[0], law.factor[0] @ law.factor[1], rate(test_key, u, law)

    def direct(key):
        start_key, test_key = jax.random.split(key)
        W0 = jax.random.normal(start_key, (N, D)) / jnp.sqrt(1.0 * D)
        end = train_in_coefficients(from_weights(u, W0, sample.factor), sample.G, sample.y, steps=20, records=2).end
        W = W0 + end.C @ sample.factor
        law = preactivation_law(spanned(u, jnp.zeros((N, M))), sample, D, W)
        return W0[0] @ mu, W0[0] @ W0[1], W[0] @ mu, W[0] @ W[1] / D, rate(test_key, u, law)

    def rate(key, u, law):
        return count_errors(key, u, law, 256) / 256

    ours = jax.jit(jax.vmap(drawn))(jax.random.split(jax.random.key(8), seeds))
    theirs = jax.jit(jax.vmap(direct))(jax.random.split(jax.random.key(9), seeds))
    for name, a, b in zip(("start mean", "start product", "mean", "product", "error"), ours, theirs, strict=True):
        p = ks_2samp(np.asarray(a), np.asarray(b)).pvalue
        assert p > 1e-3, f"{name}: Kolmogorov-Smirnov p = {p:.2g}"


def started() -> tuple[TwoLayer, GramSample]:
    sample = sample_gram(jax.random.key(4), M, 40.0, RHO)
    return initialise(jax.random.key(5), sample.factor, output_weights(N), 40.0), sample


def test_a_part_from_the_initialisation_needs_its_key():
    net, sample = started()
    with pytest.raises(ValueError, match=r"net: expected W = C X.*initial_key"):
        mixture_test_error(net, sample, 40.0, jax.random.key(0))
    found = mixture_test_error(net, sample, 40.0, jax.random.key(0), samples=1000, initial_key=jax.random.key(1))
    assert 0 < found.rate < 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"samples": 0}, "samples"),
        ({"confidence": 1.0}, "confidence"),
        ({"d": 0.5}, "d: expected a dimension >= 1"),
        ({"d": float("inf")}, "d: expected"),
        ({"net": some_network(0, m=M + 1)}, "columns"),
    ],
)
def test_bad_input_is_refused(changes, said):
    sample = sample_gram(jax.random.key(4), M, 40.0, RHO)
    arguments = {"net": some_network(0), "sample": sample, "d": 40.0, "key": jax.random.key(0)} | changes
    with pytest.raises(ValueError, match=said):
        mixture_test_error(**arguments)


def test_few_dimensions_for_the_initialisation_are_refused():
    net, sample = started()
    with pytest.raises(ValueError, match=f"d: expected a dimension >= {M + 1 + N}"):
        mixture_test_error(net, sample, 9.0, jax.random.key(0), initial_key=jax.random.key(1))
