"""Metrics by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from theory.metrics import UnlearningMetrics, accuracy, average_gap, regression_losses
from theory.models.linear import margins, predict, scores

W = jnp.array([1.0, -1.0])
X = jnp.array([[2.0, 1.0], [0.0, 3.0], [1.0, 1.0], [-1.0, 0.0]])
Y = jnp.array([1.0, 1.0, -1.0, -1.0])


def test_linear_model_by_hand():
    np.testing.assert_array_equal(scores(W, X), [1.0, -3.0, 0.0, -1.0])
    np.testing.assert_array_equal(predict(W, X), [1.0, -1.0, 1.0, -1.0])  # a score of 0 counts as +1
    np.testing.assert_array_equal(margins(W, X, Y), [1.0, -3.0, -0.0, 1.0])


def test_accuracy_is_a_percentage_that_reads_the_labels():
    """Known from public code: an attack whose output ignores the labels. Here every label matters."""
    assert float(accuracy(W, X, Y)) == 50.0
    for index in range(4):
        assert abs(float(accuracy(W, X, Y.at[index].multiply(-1.0))) - 50.0) == 25.0


def test_average_gap_by_hand():
    mine, retrained = UnlearningMetrics(10.0, 90.0, 80.0), UnlearningMetrics(4.0, 93.0, 80.0)
    assert average_gap(mine, retrained) == pytest.approx(3.0)
    assert average_gap(retrained, mine) == pytest.approx(3.0)
    assert average_gap(mine, mine) == 0.0
    with_mia = average_gap([[10.0, 40.0, 90.0, 80.0], [4.0, 0.0, 93.0, 80.0]], [4.0, 0.0, 93.0, 80.0])
    np.testing.assert_allclose(with_mia, [49.0 / 4.0, 0.0])


def test_regression_losses_by_hand():
    """Squared errors 0, 16, 1, 0: retained rows 0 and 1, forget rows 2 and 3."""
    remaining, unlearning = regression_losses(W, X, Y, jnp.array([False, False, True, True]))
    assert float(remaining) == 8.0
    assert float(unlearning) == 0.5
