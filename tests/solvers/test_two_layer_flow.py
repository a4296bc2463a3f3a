"""Training in coefficients against training in R^d, conservation laws of the flow, batches, and bad input."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.data.wishart import sample_gram, wishart_gram
from theory.models import two_layer
from theory.models.two_layer import TwoLayer, initialise, output_weights
from theory.solvers import two_layer_flow as flow

M, N, D = 8, 12, 60


class Problem:
    """Points in R^d, their Gram matrix, and a start in both forms."""

    def __init__(self, seed: int):
        keys = jax.random.split(jax.random.key(seed), 3)
        self.X = jax.random.normal(keys[0], (M, D)) / jnp.sqrt(D)
        self.y = jnp.where(jax.random.bernoulli(keys[1], shape=(M,)), 1.0, -1.0)
        self.G = self.X @ self.X.T
        self.u = output_weights(N)
        self.W0 = jax.random.normal(keys[2], (N, D)) / jnp.sqrt(D)
        self.start = two_layer.from_weights(self.u, self.W0, self.X)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem(0)


@pytest.mark.parametrize("loss", ["exponential", "logistic"])
def test_equal_to_training_in_space(problem, loss):
    """200 steps on W by autodiff and 200 steps on C give the same weights to 1e-10, and did so at every 20th."""
    p, all_points = problem, jnp.ones(M, bool)
    in_space = jax.jit(lambda W: flow.train_in_space(p.u, W, p.X, p.y, all_points, 20, loss))
    in_coefficients = jax.jit(lambda s: flow.train_in_coefficients(s, p.G, p.y, steps=20, records=2, loss=loss).end)
    W, net = p.W0, p.start
    for _ in range(10):
        W, net = in_space(W), in_coefficients(net)
        gap = np.abs(two_layer.hidden_weights(net, p.X, p.W0) - W).max()
        assert gap <= 1e-10, f"weights differ by {gap:.2g}"
    assert np.abs(W - p.W0).max() > 0.1  # it did train


def test_forgotten_points_are_left_out(problem):
    """Leaving a point out equals training on the others alone, in R^d."""
    p, kept = problem, np.arange(M) != 3
    net = flow.train_in_coefficients(p.start, p.G, p.y, jnp.asarray(kept), steps=100, records=2).end
    W = flow.train_in_space(p.u, p.W0, p.X[kept], p.y[kept], jnp.ones(M - 1, bool), 100)
    np.testing.assert_allclose(two_layer.hidden_weights(net, p.X, p.W0), W, atol=1e-12)
    assert np.all(net.C[:, 3] == 0.0)


def test_records(problem):
    p = problem
    path = flow.train_two_layer(p.start, p.G, p.y, steps=1500, records=10, keep=True)
    assert np.all(np.diff(path.log_loss) < 0)
    assert np.all(path.margins[-1] > 0)
    W = two_layer.hidden_weights(path.end, p.X, p.W0)
    np.testing.assert_allclose(path.margins[-1], p.y * two_layer.scores(p.u, W, p.X), rtol=1e-10)
    np.testing.assert_allclose(path.norms[-1], np.linalg.norm(W), rtol=1e-12)
    np.testing.assert_allclose(path.coefficients[-1], path.end.C, atol=0)
    active = [np.asarray(p.G @ C.T + p.start.Z0 > 0) for C in path.coefficients]
    flips = [(b != a).sum() for a, b in pairwise(active)]
    np.testing.assert_array_equal(path.flips[1:], flips)


def test_rate_of_growth(problem):
    """⟨W, Ẇ⟩ = Σ pᵢ Mᵢ by homogeneity, so late in training log L falls by about ‖W‖²'s share a unit of time."""
    p = problem
    path = flow.train_two_layer(p.start, p.G, p.y, steps=3000, records=40)
    # exponential loss: d log L / ds = −‖Ẇ‖² and M_min ≤ −log L + log m
    assert np.all(-path.log_loss <= path.margins.min(axis=1) + 1e-9)
    assert np.all(path.margins.min(axis=1) <= -path.log_loss + np.log(M) + 1e-9)
    normalised_margin = path.margins.min(axis=1) / path.norms
    assert normalised_margin[-1] > normalised_margin[5]


def simulate(key, d, scale, width, dtype=jnp.float64, n=16, m=5):
    data_key, start_key = jax.random.split(key)
    s = wishart_gram(data_key, m, d, dtype)
    start = initialise(start_key, s.factor, output_weights(n, width), d, scale)
    return s, flow.train_in_coefficients(start, s.G, s.y, steps=400, records=4)


@pytest.mark.slow
def test_vmapped_over_seeds_widths_dimensions_and_scales():
    """A batch of four networks equals the four alone; padding neurons never move."""
    keys = jax.random.split(jax.random.key(7), 4)
    d, scale, width = jnp.array([50.0, 1e3, 1e6, 1e12]), jnp.array([0.1, 1.0, 1.0, 2.0]), jnp.array([16, 8, 12, 16])
    _, batch = jax.jit(jax.vmap(simulate))(keys, d, scale, width)
    single = jax.jit(simulate)
    for b in range(4):
        _, alone = single(keys[b], d[b], scale[b], width[b])
        np.testing.assert_allclose(batch.margins[b], alone.margins, rtol=1e-7)
    assert np.all(batch.end.C[1, 8:] == 0.0)
    assert np.all(batch.end.sq0[1, 8:] == 0.0)


@pytest.mark.slow
def test_single_precision_switch():
    s, path = jax.jit(simulate, static_argnames="dtype")(jax.random.key(1), 1e3, 1.0, 16, dtype=jnp.float32)
    assert {leaf.dtype for leaf in jax.tree.leaves((path.end, path.margins, path.log_loss))} == {jnp.dtype("float32")}
    assert s.G.dtype == jnp.float32


def test_one_argument_switches_the_precision(problem):
    """float32 follows float64 to its own rounding over a short path, before kinks decide."""
    exact = flow.train_two_layer(problem.start, problem.G, problem.y, steps=20)
    rough = flow.train_two_layer(problem.start, problem.G, problem.y, steps=20, dtype=jnp.float32)
    assert {leaf.dtype for leaf in jax.tree.leaves(rough.end)} == {jnp.dtype("float32")}
    np.testing.assert_allclose(rough.margins, exact.margins, rtol=1e-4, atol=1e-5)
    assert np.max(np.abs(np.asarray(rough.margins, float) - np.asarray(exact.margins))) > 1e-9


@pytest.mark.slow
def test_initialisation_has_the_law_of_sampling_weights():
    """Second moments of (X W₀ᵀ, ‖w₀‖²): E z² = s²/d G, E‖w₀‖² = s², Cov(z², ‖w₀‖²) = 2 s⁴ G²/d²."""
    n, d, scale = 20_000, 20.0, 1.5
    s = sample_gram(jax.random.key(2), 3, d)
    start = jax.jit(initialise)(jax.random.key(3), s.factor, jnp.ones(n), d, scale)
    np.testing.assert_allclose(start.Z0 @ start.Z0.T / n, scale**2 / d * s.G, atol=0.003)
    np.testing.assert_allclose(start.sq0.mean(), scale**2, rtol=0.02)
    np.testing.assert_allclose(start.sq0.var(), 2 * scale**4 / d, rtol=0.05)
    cov = np.cov(start.Z0[0] ** 2, start.sq0)[0, 1]
    np.testing.assert_allclose(cov, 2 * scale**4 * s.G[0, 0] / d**2, rtol=0.1)


def test_norms_and_distances_in_coefficients(problem):
    p = problem
    a = flow.train_in_coefficients(p.start, p.G, p.y, steps=50, records=2).end
    b = two_layer.scaled(flow.train_in_coefficients(p.start, p.G, p.y, steps=80, records=2).end, 0.7)
    Wa = two_layer.hidden_weights(a, p.X, p.W0)
    Wb = two_layer.hidden_weights(b, p.X, 0.7 * p.W0)
    np.testing.assert_allclose(two_layer.size(a, p.G), np.linalg.norm(Wa), rtol=1e-12)
    np.testing.assert_allclose(two_layer.distance(a, b, p.G), np.linalg.norm(Wa - Wb), rtol=1e-12)
    cosine = np.sum(Wa * Wb) / np.linalg.norm(Wa) / np.linalg.norm(Wb)
    np.testing.assert_allclose(two_layer.cosine_gap(a, b, p.G), 1 - cosine, rtol=1e-9)


def faulty(**change):
    s = sample_gram(jax.random.key(0), 3, 50.0)
    start = initialise(jax.random.key(1), s.factor, output_weights(6), 50.0)
    arguments = {"start": start._replace(**change.pop("net", {})), "gram": s.G, "y": s.y, "steps": 50} | change
    return flow.train_two_layer(**arguments)


EMPTY = TwoLayer(jnp.zeros(0), jnp.zeros((0, 3)), jnp.zeros((3, 0)), jnp.zeros(0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"start": EMPTY}, "u: expected at least one neuron, got width 0", id="width 0"),
        pytest.param({"net": {"u": jnp.zeros(6)}}, "6 zeros: a dead network", id="zero output weights"),
        pytest.param(
            {"net": {"C": jnp.full((6, 3), jnp.nan)}}, "C: expected finite numbers, got nan", id="NaN weights"
        ),
        pytest.param({"net": {"C": jnp.zeros((5, 3))}}, "C: expected 6 rows, one per entry of u", id="u and W differ"),
        pytest.param({"net": {"C": jnp.zeros((6, 4))}}, "C: expected 3 columns, got 4", id="points differ"),
        pytest.param({"net": {"Z0": jnp.zeros((3, 5))}}, "Z0, sq0: expected shapes", id="Z0 differs"),
        pytest.param(
            {"net": {"Z0": -jnp.ones((3, 6))}}, "got none at 3 points, the first 0: a dead", id="dead network"
        ),
        pytest.param(
            {"steps": 1, "y": jnp.ones(3), "net": {"Z0": jnp.tile(jnp.array([[1.0, 3.0]]), (3, 3))}},
            "margin > 0, got .* train for more steps",
            id="not separated yet",
        ),
        pytest.param({"loss": "hinge"}, "loss: expected one of exponential, logistic, got 'hinge'", id="loss"),
        pytest.param({"rate": 2.5}, r"rate: expected a share of the stable step in \(0, 2\), got 2.5", id="rate"),
        pytest.param({"dtype": jnp.float16}, "dtype: expected float32 or float64, got float16", id="precision"),
        pytest.param({"steps": 0}, "steps, records: expected at least 1 and 2", id="no steps"),
        pytest.param({"keep": True, "memory_limit": 100}, "needs 3.46 kB, more than the 0.1 kB allowed", id="memory"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        faulty(**change)


def test_dead_points_are_told_apart():
    """Every neuron active on the point pushes the wrong way: no amount of training helps, and the message says so."""
    start = TwoLayer(jnp.array([-1.0, 1.0]), jnp.zeros((2, 1)), jnp.array([[1.0, -1.0]]), jnp.ones(2))
    with pytest.raises(flow.NotSeparated, match="no active neuron of their label's sign") as caught:
        flow.train_two_layer(start, jnp.eye(1), jnp.ones(1), steps=20)
    assert caught.value.margins[0] <= 0
