"""Unlearning two-layer networks: the step against autodiff in R^r, the theorem's bounds, and every certificate."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory import two_layer_certificate as certificates
from theory.data.wishart import wishart_gram
from theory.models import two_layer
from theory.models.two_layer import TwoLayer, initialise, output_weights, spanned
from theory.solvers.clarke_kkt_point import kkt_point_from_pattern
from theory.solvers.two_layer_flow import NotSeparated, train_in_coefficients
from theory.two_layer_trade_off import trade_off
from theory.unlearning import two_layer_ascent as ascent
from theory.unlearning.ascent import loss_slope

M, N = 8, 20
SETS = {1: [4], 3: [2, 4, 6], M - 1: list(range(M - 1))}


def trained(key, d):
    data_key, start_key = jax.random.split(key)
    s = wishart_gram(data_key, M, d)
    end = train_in_coefficients(
        initialise(start_key, s.factor, output_weights(N), d), s.G, s.y, steps=400, records=2
    ).end
    return s, kkt_point_from_pattern(end.u, s.G, s.y, two_layer.preactivations(end, s.G) > 0)


@pytest.fixture(scope="module")
def batch():
    """Exact KKT points at d = 3m and 20m²."""
    s, point = jax.jit(jax.vmap(trained))(jax.random.split(jax.random.key(4), 2), jnp.array([24.0, 1280.0]))
    assert np.all(point.status == 0)
    return s, point


def pick(batch, b):
    return jax.tree.map(lambda a: a[b], batch)


def mask(k):
    return jnp.zeros(M, bool).at[jnp.asarray(SETS[k])].set(True)


@jax.jit
def certify(s, point, forget):
    """Certificates of both subgradient choices at once: leading axis autodiff, model."""

    def one(weights):
        return certificates.certify_step(point.net, s.G, s.y, point.lam, point.t, forget, weights)

    choices = [ascent.step_weights(point.net, s.G, point.lam, point.t, c) for c in ascent.SUBGRADIENTS]
    return jax.vmap(one)(jnp.stack(choices))


@pytest.mark.parametrize("loss", ["exponential", "logistic"])
def test_plain_step_is_the_gradient_step(batch, loss):
    """θ + Σ β_l ∇ℓ(M_l) with β_l = λ_l/|ℓ′(M_l)|, by autodiff in R^r."""
    s, point = pick(batch, 0)
    X, u, forget = s.factor, point.net.u, mask(3)
    W = point.net.C @ X
    # at kinks autodiff reads the sign of rounding noise, which differs in R^r: move off them
    off = 0.01 * jax.random.normal(jax.random.key(1), point.net.C.shape)
    net, W = spanned(u, point.net.C + off), W + off @ X
    beta = jnp.where(forget, point.lam / loss_slope(two_layer.margins(net, s.G, s.y), loss), 0.0)

    def ascended(hidden):
        M_ = s.y * two_layer.scores(u, hidden, X)
        return jnp.sum(beta * (jnp.exp(-M_) if loss == "exponential" else jax.nn.softplus(-M_)))

    expected = W + jax.grad(ascended)(W)
    found = ascent.unlearn_two_layer(net, s.G, s.y, SETS[3], lam=point.lam, t=point.t)
    np.testing.assert_allclose(found.C @ X, expected, atol=1e-12)


@pytest.mark.parametrize("subgradient", ascent.SUBGRADIENTS)
@pytest.mark.parametrize("k", SETS)
def test_projected_step_moves_no_retained_preactivation(batch, k, subgradient):
    """Against the projector from an SVD in R^r; on F the network does move."""
    s, point = pick(batch, 0)
    arguments = {"subgradient": subgradient, "lam": point.lam, "t": point.t}
    plain = ascent.unlearn_two_layer(point.net, s.G, s.y, SETS[k], "ascent", **arguments)
    found = ascent.unlearn_two_layer(point.net, s.G, s.y, SETS[k], "projected", **arguments)
    keep = np.ones(M, bool)
    keep[SETS[k]] = False
    before, after = (np.asarray(two_layer.preactivations(n, s.G)) for n in (point.net, found))
    np.testing.assert_allclose(after[keep], before[keep], atol=1e-13)
    X = np.asarray(s.factor)
    basis = np.linalg.svd(X[keep], full_matrices=False)[2]
    g = (np.asarray(point.net.C) - np.asarray(plain.C)) @ X
    np.testing.assert_allclose(found.C @ X, point.net.C @ X - (g - g @ basis.T @ basis), atol=1e-12)
    assert np.abs(after - before)[~keep].max() > 0.01


def test_models_own_subgradient_removes_the_point_entirely(batch):
    """With λ s = t the forgotten rows of C vanish: θ′ has no term of F left. Autodiff's choice leaves some."""
    s, point = pick(batch, 0)
    model = ascent.unlearn_two_layer(point.net, s.G, s.y, SETS[3], "ascent", "model", point.lam, point.t)
    assert np.abs(model.C[:, np.asarray(SETS[3])]).max() < 1e-15
    auto = ascent.unlearn_two_layer(point.net, s.G, s.y, SETS[3], "ascent", "autodiff", point.lam, point.t)
    assert np.abs(auto.C[:, np.asarray(SETS[3])]).max() > 1e-3


@pytest.mark.parametrize("k", SETS)
@pytest.mark.parametrize("b", [0, 1])
def test_step_certificate(batch, b, k):
    """ε, δ, τ within the theorem's bounds, for both subgradient choices; the witness passes verification."""
    s, point = pick(batch, b)
    both = certify(s, point, mask(k))
    for choice in range(2):
        step = pick(both, choice)
        for c in (step.certificate, step.refitted):
            assert c.feasible
            assert c.epsilon <= step.epsilon_bound + 1e-13
            assert c.delta <= 1e-12  # the point is exact, so δ₁ = 0
            assert c.tau <= step.tau_bound + 1e-15
            c.verify(step.unlearned, s.G, s.y, SETS[k])
        assert step.refitted.epsilon <= step.certificate.epsilon
    # s λ = t: the bound is ε₁ + ‖P_R g‖ and holds with equality
    model = pick(both, 1)
    np.testing.assert_allclose(model.epsilon_bound, model.projected_size, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(model.certificate.epsilon, model.projected_size, rtol=1e-9, atol=1e-13)


def test_the_checked_certificate_is_the_same(batch):
    s, point = pick(batch, 0)
    model = pick(certify(s, point, mask(3)), 1)
    found = certificates.step_certificate(point.net, s.G, s.y, SETS[3], lam=point.lam, t=point.t)
    for name in ("epsilon_bound", "delta_bound", "tau_bound"):
        np.testing.assert_allclose(getattr(found, name), getattr(model, name), rtol=1e-12, atol=1e-15)
    with pytest.raises(ValueError, match=r"every margin >= 1, got 0\.5"):
        certificates.step_certificate(two_layer.scaled(point.net, 0.5), s.G, s.y, SETS[3])
    with pytest.raises(ValueError, match="subgradient: expected one of"):
        certificates.step_certificate(point.net, s.G, s.y, SETS[3], "relu")


def test_projected_ascent_is_the_witness(batch):
    s, point = pick(batch, 1)
    step = pick(certify(s, point, mask(3)), 0)
    found = ascent.unlearn_two_layer(point.net, s.G, s.y, SETS[3], "projected", lam=point.lam, t=point.t)
    np.testing.assert_allclose(found.C, step.certificate.witness.C, atol=1e-13)


def test_a_false_certificate_is_caught(batch):
    s, point = pick(batch, 0)
    step = pick(certify(s, point, mask(1)), 0)
    c = step.certificate
    assert c.epsilon > 0.01
    faults = {
        "epsilon": c._replace(epsilon=0.5 * c.epsilon),
        "tau": c._replace(tau=0.5 * c.tau),
        "dual": c._replace(lam=c.lam.at[0].set(-1.0)),
        "subgradient": c._replace(t=c.t.at[1, 0].add(0.5)),
        "primal": c._replace(witness=two_layer.scaled(c.witness, 0.9)),
        "delta": c._replace(witness=two_layer.scaled(c.witness, 1.1), epsilon=jnp.inf),
    }
    for name, wrong in faults.items():
        with pytest.raises(ValueError, match=f"certificate: {name} is"):
            wrong.verify(step.unlearned, s.G, s.y, SETS[1])


@pytest.mark.parametrize("k", [1, 3])
def test_certificates_of_any_network(batch, k):
    """The plain step's: direction (τ = 0) and exact (ε = δ = 0); both verify."""
    s, point = pick(batch, 1)
    plain = ascent.unlearn_two_layer(point.net, s.G, s.y, SETS[k], "ascent", "model", point.lam, point.t)
    found = certificates.network_certificates(plain, s.G, s.y, SETS[k])
    assert found.direction.tau == 0.0
    assert found.exact.feasible
    assert max(float(found.exact.epsilon), float(found.exact.delta)) <= 1e-12
    found.direction.verify(plain, s.G, s.y, SETS[k])
    found.exact.verify(plain, s.G, s.y, SETS[k])
    untouched = certificates.network_certificates(point.net, s.G, s.y, SETS[k])
    assert found.exact.tau < 0.5 * untouched.exact.tau  # it did unlearn (measured, not a theorem)


@pytest.mark.slow
def test_trade_off(batch):
    """Its ends are the two certificates: ε of θ̃ at share 0, an exact point at share 1; τ grows on the way."""
    s, point = pick(batch, 1)
    forget = mask(1)
    step = pick(certify(s, point, forget), 1)
    exact, solved = certificates.certify_exact(step.unlearned, s.G, s.y, ~forget, point.pattern)
    curve = jax.jit(trade_off)(
        step.unlearned, step.certificate.witness, solved.net, s.G, s.y, ~forget, jnp.linspace(0.0, 1.0, 5)
    )
    np.testing.assert_allclose(curve.epsilon[0], step.refitted.epsilon, rtol=1e-6)
    np.testing.assert_allclose(curve.tau[0], step.certificate.tau, rtol=1e-6)
    np.testing.assert_allclose(curve.tau[-1], exact.tau, rtol=1e-9)
    assert curve.epsilon[-1] < 1e-11
    assert np.all(curve.delta < 1.0)


def test_repeated_small_steps(batch):
    s, point = pick(batch, 1)
    forget = mask(3)
    once = ascent.ascend(point.net, s.y, forget, ascent.step_weights(point.net, s.G, point.lam, point.t, "autodiff"))
    for loss in (None, "exponential", "logistic"):
        one = ascent.ascend_repeatedly(point.net, s.G, s.y, forget, point.lam, 1, loss=loss)
        np.testing.assert_allclose(one.C, once.C, atol=1e-14)
    many = ascent.ascend_repeatedly(point.net, s.G, s.y, forget, point.lam, 50, 1.0)
    keep = np.asarray(~forget)
    np.testing.assert_array_equal(many.C[:, keep], point.net.C[:, keep])
    accelerated = ascent.ascend_repeatedly(point.net, s.G, s.y, forget, point.lam, 50, 1.0, "logistic")
    lower = [two_layer.margins(n, s.G, s.y)[~keep].min() for n in (point.net, many, accelerated)]
    assert lower[0] > lower[1] > lower[2]


def test_multipliers_are_found_when_not_given(batch):
    s, point = pick(batch, 0)
    given = ascent.unlearn_two_layer(point.net, s.G, s.y, 2, subgradient="model", lam=point.lam, t=point.t)
    found = ascent.unlearn_two_layer(point.net, s.G, s.y, 2, subgradient="model")
    np.testing.assert_allclose(found.C, given.C, atol=1e-8)


def test_dependent_points_project_too():
    """Duplicate retained points: the projector is the same as with one of them."""
    G = jnp.array([[1.0, 1.0, 0.5], [1.0, 1.0, 0.5], [0.5, 0.5, 1.0]])
    B = ascent.retained_projector(G, jnp.array([True, True, False]))
    g = jnp.array([[0.0, 0.0, 1.0]])
    np.testing.assert_allclose((g @ B) @ G @ (g @ B).T, [[0.25]], atol=1e-12)
    np.testing.assert_allclose(ascent.reject(g, B) @ G[:, :2], 0.0, atol=1e-12)


def faulty(function=ascent.unlearn_two_layer, **change):
    net = spanned(jnp.array([1.0, -1.0]), jnp.array([[2.0, 2.0], [0.0, 0.0]]))
    arguments = {"net": net, "gram": jnp.eye(2), "y": jnp.ones(2), "forget": 0} | change
    return function(**arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"net": spanned(jnp.zeros(0), jnp.zeros((0, 2)))}, "got width 0", id="width 0"),
        pytest.param({"net": spanned(jnp.ones(2), jnp.full((2, 2), jnp.nan))}, "C: expected finite", id="NaN weights"),
        pytest.param(
            {"net": TwoLayer(jnp.ones(3), jnp.zeros((2, 2)), jnp.zeros((2, 2)), jnp.zeros(2))}, "3 rows", id="u"
        ),
        pytest.param({"forget": [0, 0]}, "forget: expected distinct indices", id="forget twice"),
        pytest.param({"forget": [0, 1]}, "forget: expected at least one point to retain", id="forget all"),
        pytest.param({"method": "descent"}, "method: expected one of ascent, projected, got 'descent'", id="method"),
        pytest.param({"subgradient": "half"}, "subgradient: expected one of autodiff, model, got 'half'", id="choice"),
        pytest.param({"lam": jnp.ones(2)}, "expected both or neither, got lam alone", id="lam alone"),
        pytest.param({"lam": jnp.ones(2), "t": 2 * jnp.ones((2, 2))}, "expected 0 <= t_ij <= lam_i", id="t above lam"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        faulty(**change)


def test_no_certificate_without_separation():
    with pytest.raises(NotSeparated, match="at point 1"):
        faulty(certificates.network_certificates, y=jnp.array([1.0, -1.0]))
