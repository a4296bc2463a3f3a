"""Four residuals, each by hand; the best multipliers against scipy's non-negative least squares."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import nnls

from theory.solvers.kkt import best_multipliers, kkt_residuals
from theory.solvers.margin import margin_from_points

X2 = [[1.0, 0.0], [0.0, 2.0]]
Y2 = [1.0, -1.0]
EXACT_W, EXACT_LAM = [1.0, -0.5], [1.0, 0.25]  # orthogonal points: w = Σ y x / ‖x‖², λ = 1 / ‖x‖²

solve = jax.jit(jax.vmap(margin_from_points))
best = jax.jit(jax.vmap(lambda w, X, y: best_multipliers(w, X, y, jnp.ones(len(y), bool))))


def test_exact_point_has_no_residual():
    found = kkt_residuals(EXACT_W, X2, Y2, lam=EXACT_LAM)
    np.testing.assert_allclose(found.residuals, np.zeros(4), atol=1e-15)
    np.testing.assert_allclose(found.margins, [1.0, 1.0])


# each case breaks one condition and says by how much: (w, λ) -> the four residuals by hand
BROKEN = {
    "primal": ([0.5, -0.5], [0.5, 0.25], [0.5, 0.0, 0.0, 0.0]),
    "dual": ([1.0, 0.5], [1.0, -0.25], [2.0, 0.25, 0.0, 0.5]),
    "stationarity": ([1.0, -0.5], [0.4, 0.25], [0.0, 0.0, 0.6, 0.0]),
    "complementarity": ([3.0, -0.5], [3.0, 0.25], [0.0, 0.0, 0.0, 6.0]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_residual_by_hand(name):
    w, lam, expected = BROKEN[name]
    np.testing.assert_allclose(kkt_residuals(w, X2, Y2, lam=lam).residuals, expected, atol=1e-15)


def test_stationarity_alone_would_pass_a_wrong_point():
    """Known from public code: a residual of stationarity only is 0 at w = 0 and at any Σ λ y x, feasible or not."""
    zero = kkt_residuals([0.0, 0.0], X2, Y2, lam=[0.0, 0.0]).residuals
    assert zero.stationarity == 0.0
    assert zero.primal == 1.0
    far = kkt_residuals([3.0, -0.5], X2, Y2).residuals  # stationary, feasible, but not slack
    assert float(far.stationarity) <= 1e-15
    assert float(far.primal) == 0.0
    assert float(far.complementarity) == pytest.approx(6.0)


def test_best_multipliers_are_least_squares():
    rng = np.random.default_rng(0)
    X, y, w = rng.standard_normal((128, 7, 4)), rng.choice([-1.0, 1.0], (128, 7)), rng.standard_normal((128, 4))
    X[::5, 0] = X[::5, 1]  # singular Gram matrices, ties, a zero row, w in the cone
    X[::7, 2] = 0.0
    w[::3] = np.einsum("bmd,bm->bd", X, y * rng.uniform(size=(128, 7)))[::3]
    found = best(jnp.asarray(w), jnp.asarray(X), jnp.asarray(y))
    np.testing.assert_array_equal(found.status, np.zeros(128))
    for index in range(128):
        reference = nnls((y[index][:, None] * X[index]).T, w[index])[1]
        gap = float(found.residuals.stationarity[index]) - reference
        assert abs(gap) <= 1e-12 * np.linalg.norm(w[index]), f"stationarity {reference + gap}, scipy {reference}"
    assert np.asarray(found.lam).min() >= 0


def test_margin_solution_is_a_kkt_point_with_its_own_multipliers():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((128, 7, 4)) + 1.0
    y = np.where(np.einsum("bmd,d->bm", X, [1.0, -2.0, 0.5, 1.5]) >= 0, 1.0, -1.0)
    solved = solve(jnp.asarray(X), jnp.asarray(y))
    found = best(solved.w, jnp.asarray(X), jnp.asarray(y))
    size = np.linalg.norm(np.asarray(solved.w), axis=1)
    assert (np.asarray(found.residuals.stationarity) <= 1e-12 * size).all()


@pytest.mark.slow
def test_slackness_weight_trades_stationarity_for_complementarity():
    """w = 3x₁ with one point: ½‖3 − λ‖² + s·2λ is least at λ = 3 − 2s."""
    for weight, lam in [(0.5, 2.0), (2.0, 0.0)]:
        found = kkt_residuals([3.0], [[1.0]], [1.0], slackness=weight)
        assert float(found.lam[0]) == pytest.approx(lam, abs=1e-14)
        assert float(found.residuals.stationarity) == pytest.approx(3.0 - lam, abs=1e-14)
        assert float(found.residuals.complementarity) == pytest.approx(2.0 * lam, abs=1e-13)


def test_forgotten_points_do_not_count():
    found = kkt_residuals([1.0, 0.0], X2, Y2, forget=1)
    np.testing.assert_allclose(found.residuals, np.zeros(4), atol=1e-15)
    assert float(found.lam[1]) == 0.0


def test_relative_residual_uses_one_scale_each():
    residuals = kkt_residuals([3.0, -0.5], X2, Y2, lam=[3.0, 0.25]).residuals
    assert float(residuals.worst_relative(jnp.asarray(3.0), jnp.asarray(3.0))) == pytest.approx(2.0)
