"""Training of a conditional flow on pairs of images and prompts, its loss prompt by prompt, and sampling from it.

A flow carries noise z ~ N(0, I) at time 0 to an image x at time 1 along x_t = (1 − t) z + t x. Its velocity field is
fitted to x − z by least squares at random times (Lipman et al. 2023, arXiv 2210.02747; Liu et al. 2023, arXiv
2209.03003), and images are drawn by Euler steps from noise.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from theory.models.flow import Flow
from theory.models.networks import Network
from theory.solvers.sgd import begin, descend, optimiser, shuffled, thorough

_UNNAMED = 0.1  # share of training samples shown without their prompt, for the unconditional flow


class Prompted(NamedTuple):
    """Flattened images, each with its prompt and the prompt's number."""

    x: Float[Array, "N pixels"]
    prompt: Int[Array, "N attributes"]
    number: Int[Array, " N"]  # from 0 to the number of prompts − 1


def as_network(flow: Flow) -> Network:
    """The flow in the form that :func:`theory.solvers.sgd.descend` trains."""
    layers: Any = (flow,)
    return Network(layers, ())


class Bridged(NamedTuple):
    """A batch with the noise and the time at which the field is fitted to it."""

    data: Prompted
    z: Float[Array, "B pixels"]
    t: Float[Array, " B"]

    @property
    def between(self) -> Float[Array, "B pixels"]:
        """x_t."""
        return (1.0 - self.t[:, None]) * self.z + self.t[:, None] * self.data.x


def bridged(key: PRNGKeyArray, data: Prompted) -> Bridged:
    """The batch with random noise and times."""
    of_noise, of_time = jax.random.split(key)
    z = jax.random.normal(of_noise, data.x.shape, jnp.float32)
    return Bridged(data, z, jax.random.uniform(of_time, (len(z),), jnp.float32))


def evenly_bridged(data: Prompted, each: int, key: PRNGKeyArray) -> Bridged:
    """``each`` samples of every prompt, at the same evenly spread times and from the same noise for every prompt.

    Mean losses of two prompts then differ by their images alone.

    Args:
        data: samples. each: samples a prompt, repeated where it has fewer. key: seed of the choice and the noise.
    """
    of_rows, of_noise = jax.random.split(key)
    order, number = np.asarray(jax.random.permutation(of_rows, len(data.x))), np.asarray(data.number)
    members = [order[number[order] == p] for p in np.unique(number)]
    rows = np.concatenate([np.resize(own, each) for own in members])
    z = jax.random.normal(of_noise, (each, data.x.shape[1]), jnp.float32)
    t = jnp.asarray((np.arange(each) + 0.5) / each, jnp.float32)
    chosen = Prompted(*(part[rows] for part in data))
    return Bridged(chosen, jnp.tile(z, (len(members), 1)), jnp.tile(t, len(members)))


def squared_errors(flow: Flow, batch: Bridged) -> Float[Array, " B"]:
    """‖v(x_t, t | prompt) − (x − z)‖² a pixel, one value a sample."""
    return jnp.mean((flow(batch.between, batch.t, batch.data.prompt) - (batch.data.x - batch.z)) ** 2, axis=1)


def unnamed(key: PRNGKeyArray, streams: dict[str, Prompted]) -> dict[str, Bridged]:
    """Prepares training batches: noise, times, and no prompt for a random tenth."""
    data = streams["data"]
    here, hidden = jax.random.split(key)
    hide = jax.random.uniform(hidden, (len(data.x),), jnp.float32) < _UNNAMED
    return {"data": bridged(here, data._replace(prompt=jnp.where(hide[:, None], -1, data.prompt)))}


def fit(layers: Any, stats: Any, batch: dict[str, Bridged], hyper: Any) -> tuple[Array, Any]:
    """Mean loss on a batch weighted by ``hyper``, one weight a prompt."""
    own = batch["data"]
    return jnp.mean(hyper[own.data.number] * squared_errors(layers[0], own)), stats


def train(
    flow: Flow,
    data: Prompted,
    weights: Float[Array, " prompts"],
    rates: Float[Array, " steps"],
    batch: int,
    key: PRNGKeyArray,
) -> Flow:
    """Fit the field with Adam to all samples, weighted by prompt; weights of 0 leave a prompt out.

    Args:
        flow: where to start. data: samples. weights: of each prompt. rates: learning rate of each step.
        batch: samples a step. key: seed of the batches, the noise and the times.
    """
    order, own = jax.random.split(key)
    rule = optimiser("adam")
    rows = {"data": shuffled(order, len(data.x), batch, len(rates))}
    start = begin(as_network(flow), rule)
    after, _ = descend(start, {"data": data}, rows, rates, own, weights, objective=fit, rule=rule, prepare=unnamed)
    return after.network.layers[0]


@functools.partial(jax.jit, static_argnames="prompts", compiler_options=thorough())
def prompt_losses(flow: Flow, batch: Bridged, prompts: int) -> Float[Array, " prompts"]:
    """Mean loss of each of ``prompts`` prompts, in float64; NaN for one that the batch does not hold."""
    errors = squared_errors(flow, batch).astype(jnp.float64)
    sums = jnp.zeros(prompts, jnp.float64).at[batch.data.number].add(errors)
    return sums / jnp.zeros(prompts, jnp.float64).at[batch.data.number].add(1.0)


@functools.partial(jax.jit, static_argnames="steps", compiler_options=thorough())
def draw(
    flow: Flow, prompt: Int[Array, "N attributes"], key: PRNGKeyArray, steps: int = 20
) -> Float[Array, "N pixels"]:
    """Images of the prompts: Euler steps of the flow from noise."""
    start = jax.random.normal(key, (len(prompt), flow.enter.weight.shape[1]), jnp.float32)

    def step(x: Array, index: Array) -> tuple[Array, None]:
        t = jnp.broadcast_to(index.astype(jnp.float32) / steps, (len(prompt),))
        return x + flow(x, t, prompt) / steps, None

    return jax.lax.scan(step, start, jnp.arange(steps))[0]
