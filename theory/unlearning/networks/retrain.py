"""Retraining from scratch on the retained samples: the golden model, and what every other method is judged against."""

from theory.unlearning.networks.fine_tune import train_on
from theory.unlearning.networks.method import Method, Outcome, Task


def run(task: Task) -> Outcome:
    """A fresh network, trained as the original was."""
    return train_on(task, task.fresh(task.key))


METHOD = Method(
    key="retrain",
    title="Retraining without the forgotten samples",
    source="the definition of exact unlearning",
    reads=("retained",),
    run=run,
    defaults={"epochs": 10, "rate": 0.05, "batch": 128, "weight_decay": 5e-4},
)
