"""Boundary shrink and expand: move the decision boundary of the forgotten samples, reading only them.

The step to the nearest boundary is FGSM of length 0.1 at the trained network, as published. Deviations from the public
code: images may be normalised, so the moved ones are not clipped to [0, 1] and rounded to 8 bits; the class found is
always another one, as the paper's text has it (the code takes the moved image's class even where that is the true one);
the new class's weights start at 0, not at random; and the rate is larger than the code's 1e-5, made for far more steps.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from theory.models.networks import Chain, Dense, Layer, Network
from theory.solvers.sgd import Labelled, cross_entropy, thorough
from theory.unlearning.networks.epochs import descend_epochs
from theory.unlearning.networks.method import Method, Outcome, Task

_CHUNK = 250


@functools.partial(jax.jit, compiler_options=thorough())
def _nearest(network: Network, x: Array, y: Array, bound: Array) -> Array:
    def loss(image: Array) -> Array:
        return jnp.sum(cross_entropy(network.logits(image), y))

    moved = network.logits(x + bound * jnp.sign(jax.grad(loss)(x)))
    own = jax.nn.one_hot(y, moved.shape[1], dtype=bool)
    return jnp.argmax(jnp.where(own, -jnp.inf, moved), axis=1).astype(y.dtype)


def nearest_wrong(network: Network, data: Labelled, bound: float) -> Int[Array, " N"]:
    """The best wrong class after one step of ``bound`` along the sign of the loss's gradient in the image."""
    chunks = range(0, len(data.y), _CHUNK)
    parts = [
        _nearest(network, data.x[i : i + _CHUNK], data.y[i : i + _CHUNK], jnp.asarray(bound, data.x.dtype))
        for i in chunks
    ]
    return jnp.concatenate(parts)


def shrink(task: Task) -> Outcome:
    """Fine-tune the forgotten samples to the class on the other side of their nearest boundary."""
    gone = task.data["forget"]
    labels = nearest_wrong(task.network, gone, task.hyper["bound"])
    found = descend_epochs(task, task.network, streams={"retained": Labelled(gone.x, labels)})
    return found._replace(samples=found.samples + len(gone.y))


def expand(task: Task) -> Outcome:
    """Fine-tune the forgotten samples to a class of their own, then drop that class."""
    gone = task.data["forget"]
    widened = _with_head(task.network, lambda w: jnp.pad(w, ((0, 0),) * (w.ndim - 1) + ((0, 1),)))
    labels = jnp.full_like(gone.y, task.classes)
    found = descend_epochs(task, widened, streams={"retained": Labelled(gone.x, labels)})
    return found._replace(network=_with_head(found.network, lambda w: w[..., : task.classes]))


def _with_head(network: Network, change: object) -> Network:
    """The network with ``change`` applied to weight and bias of its last dense layer."""
    last = _changed(network.layers[-1], change)
    return Network((*network.layers[:-1], last), network.stats)


def _changed(layer: Layer, change: object) -> Layer:
    if isinstance(layer, Chain):
        return eqx.tree_at(lambda c: c.parts[-1], layer, _changed(layer.parts[-1], change))
    if not isinstance(layer, Dense):
        raise ValueError(f"network: expected a dense last layer, got {type(layer).__name__}")
    return eqx.tree_at(lambda d: (d.weight, d.bias), layer, (change(layer.weight), change(layer.bias)))  # type: ignore[operator]


_DEFAULTS = {"epochs": 5, "rate": 0.001, "batch": 32, "weight_decay": 5e-4}

METHODS = (
    Method(
        key="boundary_shrink",
        title="Forgotten samples go to the nearest other class",
        source="Chen et al. 2023 (arXiv 2303.11570)",
        reads=("forget",),
        run=shrink,
        defaults={**_DEFAULTS, "bound": 0.1},
    ),
    Method(
        key="boundary_expand",
        title="Forgotten samples go to a class of their own, which is then dropped",
        source="Chen et al. 2023 (arXiv 2303.11570)",
        reads=("forget",),
        run=expand,
        defaults=_DEFAULTS,
    ),
)
