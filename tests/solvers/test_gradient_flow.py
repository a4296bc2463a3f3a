"""Loss-normalised flow against closed forms and the max-margin direction."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theory.solvers.gradient_flow import LOSSES, gradient_flow
from theory.solvers.margin import solve_margin

X = np.array([[1.0, 0.2, 0.0], [-0.3, 1.1, 0.4], [0.2, -0.5, 0.9]])
Y = np.array([1.0, -1.0, 1.0])


def test_one_point_moves_at_unit_speed():
    """Exponential loss, one unit point: −log L = M, so dw/ds = x and M(s) = s."""
    path = gradient_flow([[1.0]], [1.0], steps=50, records=5)
    np.testing.assert_allclose(path.margins[:, 0], path.times, rtol=1e-13)
    np.testing.assert_allclose(path.log_loss, -path.times, rtol=1e-13)
    np.testing.assert_allclose(path.norms, path.times, rtol=1e-13)


def _velocity(w: np.ndarray, loss: str) -> np.ndarray:
    margins = Y * (X @ w)
    terms = np.exp(-margins) if loss == "exponential" else np.log1p(np.exp(-margins))
    slopes = np.exp(-margins) if loss == "exponential" else 1 / (1 + np.exp(margins))
    return X.T @ (Y * slopes / terms.sum())


@pytest.mark.parametrize("loss", LOSSES)
def test_against_an_adaptive_integrator(loss):
    path = gradient_flow(X, Y, steps=40, records=6, loss=loss)
    times = np.asarray(path.times)
    reference = solve_ivp(
        lambda s, w: _velocity(w, loss), (0, times[-1]), np.zeros(3), t_eval=times, rtol=1e-11, atol=1e-12
    )
    found = np.asarray(path.coefficients) @ X
    error = np.linalg.norm(found - reference.y.T, axis=1).max() / np.linalg.norm(found[-1])
    assert error <= 1e-3, f"relative error {error:.2e}; the first step's own estimate is {float(path.step_error):.2e}"


@pytest.mark.parametrize("loss", LOSSES)
def test_direction_approaches_max_margin(loss):
    """1 − cos falls by more than 50 times per factor 10 of flow time (as 1/s²), and the loss never rises."""
    path = gradient_flow(X, Y, steps=20_000, records=12, loss=loss)
    w = np.asarray(path.coefficients) @ X
    best = np.asarray(solve_margin(X, Y).w)
    unit = w / np.linalg.norm(w, axis=1, keepdims=True)
    gap = 0.5 * np.sum((unit - best / np.linalg.norm(best)) ** 2, axis=1)
    late = np.asarray(path.times) > 20
    slope = np.polyfit(np.log(np.asarray(path.times)[late]), np.log(gap[late]), 1)[0]
    assert gap[-1] <= 1e-6
    assert slope <= -1.7, f"1 - cos falls like s^{slope:.2f}"
    assert (np.diff(path.log_loss) <= 0).all()


def test_forgotten_points_do_not_pull():
    kept = gradient_flow(X[:2], Y[:2], steps=30, records=4)
    masked = gradient_flow(X, Y, steps=30, records=4, forget=2)
    speed = np.max(np.sum(X[:2] ** 2, axis=1))
    assert float(masked.times[-1]) == pytest.approx(30 / speed)
    np.testing.assert_allclose(masked.coefficients[:, :2], kept.coefficients, rtol=1e-12)
    np.testing.assert_array_equal(masked.coefficients[:, 2], np.zeros(len(masked.times)))


def test_large_margins_do_not_overflow():
    path = gradient_flow(30.0 * X, Y, steps=5_000, records=4, loss="logistic")
    assert all(bool(jnp.all(jnp.isfinite(part))) for part in path)
    assert float(path.margins[-1].min()) > 800.0  # exp(−margin) underflows here


def test_direction_gaps_by_hand():
    """One point: the flow's direction is that point's from the start; a target at 60 degrees has 1 − cos = 1/2."""
    X = jnp.array([[2.0, 0.0]])
    path = gradient_flow(X, jnp.ones(1), steps=20, records=4)
    np.testing.assert_allclose(path.direction_gaps(X, jnp.array([5.0, 0.0])), 0.0, atol=1e-15)
    np.testing.assert_allclose(path.direction_gaps(X, jnp.array([1.0, np.sqrt(3.0)])), 0.5, rtol=1e-12)
