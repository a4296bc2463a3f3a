"""Unlearning metrics with their standard meaning. Accuracies are percentages, as in the literature."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.models.linear import predict


def accuracy(w: Float[Array, " d"], X: Float[Array, "m d"], y: Float[Array, " m"]) -> Float[Array, ""]:
    """Share of rows with the right label, in percent."""
    return 100.0 * jnp.mean(predict(w, X) == y)


class UnlearningMetrics(NamedTuple):
    """UA = 100 − accuracy on the forget set; RA, TA = accuracy on the retained and the test set."""

    unlearning_accuracy: float
    retained_accuracy: float
    test_accuracy: float


def average_gap(metrics: Any, retrained: Any) -> Float[np.ndarray, "..."]:
    """Mean |metric − the retrained model's metric|, in percentage points (0 is a perfect imitation).

    Args:
        metrics, retrained: (..., metric); the literature takes UA, MIA, RA and TA. Other axes are broadcast.
    """
    return np.asarray(np.mean(np.abs(np.subtract(metrics, retrained)), axis=-1))


def regression_losses(
    w: Float[Array, " d"], X: Float[Array, "m d"], y: Float[Array, " m"], forget: Array
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """(RL, UL): mean squared error over the retained and over the forget rows."""
    squared = (X @ w - y) ** 2
    count = jnp.sum(jnp.where(forget, 1.0, 0.0))
    remaining = jnp.sum(jnp.where(forget, 0.0, squared)) / (len(y) - count)
    return remaining, jnp.sum(jnp.where(forget, squared, 0.0)) / count
