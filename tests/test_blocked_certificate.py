"""Certificates by blocks against the dense ones, and all leave-one-out certificates against retraining each."""

import numpy as np
import pytest

from theory.blocked_certificate import certificate_blocked, leave_one_out_certificates
from theory.solvers.blocked_margin import solve_margin_blocked
from theory.solvers.device_rows import place
from theory.unlearning.support_step import support_steps

M, D = 90, 40


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(5)
    y = rng.choice([-1.0, 1.0], M)
    X = rng.standard_normal((M, D)) / np.sqrt(D)
    X[:, 0] += y
    rows = place(X)
    return X, y, rows, solve_margin_blocked(rows, y)


def test_every_leave_one_out_model_is_within_its_bound(problem):
    X, y, rows, trained = problem
    found = leave_one_out_certificates(rows, y, trained, block=7)
    support = np.flatnonzero(trained.support)
    steps = list(support_steps(rows, y, np.asarray(trained.lam), block=7))
    assert [len(step.left_out) for step in steps] == [7] * (len(support) // 7) + [len(support) % 7] * (
        len(support) % 7 > 0
    )
    weights = np.concatenate([step.weights(rows, y) for step in steps])
    w = np.asarray(trained.w)
    length, exact = np.linalg.norm(w), 0
    for l, model in zip(support, weights, strict=True):
        target = np.asarray(solve_margin_blocked(rows, y, forget=[l], warm_start=trained).w)
        kept = np.arange(M) != l
        witness = model + found.back[l] * (w - model)
        margins = y * (X @ witness)
        assert margins[kept].min() > 1.0 - 1e-9
        assert np.linalg.norm(witness - target) <= found.distance_bound[l] + 1e-9 * length
        assert np.linalg.norm(model - target) <= found.distance_bound[l] + 1e-9 * length
        cosine = model @ witness / np.linalg.norm(model) / np.linalg.norm(witness)
        assert found.tau[l] == pytest.approx(1.0 - cosine, abs=1e-12)
        assert found.least_margin[l] == pytest.approx((y * (X @ model))[kept].min(), abs=1e-10)
        if found.exact[l]:
            exact += 1
            assert np.linalg.norm(model - target) < 1e-7 * length
    assert 0 < exact < len(support)
    assert 0 < found.back.max() < 1
    assert found.delta.max() < 1e-10


def test_the_certificate_is_what_the_witness_gives(problem):
    X, y, rows, trained = problem
    found = leave_one_out_certificates(rows, y, trained)
    for step in support_steps(rows, y, np.asarray(trained.lam)):
        for l, multipliers, model in zip(step.left_out, step.multipliers, step.weights(rows, y), strict=True):
            witness = model + found.back[l] * (np.asarray(trained.w) - model)
            lam = np.maximum(multipliers, 0.0)
            error = np.linalg.norm(witness - (lam * y[step.support]) @ X[step.support])
            assert found.epsilon[l] == pytest.approx(error, rel=1e-8, abs=1e-9)
            assert np.abs(lam * ((y * (X @ witness))[step.support] - 1.0)).max() < 1e-9


def test_points_off_the_support_change_nothing(problem):
    _, y, rows, trained = problem
    found = leave_one_out_certificates(rows, y, trained)
    off = ~found.support
    assert found.exact[off].all()
    assert found.distance_bound[off].max() < 1e-5
    left = np.flatnonzero(off)[0]
    np.testing.assert_allclose(solve_margin_blocked(rows, y, forget=[left]).w, trained.w, atol=1e-10)


def test_where_all_are_support_vectors_every_step_is_retraining():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 4000)) / np.sqrt(4000), rng.choice([-1.0, 1.0], 20)
    trained = solve_margin_blocked(X, y)
    found = leave_one_out_certificates(X, y, trained)
    assert found.support.all()
    assert found.exact.all()
    assert found.epsilon.max() == 0.0
    np.testing.assert_array_equal(found.back, 0.0)


@pytest.mark.slow
def test_the_certificate_of_a_model_is_the_dense_one(problem):
    from theory.certificate import certificate

    X, y, _, trained = problem
    w = np.asarray(trained.w) + 0.05 * np.random.default_rng(1).standard_normal(D)
    for slackness in (0.0, 0.3):
        found, dense = (function(w, X, y, [2, 5], slackness) for function in (certificate_blocked, certificate))
        assert float(found.epsilon) == pytest.approx(float(dense.epsilon), rel=1e-9)
        assert float(found.delta) == pytest.approx(float(dense.delta), rel=1e-7)
        assert float(found.distance_bound) == pytest.approx(float(dense.distance_bound), rel=1e-8)
        found.verify(w, X, y, [2, 5])
    assert not certificate_blocked(-w, X, y, [2]).feasible


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda X, y, t: leave_one_out_certificates(X[:5], y[:5], t), "trained: expected a solution on these 5 points"),
        (lambda X, y, t: leave_one_out_certificates(X, y, t, block=0), "block: expected at least 1 model, got 0"),
        (lambda X, y, t: leave_one_out_certificates(X, y, t._replace(w=None)), "with weights"),
        (lambda X, y, t: certificate_blocked(t.w, X, y, [1], slackness=-1.0), "slackness: expected a finite weight"),
        (lambda X, y, t: certificate_blocked(t.w[:3], X, y, [1]), f"w: expected {D} weights"),
    ],
)
def test_bad_input_is_refused(call, said, problem):
    X, y, _, trained = problem
    with pytest.raises(ValueError, match=said):
        call(X, y, trained)


def test_dependent_support_vectors_are_refused(problem):
    X, y, _, trained = problem
    l = int(np.flatnonzero(trained.support)[0])
    twice = trained._replace(lam=np.append(trained.lam, trained.lam[l]), margins=np.append(trained.margins, 1.0))
    with pytest.raises(ValueError, match="expected independent support vectors"):
        leave_one_out_certificates(np.vstack([X, X[l]]), np.append(y, y[l]), twice)
