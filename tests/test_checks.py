"""What a user may pass wrongly: every message names the argument, the value and what would be right."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.certificate import certificate
from theory.checks import as_data, as_float_array, as_forget_mask, as_gram, as_labels, as_weights
from theory.solvers.gradient_flow import gradient_flow
from theory.solvers.kkt import kkt_residuals
from theory.solvers.margin import NotSeparable, solve_margin
from theory.solvers.min_norm import solve_min_norm
from theory.unlearning.leave_one_out import unlearn_each
from theory.unlearning.projected_ascent import projected_ascent

X = np.array([[1.0, 0.0], [0.0, 2.0]])
Y = np.array([1.0, -1.0])
W = np.array([1.0, -0.5])
NAN = np.array([[1.0, 0.0], [0.0, np.nan]])

BAD = {
    # name: (call, message)
    "X a vector": (lambda: as_data(Y, Y), r"X: expected a matrix \(rows, columns\), got shape \(2,\)"),
    "X three axes": (lambda: as_data(X[None], Y), r"X: expected a matrix .*, got shape \(1, 2, 2\)"),
    "X empty": (lambda: as_data(X[:0], Y[:0]), r"X: expected at least one entry along every axis, got shape \(0, 2\)"),
    "X no columns": (lambda: as_data(X[:, :0], Y), r"X: .*got shape \(2, 0\)"),
    "X ragged": (lambda: as_data([[1.0], [1.0, 2.0]], Y), r"X: expected real numbers, got list"),
    "X text": (lambda: as_data([["a", "b"]], [1.0]), r"X: expected real numbers, got list \(dtype <U1\)"),
    "X None": (lambda: as_data(None, Y), r"X: expected real numbers, got NoneType"),
    "X complex": (lambda: as_data(X + 1j, Y), r"X: expected real numbers, got ndarray of dtype complex128"),
    "X NaN": (lambda: as_data(NAN, Y), r"X: expected finite numbers, got nan at index \(1, 1\) \(1 in all\)"),
    "X infinite": (lambda: as_data(X / 0.0 if False else [[np.inf, 1.0]], [1.0]), r"X: .*got inf at index \(0, 0\)"),
    "y a matrix": (lambda: as_data(X, X), r"y: expected a vector \(n,\), got shape \(2, 2\)"),
    "y too short": (lambda: as_data(X, [1.0]), r"y: expected 2 labels, one per row of X, got 1"),
    "y 0/1": (lambda: as_data(X, [0, 1]), r"y: expected labels -1 or \+1, got values \{0, 1\}; map .* 2\*y - 1"),
    "y other values": (lambda: as_labels([1.0, 2.0], 2), r"y: expected labels -1 or \+1, got values \{1, 2\}$"),
    "y many values": (lambda: as_labels(np.arange(9.0), 9), r"got values \{0, 1, 2, 3, 4, 5, ...\}"),
    "y NaN": (lambda: as_data(X, [1.0, np.nan]), r"y: expected finite numbers, got nan at index \(1,\)"),
    "y None": (lambda: solve_margin(X, None), r"y: expected labels -1 or \+1, got None"),
    "w too long": (lambda: as_weights(np.ones(3), 2), r"w: expected 2 weights, one per column of X, got 3"),
    "w of a model NaN": (lambda: certificate([np.nan, 1.0], X, Y, 0), r"w: expected finite numbers, got nan"),
    "neither X nor gram": (lambda: solve_margin(None, Y), "expected exactly one of X and gram"),
    "both X and gram": (lambda: solve_margin(X, Y, gram=X @ X.T), "expected exactly one of X and gram"),
    "gram not square": (lambda: as_gram(np.ones((2, 3))), r"gram: expected a square matrix .*, got shape \(2, 3\)"),
    "gram not symmetric": (lambda: as_gram([[1.0, 0.5], [0.1, 1.0]]), r"gram: expected a symmetric .* up to 0.4"),
    "gram negative square": (lambda: as_gram([[1.0, 0.0], [0.0, -2.0]]), r"gram: expected squared norms >= 0.* -2"),
    "gram singular": (lambda: unlearn_each(np.ones((2, 2)), Y, [1.0, 1.0]), r"gram: expected a positive definite"),
    "forget empty list": (lambda: as_forget_mask([], 4), r"forget: expected at least one point .* out of 4, got none"),
    "forget empty mask": (lambda: as_forget_mask(np.zeros(4, bool), 4), r"forget: expected at least one point"),
    "forget all": (lambda: as_forget_mask(range(4), 4), r"forget: expected at least one point to retain, got all 4"),
    "forget full mask": (lambda: as_forget_mask(np.ones(4, bool), 4), r"forget: .* to retain, got all 4"),
    "forget out of range": (lambda: as_forget_mask([1, 4], 4), r"forget: expected indices from 0 to 3, got 4"),
    "forget negative": (lambda: as_forget_mask(-1, 4), r"forget: expected indices from 0 to 3, got -1"),
    "forget repeated": (
        lambda: as_forget_mask([1, 2, 1], 4),
        r"forget: expected distinct indices, got 1 more than once",
    ),
    "forget fractional": (
        lambda: as_forget_mask([1.5], 4),
        r"forget: expected integer indices or a boolean mask, .*float64",
    ),
    "forget text": (lambda: as_forget_mask("first", 4), r"forget: expected integer indices or a boolean mask"),
    "forget two axes": (lambda: as_forget_mask([[0, 1]], 4), r"forget: expected integer indices or a boolean mask"),
    "forget ragged": (lambda: as_forget_mask([[0], [0, 1]], 4), r"forget: expected integer indices or a boolean mask"),
    "forget mask too short": (
        lambda: as_forget_mask([True, False], 4),
        r"forget: expected a boolean mask of shape \(4,\)",
    ),
    "forget None": (lambda: projected_ascent(W, X, Y, None), r"forget: expected integer indices or a boolean mask"),
    "lam too short": (
        lambda: kkt_residuals(W, X, Y, lam=[1.0]),
        r"lam: expected 2 multipliers, one per row of X, got 1",
    ),
    "slackness negative": (lambda: kkt_residuals(W, X, Y, slackness=-1.0), r"slackness: .* >= 0, got -1.0"),
    "slackness NaN": (lambda: certificate(W, X, Y, 0, slackness=float("nan")), r"slackness: .*>= 0, got nan"),
    "loss unknown": (lambda: gradient_flow(X, Y, loss="hinge"), r"loss: expected one of exponential, .*'hinge'"),
    "steps zero": (lambda: gradient_flow(X, Y, steps=0), r"steps, records: expected at least 1 and 2, got 0, 32"),
    "target too long": (
        lambda: solve_min_norm(X, [1.0, 2.0, 3.0]),
        r"target: expected 2 values, one per row of X, got 3",
    ),
    "rcond above 1": (lambda: solve_min_norm(X, Y, rcond=2.0), r"rcond: expected a ratio in \[0, 1\), got 2.0"),
    "traced indices": (
        lambda: jax.jit(lambda f: as_forget_mask(f, 4))(jnp.array([1, 2])),
        r"forget: inside jit expected a boolean mask of shape \(4,\), got .*int64",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()


GOOD = {
    "one index": (1, [False, True, False]),
    "numpy integer": (np.int32(1), [False, True, False]),
    "set": ({0, 2}, [True, False, True]),
    "range": (range(2), [True, True, False]),
    "mask as a list": ([False, True, True], [False, True, True]),
    "jax indices": (jnp.array([2, 0]), [True, False, True]),
}


@pytest.mark.parametrize("case", GOOD)
def test_forget_sets_in_every_form(case):
    given, mask = GOOD[case]
    np.testing.assert_array_equal(as_forget_mask(given, 3), mask)


def test_numbers_of_any_kind_become_float64():
    for value in ([[1, 2]], np.ones((1, 2), np.float32), jnp.ones((1, 2), jnp.int8), [[True, False]]):
        assert as_float_array(value, "X", 2).dtype == jnp.float64


def test_not_separable_names_the_points_and_the_way_out():
    with pytest.raises(NotSeparable, match=r"X, y: expected points separable .*combination of 2 of .*constant feature"):
        solve_margin([[1.0, 0.0], [1.0, 0.0]], [1.0, -1.0])


def test_indefinite_gram_is_not_called_solved():
    with pytest.raises(RuntimeError, match=r"solve_margin: not solved: .*Gram matrix is not positive semidefinite"):
        solve_margin(gram=[[1.0, 2.0], [2.0, 1.0]], y=[1.0, -1.0])


def test_rank_deficient_data_are_solved_not_refused():
    solved = solve_margin([[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0])
    np.testing.assert_allclose(solved.w, [0.5, 0.5], rtol=1e-14)
    assert int(solve_min_norm([[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0]).rank) == 1


WITHOUT_X64 = """
import numpy as np
from theory.checks import as_data
from theory.solvers.margin import solve_margin
from theory.data.near_orthogonal import sample_near_orthogonal
import jax
for call in (
    lambda: as_data(np.eye(2), np.ones(2)),
    lambda: solve_margin(np.eye(2), np.ones(2)),
    lambda: sample_near_orthogonal(jax.random.key(0), 2, 3, 0.1, 0.1),
):
    try:
        call()
    except RuntimeError as fault:
        print(fault)
"""


def test_x64_off_is_refused_with_the_remedy():
    """In a process of its own: the switch cannot be undone once arrays exist."""
    environment = {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "0", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_X64], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stdout + done.stderr
    for line in lines:
        assert "x64 is off" in line
        assert "jax.config.update('jax_enable_x64', True)" in line
        assert "JAX_ENABLE_X64=1" in line
