"""The audit against what is known: exact cases, independent certificates, and the two-layer bounds."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import forgetproof
from experiments.audit import OWN, audit, prepare
from experiments.audit_membership import membership
from theory.two_layer_certificate import network_certificates

M, D, FORGET = 12, 400, [0, 5]


@pytest.fixture(scope="module")
def points():
    """Nearly orthogonal points: every one is a support vector."""
    draw = np.random.default_rng(0)
    X = draw.standard_normal((M, D)) / np.sqrt(D)
    return X, np.where(np.arange(M) % 3, 1.0, -1.0)


@pytest.fixture(scope="module")
def trained(points):
    return np.asarray(forgetproof.solve_margin(*points).w)


@pytest.fixture(scope="module")
def linear(points, trained):
    X, y = points
    own = np.asarray(forgetproof.solve_margin(X, y, forget=FORGET).w)
    return audit({"w": 3.0 * trained}, X, y, FORGET, test=(X[:4] + 0.01, y[:4]), unlearned={"w": 7.0 * own})


def method(found, name):
    return next(entry for entry in found.record["methods"] if entry["name"] == name)


def rows(found, theorem):
    return {row["name"]: row["holds"] for row in found.record["hypotheses"] if row["theorem"] == theorem}


def test_an_exact_model_has_no_residual_and_projecting_is_retraining(linear):
    before = linear.record["before"]
    assert before["least_margin"] == pytest.approx(3.0)
    assert max(before["residuals"].values()) < 1e-9
    assert before["distance_to_max_margin"] < 1e-9
    assert all(rows(linear, "L4").values())
    assert method(linear, "projected ascent")["distance"] < 1e-9
    assert method(linear, "retraining")["distance"] < 1e-12
    assert method(linear, OWN)["distance"] < 1e-9
    assert 1e-4 < method(linear, "plain ascent")["distance"] < method(linear, "nothing")["distance"]


def test_every_distance_keeps_its_bound_and_certificates_are_those_of_the_library(linear, points):
    for entry in linear.record["methods"]:
        assert entry["feasible"]
        assert entry["distance"] <= entry["distance_bound"] * (1 + 1e-9) + 1e-12
        w = linear.models[entry["name"]].weights[0] / 3.0
        again = forgetproof.certificate(w, *points, FORGET, slackness=linear.record["settings"]["slackness"])
        again.verify(w, *points, FORGET)
        assert entry["epsilon"] == pytest.approx(float(again.epsilon), abs=1e-9)
        assert entry["delta"] == pytest.approx(float(again.delta), abs=1e-9)


def test_plain_ascent_removes_the_terms_of_the_forget_set(linear, points, trained):
    X, y = points
    lam = np.asarray(forgetproof.solve_margin(X, y).lam)
    wanted = 3.0 * (trained - X[FORGET].T @ (lam * y)[FORGET])
    np.testing.assert_allclose(linear.models["plain ascent"].weights[0], wanted, rtol=1e-9, atol=1e-10)


def test_a_share_of_the_step_is_on_the_way(points, trained):
    X, y = points
    for name in ("plain ascent", "projected ascent"):
        whole = prepare({"w": trained}, X, y, FORGET)[0].unlearned(name).weights
        half = prepare({"w": trained}, X, y, FORGET, fraction=0.5)[0].unlearned(name).weights
        np.testing.assert_allclose(half, 0.5 * (trained + whole), rtol=1e-9, atol=1e-12)


def test_the_record_is_plain_json(linear):
    text = json.dumps(linear.record, allow_nan=False)
    assert json.loads(text)["model"]["forget"] == FORGET


def test_a_bias_is_the_weight_of_a_constant_feature(points):
    X, y = points
    X = X[:, :-1]
    joined = np.concatenate([X, np.ones((M, 1))], axis=1)
    w = np.asarray(forgetproof.solve_margin(joined, y).w)
    biased = prepare({"w": w[:-1], "b": w[-1]}, X, y, FORGET)[0]
    plain = prepare({"w": w}, joined, y, FORGET)[0]
    for name in ("plain ascent", "projected ascent", "retraining"):
        np.testing.assert_allclose(biased.unlearned(name).weights, plain.unlearned(name).weights, rtol=1e-9)
    assert biased.unlearned("plain ascent").bias[0] != biased.model.bias[0]


def test_a_model_that_does_not_separate_is_named_so(points, trained):
    X, y = points
    found = audit({"w": trained}, X, np.where(np.arange(M) == 3, -y, y), FORGET)
    before = found.record["before"]
    assert (before["separates"], before["wrong"], before["residuals"]) == (False, 1, None)
    assert before["data_separable"]
    assert "does not separate its points (1 of 12" in before["says"]
    assert method(found, "nothing")["epsilon"] is None
    assert method(found, "nothing")["retained_accuracy"] == 90.0
    assert method(found, "retraining")["feasible"]
    assert method(found, "retraining")["membership"] is None
    assert any("membership attack were not run" in note for note in found.record["model"]["notes"])


def test_points_that_nothing_separates_have_no_retrained_model(points, trained):
    X, y = points
    X = np.concatenate([X[:-1], -X[1:2]])  # point 1 and its mirror image with one label
    found = audit({"w": trained}, X, np.where(np.arange(M) == M - 1, y[1], y), FORGET)
    assert found.record["before"]["data_separable"] is False
    assert "not separable" in method(found, "retraining")["note"]
    assert "retraining" not in found.models
    json.dumps(found.record, allow_nan=False)


def test_the_attack_sees_what_a_model_remembers():
    draw = np.random.default_rng(0)
    confidence = np.concatenate([0.95 + 0.04 * draw.uniform(size=60), 0.5 + 0.05 * draw.uniform(size=5)])
    forget = np.arange(65) >= 60
    unseen = 0.5 + 0.05 * draw.uniform(size=40)
    assert membership(confidence, forget, unseen, 0) == 100.0
    assert membership(np.where(forget, 0.97, confidence), forget, unseen, 0) == 0.0


@pytest.fixture(scope="module")
def network():
    """A network near a Clarke-KKT point, with a first-layer bias, and its audit."""
    draw = np.random.default_rng(1)
    m, d, n = 6, 30, 12
    X = draw.standard_normal((m, d)) / 2.0
    y = np.where(np.arange(m) % 2, 1.0, -1.0)
    joined = np.concatenate([X, np.ones((m, 1))], axis=1)
    u = forgetproof.output_weights(n)
    start = forgetproof.from_weights(u, jnp.asarray(0.1 * draw.standard_normal((n, d + 1))), jnp.asarray(joined))
    end = forgetproof.train_two_layer(start, joined @ joined.T, y, steps=300).end
    point = forgetproof.find_kkt_point(end, joined @ joined.T, y)
    W = np.asarray(point.net.C) @ joined
    return audit({"W": W[:, :-1], "u": np.asarray(u), "b": W[:, -1]}, X, y, [2], steps=100), joined, y


def test_the_residuals_of_an_exact_network_vanish_and_its_kinks_are_seen(network):
    before = network[0].record["before"]
    assert before["separates"]
    assert max(before["residuals"].values()) < 1e-7
    assert before["kinks"] > 0.05


def test_network_certificates_are_those_of_the_library(network):
    found, X, y = network
    model = found.models["projected ascent"]
    net = forgetproof.from_weights(jnp.asarray(model.u), jnp.asarray(model.weights), jnp.asarray(X))
    both = jax.tree.map(np.asarray, network_certificates(net, X @ X.T, y, [2], kink_tolerance=1e-9, slackness=0.5))
    entry = method(found, "projected ascent")
    assert entry["epsilon"] == pytest.approx(float(both.direction.epsilon), rel=1e-4, abs=1e-6)
    assert entry["exact_tau"] == pytest.approx(float(both.exact.tau), rel=1e-4, abs=1e-7)


def test_projecting_keeps_a_networks_outputs_and_retraining_is_one_draw(network):
    found, X, y = network
    kept = np.arange(len(y)) != 2
    scores = {
        name: np.maximum(X @ found.models[name].weights.T, 0.0) @ found.models[name].u
        for name in ("nothing", "projected ascent", "retraining")
    }
    np.testing.assert_allclose(scores["projected ascent"][kept], scores["nothing"][kept], rtol=1e-7)
    assert np.all(y[kept] * scores["retraining"][kept] > 0)
    assert method(found, "retraining")["direction_gap"] == 0.0
    assert any("one draw" in note and "seed 0" in note for note in found.record["model"]["notes"])
    assert rows(found, "T2") == {"the retained part of the step is small": True}


BAD = {
    "overflow": (lambda X, y: ({"w": X[0]}, 1e200 * X, y, [0], {}), "products float64 can hold"),
    "zeros": (lambda X, y: ({"w": X[0]}, 0.0 * X, y, [0], {}), "a retained point that is not 0"),
    "other columns": (lambda X, y: ({"w": np.ones(3)}, X, y, [0], {}), "expected 400 weights a row"),
    "all forgotten": (lambda X, y: ({"w": X[0]}, X, y, list(range(M)), {}), "at least one point to retain"),
    "lengths": (lambda X, y: ({"w": X[0]}, X, y[1:], [0], {}), "expected X"),
    "test columns": (lambda X, y: ({"w": X[0]}, X, y, [0], {"test": (X[:, :3], y)}), "expected 3 weights a row"),
    "another kind": (lambda X, y: ({"w": X[0]}, X, y, [0], {"unlearned": {"W": X[:2], "u": y[:2]}}), "unlearned: exp"),
    "steps": (lambda X, y: ({"w": X[0]}, X, y, [0], {"steps": 0}), "steps: expected at least 1"),
    "fraction": (lambda X, y: ({"w": X[0]}, X, y, [0], {"fraction": np.inf}), "fraction: expected a finite share"),
    "kinks": (lambda X, y: ({"w": X[0]}, X, y, [0], {"kink_tolerance": 1.0}), "kink_tolerance: expected a cosine"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_one_clear_line(case, points):
    make, words = BAD[case]
    *given, options = make(*points)
    with pytest.raises(ValueError, match=words):
        audit(*given, **options)
