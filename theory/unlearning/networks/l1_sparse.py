"""Fine-tuning with an ℓ1 penalty that falls to 0: small weights, which hold details of single samples, go to 0.

In epoch e of E the penalty is γ(1 − e/E), the schedule that the paper recommends, over all weights and biases.
"""

from typing import Any

import jax
import jax.numpy as jnp

from theory.unlearning.networks.epochs import descend_epochs, mean_loss
from theory.unlearning.networks.method import Method, Outcome, Task


def penalised(layers: Any, stats: Any, batch: Any, weight: Any) -> Any:
    """Retained loss plus ``weight`` times the sum of |weights|."""
    loss, after = mean_loss(layers, stats, batch["retained"])
    return loss + weight * sum(jnp.sum(jnp.abs(leaf)) for leaf in jax.tree.leaves(layers)), after


def run(task: Task) -> Outcome:
    """The penalty falls linearly with the epochs."""
    most = task.hyper["penalty"]
    return descend_epochs(task, task.network, penalised, hyper=lambda done: jnp.float32(most * (1.0 - done)))


METHOD = Method(
    key="l1_sparse",
    title="Fine-tuning with a falling ℓ1 penalty",
    source="Jia et al. 2023 (arXiv 2304.04934)",
    reads=("retained",),
    run=run,
    defaults={"epochs": 5, "rate": 0.01, "batch": 128, "weight_decay": 5e-4, "penalty": 5e-4},
)
