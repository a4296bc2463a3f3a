"""Prompts that a conditional flow should no longer draw, and which of them are the hardest to forget.

The forget set is a weight w_p in [0, 1] a prompt: 1 forgotten, 0 retained. With ℓ_p(θ) the flow's loss on prompt p:

- *fine-tuning* descends on Σ (1 − w_p) ℓ_p(θ), the retained prompts alone;
- *erasing* adds Σ w_p ‖v_θ(x_t | p) − v̄_p‖² with v̄_p = v₀(x_t | nothing) − η (v₀(x_t | p) − v₀(x_t | nothing)) of the
  trained flow v₀, so that a forgotten prompt is drawn as no prompt would be, or its opposite. The target is that of
  Gandikota et al. 2023 (arXiv 2303.07345); x_t is taken between noise and training images here, drawn there.

The worst-case set is chosen as in paper WC (arXiv 2403.07362): min over w of Σ w_p ℓ_p(θ(w)) + γ‖w‖² with Σ w_p = k, by
projected gradient; θ(w) comes from sign descent on one of the objectives above, so the implicit gradient is 0
(``wc.selection.implicit_gradient``). The worst to forget are those whose images the unlearned flow fits best.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from theory.models.flow import Flow
from theory.solvers.capped_simplex import capped_simplex
from theory.solvers.flow_matching import Bridged, Prompted, as_network, bridged, prompt_losses, squared_errors
from theory.solvers.reachable_step import Reach, reachable
from theory.solvers.sgd import begin, descend, optimiser, shuffled

METHODS = ("fine-tuning", "erasing")
Lower = Callable[[Float[Array, " prompts"], PRNGKeyArray], Flow]


class Aim(NamedTuple):
    """What the objectives read beside a batch."""

    w: Float[Array, " prompts"]
    trained: Flow
    eta: Float[Array, ""]


class Selection(NamedTuple):
    """The chosen prompts and how the weights came to them."""

    prompts: Int[np.ndarray, " k"]  # sorted
    w: Float[Array, " prompts"]
    losses: Float[np.ndarray, "n prompts"]  # of the unlearned flow of each iteration
    reach: Reach  # of the step, by those losses


def _noised(key: PRNGKeyArray, streams: dict[str, Prompted]) -> dict[str, Bridged]:
    return {name: bridged(key, data) for name, data in streams.items()}


def _retain(layers: Any, stats: Any, batch: dict[str, Bridged], aim: Aim) -> tuple[Array, Any]:
    own = batch["data"]
    return jnp.mean((1.0 - aim.w[own.data.number]) * squared_errors(layers[0], own)), stats


def _erase(layers: Any, stats: Any, batch: dict[str, Bridged], aim: Aim) -> tuple[Array, Any]:
    own = batch["data"]
    x, prompt, w = own.between, own.data.prompt, aim.w[own.data.number]
    nothing = aim.trained(x, own.t, jnp.broadcast_to(aim.trained.nothing[None], prompt.shape))
    target = nothing - aim.eta * (aim.trained(x, own.t, prompt) - nothing)
    found = layers[0](x, own.t, prompt)
    fit = jnp.mean((found - (own.data.x - own.z)) ** 2, axis=1)
    return jnp.mean((1.0 - w) * fit + w * jnp.mean((found - target) ** 2, axis=1)), stats


_OBJECTIVES = dict(zip(METHODS, (_retain, _erase), strict=True))


def forget_prompts(
    flow: Flow,
    data: Prompted,
    w: Float[Array, " prompts"],
    rates: Float[Array, " steps"],
    batch: int,
    key: PRNGKeyArray,
    method: str = "erasing",
    eta: float = 0.0,
    rule: Literal["adam", "signsgd"] = "adam",
) -> Flow:
    """The flow after forgetting.

    Args:
        flow: the trained one. data: all training samples. w: weights of the prompts, as above.
        rates: learning rate of each step. batch: samples a step. key: seed of batches, noise and times.
        method: one of METHODS. eta: η of erasing. rule: "adam", or "signsgd" for the lower level of selection.

    Raises:
        ValueError: an unknown method or rule.
    """
    if method not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    order, own = jax.random.split(key)
    steps = optimiser(rule)
    rows = {"data": shuffled(order, len(data.x), batch, len(rates))}
    aim = Aim(w.astype(jnp.float32), flow, jnp.asarray(eta, jnp.float32))
    start = begin(as_network(flow), steps)
    after, _ = descend(
        start, {"data": data}, rows, rates, own, aim, objective=_OBJECTIVES[method], rule=steps, prepare=_noised
    )
    return after.network.layers[0]


@jax.jit
def _step(
    w: Float[Array, " prompts"],
    losses: Float[Array, " prompts"],
    alpha: Float[Array, ""],
    gamma: Float[Array, ""],
    k: Float[Array, ""],
) -> Float[Array, " prompts"]:
    """Π(w − α(ℓ + 2γw))."""
    return capped_simplex(w - alpha * (losses + 2.0 * gamma * w), k).w


def select_prompts(
    lower: Lower,
    batch: Bridged,
    start: Float[Array, " prompts"],
    alpha: float,
    key: PRNGKeyArray,
    gamma: float = 0.0,
    iterations: int = 20,
) -> Selection:
    """Select the prompts that are the worst to forget.

    Args:
        lower: (weights, key) -> the unlearned flow, such as :func:`forget_prompts` by sign descent.
        batch: samples of every prompt, on which ℓ_p is measured (:func:`theory.solvers.flow_matching.evenly_bridged`).
        start: first weights, in [0, 1] with a whole sum k from 1 to prompts − 1.
        alpha: step of the weights, in 1 over the unit of the losses. key: of the lower levels.
        gamma: of γ‖w‖². iterations: of the weights, ≥ 1.

    Raises:
        ValueError: impossible weights, no iteration, or a step that is not positive.
    """
    if not alpha > 0 or iterations < 1:
        raise ValueError(f"alpha, iterations: expected a step > 0 and at least 1, got {alpha} and {iterations}")
    count, total = len(start), float(jnp.sum(start))
    k = round(total)
    if abs(total - k) > 1e-9 or not 1 <= k < count or not bool(jnp.all((start >= 0) & (start <= 1))):
        raise ValueError(f"start: expected weights in [0, 1] with a whole sum from 1 to {count - 1}, got sum {total:g}")
    w, losses = start.astype(jnp.float64), []
    for own in jax.random.split(key, iterations):
        found = prompt_losses(lower(w.astype(jnp.float32), own), batch, count)
        w = _step(w, found, jnp.asarray(alpha, jnp.float64), jnp.asarray(gamma, jnp.float64), jnp.asarray(float(k)))
        losses.append(np.asarray(found))
    chosen = np.sort(np.argsort(-np.asarray(w), kind="stable")[:k])
    return Selection(chosen, w, np.stack(losses), reachable(alpha, iterations, np.stack(losses), gamma))
