"""Fine-tuning: a no-op from an interpolator, the nearest interpolator otherwise; the flow needs no forget point."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from theory.data.feature_overlap import sample_feature_overlap
from theory.metrics import regression_losses
from theory.solvers.min_norm import min_norm
from theory.unlearning.fine_tune import descend_regression, fine_tune_classifier, fine_tune_regression
from theory.unlearning.masks import forget_mask, retention_mask


@functools.cache
def data():
    return sample_feature_overlap(jax.random.key(3), 5, 3, 6, 4, 5)


def retained():
    return ~data().forget


@functools.cache
def pretrained():
    return min_norm(data().X, data().y).w


def test_interpolator_does_not_move():
    np.testing.assert_allclose(
        fine_tune_regression(pretrained(), data().X, data().y, retained()), pretrained(), atol=1e-13
    )
    path = descend_regression(pretrained(), data().X, data().y, retained(), steps=30)
    np.testing.assert_allclose(path.weights, np.broadcast_to(pretrained(), path.weights.shape), atol=1e-13)


def test_ends_at_the_nearest_interpolator():
    """From any w: X_R v = y_R, and v − w is orthogonal to the null space of X_R."""
    w = jnp.asarray(np.random.default_rng(0).standard_normal(data().X.shape[1]))
    tuned = fine_tune_regression(w, data().X, data().y, retained())
    X_R = np.asarray(data().X)[:5]
    np.testing.assert_allclose(X_R @ np.asarray(tuned), data().y[:5], atol=1e-12)
    null = np.linalg.svd(X_R)[2][5:]
    np.testing.assert_allclose(null @ np.asarray(tuned - w), 0.0, atol=1e-13)
    path = descend_regression(w, data().X, data().y, retained(), steps=3000, rate=1.0)
    np.testing.assert_array_equal(path.weights[0], w)
    np.testing.assert_allclose(path.weights[-1], tuned, atol=1e-6)


def test_forget_targets_are_never_read():
    poisoned = jnp.where(data().forget, jnp.nan, data().y)
    w = jnp.ones(data().X.shape[1])
    expected = fine_tune_regression(w, data().X, data().y, retained())
    np.testing.assert_array_equal(fine_tune_regression(w, data().X, poisoned, retained()), expected)
    path = descend_regression(w, data().X, poisoned, retained(), steps=3)
    assert bool(jnp.all(jnp.isfinite(path.weights)))


def test_masks_zero_the_named_columns_and_keep_remaining_loss():
    kept = retention_mask(pretrained(), data().retained_columns)
    np.testing.assert_array_equal(kept, np.where(data().retained_columns, pretrained(), 0.0))
    np.testing.assert_array_equal(forget_mask(pretrained(), data().forget_columns)[6:], np.zeros(9))
    remaining, unlearning = regression_losses(kept, data().X, data().y, data().forget)
    assert float(remaining) <= 1e-24
    assert float(unlearning) > 0.1


def test_classifier_flow_ignores_forget_points():
    X = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.5]])
    y = jnp.array([1.0, 1.0, -1.0])
    path = fine_tune_classifier(jnp.zeros(3), X @ X.T, y, jnp.array([True, True, False]), steps=200)
    assert (np.diff(path.log_loss) <= 0).all()
    np.testing.assert_array_equal(path.coefficients[:, 2], np.zeros(len(path.times)))
    np.testing.assert_allclose(path.coefficients[:, 0], path.coefficients[:, 1], rtol=1e-12)  # by symmetry
