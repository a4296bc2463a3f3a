"""Fine-tuning the trained network on the retained samples alone."""

from theory.unlearning.networks.epochs import descend_epochs
from theory.unlearning.networks.method import Method

METHOD = Method(
    key="fine_tune",
    title="Fine-tuning on the retained samples",
    source="FT, arXiv 2410.03833, abstract",
    reads=("retained",),
    run=lambda task: descend_epochs(task, task.network),
    defaults={"epochs": 5, "rate": 0.01, "batch": 128, "weight_decay": 5e-4},
)
