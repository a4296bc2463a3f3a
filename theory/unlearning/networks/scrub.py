"""SCRUB: away from the teacher on forgotten samples, back to it on retained ones, in turn.

Order, divergence, its temperature and the weights of the two retained terms are those of the paper's public code
(γ = 0.99, α = 0.001, T = 4, with T² before the divergence). Deviations: momentum starts anew with every epoch, the
rate does not decay, and it is larger than the code's 5e-4, made for far more steps an epoch; and the way away from the
teacher is bounded (:mod:`theory.unlearning.networks.epochs`): log(classes) is the most that a divergence from a teacher
to a guess can be. With ``bounded`` off it is as published.

At the teacher the divergence is 0 and so is its gradient: without batch norm, which makes the student differ from its
teacher from the start, the first step away moves nothing but by weight decay.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.models.networks import forward
from theory.solvers.sgd import cross_entropy, predict
from theory.unlearning.networks.epochs import ceiling_of, descend_epochs, then
from theory.unlearning.networks.method import Method, Outcome, Task


def divergence(
    student: Float[Array, "B c"], teacher: Float[Array, "B c"], ceiling: float | Float[Array, ""] = math.inf
) -> Float[Array, ""]:
    """Mean KL(teacher ‖ student) of the classes' probabilities; each sample's counts up to ``ceiling``."""
    target, own = jax.nn.log_softmax(teacher), jax.nn.log_softmax(student)
    return jnp.mean(jnp.minimum(jnp.sum(jnp.exp(target) * (target - own), axis=1), ceiling))


def tempered(
    student: Float[Array, "B c"],
    teacher: Float[Array, "B c"],
    T: Float[Array, ""],
    ceiling: float | Float[Array, ""] = math.inf,
) -> Float[Array, ""]:
    """T² times the divergence of the logits over T, whose gradient keeps its size as T grows."""
    return T * T * divergence(student / T, teacher / T, ceiling)


class Weights(NamedTuple):
    """What the objectives read beside their batch."""

    labels: Float[Array, ""]
    imitation: Float[Array, ""]
    temperature: Float[Array, ""]
    ceiling: Float[Array, ""]


def away(layers: Any, stats: Any, batch: Any, hyper: Any) -> Any:
    """−divergence from the teacher on forgotten samples."""
    data, teacher = batch["forget"]
    logits, after = forward(layers, stats, data.x, train=True)
    return -tempered(logits, teacher, hyper.temperature, hyper.ceiling), after


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
    labels, imitation, temperature = (jnp.float32(task.hyper[name]) for name in names)
    weights = Weights(labels, imitation, temperature, ceiling_of(task))
    found = Outcome(task.network, 0, sum(len(data.y) for data in task.data.values()))
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
        "bounded": True,
    },
)
