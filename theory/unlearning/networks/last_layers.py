"""CF-k and EU-k: fine-tuning, or training anew, the last k layers while the others stay as they are."""

from theory.models.networks import Network
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


def fine_tune_last(task: Task) -> Outcome:
    """CF-k: catastrophic forgetting of the last k layers."""
    return descend_epochs(task, task.network, trained=last_only(task.network, task.hyper["k"]))


def retrain_last(task: Task) -> Outcome:
    """EU-k: exact unlearning of the last k layers, as fresh ones."""
    trained, fresh = last_only(task.network, task.hyper["k"]), task.fresh(task.key)
    mixed = [new if share else old for share, new, old in zip(trained, fresh.layers, task.network.layers, strict=True)]
    stats = [new if share else old for share, new, old in zip(trained, fresh.stats, task.network.stats, strict=True)]
    return descend_epochs(task, Network(tuple(mixed), tuple(stats)), trained=trained)


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
