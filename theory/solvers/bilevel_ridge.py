"""Bi-level selection of a worst-case forget set for ridge regression: the heuristic that an exact search can judge.

Upper level: minimise Σ w_i r_i(w)² + γ‖w‖² over w ∈ [0, 1]^N, Σw = k, by projected gradient; the k largest weights are
the forget set. r(w) = y − Xθ(w), and the lower level θ(w) minimises Σ (1 − w_i)(y_i − x_iᵀθ)² + μ‖θ‖², either

- ``"retrain"``: exactly, the gradient running through the linear system (the implicit gradient);
- ``"retrain, gradient stopped"``: exactly, with θ taken as a constant in the gradient;
- ``"sign descent"``: by steps θ − β sign(∇) from the model trained on everything, as worst-case selection is run on
  networks; its implicit gradient is 0 (``wc.selection.implicit_gradient``).
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from theory.checks import as_float_array, is_traced
from theory.solvers.capped_simplex import capped_simplex
from theory.solvers.worst_ridge import as_ridge

LOWER_LEVELS = ("retrain", "retrain, gradient stopped", "sign descent")
SIGN_STEPS = 30
SIGN_RATE = 0.02  # β over the largest entry of the model trained on everything


class Selected(NamedTuple):
    """The forget set and how the weights came to it."""

    indices: Int[Array, " k"]  # sorted
    w: Float[Array, " N"]
    objective: Float[Array, " n"]  # of the upper level, before each iteration
    reach: Float[Array, ""]  # α Σ_t (max g − min g): below 1 a binary start cannot change (wc.selection.fixed_losses)


def weighted_ridge(X: Array, y: Array, mu: Array, weights: Array) -> Float[Array, " d"]:
    """argmin Σ weights_i (y_i − x_iᵀθ)² + μ‖θ‖², by the normal equations; differentiable in the weights ≥ 0."""
    scaled = X.T * weights[None, :]
    return jnp.linalg.solve(scaled @ X + mu * jnp.eye(X.shape[1]), scaled @ y)


def _sign_descent(X: Array, y: Array, mu: Array, w: Array) -> Array:
    start = weighted_ridge(X, y, mu, jnp.ones(len(y)))
    rate = SIGN_RATE * jnp.max(jnp.abs(start))

    def step(theta: Array, _: None) -> tuple[Array, None]:
        gradient = mu * theta - X.T @ ((1.0 - w) * (y - X @ theta))
        return theta - rate * jnp.sign(gradient), None

    return jax.lax.scan(step, start, None, length=SIGN_STEPS)[0]


@functools.partial(jax.jit, static_argnames=("k", "iterations", "lower"))
def descend(
    X: Array, y: Array, mu: Array, start: Array, alpha: Array, gamma: Array, k: int, iterations: int, lower: str
) -> Selected:
    """:func:`select_bilevel` without its checks, under ``jit`` and ``vmap``; k is the sum of the start's weights."""

    def upper(w: Array) -> Array:
        theta = _sign_descent(X, y, mu, w) if lower == "sign descent" else weighted_ridge(X, y, mu, 1.0 - w)
        if lower != "retrain":
            theta = jax.lax.stop_gradient(theta)
        return jnp.sum(w * (y - X @ theta) ** 2) + gamma * jnp.sum(w**2)

    def iterate(w: Array, _: None) -> tuple[Array, tuple[Array, Array]]:
        value, gradient = jax.value_and_grad(upper)(w)
        gap = jnp.max(gradient) - jnp.min(gradient)
        return capped_simplex(w - alpha * gradient, jnp.asarray(float(k))).w, (value, gap)

    w, (objective, gaps) = jax.lax.scan(iterate, start, None, length=iterations)
    return Selected(jnp.sort(jax.lax.top_k(w, k)[1]), w, objective, alpha * jnp.sum(gaps))


def select_bilevel(
    X: Any, y: Any, mu: Any, start: Any, alpha: Any, gamma: Any = 0.0, iterations: int = 20, lower: str = "retrain"
) -> Selected:
    """Select a forget set by the bi-level heuristic.

    Args:
        X, y, mu: as :func:`theory.solvers.worst_ridge.leave_out`.
        start: weights (N,) in [0, 1] whose sum k is a whole number, 1 to N − 1; the indicator of a set, or k/N.
        alpha: step of the weights, over the squared unit of y. gamma: of γ‖w‖², in that unit.
        iterations: of the weights, ≥ 1. lower: one of LOWER_LEVELS.

    Returns:
        :class:`Selected`; :func:`theory.solvers.worst_ridge.forget_losses` says how good the set is.

    Raises:
        ValueError: a bad argument, named.
    """
    points, labels, strength = as_ridge(X, y, mu)
    weights = as_float_array(start, "start", 1)
    if lower not in LOWER_LEVELS:
        raise ValueError(f"lower: expected one of {', '.join(map(repr, LOWER_LEVELS))}, got {lower!r}")
    if iterations < 1:
        raise ValueError(f"iterations: expected at least 1, got {iterations}")
    if is_traced(weights):
        raise ValueError("start: expected an array outside jit, whose sum is the number of points to forget")
    total = float(jnp.sum(weights))
    k = round(total)
    inside = bool(jnp.all((weights >= 0) & (weights <= 1)))
    if len(weights) != len(labels) or not inside or abs(total - k) > 1e-9 or not 1 <= k < len(labels):
        raise ValueError(
            f"start: expected {len(labels)} weights in [0, 1] with a whole sum from 1 to {len(labels) - 1}, "
            f"got {len(weights)} with sum {total:g}"
        )
    steps = [as_float_array(value, name, 0) for value, name in ((alpha, "alpha"), (gamma, "gamma"))]
    return descend(points, labels, strength, weights, *steps, k=k, iterations=iterations, lower=lower)
