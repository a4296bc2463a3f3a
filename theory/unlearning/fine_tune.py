"""Fine-tuning on the retained data alone: of a max-margin classifier, and of a linear regression.

Regression: gradient descent on the retained squared loss moves w only inside the retained row space
and ends at argmin ‖v − w‖ subject to X_R v = y_R; from an interpolating w it does not move at all,
which is paper FT's headline (arXiv 2410.03833).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.solvers.gradient_flow import FlowPath, flow_in_gram
from theory.solvers.min_norm import row_space


class FineTuning(NamedTuple):
    """Weights recorded along gradient descent; row 0 is the start."""

    weights: Float[Array, "n d"]
    steps: Float[Array, " n"]


def fine_tune_regression(
    w: Float[Array, " d"], X: Float[Array, "m d"], y: Float[Array, " m"], retained: Bool[Array, " m"]
) -> Float[Array, " d"]:
    """Limit of gradient descent on ‖X_R v − y_R‖² from w: w + X_R⁺(y_R − X_R w)."""
    gap = jnp.where(retained, y - X @ w, 0.0)
    return w + row_space(X, retained).pseudo_solve(gap)


def descend_regression(
    w: Float[Array, " d"],
    X: Float[Array, "m d"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"],
    steps: int,
    rate: float = 1.0,
) -> FineTuning:
    """Gradient descent on ½‖X_R v − y_R‖², every step recorded.

    ``rate`` is a share of 1/‖X_R‖², below 2 for convergence.
    """
    kept = jnp.where(retained[:, None], X, 0.0)
    target = jnp.where(retained, y, 0.0)
    size = rate / row_space(X, retained).singular_values[0] ** 2  # the same SVD as in the limit: computed once

    def step(v: Array, _: None) -> tuple[Array, Array]:
        v = v - size * (kept.T @ (kept @ v - target))
        return v, v

    _, path = jax.lax.scan(step, w, None, length=steps)
    return FineTuning(jnp.concatenate([w[None], path]), jnp.arange(steps + 1.0))


def fine_tune_classifier(
    coefficients: Float[Array, " m"],
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"],
    steps: int = 2000,
) -> FlowPath:
    """Loss-normalised gradient flow on the retained points from the trained w = Xᵀ coefficients."""
    return flow_in_gram(G, y, retained, steps=steps, records=16, start=coefficients)
