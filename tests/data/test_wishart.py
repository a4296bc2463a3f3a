"""Wishart and mixture Gram matrices against sampling the points, against closed-form moments, and at d = 10¹²."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2, ks_2samp, kstest

from theory.data.wishart import mixture_gram, sample_gram, wishart_gram, with_labels

SEEDS = 4000
M, D, RHO = 4, 9, 0.7


def keys(seed: int) -> jax.Array:
    return jax.random.split(jax.random.key(seed), SEEDS)


@pytest.fixture(scope="module")
def sampled() -> np.ndarray:
    return np.asarray(jax.jit(jax.vmap(lambda k: wishart_gram(k, M, float(D)).G))(keys(0)))


@pytest.fixture(scope="module")
def mixed() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    s = jax.jit(jax.vmap(lambda k: mixture_gram(k, M, float(D), RHO)))(keys(1))
    return np.asarray(s.G), np.asarray(s.y), np.asarray(s.x_mu)


def statistics(G: np.ndarray) -> dict[str, np.ndarray]:
    """Functions of G that feel every entry: the first and last norms, one product, and the volume."""
    return {"norm": G[:, 0, 0], "last": G[:, -1, -1], "product": G[:, 0, -1], "logdet": np.linalg.slogdet(G)[1]}


def test_law_agrees_with_sampling_points(sampled):
    X = np.random.default_rng(0).normal(size=(SEEDS, M, D)) / np.sqrt(D)
    direct = statistics(X @ X.transpose(0, 2, 1))
    for name, values in statistics(sampled).items():
        p = ks_2samp(values, direct[name]).pvalue
        assert p > 1e-3, f"{name}: Kolmogorov-Smirnov p = {p:.2g}"


def test_norms_are_chi_squared(sampled):
    for i in range(M):
        p = kstest(sampled[:, i, i] * D, chi2(D).cdf).pvalue
        assert p > 1e-3, f"point {i}: p = {p:.2g}"


def test_moments(sampled):
    """E G = I, Var G_ij = 1/d off the diagonal and 2/d on it."""
    sigma = 5.0 / np.sqrt(SEEDS)
    np.testing.assert_allclose(sampled.mean(0), np.eye(M), atol=sigma * np.sqrt(2 / D))
    np.testing.assert_allclose(sampled.var(0) * D, 1.0 + np.eye(M), atol=sigma * 6.0)


def test_mixture_agrees_with_sampling_points(mixed):
    G, y, x_mu = mixed
    rng = np.random.default_rng(1)
    labels = rng.choice([-1.0, 1.0], size=(SEEDS, M))
    X = rng.normal(size=(SEEDS, M, D)) / np.sqrt(D)
    X[:, :, 0] += RHO * labels
    signed = labels[:, :, None] * X
    direct = statistics(signed @ signed.transpose(0, 2, 1)) | {"x_mu": RHO * signed[:, 1, 0]}
    signed_G = y[:, :, None] * G * y[:, None, :]
    for name, values in (statistics(signed_G) | {"x_mu": y[:, 1] * x_mu[:, 1]}).items():
        p = ks_2samp(values, direct[name]).pvalue
        assert p > 1e-3, f"{name}: Kolmogorov-Smirnov p = {p:.2g}"


def test_mean_and_gram_belong_together(mixed):
    """E (X μ)_i y_j G_ij / ρ² from the model: G_ij given labels has mean y_i y_j ρ² off the diagonal."""
    G, y, x_mu = mixed
    np.testing.assert_allclose((G[:, 0, 1] * y[:, 0] * y[:, 1]).mean(), RHO**2, atol=0.05)
    # Cov(G_01, X_0 μ) = y_1 ρ · ρ Var(a_0) + ... = ρ² y_1 / d with Var(a_0) = 1/d
    moved = (G[:, 0, 1] * y[:, 1] - RHO**2 * y[:, 0]) * (x_mu[:, 0] - RHO**2 * y[:, 0])
    np.testing.assert_allclose(moved.mean() * D, RHO**2, atol=5 * moved.std() * D / np.sqrt(SEEDS))


@pytest.mark.parametrize("d", [1e6, 1e12])
def test_fluctuations_survive_rounding(d):
    """√d (G − I) keeps mean 0 and variances 2 and 1, whatever d."""
    G = jax.jit(jax.vmap(lambda k: wishart_gram(k, 3, d).G))(keys(2))
    scaled = np.asarray((G - jnp.eye(3)[None]) * np.sqrt(d))
    np.testing.assert_allclose(scaled.mean(0), 0.0, atol=5 * np.sqrt(2 / SEEDS))
    np.testing.assert_allclose(scaled.var(0), 1.0 + np.eye(3), atol=0.3)
    for i in range(3):  # χ² is Gaussian to 1e-3 here; a gamma sampler that rounds would show plateaus
        assert kstest(scaled[:, i, i] / np.sqrt(2), "norm").pvalue > 1e-3
        assert len(np.unique(scaled[:, i, i])) > 0.99 * SEEDS


def test_rank_deficient_integer_dimension():
    s = sample_gram(jax.random.key(3), 6, 2)
    assert np.linalg.matrix_rank(np.asarray(s.G)) == 2


def test_factor_holds_the_points():
    s = sample_gram(jax.random.key(4), 5, 40.0, rho=0.5)
    np.testing.assert_allclose(s.factor @ s.factor.T, s.G, atol=1e-15)
    np.testing.assert_allclose(s.x_mu, 0.5 * s.factor[:, 0], atol=1e-15)


def test_cost_does_not_depend_on_d():
    """The compiled program is the same one: d is a traced argument."""
    jitted = jax.jit(lambda k, d: wishart_gram(k, 5, d).G)
    jitted(jax.random.key(0), 1e3)
    jitted(jax.random.key(0), 1e12)
    assert jitted._cache_size() == 1


def test_single_precision_switch():
    s = sample_gram(jax.random.key(5), 4, 1e4, rho=0.1, dtype=jnp.float32)
    assert {leaf.dtype for leaf in jax.tree.leaves(s)} == {jnp.dtype("float32")}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"m": 0, "d": 5}, "m: expected at least one point, got 0", id="no points"),
        pytest.param({"m": 3, "d": 2.5}, "d: expected a float >= 3, or an integer >= 1, got 2.5", id="fraction"),
        pytest.param({"m": 3, "d": 0}, "d: expected", id="no dimension"),
        pytest.param({"m": 3, "d": float("nan")}, "d: expected", id="NaN dimension"),
        pytest.param({"m": 3, "d": 1, "rho": 0.1}, "integer >= 2, got 1", id="mixture in one dimension"),
        pytest.param({"m": 3, "d": 9, "rho": -1.0}, "rho: expected a finite length >= 0, got -1.0", id="negative rho"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample_gram(jax.random.key(0), **arguments)


def test_other_labels_leave_the_law_alone():
    """yᵢyⱼG_ij and yᵢ(Xμ)ᵢ are what they were, and the factor is still that of G."""
    sample = sample_gram(jax.random.key(0), 6, 100.0, rho=0.4)
    y = jnp.where(jnp.arange(6) % 2 == 0, 1.0, -1.0)
    changed = with_labels(sample, y)
    np.testing.assert_array_equal(y[:, None] * changed.G * y[None, :], sample.y[:, None] * sample.G * sample.y[None, :])
    np.testing.assert_array_equal(y * changed.x_mu, sample.y * sample.x_mu)
    np.testing.assert_allclose(changed.factor @ changed.factor.T, changed.G, atol=1e-14)
