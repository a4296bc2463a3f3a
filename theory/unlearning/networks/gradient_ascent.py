"""Gradient ascent on the forgotten samples (NegGrad). It reads nothing else, and nothing holds the rest in place.

Where the loss is near 0 the gradient is too, and it grows as the loss does: a rate a few times too small forgets
nothing, one a few times too large ruins the network, and where the edge lies differs from network to network.
"""

from typing import Any

from theory.unlearning.networks.epochs import descend_epochs, mean_loss
from theory.unlearning.networks.method import Method


def ascent(layers: Any, stats: Any, batch: Any, hyper: Any) -> Any:
    """−cross-entropy on the forgotten samples."""
    loss, after = mean_loss(layers, stats, batch["forget"])
    return -loss, after


METHOD = Method(
    key="gradient_ascent",
    title="Gradient ascent on the forgotten samples",
    source="Graves et al. 2021 (arXiv 2010.10981); Thudi et al. 2022 (arXiv 2109.13398)",
    reads=("forget",),
    run=lambda task: descend_epochs(task, task.network, ascent),
    defaults={"epochs": 5, "rate": 0.005, "batch": 32},
)
