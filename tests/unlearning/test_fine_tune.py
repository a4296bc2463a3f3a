"""Fine-tuning: a no-op from an interpolator, the nearest interpolator otherwise; the flow needs no forget point."""

import jax
import jax.numpy as jnp
import numpy as np

from theory.data.feature_overlap import sample_feature_overlap
from theory.metrics import regression_losses
from theory.solvers.min_norm import min_norm
from theory.unlearning.fine_tune import descend_regression, fine_tune_classifier, fine_tune_regression
from theory.unlearning.masks import forget_mask, retention_mask

DATA = sample_feature_overlap(jax.random.key(3), 5, 3, 6, 4, 5)
RETAINED = ~DATA.forget
PRETRAINED = min_norm(DATA.X, DATA.y).w


def test_interpolator_does_not_move():
    np.testing.assert_allclose(fine_tune_regression(PRETRAINED, DATA.X, DATA.y, RETAINED), PRETRAINED, atol=1e-13)
    path = descend_regression(PRETRAINED, DATA.X, DATA.y, RETAINED, steps=30)
    np.testing.assert_allclose(path.weights, np.broadcast_to(PRETRAINED, path.weights.shape), atol=1e-13)


def test_ends_at_the_nearest_interpolator():
    """From any w: X_R v = y_R, and v − w is orthogonal to the null space of X_R."""
    w = jnp.asarray(np.random.default_rng(0).standard_normal(DATA.X.shape[1]))
    tuned = fine_tune_regression(w, DATA.X, DATA.y, RETAINED)
    X_R = np.asarray(DATA.X)[:5]
    np.testing.assert_allclose(X_R @ np.asarray(tuned), DATA.y[:5], atol=1e-12)
    null = np.linalg.svd(X_R)[2][5:]
    np.testing.assert_allclose(null @ np.asarray(tuned - w), 0.0, atol=1e-13)
    path = descend_regression(w, DATA.X, DATA.y, RETAINED, steps=3000, rate=1.0)
    np.testing.assert_array_equal(path.weights[0], w)
    np.testing.assert_allclose(path.weights[-1], tuned, atol=1e-6)


def test_forget_targets_are_never_read():
    poisoned = jnp.where(DATA.forget, jnp.nan, DATA.y)
    w = jnp.ones(DATA.X.shape[1])
    expected = fine_tune_regression(w, DATA.X, DATA.y, RETAINED)
    np.testing.assert_array_equal(fine_tune_regression(w, DATA.X, poisoned, RETAINED), expected)
    path = descend_regression(w, DATA.X, poisoned, RETAINED, steps=3)
    assert bool(jnp.all(jnp.isfinite(path.weights)))


def test_masks_zero_the_named_columns_and_keep_remaining_loss():
    kept = retention_mask(PRETRAINED, DATA.retained_columns)
    np.testing.assert_array_equal(kept, np.where(DATA.retained_columns, PRETRAINED, 0.0))
    np.testing.assert_array_equal(forget_mask(PRETRAINED, DATA.forget_columns)[6:], np.zeros(9))
    remaining, unlearning = regression_losses(kept, DATA.X, DATA.y, DATA.forget)
    assert float(remaining) <= 1e-24
    assert float(unlearning) > 0.1


def test_classifier_flow_ignores_forget_points():
    X = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.5]])
    y = jnp.array([1.0, 1.0, -1.0])
    path = fine_tune_classifier(jnp.zeros(3), X @ X.T, y, jnp.array([True, True, False]), steps=200)
    assert (np.diff(path.log_loss) <= 0).all()
    np.testing.assert_array_equal(path.coefficients[:, 2], np.zeros(len(path.times)))
    np.testing.assert_allclose(path.coefficients[:, 0], path.coefficients[:, 1], rtol=1e-12)  # by symmetry
