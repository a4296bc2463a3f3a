"""The worst-case forget set of ridge regression: exact searches agree, and the heuristics are what they say."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from theory.solvers.bilevel_ridge import LOWER_LEVELS, select_bilevel, weighted_ridge
from theory.solvers.branch_and_bound import branch_and_bound
from theory.solvers.reachable_step import reachable
from theory.solvers.worst_ridge import check_size, enumerate_sets, exchange, greedy, leave_out

CASES = {  # N, d, μ, k
    "few columns": (20, 4, 0.4, 3),
    "square": (20, 20, 2.0, 4),
    "many columns": (18, 40, 4.0, 5),
    "one": (9, 3, 1.0, 1),
}


def data(N, d, seed=0):
    draw = np.random.default_rng(seed)
    X = draw.standard_normal((N, d))
    return X, X @ draw.standard_normal(d) / np.sqrt(d) + 0.5 * draw.standard_normal(N)


def refitted(X, y, mu, forget):
    """‖y_F − X_F w_R‖² with w_R by least squares of the rows R stacked on √μ I."""
    kept = np.setdiff1d(np.arange(len(y)), forget)
    rows = np.concatenate([X[kept], np.sqrt(mu) * np.eye(X.shape[1])])
    w = np.linalg.lstsq(rows, np.concatenate([y[kept], np.zeros(X.shape[1])]), rcond=None)[0]
    return np.sum((y[forget] - X[forget] @ w) ** 2)


@pytest.mark.parametrize("case", CASES)
def test_branch_and_bound_is_exact(case):
    N, d, mu, k = CASES[case]
    for seed in range(4):
        X, y = data(N, d, seed)
        problem = leave_out(X, y, mu)
        best, value = enumerate_sets(problem, k)
        found = branch_and_bound(problem, k)
        assert found.optimal
        assert found.gap == 0.0
        np.testing.assert_array_equal(found.indices, best)
        np.testing.assert_allclose([found.value, refitted(X, y, mu, best)], value, rtol=1e-9)


def test_enumeration_by_refitting_every_set():
    X, y = data(7, 3)
    sets = np.array(list(itertools.combinations(range(7), 3)))
    losses = [refitted(X, y, 0.5, chosen) for chosen in sets]
    best, value = enumerate_sets(leave_out(X, y, 0.5), 3)
    np.testing.assert_array_equal(best, sets[np.argmin(losses)])
    np.testing.assert_allclose(value, min(losses), rtol=1e-10)


def test_a_large_problem_is_certified():
    """C(300, 5) = 2e10 sets."""
    found = branch_and_bound(leave_out(*data(300, 30), 3.0), 5)
    assert found.optimal
    assert found.nodes < 1000


def test_a_search_cut_short_says_how_far_it_came():
    problem = leave_out(*data(30, 30), 0.05)
    value = branch_and_bound(problem, 6).value
    for nodes in (1, 20, 60):
        cut = branch_and_bound(problem, 6, max_nodes=nodes)
        assert not cut.optimal
        assert cut.nodes == nodes
        assert 0.0 <= cut.lower <= value * (1 + 1e-9) <= cut.value * (1 + 2e-9)
        assert 0.0 < cut.gap <= 1.0


def test_residuals_of_zero_are_the_worst_set():
    """Labels that a model fits everywhere: every set is forgotten without an error."""
    X, _ = data(8, 3)
    problem = leave_out(X, np.zeros(8), 1.0)
    assert branch_and_bound(problem, 3).optimal
    assert branch_and_bound(problem, 3).value == 0.0


def test_greedy_can_be_wrong_and_swaps_can_mend_it():
    worse, mended = 0, 0
    for seed in range(40):
        problem = leave_out(*data(14, 12, seed), 0.1)
        best = enumerate_sets(problem, 4)[1]
        first = greedy(problem, 4)
        second = exchange(problem, first[0])
        assert first[1] >= second[1] >= best * (1 - 1e-9)
        worse += first[1] > best * (1 + 1e-9)
        mended += first[1] > second[1] * (1 + 1e-9)
    assert worse > mended > 0


def test_the_retrained_lower_level_of_a_binary_start_is_the_retrained_model():
    X, y = data(12, 4)
    forget = np.array([1, 5, 7])
    start = np.isin(np.arange(12), forget).astype(float)
    w = np.asarray(weighted_ridge(*map(jnp.asarray, (X, y, 0.7, 1.0 - start))))
    np.testing.assert_allclose(np.sum((y - X @ w)[forget] ** 2), refitted(X, y, 0.7, forget), rtol=1e-10)
    for lower in LOWER_LEVELS[:2]:
        found = select_bilevel(X, y, 0.7, start, 0.1, lower=lower, iterations=2)
        np.testing.assert_allclose(found.objective[0], refitted(X, y, 0.7, forget), rtol=1e-10)


@pytest.mark.parametrize("lower", LOWER_LEVELS)
def test_selection_is_held_by_a_step_that_cannot_reach(lower):
    """A step a little below the least that can change a set leaves the start; one far above does not."""
    X, y = data(40, 8)
    start = np.arange(40) < 4
    losses = (y - X @ np.asarray(weighted_ridge(*map(jnp.asarray, (X, y, 1.0, np.ones(40)))))) ** 2
    reach = reachable(1.0, 20, losses)
    small, large = 0.02 * reach.least_alpha, 1e3 * reach.least_alpha
    still = select_bilevel(X, y, 1.0, start, small, lower=lower)
    moved = select_bilevel(X, y, 1.0, start, large, lower=lower)
    np.testing.assert_array_equal(still.indices, np.arange(4))
    assert not np.array_equal(moved.indices, np.arange(4))
    assert still.reach < 1 < moved.reach
    np.testing.assert_allclose([np.sum(still.w), np.sum(moved.w)], 4.0)


def test_reach_by_hand():
    """Losses 0 to 2 and α = 1/100: 20 iterations reach 0.4, and 50 are the least for 1."""
    low = reachable(0.01, 20, [0.0, 1.0, 2.0])
    assert (low.reach, low.can_change, low.least_alpha) == (pytest.approx(0.4), False, pytest.approx(0.025))
    assert "0.4, below 1: the forget set stays as it started; raise alpha to 0.025" in low.message
    assert reachable(0.01, 50, [0.0, 1.0, 2.0]).can_change
    assert not reachable(0.01, 99, [0.0, 1.0, 2.0]).can_swap
    assert reachable(0.01, 100, [0.0, 1.0, 2.0]).can_swap
    assert reachable(0.01, 20, [0.0, 2.0], gamma=0.5).reach == pytest.approx(0.6)
    assert reachable(0.5, 2, [[0.0, 1.0], [0.0, 3.0]]).reach == pytest.approx(2.0)
    assert reachable(1.0, 5, [2.0, 2.0]).least_alpha == np.inf


PROBLEM = (*data(6, 2), 1.0)
BAD = {
    "k is 0": (lambda: greedy(leave_out(*PROBLEM), 0), "k: expected a whole number from 1 to 5"),
    "k is all": (lambda: branch_and_bound(leave_out(*PROBLEM), 6), "k: expected a whole number from 1 to 5"),
    "k is a fraction": (lambda: check_size(leave_out(*PROBLEM), 2.5), "k: expected a whole number"),
    "too many sets": (lambda: enumerate_sets(leave_out(*data(60, 2), 1.0), 20), "use branch_and_bound"),
    "no nodes": (lambda: branch_and_bound(leave_out(*PROBLEM), 2, max_nodes=0), "max_nodes: expected at least 1"),
    "no penalty": (lambda: leave_out(*PROBLEM[:2], 0.0), "mu: expected a ridge penalty > 0, got 0"),
    "tiny penalty": (lambda: branch_and_bound(leave_out(*data(9, 6), 1e-12), 2), "mu: too small, I - H has condition"),
    "labels": (lambda: leave_out(PROBLEM[0], PROBLEM[1][:5], 1.0), "y: expected 6 labels"),
    "start": (lambda: select_bilevel(*PROBLEM, np.full(6, 0.3), 1.0), "start: expected 6 weights"),
    "start outside": (lambda: select_bilevel(*PROBLEM, [2.0, 0, 0, 0, 0, 0], 1.0), "start: expected 6 weights"),
    "lower": (lambda: select_bilevel(*PROBLEM, [1.0, 0, 0, 0, 0, 0], 1.0, lower="sgd"), "lower: expected one of"),
    "iterations": (lambda: select_bilevel(*PROBLEM, [1.0, 0, 0, 0, 0, 0], 1.0, iterations=0), "iterations: expected"),
    "alpha": (lambda: reachable(0.0, 20, [0.0, 1.0]), "alpha: expected a finite step > 0, got 0"),
    "gamma": (lambda: reachable(1.0, 20, [0.0, 1.0], np.nan), "gamma: expected a finite number"),
    "rows": (lambda: reachable(1.0, 20, np.ones((3, 2))), "losses: expected 20 rows"),
    "no iteration": (lambda: reachable(1.0, 0, [0.0, 1.0]), "iterations: expected at least 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case):
    call, said = BAD[case]
    with pytest.raises(ValueError, match=said):
        call()
