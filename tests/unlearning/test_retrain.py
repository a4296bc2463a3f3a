"""Retraining from scratch and decrementally end at one model."""

import numpy as np
import pytest

from theory.solvers.margin import solve_margin
from theory.unlearning.leave_one_out import unlearn_each
from theory.unlearning.retrain import decremental, retrain

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 6)) + 0.3
Y = np.where(X @ RNG.standard_normal(6) >= 0, 1.0, -1.0)


@pytest.mark.slow
def test_equals_training_without_the_points():
    found, direct = retrain(X, Y, [3, 7]), solve_margin(np.delete(X, [3, 7], axis=0), np.delete(Y, [3, 7]))
    np.testing.assert_allclose(found.w, direct.w, rtol=0, atol=1e-12 * np.linalg.norm(direct.w))
    np.testing.assert_array_equal(np.asarray(found.lam)[[3, 7]], [0.0, 0.0])


def test_decremental_reaches_the_same_model():
    trained = solve_margin(X, Y, forget=[19])  # any first model
    support = np.flatnonzero(np.asarray(trained.support))
    bystander = int(np.setdiff1d(np.arange(19), support)[0])
    for forget in ([19, int(support[0])], [19, bystander]):
        scratch, warm = retrain(X, Y, forget), decremental(X, Y, forget, trained.support)
        np.testing.assert_allclose(warm.w, scratch.w, rtol=0, atol=1e-12 * np.linalg.norm(scratch.w))
    assert int(warm.exchanges) == 0, "forgetting a point off the margin changes nothing"


REFUSED = {
    "dependent points": (lambda: unlearn_each(X @ X.T, Y, np.ones(20)), r"gram: expected a positive definite matrix"),
    "one point": (lambda: unlearn_each([[1.0]], [1.0], [1.0]), "gram: expected at least two points"),
    "multipliers": (lambda: unlearn_each(np.eye(3), Y[:3], np.ones(2)), r"lam: expected 3 multipliers.* \(2,\)"),
    "warm start": (lambda: decremental(X, Y, [0], np.ones(3, bool)), r"warm_start: .* shape \(20,\), got shape \(3,\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case):
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()
