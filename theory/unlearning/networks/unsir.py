"""UNSIR: noise that maximises the error of the classes to forget, then impair with it and repair without it.

Zero-glance: no forgotten sample is read, only their classes' labels and a class-balanced part of the retained ones.
For class c the noise, a batch of images N, minimises −CE(f(N), c) + λ mean ‖Nᵢ‖² by Adam from N(0, 1), the network's
batch norms at their running statistics. To impair is one epoch on the retained part and ``copies`` copies of the
noise, labelled c; to repair is one epoch on the retained part. Neither augments, and each has an Adam of its own.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from theory.models.networks import Network
from theory.solvers.sgd import Labelled, alone_or_within, begin, cross_entropy, descend, optimiser, shuffled
from theory.unlearning.networks.method import Method, Outcome, Task, constant


@alone_or_within("steps")
def error_maximising_noise(
    network: Network,
    start: Float[Array, "B H W C"],
    label: Int[Array, ""],
    rate: Float[Array, ""],
    penalty: Float[Array, ""],
    steps: int,
) -> tuple[Float[Array, "B H W C"], Float[Array, " steps"]]:
    """Noise of one class from a random start, and the objective at each step."""
    rule = optimiser("adam")

    def objective(noise: Array) -> Array:
        size = jnp.mean(jnp.sum(noise * noise, axis=(1, 2, 3)))
        return -jnp.mean(cross_entropy(network.logits(noise), jnp.full(len(noise), label))) + penalty * size

    def step(held: tuple[Array, Any], _: None) -> tuple[tuple[Array, Any], Array]:
        noise, memory = held
        value, gradient = jax.value_and_grad(objective)(noise)
        move, memory = rule.update(gradient, memory, noise)
        return (noise - rate * move, memory), value

    (noise, _), values = jax.lax.scan(step, (start, rule.init(start)), None, length=steps)
    return noise, values


def run(task: Task) -> Outcome:
    """Noise for every forgotten class, one epoch to impair, one to repair."""
    hyper, sample = task.hyper, task.data["sample"]
    if not task.forgotten:
        raise ValueError("forget: UNSIR forgets whole classes; some class must have no retained sample")
    shape = (hyper["noise_batch"], *sample.x.shape[1:])
    keys = jax.random.split(task.key, len(task.forgotten) + 2)
    noises, curves = [], []
    for c, key in zip(task.forgotten, keys, strict=False):
        target = 0 if hyper["label_zero"] else c
        rates = jnp.float32(hyper["noise_rate"]), jnp.float32(hyper["penalty"])
        noise, curve = error_maximising_noise(
            task.network,
            jax.random.normal(key, shape, sample.x.dtype),
            jnp.asarray(target, sample.y.dtype),
            *rates,
            steps=hyper["noise_steps"],
        )
        noises.append(noise)
        curves.append(curve)
    labels = jnp.repeat(jnp.asarray(task.forgotten, sample.y.dtype), hyper["noise_batch"])
    mixed = Labelled(jnp.concatenate([sample.x, *noises]), jnp.concatenate([sample.y, labels]))
    count = len(sample.y)
    pool = jnp.concatenate([jnp.arange(count), jnp.tile(jnp.arange(count, len(mixed.y)), hyper["copies"])])
    impaired, first = _epoch(task, task.network, mixed, pool, hyper["impair_rate"], keys[-2])
    repaired, second = _epoch(task, impaired, sample, jnp.arange(count), hyper["repair_rate"], keys[-1])
    return Outcome(
        repaired,
        first + second,
        2 * count,  # but for the few that fill the last batch of an epoch
        {
            "noise": dict(zip(task.forgotten, noises, strict=True)),
            "curve": dict(zip(task.forgotten, curves, strict=True)),
            "impaired": impaired,
            "impair_steps": first,
            "repair_steps": second,
            "noise_steps": hyper["noise_steps"] * len(task.forgotten),
        },
    )


def _epoch(task: Task, network: Network, data: Labelled, pool: Array, rate: float, key: Array) -> tuple[Network, int]:
    """One epoch over the entries of ``pool``, indices into ``data``."""
    rule = optimiser("adam")
    order = pool[shuffled(key, len(pool), task.hyper["batch"])]
    state, _ = descend(
        begin(network, rule), {"retained": data}, {"retained": order}, constant(rate, len(order)), key, rule=rule
    )
    return state.network, len(order)


def scaled(samples: int) -> dict[str, int]:
    """Batch sizes with which a smaller retained sample takes as many steps as the notebook's 8000 images do.

    The published settings on a few hundred images make almost only noise steps, and ruin the network.

    Args:
        samples: number of images in the stream "sample".
    """
    batch = max(1, round(_PUBLISHED["batch"] * samples / 8000))
    return {"batch": batch, "noise_batch": batch}


_PUBLISHED = {
    "per_class": 1000,
    "noise_batch": 256,
    "noise_steps": 40,
    "noise_rate": 0.1,
    "penalty": 0.1,
    "copies": 20,
    "impair_rate": 0.02,
    "repair_rate": 0.01,
    "batch": 256,
    "label_zero": False,  # the public notebook trains every class's noise against label 0
}

METHOD = Method(
    key="unsir",
    title="Error-maximising noise, impair and repair",
    source="UNSIR (arXiv 2111.08947); settings of the authors' notebook",
    reads=("sample",),
    run=run,
    defaults=_PUBLISHED,
)
