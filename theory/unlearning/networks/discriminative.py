"""FT's discriminative losses: the retained loss with a second one that pulls forgotten samples to other classes.

The paper gives the family, L_R + α D(F), with D the cross-entropy to wrong labels (CE-FT), its inverse weighting
α L_R + D (ICE-FT), and a Kullback-Leibler divergence to a target distribution (KL-FT). The target here is uniform
over the other classes: the paper's own is not known to us, nor is its α.
"""

from typing import Any

import jax
import jax.numpy as jnp

from theory.models.networks import forward
from theory.solvers.sgd import Labelled
from theory.unlearning.networks.epochs import descend_epochs, mean_loss
from theory.unlearning.networks.method import Method, Outcome, Task
from theory.unlearning.networks.random_labels import wrong_labels


def wrong_entropy(layers: Any, stats: Any, batch: Any, weights: Any) -> Any:
    """Weighed sum of the retained cross-entropy and that of the forgotten samples to wrong labels."""
    kept, after = mean_loss(layers, stats, batch["retained"])
    gone, _ = mean_loss(layers, stats, batch["forget"])
    return weights[0] * kept + weights[1] * gone, after


def towards_others(layers: Any, stats: Any, batch: Any, weights: Any) -> Any:
    """Weighed sum of the retained cross-entropy and KL(others ‖ network) on the forgotten samples."""
    kept, after = mean_loss(layers, stats, batch["retained"])
    data = batch["forget"]
    logits, _ = forward(layers, stats, data.x, train=True)
    others = 1.0 - jax.nn.one_hot(data.y, logits.shape[1], dtype=logits.dtype)
    target = others / (logits.shape[1] - 1)
    gap = -jnp.mean(jnp.sum(target * jax.nn.log_softmax(logits), axis=1)) - jnp.log(jnp.float32(logits.shape[1] - 1))
    return weights[0] * kept + weights[1] * gap, after


def _run(task: Task, objective: Any, weights: tuple[float, float]) -> Outcome:
    kept, gone = task.data["retained"], task.data["forget"]
    if objective is wrong_entropy:
        gone = Labelled(gone.x, wrong_labels(jax.random.fold_in(task.key, 1), gone.y, task.classes))
    pair = tuple(jnp.float32(weight) for weight in weights)
    return descend_epochs(
        task, task.network, objective, {"retained": kept, "forget": gone}, hyper=lambda progress: pair
    )


_DEFAULTS = {"epochs": 5, "rate": 0.01, "batch": 128, "weight_decay": 5e-4, "alpha": 0.1}
_SOURCE = "FT, arXiv 2410.03833, v1 (the family; the form is ours)"

METHODS = (
    Method(
        key="ce_ft",
        title="Fine-tuning with cross-entropy to wrong labels",
        source=_SOURCE,
        reads=("retained", "forget"),
        run=lambda task: _run(task, wrong_entropy, (1.0, task.hyper["alpha"])),
        defaults=_DEFAULTS,
    ),
    Method(
        key="ice_ft",
        title="Cross-entropy to wrong labels, the retained loss weighed",
        source=_SOURCE,
        reads=("retained", "forget"),
        run=lambda task: _run(task, wrong_entropy, (task.hyper["alpha"], 1.0)),
        defaults={**_DEFAULTS, "alpha": 10.0},
    ),
    Method(
        key="kl_ft",
        title="Fine-tuning with a divergence towards the other classes",
        source=_SOURCE,
        reads=("retained", "forget"),
        run=lambda task: _run(task, towards_others, (1.0, task.hyper["alpha"])),
        defaults=_DEFAULTS,
    ),
)
