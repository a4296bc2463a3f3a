"""CF-k and EU-k: fine-tuning, or training anew, the last k layers while the others stay as they are.

The first layers are a fixed function: their weights do not move, and their batch norms keep and use the statistics of
the trained network.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from theory.models.networks import Network
from theory.solvers.sgd import Objective, cross_entropy
from theory.unlearning.networks.epochs import descend_epochs
from theory.unlearning.networks.method import Method, Outcome, Task


def last_only(network: Network, k: int) -> tuple[float, ...]:
    """Weights of the updates: 1 for the last k layers, 0 for the others.

    Raises:
        ValueError: k outside 1 to the number of layers.
    """
    count = len(network.layers)
    if not 1 <= k <= count:
        raise ValueError(f"k: expected 1 to {count}, the network's layers, got {k}")
    return (0.0,) * (count - k) + (1.0,) * k


@functools.cache
def behind(first: int) -> Objective:
    """The retained loss with the layers before ``first`` as a fixed function. Cached: one object a number."""

    def objective(layers: Any, stats: Any, batch: Any, hyper: Any) -> Any:
        data, after = batch["retained"], list(stats)
        x = data.x
        for index, layer in enumerate(layers):
            x, kept = layer(x, stats[index], index >= first)
            if index >= first:
                after[index] = kept
            else:
                x = jax.lax.stop_gradient(x)
        return jnp.mean(cross_entropy(x.astype(jnp.float32), data.y)), tuple(after)

    return objective


def _descend_last(task: Task, network: Network) -> Outcome:
    trained = last_only(network, task.hyper["k"])
    return descend_epochs(task, network, behind(len(trained) - task.hyper["k"]), trained=trained)


def fine_tune_last(task: Task) -> Outcome:
    """CF-k: catastrophic forgetting of the last k layers."""
    return _descend_last(task, task.network)


def retrain_last(task: Task) -> Outcome:
    """EU-k: exact unlearning of the last k layers, as fresh ones."""
    trained, fresh = last_only(task.network, task.hyper["k"]), task.fresh(task.key)
    mixed = [new if share else old for share, new, old in zip(trained, fresh.layers, task.network.layers, strict=True)]
    stats = [new if share else old for share, new, old in zip(trained, fresh.stats, task.network.stats, strict=True)]
    return _descend_last(task, Network(tuple(mixed), tuple(stats)))


METHODS = (
    Method(
        key="cf_k",
        title="Fine-tuning the last k layers",
        source="Goel et al. 2022 (arXiv 2201.06640), there called CF-k",
        reads=("retained",),
        run=fine_tune_last,
        defaults={"epochs": 5, "rate": 0.01, "batch": 128, "weight_decay": 5e-4, "k": 2},
    ),
    Method(
        key="eu_k",
        title="Training the last k layers anew",
        source="Goel et al. 2022 (arXiv 2201.06640), there called EU-k",
        reads=("retained",),
        run=retrain_last,
        defaults={"epochs": 5, "rate": 0.05, "batch": 128, "weight_decay": 5e-4, "k": 2},
    ),
)
