"""Batched max-margin against the single solver, its own guess, and bad input."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from theory.solvers.active_guess import guess_active
from theory.solvers.margin import solve_margin
from theory.solvers.margin_batch import solve_margin_batch
from theory.solvers.nonneg_qp import Status


def _separable(n: int, m: int, d: int, gap: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(m + d)
    X, y = rng.standard_normal((n, m, d)), np.where(rng.random((n, m)) < 0.5, -1.0, 1.0)
    X[:, :, 0] = y * (np.abs(X[:, :, 0]) + gap)
    return X, y


@pytest.mark.parametrize(
    ("m", "d"),
    [
        pytest.param(7, 20, id="m < d"),
        pytest.param(1, 1, id="one point", marks=pytest.mark.slow),
        pytest.param(12, 4, id="singular Gram", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("from_gram", [False, True], ids=["points", "gram"])
def test_same_as_one_at_a_time(m: int, d: int, from_gram: bool) -> None:
    X, y = _separable(5, m, d)
    grams = X @ X.transpose(0, 2, 1)
    batch = solve_margin_batch(gram=grams, y=y) if from_gram else solve_margin_batch(X, y)
    assert (batch.status == Status.OPTIMAL).all()
    assert batch.relative_residual.max() <= 1e-12
    for each in range(5):
        single = solve_margin(gram=grams[each], y=y[each]) if from_gram else solve_margin(X[each], y[each])
        np.testing.assert_allclose(batch.margins[each], single.margins, rtol=0, atol=1e-11)
        if not from_gram:
            np.testing.assert_allclose(batch.w[each], single.w, rtol=0, atol=1e-11 * np.linalg.norm(single.w))


def test_by_hand() -> None:
    """x₁ = (2, 0), x₂ = (0, −1), labels + and −: λ = (¼, 1), w = (½, 1)."""
    solution = solve_margin_batch([[[2.0, 0.0], [0.0, -1.0]]], [[1.0, -1.0]])
    np.testing.assert_allclose(solution.lam, [[0.25, 1.0]])
    np.testing.assert_allclose(solution.w, [[0.5, 1.0]])


@pytest.mark.slow
def test_problems_without_a_solution_do_not_spoil_the_others() -> None:
    X, y = _separable(4, 5, 3)
    X[1, 0], X[1, 1], y[1, :2] = X[1, 2], X[1, 2], (1.0, -1.0)  # one point, both labels
    X[2, 3] = 0.0
    solution = solve_margin_batch(X, y)
    assert solution.status.tolist() == [Status.OPTIMAL, Status.INFEASIBLE, Status.INFEASIBLE, Status.OPTIMAL]
    assert np.isinf(solution.relative_residual[1:3]).all()
    combination = solution.certificate[1] @ (y[1][:, None] * X[1])
    assert solution.certificate[1].sum() == pytest.approx(1.0)
    np.testing.assert_allclose(combination, 0.0, atol=1e-12)


@pytest.mark.slow
def test_thin_margins_go_to_the_full_solver() -> None:
    """Margin 1e-4 in 2 dimensions: K has condition number 1e8, too much to believe one float64 system."""
    X = np.array([[[1.0, 1e-4], [-1.0, 1e-4], [0.5, 2e-4]]])
    y = np.ones((1, 3))
    solution = solve_margin_batch(X, y)
    assert solution.status.tolist() == [Status.OPTIMAL]
    np.testing.assert_allclose(solution.w, [[0.0, 1e4]], rtol=1e-6, atol=1e-3)


@pytest.mark.slow
def test_chunks_and_padding_do_not_show() -> None:
    X, y = _separable(53, 60, 80)  # chunks of 34: one full, one filled up
    whole, some = solve_margin_batch(X, y), solve_margin_batch(X[40:], y[40:])
    assert whole.lam.shape == (53, 60)
    np.testing.assert_allclose(whole.lam[40:], some.lam, rtol=1e-10, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("m", [1, 5, 23], ids=["m = 1", "one block", "a part of a block"])
def test_enough_sweeps_find_the_support(m: int) -> None:
    X, y = _separable(1, m, 2 * m)
    Z = y[0][:, None] * X[0]
    guess = guess_active(jnp.asarray(Z @ Z.T), jnp.ones(m), jnp.ones(m, bool), 200)
    assert np.asarray(guess).tolist() == np.asarray(solve_margin(X[0], y[0]).support).tolist()


def test_guess_keeps_to_the_allowed_and_to_nonzero_points() -> None:
    K = jnp.diag(jnp.array([1.0, 2.0, 0.0]))
    assert guess_active(K, jnp.ones(3), jnp.array([True, False, True])).tolist() == [True, False, False]


GOOD = np.ones((2, 3, 4))
LABELS = np.ones((2, 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": GOOD, "gram": GOOD, "y": LABELS}, "exactly one of X and gram"),
        ({"y": LABELS}, "exactly one of X and gram"),
        ({"X": GOOD[0], "y": LABELS}, r"X: expected points \(n, m, d\).*got shape \(3, 4\)"),
        ({"gram": GOOD, "y": LABELS}, r"gram: expected Gram matrices \(n, m, m\).*got shape \(2, 3, 4\)"),
        ({"X": GOOD, "y": LABELS[:1]}, r"y: expected labels of shape \(2, 3\).*got shape \(1, 3\)"),
        ({"X": GOOD, "y": 0 * LABELS}, r"y: expected labels -1 or \+1, got 0"),
        ({"X": GOOD * np.nan, "y": LABELS}, r"X: expected finite numbers, got nan"),
        ({"gram": np.triu(np.ones((2, 3, 3))), "y": LABELS}, "gram: expected symmetric matrices"),
        ({"X": GOOD[:0], "y": LABELS[:0]}, "X: expected points"),
        ({"X": GOOD}, "y: expected labels"),
    ],
    ids=[
        "both",
        "neither",
        "two axes",
        "not square",
        "labels' shape",
        "0 labels",
        "NaN",
        "asymmetric",
        "empty",
        "no y",
    ],
)
def test_bad_input(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        solve_margin_batch(**arguments)
