"""Gradient ascent on the forgotten samples (NegGrad). It reads nothing else, and nothing holds the rest in place.

Where the loss is near 0 the gradient is too, and it grows as the loss does: a rate a few times too small forgets
nothing. One too large would ruin the network, so the ascent is bounded (:mod:`theory.unlearning.networks.epochs`) and
has no momentum, which would carry it on past the bound: ours. With ``bounded`` off it is as published.
"""

from typing import Any

from theory.unlearning.networks.epochs import bounded_loss, ceiling_of, descend_epochs
from theory.unlearning.networks.method import Method, Outcome, Task


def ascent(layers: Any, stats: Any, batch: Any, ceiling: Any) -> Any:
    """−min(cross-entropy, ceiling) on the forgotten samples."""
    loss, after = bounded_loss(layers, stats, batch["forget"], ceiling)
    return -loss, after


def run(task: Task) -> Outcome:
    """Epochs over the forgotten samples."""
    ceiling = ceiling_of(task)
    return descend_epochs(task, task.network, ascent, hyper=lambda progress: ceiling)


METHOD = Method(
    key="gradient_ascent",
    title="Gradient ascent on the forgotten samples",
    source="Graves et al. 2021 (arXiv 2010.10981); Thudi et al. 2022 (arXiv 2109.13398)",
    reads=("forget",),
    run=run,
    defaults={"epochs": 5, "rate": 0.1, "batch": 32, "momentum": 0.0, "bounded": True},
)
