"""KKT points at machine precision: checked in R^d from scratch, by the Clarke QP, by Clarabel, and by hand."""

import clarabel
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

from theory.data.wishart import wishart_gram
from theory.models import two_layer
from theory.models.two_layer import TwoLayer, from_weights, initialise, output_weights, spanned
from theory.solvers import clarke, two_layer_flow
from theory.solvers import clarke_kkt_point as kkt
from theory.solvers.two_layer_flow import NotSeparated, train_in_coefficients

M, N = 8, 20


def trained(key, d):
    data_key, start_key = jax.random.split(key)
    s = wishart_gram(data_key, M, d)
    start = initialise(start_key, s.factor, output_weights(N, N - 2), d)
    return train_in_coefficients(start, s.G, s.y, steps=300, records=2).end, s


solve = jax.jit(kkt.kkt_point_from_pattern, static_argnames="limit")


def from_network(net, s):
    return kkt.kkt_point_from_pattern(net.u, s.G, s.y, two_layer.preactivations(net, s.G) > 0)


@pytest.fixture(scope="module")
def batch():
    """Six networks: two each at d = 3m, 15m and 20m². Their last two neurons are padding."""
    d = jnp.array([24.0, 24.0, 120.0, 120.0, 1280.0, 1280.0])
    net, s = jax.jit(jax.vmap(trained))(jax.random.split(jax.random.key(0), 6), d)
    return net, s, jax.jit(jax.vmap(from_network))(net, s)


def pick(tree, b):
    return jax.tree.map(lambda a: a[b], tree)


@pytest.mark.parametrize("b", range(6))
def test_is_a_kkt_point_in_space(batch, b):
    """The four residuals from W in R^r and (λ, t) alone: no number of the solver's own enters."""
    _, s, point = pick(batch, b)
    X, y, u = (np.asarray(a) for a in (s.factor, s.y, point.net.u))
    W, lam, t = np.asarray(point.net.C) @ X, np.asarray(point.lam), np.asarray(point.t)
    Z = X @ W.T
    margins = y * (np.maximum(Z, 0.0) @ u)
    assert margins.min() >= 1.0 - 1e-12
    assert lam.min() >= 0.0
    assert np.linalg.norm(W - u[:, None] * ((y[:, None] * t).T @ X)) <= 1e-12
    assert np.max(lam * (margins - 1.0)) <= 1e-12
    kinks = np.abs(Z) <= 1e-12
    alive = np.linalg.norm(W, axis=1) > 0  # a neuron with no active pair ends at w = 0
    np.testing.assert_array_equal(kinks[:, alive], np.asarray(point.kinks)[:, alive])
    assert np.all(t >= 0)
    assert np.all(t <= lam[:, None])
    np.testing.assert_array_equal(t[~kinks], np.where(Z > 0, lam[:, None], 0.0)[~kinks])
    inside = kinks & (t > 1e-6) & (t < lam[:, None] - 1e-6)
    assert inside.sum() > 3  # points that a solver without kinks cannot reach


def test_statuses_and_counts(batch):
    point = batch[2]
    assert np.all(point.status == kkt.KinkStatus.SOLVED)
    assert np.all(point.rises == 0)
    assert np.all(point.objective <= point.first_objective * (1 + 1e-12))
    assert np.any(point.flips > 0)
    assert np.all(point.objective[point.flips > 0] < point.first_objective[point.flips > 0])
    assert np.max(point.range_error) < 1e-13
    assert np.max(point.kink_error) < 1e-13
    assert np.min(point.kink_gap) > 1e-7


@pytest.mark.slow
def test_clarke_residual_agrees(batch):
    """The QP finds the multipliers again: stationarity at rounding level, where autodiff's is far from 0."""
    _, s, point = batch
    found = jax.jit(jax.vmap(clarke.best_clarke_multipliers))(point.net, s.G, s.y)
    assert np.max(np.asarray(found.residuals)) < 1e-11
    np.testing.assert_allclose(found.lam, point.lam, atol=1e-8)
    naive = jax.jit(jax.vmap(clarke.autodiff_residual))(point.net, s.G, s.y)
    assert np.min(naive.residuals.stationarity) > 1e-3


def pattern_minimum(G, y, u, pattern) -> float:
    """min ½‖W‖² subject to margins ≥ 1 and signs of the pattern, by Clarabel in R^m."""
    L = np.linalg.cholesky(G)
    m, n = pattern.shape
    s = np.asarray(pattern, float)
    margin = sp.csc_matrix(np.einsum("i,j,ij,ia->ija", y, u, s, L).reshape(m, n * m))
    sign = sp.csc_matrix(np.einsum("ij,ia,jk->ijka", 2 * s - 1, L, np.eye(n)).reshape(m * n, n * m))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    right = np.concatenate([-np.ones(m), np.zeros(m * n)])
    constraints = -sp.vstack([margin, sign]).tocsc()
    cones = [clarabel.NonnegativeConeT(m + m * n)]
    quadratic = sp.eye_array(n * m).tocsc()
    return clarabel.DefaultSolver(quadratic, np.zeros(n * m), constraints, right, cones, settings).solve().obj_val


@pytest.mark.parametrize("b", [0, 2, 4])
def test_first_pattern_solved_as_clarabel_does(batch, b):
    net, s, point = pick(batch, b)
    pattern = np.asarray(two_layer.preactivations(net, s.G) > 0)[:, : N - 2]
    reference = pattern_minimum(*(np.asarray(a) for a in (s.G, s.y, net.u[: N - 2])), pattern)
    np.testing.assert_allclose(point.first_objective, reference, rtol=1e-8)


def test_forgotten_points_leave_the_problem(batch):
    """Leaving points out equals solving the smaller problem."""
    net, s, _ = pick(batch, 0)
    kept = np.arange(M) < M - 2
    pattern = two_layer.preactivations(net, s.G) > 0
    point = solve(net.u, s.G, s.y, pattern, jnp.asarray(kept))
    alone = solve(net.u, s.G[np.ix_(kept, kept)], s.y[kept], pattern[kept])
    assert point.status == kkt.KinkStatus.SOLVED
    np.testing.assert_allclose(point.net.C[:, : M - 2], alone.net.C, atol=1e-12)
    assert np.all(point.net.C[:, M - 2 :] == 0)
    assert float(point.residuals.complementarity) <= 1e-12


def test_restart_from_the_solution_is_immediate(batch):
    _, s, point = pick(batch, 1)
    again = solve(point.net.u, s.G, s.y, point.pattern, None, point.kinks)
    assert again.iterations == 1
    np.testing.assert_allclose(again.net.C, point.net.C, atol=1e-12)


def test_hand_worked():
    """Points at inner product −1/2, u = (1, −1): λ = 2, w₁ = 2(x₁ + x₂), w₂ = 0 with both its pairs kinks, t = 0."""
    start = spanned(jnp.array([1.0, -1.0]), jnp.array([[5.0, 3.0], [0.6, 0.4]]))
    point = kkt.find_kkt_point(start, jnp.array([[1.0, -0.5], [-0.5, 1.0]]), jnp.ones(2))
    np.testing.assert_allclose(point.lam, 2.0, rtol=1e-14)
    np.testing.assert_allclose(point.net.C, [[2.0, 2.0], [0.0, 0.0]], atol=1e-14)
    np.testing.assert_allclose(point.objective, 2.0, rtol=1e-14)


@pytest.mark.slow
def test_training_in_space_leads_to_the_same_point():
    """Same data, 200 steps on W and on C, then the solver: the same KKT point."""
    keys = jax.random.split(jax.random.key(5), 2)
    X = jax.random.normal(keys[0], (M, 60)) / jnp.sqrt(60.0)
    y, u = jnp.where(jnp.arange(M) % 3 == 0, 1.0, -1.0), output_weights(N)
    W0 = 0.1 * jax.random.normal(keys[1], (N, 60)) / jnp.sqrt(60.0)
    W = two_layer_flow.train_in_space(u, W0, X, y, jnp.ones(M, bool), 200)
    G = X @ X.T
    net = two_layer_flow.train_two_layer(from_weights(u, W0, X), G, y, steps=200).end
    a, b = kkt.find_kkt_point(from_weights(u, W, X), G, y), kkt.find_kkt_point(net, G, y)
    np.testing.assert_array_equal(a.pattern, b.pattern)
    np.testing.assert_allclose(a.net.C, b.net.C, atol=1e-12)


def test_no_active_neuron_is_said():
    """One neuron of the wrong sign: no weights with the pattern reach the margin."""
    point = solve(jnp.array([-1.0, 1.0]), jnp.eye(1), jnp.ones(1), jnp.array([[True, False]]))
    assert point.status == kkt.KinkStatus.NO_ACTIVE_NEURON
    assert "train longer" in kkt.KinkStatus(int(point.status)).message


def faulty(**change):
    net = spanned(jnp.array([1.0, -1.0]), jnp.array([[2.0, 2.0], [0.0, 0.0]]))
    return kkt.find_kkt_point(**({"net": net, "gram": jnp.eye(2), "y": jnp.ones(2)} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"net": spanned(jnp.zeros(0), jnp.zeros((0, 2)))}, "got width 0", id="width 0"),
        pytest.param({"net": spanned(jnp.ones(2), jnp.full((2, 2), jnp.nan))}, "C: expected finite", id="NaN weights"),
        pytest.param(
            {"net": TwoLayer(jnp.ones(3), jnp.zeros((2, 2)), jnp.zeros((2, 2)), jnp.zeros(2))}, "3 rows", id="u"
        ),
        pytest.param({"memory_limit": 100}, "a solve at m = 2, n = 2 needs 0.32 kB, more than the 0.1 kB", id="memory"),
        pytest.param({"y": jnp.array([1.0, 0.5])}, "expected labels -1 or", id="labels"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        faulty(**change)


def test_not_separated():
    with pytest.raises(NotSeparated, match="at point 1"):
        faulty(y=jnp.array([1.0, -1.0]))


def test_failure_is_raised():
    """Two copies of a point: the Gram matrix is singular, and the two multipliers are not determined."""
    with pytest.raises(RuntimeError, match="singular system"):
        faulty(gram=jnp.ones((2, 2)))
