"""The Clarke residual against Clarabel, against a case worked by hand, and against every other subgradient."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.solvers.clarabel_reference import clarke_value
from theory.data.wishart import wishart_gram
from theory.models import two_layer
from theory.models.two_layer import TwoLayer, initialise, output_weights, spanned
from theory.solvers import clarke
from theory.solvers.two_layer_flow import NotSeparated, train_in_coefficients

M, N = 8, 20


def trained(key, d):
    data_key, start_key = jax.random.split(key)
    s = wishart_gram(data_key, M, d)
    start = initialise(start_key, s.factor, output_weights(N), d, 0.5)
    net = train_in_coefficients(start, s.G, s.y, steps=1500, records=2).end
    return two_layer.normalised(net, s.G, s.y), s.G, s.y


@pytest.fixture(scope="module")
def batch():
    """Three networks at d = 10 (ill-conditioned), 24 and 300."""
    return jax.jit(jax.vmap(trained))(jax.random.split(jax.random.key(0), 3), jnp.array([10.0, 24.0, 300.0]))


def pick(batch, b):
    return jax.tree.map(lambda a: a[b], batch)


solve = jax.jit(clarke.best_clarke_multipliers, static_argnames="limit")


@pytest.mark.parametrize("slackness", [0.0, 0.5])
@pytest.mark.parametrize("b", range(3))
def test_equal_to_clarabel(batch, b, slackness):
    net, G, y = pick(batch, b)
    found = solve(net, G, y, None, 3e-3, slackness)
    assert 5 < int(found.kinks.sum()) < M * N / 2
    Z, square = two_layer.preactivations(net, G), float(two_layer.size(net, G)) ** 2
    slack = slackness * np.maximum(np.asarray(found.margins) - 1.0, 0.0)
    reference = clarke_value(Z, net.u, G, y, square, found.kinks, slack)
    value = found.residuals.stationarity**2 + 2.0 * float(slack @ np.asarray(found.lam))
    assert abs(value - reference) < 1e-9, f"{value} against Clarabel's {reference}"
    assert found.gap < 1e-15


def test_multipliers_lie_where_they_may(batch):
    net, G, y = pick(batch, 1)
    found = solve(net, G, y, None, 3e-3)
    lam, t = np.asarray(found.lam)[:, None], np.asarray(found.t)
    Z = np.asarray(two_layer.preactivations(net, G))
    kinks = np.asarray(found.kinks)
    assert np.all((t >= 0) & (t <= lam))
    np.testing.assert_array_equal(t[~kinks], np.where(Z > 0, lam, 0.0)[~kinks])
    assert np.any(kinks & (t > 1e-3 * lam) & (t < 0.999 * lam))  # the case autodiff cannot see


def test_no_other_choice_is_better(batch):
    """Stationarity of 200 random admissible (λ, t) near the optimum is never below it: convexity does the rest."""
    net, G, y = pick(batch, 0)
    found = solve(net, G, y, None, 3e-3)
    rng = np.random.default_rng(0)
    lam = np.maximum(np.asarray(found.lam) + 0.01 * rng.normal(size=(200, M)), 0.0)
    t = np.clip(np.asarray(found.t) + 0.01 * rng.normal(size=(200, M, N)), 0.0, lam[:, :, None])
    on = np.asarray((found.t == found.lam[:, None]) & ~found.kinks)
    t = np.where(np.asarray(found.kinks), t, np.where(on, lam[:, :, None], 0.0))
    others = jax.vmap(lambda s: clarke.stationarity(net, G, y, s))(jnp.asarray(t))
    assert np.all(others > found.residuals.stationarity)


def test_autodiff_is_worse(batch):
    """Never better; much worse where kinks, and not what is left of the initialisation, dominate."""
    for b, ratio in ((0, 1.5), (1, 1.5), (2, 1.0)):
        net, G, y = pick(batch, b)
        naive = clarke.autodiff_residual(net, G, y).residuals.stationarity
        assert naive >= ratio * solve(net, G, y, None, 3e-3).residuals.stationarity


def test_falls_with_the_kink_tolerance(batch):
    net, G, y = pick(batch, 1)
    values = [float(solve(net, G, y, None, tol).residuals.stationarity) for tol in (0.0, 1e-4, 1e-3, 1e-2, 0.1)]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(values))


@pytest.mark.slow
def test_along_the_flow(batch):
    """NaN until the points are separated, then falling; the last record is the end's own residual."""
    s = wishart_gram(jax.random.key(3), M, 300.0)
    start = initialise(jax.random.key(4), s.factor, output_weights(N), 300.0, 0.5)
    path = train_in_coefficients(start, s.G, s.y, steps=1500, records=6, keep=True)
    found = clarke.residuals_along(path, s.G, s.y, None, 3e-3)
    separated = np.asarray(path.margins).min(axis=1) > 0
    np.testing.assert_array_equal(np.isnan(found.stationarity), ~separated)
    last = solve(two_layer.normalised(path.end, s.G, s.y), s.G, s.y, None, 3e-3).residuals.stationarity
    np.testing.assert_allclose(found.stationarity[-1], last, rtol=1e-9)
    assert found.stationarity[-1] < found.stationarity[separated][0]
    with pytest.raises(ValueError, match="train with keep=True"):
        clarke.residuals_along(path._replace(coefficients=None), s.G, s.y)


def hand_worked() -> TwoLayer:
    """Two unit points at inner product −1/2, labels +1, u = (1, −1).

    w₁ = λ(x₁ + x₂) is active on both with z = λ/2; w₂ = −(t₁x₁ + t₂x₂) has z = −t₁ + t₂/2, −t₂ + t₁/2: at the
    kink of both only for t = 0. So margins 1 give λ = 2, w₂ = 0, and W is an exact Clarke-KKT point.
    """
    return spanned(jnp.array([1.0, -1.0]), jnp.array([[2.0, 2.0], [0.0, 0.0]]))


GRAM, LABELS = jnp.array([[1.0, -0.5], [-0.5, 1.0]]), jnp.ones(2)


def test_hand_worked():
    found = clarke.clarke_residual(hand_worked(), GRAM, LABELS)
    np.testing.assert_allclose(found.lam, 2.0, rtol=1e-14)
    np.testing.assert_allclose(found.margins, 1.0, rtol=1e-14)
    assert np.max(np.asarray(found.residuals)) < 1e-14
    np.testing.assert_array_equal(found.kinks, [[False, True], [False, True]])


def test_hand_worked_forgetting():
    """Without x₂ the best λ₁ fits w₁ = 2x₁ + 2x₂ by λ₁x₁: λ₁ = 1, and what is left is √(4 − 1) = √3."""
    found = clarke.clarke_residual(hand_worked(), GRAM, LABELS, forget=1)
    np.testing.assert_allclose(found.lam, [1.0, 0.0], atol=1e-14)
    np.testing.assert_allclose(found.residuals.stationarity, np.sqrt(3), rtol=1e-14)


def test_batched(batch):
    together = jax.jit(jax.vmap(lambda net, G, y: clarke.best_clarke_multipliers(net, G, y, None, 3e-3)))(*batch)
    for b in range(3):
        alone = solve(*pick(batch, b), None, 3e-3)
        np.testing.assert_allclose(together.residuals.stationarity[b], alone.residuals.stationarity, rtol=1e-10)


def test_dependent_points_prove_no_gap():
    found = clarke.clarke_residual(spanned(jnp.ones(1), jnp.array([[0.5, 0.5]])), jnp.ones((2, 2)), jnp.ones(2))
    assert found.gap == np.inf
    assert found.residuals.stationarity < 1e-12


def faulty(**change):
    arguments = {"net": hand_worked(), "gram": GRAM, "y": LABELS} | change
    return clarke.clarke_residual(**arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"net": spanned(jnp.zeros(0), jnp.zeros((0, 2)))}, "at least one neuron, got width 0", id="width 0"
        ),
        pytest.param({"net": spanned(jnp.ones(2), jnp.full((2, 2), jnp.nan))}, "C: expected finite", id="NaN weights"),
        pytest.param({"net": TwoLayer(jnp.ones(3), *hand_worked()[1:])}, "expected 3 rows, one per entry of u", id="u"),
        pytest.param(
            {"kink_tolerance": 1.0}, r"kink_tolerance: expected a cosine in \[0, 1\), got 1.0", id="tolerance"
        ),
        pytest.param({"slackness": -1.0}, "slackness: expected a weight >= 0, got -1.0", id="slackness"),
        pytest.param({"forget": [0, 1]}, "forget: expected at least one point to retain", id="forget all"),
        pytest.param({"memory_limit": 10}, "the QP at m = 2, n = 2 needs 0.384 kB, more than", id="memory"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        faulty(**change)


def test_not_separated():
    with pytest.raises(NotSeparated, match="expected every margin > 0, got -1 at point 0"):
        faulty(y=-LABELS)
