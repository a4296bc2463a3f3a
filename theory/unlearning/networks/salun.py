"""SalUn: wrong labels on the forgotten samples, learnt only by the weights that matter most to them.

As in the paper the mask has the half of the weights with the largest |gradient| of the forgotten samples' loss at the
trained network. Deviations from the public code: a random label is never the true one; the gradient is taken with
batch norm's running statistics; weights outside the mask do not decay either, so they keep every bit.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from theory.models.networks import Network
from theory.solvers.sgd import Labelled, cross_entropy, thorough
from theory.unlearning.networks.epochs import descend_epochs
from theory.unlearning.networks.method import Method, Outcome, Task
from theory.unlearning.networks.random_labels import relabelled, wrong_labels

_CHUNK = 250


@functools.partial(jax.jit, compiler_options=thorough())
def _gradient(network: Network, x: Any, y: Any) -> Any:
    return jax.grad(lambda layers: jnp.sum(cross_entropy(Network(layers, network.stats).logits(x), y)))(network.layers)


def salient(network: Network, data: Labelled, share: float) -> Any:
    """1 for the ``share`` of weights with the largest |gradient| of the loss on ``data``, 0 for the others.

    Their number is rounded and at least one. Of equal gradients the first weights are taken.

    Raises:
        ValueError: a share outside (0, 1].
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(f"share: expected a fraction above 0 and at most 1, got {share}")
    chunks = range(0, len(data.y), _CHUNK)
    sums = [_gradient(network, data.x[i : i + _CHUNK], data.y[i : i + _CHUNK]) for i in chunks]
    total = jax.tree.map(lambda *leaves: np.abs(np.sum([np.asarray(leaf) for leaf in leaves], axis=0)), *sums)
    every, restore = ravel_pytree(jax.tree.map(jnp.asarray, total))
    mask = np.zeros(len(every), np.float32)
    ranked = np.argsort(-np.asarray(every), kind="stable")  # not a threshold: many gradients may be exactly 0
    mask[ranked[: max(1, round(share * len(every)))]] = 1.0
    return restore(jnp.asarray(mask))


def run(task: Task) -> Outcome:
    """Random labels with the updates masked."""
    gone = task.data["forget"]
    labels = wrong_labels(jax.random.fold_in(task.key, 1), gone.y, task.classes)
    mask = salient(task.network, gone, task.hyper["share"])
    found = descend_epochs(task, task.network, streams=relabelled(task, labels), trained=mask)
    return found._replace(samples=found.samples + len(gone.y))


METHOD = Method(
    key="salun",
    title="Wrong labels learnt by the salient weights alone",
    source="Fan et al. 2024 (arXiv 2310.12508)",
    reads=("retained", "forget"),
    run=run,
    defaults={"epochs": 5, "rate": 0.01, "batch": 128, "share": 0.5},
)
