"""Loss-normalised gradient flow dw/ds = −∇ log L(w) of a linear classifier, in Gram coefficients.

The path is that of gradient flow on L; only the clock differs, and with it the speed: the
direction approaches max-margin like 1/s, not like 1/log t (Soudry et al. 2018; Ji & Telgarsky
2021). The weights are w = Xᵀ c, so one step costs O(m²), whatever the dimension.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.checks import as_data, as_forget_mask
from theory.numerics import cosine_gap, gram_norm

LOSSES = ("exponential", "logistic")


class FlowPath(NamedTuple):
    """Gradient flow sampled at ``n`` times; ``coefficients[-1]`` is its end (w = Xᵀ c)."""

    times: Float[Array, " n"]  # flow time s
    coefficients: Float[Array, "n m"]
    margins: Float[Array, "n m"]
    log_loss: Float[Array, " n"]
    norms: Float[Array, " n"]  # ‖w‖
    step_error: Float[Array, ""]  # local error of the first, fastest step, relative to ‖w‖ (step doubling)

    def direction_gaps(self, X: Float[Array, "m d"], target: Float[Array, " d"]) -> Float[Array, " n"]:
        """1 − cos between the weights at every record and ``target``, the max-margin solution for instance."""
        return jax.vmap(cosine_gap, in_axes=(0, None))(self.coefficients @ X, target)


def loss_weights(margins: Array, retained: Array, loss: str) -> tuple[Array, Array]:
    """(−∂ log L / ∂ margins, log L) of the retained points, without overflow."""
    shown = jnp.where(retained, margins, jnp.inf)
    if loss == "exponential":
        return jax.nn.softmax(-shown), jax.nn.logsumexp(-shown)
    log_terms = jnp.where(retained, jnp.log(jax.nn.softplus(-margins)), -jnp.inf)
    # softplus underflows to exactly its leading term exp(-M) for large margins
    log_terms = jnp.where(retained & (margins > 30.0), -margins, log_terms)
    log_loss = jax.nn.logsumexp(log_terms)
    return jnp.where(retained, jnp.exp(jax.nn.log_sigmoid(-margins) - log_loss), 0.0), log_loss


def flow_in_gram(
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"],
    steps: int = 20_000,
    records: int = 32,
    loss: str = "exponential",
    start: Float[Array, " m"] | None = None,
    substeps: int = 1,
) -> FlowPath:
    """Integrate the flow with classical Runge-Kutta; for use inside ``jit`` and ``vmap``.

    The step is 1/max‖xᵢ‖² in flow time, the scale on which the field can change: log L has a
    Hessian of norm at most max‖xᵢ‖², so a longer step would not be stable. It is divided into
    ``substeps``; the recorded times stay the same, so that two runs show the integrator's error.
    """
    K = y[:, None] * G * y[None, :]
    h = 1.0 / jnp.max(jnp.where(retained, jnp.diagonal(G), 0.0))

    def velocity(a: Array) -> Array:
        return loss_weights(K @ a, retained, loss)[0]

    def step(a: Array, h: Array) -> Array:
        k1 = velocity(a)
        k2 = velocity(a + 0.5 * h * k1)
        k3 = velocity(a + 0.5 * h * k2)
        k4 = velocity(a + h * k3)
        return a + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)

    def segment(a: Array, edges: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array, Array]]:
        a = jax.lax.fori_loop(substeps * edges[0], substeps * edges[1], lambda _, b: step(b, h / substeps), a)
        margins = K @ a
        return a, (a, margins, loss_weights(margins, retained, loss)[1])

    marks = np.unique(np.geomspace(1, steps, records).round().astype(int))
    begin = jnp.zeros_like(y) if start is None else start * y
    edges = (jnp.asarray(np.concatenate([[0], marks[:-1]])), jnp.asarray(marks))
    _, (path, margins, log_loss) = jax.lax.scan(segment, begin, edges)
    norms = jax.vmap(gram_norm, in_axes=(0, None))(path, K)
    first_step = h / substeps
    halved = step(step(begin, 0.5 * first_step), 0.5 * first_step)
    first = step(begin, first_step)
    local = gram_norm(halved - first, K) / gram_norm(first, K)
    return FlowPath(jnp.asarray(marks, jnp.float64) * h, path * y[None, :], margins, log_loss, norms, local)


def gradient_flow(
    X: Any, y: Any, steps: int = 20_000, records: int = 32, loss: str = "exponential", forget: Any = None
) -> FlowPath:
    """Loss-normalised gradient flow from w = 0.

    Args:
        X: points (m, d). y: labels ±1.
        steps: Runge-Kutta steps of flow time 1/max‖xᵢ‖² each.
        records: number of recorded times, geometric (fewer when ``steps`` is small).
        loss: "exponential" or "logistic".
        forget: points left out of the loss (indices or mask); None keeps all.

    Returns:
        :class:`FlowPath`; the weights at record r are ``X.T @ path.coefficients[r]``, and
        ``path.direction_gaps(X, solve_margin(X, y).w)`` follows their direction to max-margin.

    Raises:
        ValueError: bad data, counts below 1 and 2, or an unknown loss.
        RuntimeError: x64 is off.
    """
    points, labels = as_data(X, y)
    if loss not in LOSSES:
        raise ValueError(f"loss: expected one of {', '.join(LOSSES)}, got {loss!r}")
    if steps < 1 or records < 2:
        raise ValueError(f"steps, records: expected at least 1 and 2, got {steps}, {records}")
    m = points.shape[0]
    retained = jnp.ones(m, bool) if forget is None else ~as_forget_mask(forget, m)
    return _flow(points @ points.T, labels, retained, steps, records, loss)


_flow = jax.jit(flow_in_gram, static_argnames=("steps", "records", "loss"))
