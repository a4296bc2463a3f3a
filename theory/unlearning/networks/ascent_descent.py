"""Descent on retained and ascent on forgotten samples at once (NegGrad+).

The ascent has no bound: whether it forgets nothing, forgets, or ruins the network is decided by rate and share. The
paper's share is 0.95.
"""

from typing import Any

import jax.numpy as jnp

from theory.unlearning.networks.epochs import descend_epochs, mean_loss
from theory.unlearning.networks.method import Method, Outcome, Task


def both(layers: Any, stats: Any, batch: Any, share: Any) -> Any:
    """``share`` of the retained loss less the rest of the forgotten one."""
    kept, after = mean_loss(layers, stats, batch["retained"])
    gone, _ = mean_loss(layers, stats, batch["forget"])
    return share * kept - (1.0 - share) * gone, after


def run(task: Task) -> Outcome:
    """One epoch runs once through the retained samples."""
    share = jnp.float32(task.hyper["share"])
    return descend_epochs(task, task.network, both, hyper=lambda progress: share)


METHOD = Method(
    key="ascent_descent",
    title="Ascent on the forgotten and descent on the retained samples",
    source="Kurmanji et al. 2023 (arXiv 2302.09880), there called NegGrad+",
    reads=("retained", "forget"),
    run=run,
    defaults={"epochs": 5, "rate": 0.015, "batch": 32, "weight_decay": 5e-4, "share": 0.98},
)
