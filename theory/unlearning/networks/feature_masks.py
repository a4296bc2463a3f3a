"""FT's masks on a network: its last layer is linear in the features, and the columns are those features.

A feature counts as used by a set if its mean absolute value there reaches ``used`` times the largest such mean of
all features. In FT's linear setting the columns are given; that the last layer's features stand in for them is ours.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from theory.models.networks import Chain, Dense, Network, features
from theory.unlearning.networks.epochs import descend_epochs
from theory.unlearning.networks.method import Method, Outcome, Task

_CHUNK = 500


def used(network: Network, x: Any, share: float) -> np.ndarray:
    """Which features of the last layer the images use."""
    if not isinstance(network.layers[-1], Dense):
        network = _split_head(network)
    parts = [np.abs(np.asarray(features(network, x[i : i + _CHUNK]))).sum(0) for i in range(0, len(x), _CHUNK)]
    mean = np.sum(parts, axis=0) / len(x)
    return mean >= share * mean.max()


def _split_head(network: Network) -> Network:
    """The same network with the last chain's dense layer as a layer of its own."""
    chain, held = network.layers[-1], network.stats[-1]
    if not isinstance(chain, Chain) or not isinstance(chain.parts[-1], Dense):
        raise ValueError(f"network: expected a dense last layer, got {type(chain).__name__}")
    layers = (*network.layers[:-1], Chain(*chain.parts[:-1]), chain.parts[-1])
    return Network(layers, (*network.stats[:-1], held[:-1], held[-1]))


def without(network: Network, removed: np.ndarray) -> Network:
    """The network with the last layer's weights of the ``removed`` features zeroed."""
    split = network if isinstance(network.layers[-1], Dense) else _split_head(network)
    head: Any = split.layers[-1]
    keep = jnp.asarray(~removed, jnp.float32)[:, None]
    zeroed = eqx.tree_at(lambda d: d.weight, head, head.weight * keep)
    last = zeroed if split is network else Chain(split.layers[-2], zeroed)
    return Network((*network.layers[:-1], last), network.stats)


def keep_retained(task: Task) -> Outcome:
    """Zero the features that only the forgotten samples use; no training."""
    kept, gone = (used(task.network, task.data[name].x, task.hyper["used"]) for name in ("retained", "forget"))
    read = len(task.data["retained"].y) + len(task.data["forget"].y)
    return Outcome(without(task.network, gone & ~kept), 0, read)


def remove_forgotten(task: Task) -> Outcome:
    """Zero every feature that the forgotten samples use, then fine-tune."""
    gone = used(task.network, task.data["forget"].x, task.hyper["used"])
    found = descend_epochs(task, without(task.network, gone), streams={"retained": task.data["retained"]})
    return found._replace(samples=found.samples + len(task.data["forget"].y))


METHODS = (
    Method(
        key="retention_mask",
        title="Zero the features that only forgotten samples use",
        source="FT, arXiv 2410.03833, v2 (linear); on a network's features: ours",
        reads=("retained", "forget"),
        run=keep_retained,
        defaults={"used": 0.2},
    ),
    Method(
        key="forget_mask",
        title="Zero the features that forgotten samples use, then fine-tune",
        source="FT, arXiv 2410.03833, v1 (linear); on a network's features: ours",
        reads=("retained", "forget"),
        run=remove_forgotten,
        defaults={"used": 0.5, "epochs": 5, "rate": 0.01, "batch": 128, "weight_decay": 5e-4},
    ),
)
