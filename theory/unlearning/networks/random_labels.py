"""Fine-tuning with wrong labels on the forgotten samples.

The labels are drawn once; none is the true one (some public codes draw from all classes, and anew at each epoch).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

from theory.solvers.sgd import Labelled
from theory.unlearning.networks.epochs import descend_epochs
from theory.unlearning.networks.method import Method, Outcome, Task


def wrong_labels(key: PRNGKeyArray, labels: Int[Array, " N"], classes: int) -> Int[Array, " N"]:
    """For each label another class, uniformly."""
    shift = jax.random.randint(key, labels.shape, 1, classes, labels.dtype)
    return (labels + shift) % classes


def relabelled(task: Task, labels: Array) -> dict[str, Labelled]:
    """One stream of the retained samples and the forgotten ones with the given labels."""
    kept, gone = task.data["retained"], task.data["forget"]
    return {"retained": Labelled(jnp.concatenate([kept.x, gone.x]), jnp.concatenate([kept.y, labels]))}


def run(task: Task) -> Outcome:
    """Train on the retained samples and the relabelled ones together."""
    labels = wrong_labels(jax.random.fold_in(task.key, 1), task.data["forget"].y, task.classes)
    return descend_epochs(task, task.network, streams=relabelled(task, labels))


METHOD = Method(
    key="random_labels",
    title="Wrong labels on the forgotten samples",
    source="Golatkar et al. 2020 (arXiv 1911.04933); Graves et al. 2021 (arXiv 2010.10981)",
    reads=("retained", "forget"),
    run=run,
    defaults={"epochs": 5, "rate": 0.01, "batch": 128, "weight_decay": 5e-4},
)
