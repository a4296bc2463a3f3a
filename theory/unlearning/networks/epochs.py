"""The loop that most methods are: epochs of descent on an objective over the streams that they read.

An ascent is bounded by default: a sample whose loss is that of a guess, log(classes), pushes no further. Without the
bound a loss rises the faster the higher it is, and one rate too large ends in weights that are not finite.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.models.networks import Network, forward
from theory.solvers.sgd import Objective, begin, cross_entropy, descend, optimiser, shuffled, supervised
from theory.unlearning.networks.method import Outcome, Task, constant, cosine

SCHEDULES = {"cosine": cosine, "constant": constant}


def descend_epochs(
    task: Task,
    network: Network,
    objective: Objective = supervised,
    streams: Mapping[str, Any] | None = None,
    *,
    hyper: Callable[[float], Any] = lambda progress: None,
    trained: Any = None,
    epochs: int | None = None,
) -> Outcome:
    """Descend on ``objective`` for the task's epochs, with its rate, batch, weight_decay and, if given, schedule.

    Args:
        task: what the method sees. network: where to start.
        streams: samples by name; None takes the task's. An epoch runs once through the first; each step draws a
            batch of every stream. hyper: arrays for the objective, as a function of the share of epochs done.
        trained: weights of the updates, see :func:`theory.solvers.sgd.descend`.
        epochs: in place of the task's.

    Returns:
        :class:`Outcome` with steps and samples counted.
    """
    values, data = task.hyper, dict(task.data if streams is None else streams)
    epochs = values["epochs"] if epochs is None else epochs
    rule = optimiser(values.get("optimiser", "sgd"), values.get("momentum", 0.9), values.get("weight_decay", 0.0))
    counts = {name: len(jax.tree.leaves(stream)[0]) for name, stream in data.items()}
    batches = {name: min(values["batch"], count) for name, count in counts.items()}
    lead = next(iter(counts))
    per_epoch = -(-counts[lead] // batches[lead])
    schedule = values.get("schedule", "cosine")
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule: expected one of {', '.join(SCHEDULES)}, got {schedule!r}")
    rates = SCHEDULES[schedule](values["rate"], epochs * per_epoch)
    state = begin(network, rule)
    for index, key in enumerate(jax.random.split(task.key, epochs)):
        keys = jax.random.split(key, len(data) + 1)
        order = {
            name: shuffled(own, counts[name], batches[name], per_epoch) for own, name in zip(keys, data, strict=False)
        }
        rate = rates[index * per_epoch : (index + 1) * per_epoch]
        state, _ = descend(
            state,
            data,
            order,
            rate,
            keys[-1],
            hyper(index / epochs),
            trained,
            objective=objective,
            rule=rule,
            prepare=task.prepare,
        )
    steps = epochs * per_epoch
    return Outcome(state.network, steps, steps * sum(batches.values()))


def then(first: Outcome, second: Outcome) -> Outcome:
    """Two runs, one after the other."""
    return Outcome(second.network, first.steps + second.steps, first.samples + second.samples, second.stages)


def mean_loss(layers: Any, stats: Any, batch: Any) -> tuple[Float[Array, ""], Any]:
    """Mean cross-entropy on one labelled batch, and the statistics afterwards."""
    logits, stats = forward(layers, stats, batch.x, train=True)
    return cross_entropy(logits, batch.y).mean(), stats


def bounded_loss(layers: Any, stats: Any, batch: Any, ceiling: Float[Array, ""]) -> tuple[Float[Array, ""], Any]:
    """Mean of min(cross-entropy, ``ceiling``) on one labelled batch, and the statistics afterwards."""
    logits, stats = forward(layers, stats, batch.x, train=True)
    return jnp.minimum(cross_entropy(logits, batch.y), ceiling).mean(), stats


def ceiling_of(task: Task) -> Float[Array, ""]:
    """Where an ascent stops: log(classes), or infinity if the task's ``bounded`` is off."""
    return jnp.float32(math.log(task.classes) if task.hyper["bounded"] else math.inf)
