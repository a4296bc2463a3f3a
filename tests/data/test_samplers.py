"""Samplers: what they promise holds exactly or within a stated interval; keys alone decide; batches agree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.data.correlated import sample_correlated
from theory.data.feature_overlap import column_masks, sample_feature_overlap
from theory.data.gaussian_mixture import sample_gaussian_mixture
from theory.data.near_orthogonal import (
    latent_size,
    near_orthogonal_gram,
    points_from_gram,
    sample_near_orthogonal,
)

KEY = jax.random.key(0)
SAMPLERS = {
    "near orthogonal": lambda key: sample_near_orthogonal(key, 5, 9, 0.2, 0.1),
    "mixture": lambda key: sample_gaussian_mixture(key, 5, 9, 1.5),
    "correlated": lambda key: sample_correlated(key, 5, 9, 2, 0.7),
    "overlap": lambda key: sample_feature_overlap(key, 3, 2, 4, 3, 2, 0.1),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_float64_and_decided_by_the_key(name):
    sample = SAMPLERS[name]
    first, again, other = sample(KEY), sample(KEY), sample(jax.random.key(1))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype in (jnp.float64, bool)
    assert not np.array_equal(first.X, other.X)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_batch_of_keys_is_a_batch_of_samples(name):
    keys = jax.random.split(KEY, 3)
    batch = jax.vmap(SAMPLERS[name])(keys)
    for index, key in enumerate(keys):
        for a, b in zip(batch, SAMPLERS[name](key), strict=True):
            np.testing.assert_allclose(a[index], b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("m", "d", "psi", "phi"), [(5, 9, 0.2, 0.1), (6, 6, 0.5, 0.0), (4, 40, 0.0, 0.3), (1, 3, 0.4, 0.0)]
)
def test_near_orthogonal_attains_its_bounds(m, d, psi, phi):
    sample = sample_near_orthogonal(KEY, m, d, psi, phi)
    G = np.asarray(sample.X @ sample.X.T)
    off = np.abs(G - np.diag(np.diagonal(G)))
    assert np.abs(np.diagonal(G) - 1).max() == pytest.approx(psi, abs=1e-12)
    assert off.max() == pytest.approx(phi, abs=1e-12)
    assert set(np.unique(sample.y)) <= {-1.0, 1.0}


@pytest.mark.parametrize("scale", [0.0, 1.0, 50.0, 1e6])
def test_every_latent_vector_meets_the_bounds(scale):
    z = scale * np.random.default_rng(0).standard_normal(latent_size(6))
    G = np.asarray(near_orthogonal_gram(jnp.asarray(z), 6, 0.3, 0.13))
    np.testing.assert_array_equal(G, G.T)
    assert (np.abs(np.diagonal(G) - 1) <= 0.3 + 1e-15).all()
    assert (np.abs(G - np.diag(np.diagonal(G))) <= 0.13).all()
    assert np.linalg.eigvalsh(G).min() >= 1 - 0.3 - 5 * 0.13 - 1e-14  # Gershgorin: attained at the corner only
    X = points_from_gram(jnp.asarray(G), 8)
    np.testing.assert_allclose(X @ X.T, G, atol=1e-14)


def test_mixture_means_and_lengths():
    """Over 4000 points: the mean of y x is μ and the noise has unit mean square, each within 5 standard errors."""
    sample = sample_gaussian_mixture(KEY, 4000, 10, 2.0)
    signed = np.asarray(sample.y[:, None] * sample.X)
    assert float(jnp.linalg.norm(sample.mu)) == pytest.approx(2.0, rel=1e-14)
    np.testing.assert_allclose(signed.mean(axis=0), sample.mu, atol=5 / np.sqrt(4000 * 10))
    squared = np.sum((signed - np.asarray(sample.mu)) ** 2, axis=1)
    assert squared.mean() == pytest.approx(1.0, abs=5 * np.sqrt(2 / 10 / 4000))


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_correlated_pairs(correlation):
    """Mean inner product of a forgotten point with its partner is c ± 5 standard errors; c = 1 repeats the point."""
    split = sample_correlated(KEY, 2000, 20, 1000, correlation)
    X, y = np.asarray(split.X), np.asarray(split.y)
    products = np.sum(X[:1000] * X[1000:], axis=1)
    error = np.sqrt((2 * correlation**2 + 1 - correlation**2) / 20 / 1000)
    assert products.mean() == pytest.approx(correlation, abs=5 * error)
    lengths = np.sum(X[1000:] ** 2, axis=1)
    assert lengths.mean() == pytest.approx(1.0, abs=5 * np.sqrt(2 / 20 / 1000))
    np.testing.assert_array_equal(y[:1000], y[1000:])
    np.testing.assert_array_equal(split.forget, np.arange(2000) >= 1000)
    if correlation == 1.0:
        np.testing.assert_allclose(X[:1000], X[1000:], atol=1e-15)


@pytest.mark.parametrize(("retained_only", "overlap", "forget_only"), [(4, 0, 3), (4, 2, 3), (0, 6, 0)])
def test_feature_supports(retained_only, overlap, forget_only):
    data = sample_feature_overlap(KEY, 3, 2, retained_only, overlap, forget_only)
    X, forget = np.asarray(data.X), np.asarray(data.forget)
    retained_columns, forget_columns = column_masks(retained_only, overlap, forget_only)
    assert retained_columns.sum() == retained_only + overlap
    assert forget_columns.sum() == forget_only + overlap
    np.testing.assert_array_equal(X[~forget] != 0, np.broadcast_to(retained_columns, X[~forget].shape))
    np.testing.assert_array_equal(X[forget] != 0, np.broadcast_to(forget_columns, X[forget].shape))
    np.testing.assert_allclose(data.y, X @ np.asarray(data.w_star), rtol=1e-13)


REFUSED = {
    "near orthogonal: m > d": (lambda: sample_near_orthogonal(KEY, 5, 4, 0.1, 0.1), r"m, d: .* got m = 5, d = 4"),
    "near orthogonal: psi = 1": (lambda: sample_near_orthogonal(KEY, 2, 4, 1.0, 0.0), r"psi, phi: .* got psi = 1.0"),
    "near orthogonal: phi < 0": (lambda: sample_near_orthogonal(KEY, 2, 4, 0.1, -0.1), r"phi = -0.1"),
    "near orthogonal: not diagonally dominant": (
        lambda: sample_near_orthogonal(KEY, 5, 9, 0.2, 0.2),
        r"\(m - 1\) phi < 1 - psi, got .* \(m - 1\) phi = 0.8",
    ),
    "points: d < m": (lambda: points_from_gram(jnp.eye(3), 2), r"d: expected at least m = 3 .* got 2"),
    "mixture: m = 0": (lambda: sample_gaussian_mixture(KEY, 0, 4, 1.0), r"m, d, rho: .* got 0, 4, 1.0"),
    "mixture: rho < 0": (lambda: sample_gaussian_mixture(KEY, 3, 4, -1.0), r"rho >= 0, got 3, 4, -1.0"),
    "mixture: rho NaN": (lambda: sample_gaussian_mixture(KEY, 3, 4, float("nan")), r"rho >= 0, got 3, 4, nan"),
    "near orthogonal: phi NaN": (lambda: sample_near_orthogonal(KEY, 3, 4, 0.1, float("nan")), "phi = nan"),
    "overlap: noise NaN": (lambda: sample_feature_overlap(KEY, 1, 1, 1, 1, 1, float("nan")), "noise nan"),
    "correlated: k = m": (lambda: sample_correlated(KEY, 3, 4, 3, 0.5), r"1 <= k < m, got m = 3, d = 4, k = 3"),
    "correlated: c > 1": (lambda: sample_correlated(KEY, 3, 4, 1, 1.5), r"correlation: .* \[0, 1\], got 1.5"),
    "overlap: no rows": (lambda: sample_feature_overlap(KEY, 0, 1, 1, 1, 1), r"at least one row a side"),
    "overlap: no columns": (
        lambda: sample_feature_overlap(KEY, 1, 1, 2, 0, 0),
        r"one column for each side, got 2, 0, 0",
    ),
    "overlap: negative noise": (lambda: sample_feature_overlap(KEY, 1, 1, 1, 1, 1, -0.5), r"noise -0.5"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_name_argument_value_and_range(case):
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()
