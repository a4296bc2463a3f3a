"""SCRUB: away from the teacher on forgotten samples, back to it on retained ones, in turn."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.models.networks import forward
from theory.solvers.sgd import cross_entropy, predict
from theory.unlearning.networks.epochs import descend_epochs, then
from theory.unlearning.networks.method import Method, Outcome, Task


def divergence(student: Float[Array, "B c"], teacher: Float[Array, "B c"]) -> Float[Array, ""]:
    """Mean KL(teacher ‖ student) of the classes' probabilities."""
    target, own = jax.nn.log_softmax(teacher), jax.nn.log_softmax(student)
    return jnp.mean(jnp.sum(jnp.exp(target) * (target - own), axis=1))


def away(layers: Any, stats: Any, batch: Any, hyper: Any) -> Any:
    """−divergence from the teacher on forgotten samples."""
    data, teacher = batch["forget"]
    logits, after = forward(layers, stats, data.x, train=True)
    return -divergence(logits, teacher), after


def back(layers: Any, stats: Any, batch: Any, hyper: Any) -> Any:
    """Cross-entropy and divergence from the teacher on retained samples, weighed."""
    data, teacher = batch["retained"]
    logits, after = forward(layers, stats, data.x, train=True)
    labels, imitation = hyper
    return labels * jnp.mean(cross_entropy(logits, data.y)) + imitation * divergence(logits, teacher), after


def run(task: Task) -> Outcome:
    """``max_epochs`` rounds of one epoch away and one back, then epochs back alone."""
    streams = {name: (data, predict(task.network, data.x)) for name, data in task.data.items()}
    weights = (jnp.float32(task.hyper["label_weight"]), jnp.float32(task.hyper["imitation_weight"]))
    found = Outcome(task.network, 0, 0)
    keys = jax.random.split(task.key, 2 * task.hyper["epochs"])
    for index in range(task.hyper["epochs"]):
        if index < task.hyper["max_epochs"]:
            own = {"forget": streams["forget"]}
            found = then(found, descend_epochs(task._replace(key=keys[2 * index]), found.network, away, own, epochs=1))
        own = {"retained": streams["retained"]}
        again = task._replace(key=keys[2 * index + 1])
        found = then(found, descend_epochs(again, found.network, back, own, hyper=lambda done: weights, epochs=1))
    return found


METHOD = Method(
    key="scrub",
    title="Away from the teacher on forgotten samples, back on retained ones",
    source="Kurmanji et al. 2023 (arXiv 2302.09880)",
    reads=("retained", "forget"),
    run=run,
    defaults={
        "epochs": 5,
        "max_epochs": 3,
        "rate": 5e-3,
        "batch": 128,
        "weight_decay": 5e-4,
        "schedule": "constant",
        "label_weight": 0.99,
        "imitation_weight": 0.001,
    },
)
