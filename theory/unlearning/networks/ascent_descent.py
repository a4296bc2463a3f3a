"""Descent on retained and ascent on forgotten samples at once (NegGrad+).

The ascent is bounded (:mod:`theory.unlearning.networks.epochs`); with ``bounded`` off it is as published, and whether
it forgets nothing, forgets, or ruins the network is decided by rate and share. The paper's share is 0.95.
"""

from typing import Any

import jax.numpy as jnp

from theory.unlearning.networks.epochs import bounded_loss, ceiling_of, descend_epochs, mean_loss
from theory.unlearning.networks.method import Method, Outcome, Task


def both(layers: Any, stats: Any, batch: Any, hyper: Any) -> Any:
    """A share of the retained loss less the rest of the forgotten one, each sample of which counts up to a ceiling."""
    share, ceiling = hyper
    kept, after = mean_loss(layers, stats, batch["retained"])
    gone, _ = bounded_loss(layers, stats, batch["forget"], ceiling)
    return share * kept - (1.0 - share) * gone, after


def run(task: Task) -> Outcome:
    """One epoch runs once through the retained samples."""
    hyper = jnp.float32(task.hyper["share"]), ceiling_of(task)
    return descend_epochs(task, task.network, both, hyper=lambda progress: hyper)


METHOD = Method(
    key="ascent_descent",
    title="Ascent on the forgotten and descent on the retained samples",
    source="Kurmanji et al. 2023 (arXiv 2302.09880), there called NegGrad+",
    reads=("retained", "forget"),
    run=run,
    defaults={"epochs": 5, "rate": 0.06, "batch": 32, "weight_decay": 5e-4, "share": 0.98, "bounded": True},
)
