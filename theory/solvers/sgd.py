"""Stochastic gradient descent of networks: a whole run of steps in one compiled loop, the data on the device.

Objectives are plain functions of (layers, stats, batch, hyper), the same object at every call, and everything that
varies (learning rates, batches, weights of terms) is an array: a method compiles once a shape.
"""

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from theory.models.networks import Network, Stats, forward

Batch = Any  # a pytree of arrays with one leading axis
Objective = Callable[[Any, Stats, Any, Any], tuple[Array, Stats]]
Prepare = Callable[[PRNGKeyArray, Any], Any]  # of a batch, at every step: normalise, augment

_CHUNK = 500  # images a compiled call of predict


class Labelled(NamedTuple):
    """Images with their classes."""

    x: Float[Array, "N H W C"]
    y: Int[Array, " N"]


class Descent(NamedTuple):
    """A network in training. Everything that a checkpoint must hold."""

    network: Network
    optimiser: Any  # optax's state
    steps: Int[Array, ""]


def thorough() -> dict[str, Any] | None:
    """Compiler options for long runs: they undo the fast-compiling flags of this process, where it has them."""
    if "--xla_backend_optimization_level=0" not in os.environ.get("XLA_FLAGS", ""):
        return None
    return {
        "xla_backend_optimization_level": 2,
        "xla_llvm_disable_expensive_passes": False,
        "xla_cpu_use_fusion_emitters": True,
    }


def alone_or_within(*static: str) -> Callable[[Callable[..., Any]], Any]:
    """``jax.jit`` with the options of :func:`thorough`; called within another compiled program, a part of that.

    Args:
        static: names of the arguments that are no arrays.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        alone = jax.jit(function, static_argnames=static, compiler_options=thorough())
        within = jax.jit(function, static_argnames=static)  # JAX takes options for a whole program only

        @functools.wraps(function)
        def call(*args: Any, **named: Any) -> Any:
            traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((args, named)))
            return (within if traced else alone)(*args, **named)

        call._cache_size = alone._cache_size  # type: ignore[attr-defined]
        return call

    return decorate


@functools.cache
def optimiser(
    kind: Literal["sgd", "adam", "signsgd"] = "sgd", momentum: float = 0.9, weight_decay: float = 0.0
) -> optax.GradientTransformation:
    """The direction of a step; its length is the learning rate given to :func:`descend`. Cached: one object a setting.

    Args:
        kind: "sgd" with ``momentum``, "adam", or "signsgd". weight_decay: added to the gradient, as L2.
    """
    ways = {
        "sgd": optax.trace(momentum) if momentum else optax.identity(),
        "adam": optax.scale_by_adam(),
        "signsgd": optax.scale_by_sign(),
    }
    if kind not in ways:
        raise ValueError(f"kind: expected one of {', '.join(ways)}, got {kind!r}")
    decay = optax.add_decayed_weights(weight_decay) if weight_decay else optax.identity()
    rule = optax.chain(decay, ways[kind])

    def update(*given: Any) -> Any:
        with jax.numpy_dtype_promotion("standard"):  # optax mixes its own scalars' types
            return rule.update(*given)

    return optax.GradientTransformation(rule.init, update)


def begin(network: Network, rule: optax.GradientTransformation) -> Descent:
    """Before the first step."""
    return Descent(network, rule.init(network.layers), jnp.zeros((), jnp.int32))


def shuffled(key: PRNGKeyArray, count: int, batch: int, steps: int | None = None) -> Int[Array, "steps B"]:
    """Indices of batches: one epoch if ``steps`` is None, else as many epochs as they take, without replacement.

    The last batch of an epoch is filled up from the next permutation.
    """
    batch = min(batch, count)
    steps = -(-count // batch) if steps is None else steps
    epochs = -(-steps * batch // count)
    orders = [jax.random.permutation(k, count) for k in jax.random.split(key, epochs)]
    return jnp.concatenate(orders)[: steps * batch].reshape(steps, batch)


def cross_entropy(logits: Float[Array, "B c"], labels: Int[Array, " B"]) -> Float[Array, " B"]:
    """−log of the label's probability, one value a sample."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)


def supervised(layers: Any, stats: Stats, batch: Mapping[str, Labelled], hyper: Any) -> tuple[Array, Stats]:
    """Mean cross-entropy on ``batch["retained"]``: plain training."""
    data = batch["retained"]
    logits, stats = forward(layers, stats, data.x, train=True)
    return jnp.mean(cross_entropy(logits, data.y)), stats


def as_given(key: PRNGKeyArray, batch: Any) -> Any:
    """Prepares nothing."""
    return batch


@alone_or_within("objective", "rule", "prepare")
def descend(
    state: Descent,
    data: Mapping[str, Batch],
    order: Mapping[str, Int[Array, "steps _"]],
    rates: Float[Array, " steps"],
    key: PRNGKeyArray,
    hyper: Any = None,
    trained: Any = None,
    *,
    objective: Objective = supervised,
    rule: optax.GradientTransformation,
    prepare: Prepare = as_given,
) -> tuple[Descent, Float[Array, " steps"]]:
    """Steps of descent on ``objective``, one a row of ``order``.

    Args:
        state: from :func:`begin`. data: streams of samples by name. order: the same names, indices of each step's
            batch. rates: learning rate of each step. key: for ``prepare``. hyper: arrays that the objective reads.
        trained: weights of the updates, a pytree as the layers or a prefix of it (0 freezes); None trains all.
        objective: (layers, stats, batch, hyper) -> loss, stats. rule: from :func:`optimiser`.
        prepare: applied to each step's batch.

    Returns:
        The state afterwards and the loss of each step.
    """

    def step(held: Descent, now: tuple[Any, Array, Array]) -> tuple[Descent, Array]:
        rows, rate, own = now
        batch = {name: jax.tree.map(lambda leaf: leaf[rows[name]], stream) for name, stream in data.items()}  # noqa: B023
        batch = prepare(own, batch)
        value = jax.value_and_grad(objective, has_aux=True)
        (loss, stats), gradient = value(held.network.layers, held.network.stats, batch, hyper)
        moves, memory = rule.update(gradient, held.optimiser, held.network.layers)
        if trained is not None:
            moves = jax.tree.map(lambda share, part: jax.tree.map(lambda move: share * move, part), trained, moves)
        layers = jax.tree.map(lambda weight, move: weight - rate * move, held.network.layers, moves)
        return Descent(Network(layers, stats), memory, held.steps + 1), loss

    keys = jax.random.split(key, len(rates))
    return jax.lax.scan(step, state, (dict(order), rates, keys))


def predict(network: Network, x: Float[Array, "N H W C"]) -> Float[Array, "N c"]:
    """Logits of any number of images, in compiled chunks of one size."""
    count = len(x)
    parts = []
    for start in range(0, max(count, 1), _CHUNK):
        part = x[start : start + _CHUNK]
        padding = [(0, _CHUNK - len(part)), *[(0, 0)] * (x.ndim - 1)]
        parts.append(_logits(network, jnp.pad(part, padding)))
    return jnp.concatenate(parts)[:count]


@functools.partial(jax.jit, compiler_options=thorough())
def _logits(network: Network, x: Array) -> Array:
    return network.logits(x)


def classify(network: Network, x: Float[Array, "N H W C"]) -> np.ndarray:
    """The class of largest score of each image."""
    return np.argmax(np.asarray(predict(network, x)), axis=1)


def accuracy(network: Network, data: Labelled) -> float:
    """Share of samples classified as labelled, in percent; NaN on no samples."""
    if not len(data.y):
        return float("nan")
    return 100.0 * float(np.mean(classify(network, data.x) == np.asarray(data.y)))
