"""Fine-tuning the trained network on the retained samples alone."""

import jax

from theory.models.networks import Network
from theory.solvers.sgd import begin, descend, optimiser, shuffled, supervised
from theory.unlearning.networks.method import Method, Outcome, Task, cosine


def train_on(task: Task, network: Network, trained: object = None) -> Outcome:
    """Plain training of ``network`` on the retained samples, by the task's epochs, rate, batch and weight_decay.

    ``trained`` freezes layers, see :func:`theory.solvers.sgd.descend`.
    """
    hyper, data = task.hyper, {"retained": task.data["retained"]}
    rule = optimiser("sgd", 0.9, hyper["weight_decay"])
    count = len(data["retained"].y)
    epoch = -(-count // min(hyper["batch"], count))
    rates = cosine(hyper["rate"], hyper["epochs"] * epoch).reshape(hyper["epochs"], epoch)
    state = begin(network, rule)
    for rate, key in zip(rates, jax.random.split(task.key, hyper["epochs"]), strict=True):
        order = {"retained": shuffled(key, count, hyper["batch"])}
        state, _ = descend(
            state, data, order, rate, key, None, trained, objective=supervised, rule=rule, prepare=task.prepare
        )
    steps = hyper["epochs"] * epoch
    return Outcome(state.network, steps, steps * min(hyper["batch"], count))


METHOD = Method(
    key="fine_tune",
    title="Fine-tuning on the retained samples",
    source="FT, arXiv 2410.03833, abstract",
    reads=("retained",),
    run=lambda task: train_on(task, task.network),
    defaults={"epochs": 5, "rate": 0.01, "batch": 128, "weight_decay": 5e-4},
)
