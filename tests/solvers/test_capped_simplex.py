"""The capped simplex against a QP solver and exact fractions, at its boundaries, and on bad input."""

from fractions import Fraction

import clarabel
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

from theory.solvers.capped_simplex import capped_simplex, project_capped_simplex

RNG = np.random.default_rng(5)


def qp(a: np.ndarray, k: float) -> np.ndarray:
    """The same projection by Clarabel's interior point."""
    n = len(a)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    rows = sp.csc_matrix(np.vstack([np.ones((1, n)), np.eye(n), -np.eye(n)]))
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(2 * n)]
    limits = np.concatenate([[k], np.ones(n), np.zeros(n)])
    return np.array(clarabel.DefaultSolver(sp.csc_matrix(np.eye(n)), -a, rows, limits, cones, settings).solve().x)


def by_fractions(a: np.ndarray, k: float) -> list[Fraction]:
    """Exact: among the sorted breakpoints the interval where the sum passes k, and the linear equation there."""
    values, total = [Fraction(float(x)) for x in a], Fraction(k)

    def at(mu: Fraction) -> list[Fraction]:
        return [min(max(x - mu, Fraction(0)), Fraction(1)) for x in values]

    points = sorted([x - 1 for x in values] + values)
    lo = max(p for p in points if sum(at(p)) >= total)
    slope = sum(1 for x in values if x - 1 <= lo < x)
    return at(lo + (sum(at(lo)) - total) / slope) if slope else at(lo)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_against_a_qp_solver(n):
    for k in {0.0, 0.3 * n, float(n // 2), n - 0.25, float(n)}:
        a = 2.0 * RNG.standard_normal(n)
        found = project_capped_simplex(a, k)
        np.testing.assert_allclose(found.w, qp(a, k), atol=1e-6)
        assert float(found.residual) <= 1e-14 * n


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6, 1e18])
def test_against_exact_fractions(scale):
    """Correct to rounding of a, also with ties and where the whole spread of a is tiny or huge."""
    for n in (1, 3, 10):
        a = scale * np.round(RNG.standard_normal(n), 1)
        for k in (0.0, 0.5, 1.0, n - 0.5, float(n)):
            found = project_capped_simplex(a, k)
            exact = np.array([float(x) for x in by_fractions(a, k)])
            np.testing.assert_allclose(found.w, exact, atol=1e-15 * n * (1.0 + np.abs(a).max()), err_msg=f"{a} {k}")


def test_by_hand_and_the_ends():
    found = project_capped_simplex([2.0, 0.5, 0.0], 1.5)
    np.testing.assert_array_equal(found.w, [1.0, 0.5, 0.0])
    assert (float(found.mu), float(found.residual)) == (0.0, 0.0)
    assert found.inside.tolist() == [False, True, False]
    np.testing.assert_array_equal(project_capped_simplex([3.0, -5.0], 0).w, [0.0, 0.0])
    np.testing.assert_array_equal(project_capped_simplex([3.0, -5.0], 2).w, [1.0, 1.0])
    np.testing.assert_array_equal(project_capped_simplex([1e17, 1e17], 1).w, [0.5, 0.5])  # a − 1 rounds to a
    np.testing.assert_array_equal(project_capped_simplex([1e16, 1e16, 0, 0, 0], 1).w, [0.5, 0.5, 0, 0, 0])
    third = project_capped_simplex([-1e16, -1e16, -1e16, -2e16], 2).w
    np.testing.assert_allclose(third, [2 / 3, 2 / 3, 2 / 3, 0.0], atol=1e-15)
    np.testing.assert_array_equal(project_capped_simplex([1e308, -1e308, 0.0], 1.5).w, [1.0, 0.0, 0.5])


def test_the_complement_is_the_mirror_image():
    a = RNG.standard_normal(9)
    np.testing.assert_allclose(1.0 - project_capped_simplex(a, 3).w, project_capped_simplex(-a, 6).w, atol=1e-15)


def test_vectorised_and_compiled_once():
    traces = []

    def traced(a, k):
        traces.append(1)
        return capped_simplex(a, k).w

    batch, sums = RNG.standard_normal((6, 11)), jnp.linspace(0.0, 11.0, 6)
    run = jax.jit(jax.vmap(traced))
    together = run(batch, sums)
    run(batch + 1.0, sums)
    assert len(traces) == 1
    alone = np.stack([project_capped_simplex(a, k).w for a, k in zip(batch, np.asarray(sums), strict=True)])
    np.testing.assert_allclose(together, alone, atol=1e-15)


BAD = {
    "matrix": (([[1.0]], 1.0), r"a: expected a vector \(n,\)"),
    "empty": (([], 0.0), "at least one entry"),
    "NaN": (([1.0, np.nan], 1.0), "a: expected finite numbers"),
    "text": ((["x"], 1.0), "a: expected real numbers"),
    "k below 0": (([1.0, 2.0], -0.1), "k: expected a number from 0 to 2, the length of a, got -0.1"),
    "k above n": (([1.0, 2.0], 3), "k: expected a number from 0 to 2, the length of a, got 3"),
    "k NaN": (([1.0], np.nan), "k: expected finite numbers"),
    "k a vector": (([1.0], [1.0]), "k: expected"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    (a, k), message = BAD[case]
    with pytest.raises(ValueError, match=message):
        project_capped_simplex(a, k)
