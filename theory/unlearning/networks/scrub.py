"""SCRUB: away from the teacher on forgotten samples, back to it on retained ones, in turn.

Order, divergence, its temperature and the weights of the two retained terms are those of the paper's public code
(γ = 0.99, α = 0.001, T = 4, with T² before the divergence). Deviations: momentum starts anew with every epoch, the
rate does not decay, and it is larger than the code's 5e-4, made for far more steps an epoch.

At the teacher the divergence is 0 and so is its gradient: without batch norm, which makes the student differ from its
teacher from the start, the first step away moves nothing but by weight decay.
"""

from typing import Any, NamedTuple

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


def tempered(student: Float[Array, "B c"], teacher: Float[Array, "B c"], T: Float[Array, ""]) -> Float[Array, ""]:
    """T² times the divergence of the logits over T, whose gradient keeps its size as T grows."""
    return T * T * divergence(student / T, teacher / T)


class Weights(NamedTuple):
    """What the objectives read beside their batch."""

    labels: Float[Array, ""]
    imitation: Float[Array, ""]
    temperature: Float[Array, ""]


def away(layers: Any, stats: Any, batch: Any, hyper: Any) -> Any:
    """−divergence from the teacher on forgotten samples."""
    data, teacher = batch["forget"]
    logits, after = forward(layers, stats, data.x, train=True)
    return -tempered(logits, teacher, hyper.temperature), after


def back(layers: Any, stats: Any, batch: Any, hyper: Any) -> Any:
    """Cross-entropy and divergence from the teacher on retained samples, weighed."""
    data, teacher = batch["retained"]
    logits, after = forward(layers, stats, data.x, train=True)
    own = hyper.labels * jnp.mean(cross_entropy(logits, data.y))
    return own + hyper.imitation * tempered(logits, teacher, hyper.temperature), after


def run(task: Task) -> Outcome:
    """``max_epochs`` rounds of one epoch away and one back, then epochs back alone."""
    streams = {name: (data, predict(task.network, data.x)) for name, data in task.data.items()}
    names = ("label_weight", "imitation_weight", "temperature")
    weights = Weights(*(jnp.float32(task.hyper[name]) for name in names))
    found = Outcome(task.network, 0, 0)
    keys = jax.random.split(task.key, 2 * task.hyper["epochs"])
    for index in range(task.hyper["epochs"]):
        if index < task.hyper["max_epochs"]:
            own = {"forget": streams["forget"]}
            ahead = task._replace(key=keys[2 * index])
            found = then(found, descend_epochs(ahead, found.network, away, own, hyper=lambda done: weights, epochs=1))
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
        "rate": 0.003,
        "batch": 32,
        "weight_decay": 5e-4,
        "schedule": "constant",
        "label_weight": 0.99,
        "imitation_weight": 0.001,
        "temperature": 4.0,
    },
)
