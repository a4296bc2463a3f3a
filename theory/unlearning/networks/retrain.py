"""Retraining from scratch on the retained samples: the golden model, and what every other method is judged against."""

from theory.unlearning.networks.epochs import descend_epochs
from theory.unlearning.networks.method import Method

METHOD = Method(
    key="retrain",
    title="Retraining without the forgotten samples",
    source="the definition of exact unlearning",
    reads=("retained",),
    run=lambda task: descend_epochs(task, task.fresh(task.key)),
    defaults={"epochs": 10, "rate": 0.05, "batch": 128, "weight_decay": 5e-4},
)
