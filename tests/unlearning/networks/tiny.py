"""One tiny problem for all methods: three clouds of 4 × 4 images, eight each, the last of them to be forgotten."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from theory.models.networks import Network, mlp
from theory.solvers.sgd import Labelled, begin, cross_entropy, descend, optimiser, shuffled
from theory.unlearning.networks import all_methods
from theory.unlearning.networks.method import Outcome, Problem, constant, unlearn_network

CLASSES, EACH, SHAPE = 3, 8, (4, 4, 1)
FORGOTTEN = 2
_EPOCHS = {"epochs": 2, "batch": 8}
HYPER = {key: {name: _EPOCHS[name] for name in _EPOCHS if name in m.defaults} for key, m in all_methods().items()}
HYPER["unsir"] = {"per_class": 6, "noise_batch": 4, "noise_steps": 5, "copies": 2, "batch": 8}
HYPER["scrub"]["max_epochs"] = 1
"""What makes each method run in a few steps."""


def fresh(key: jax.Array) -> Network:
    """An untrained network."""
    return mlp(SHAPE, CLASSES, (6, 5), key=key)


@functools.cache
def problem() -> Problem:
    """A network trained on the three clouds, and the mask of the last."""
    labels = np.repeat(np.arange(CLASSES), EACH)
    centres = np.random.default_rng(0).normal(size=(CLASSES, *SHAPE))
    images = centres[labels] + 0.3 * np.random.default_rng(1).normal(size=(len(labels), *SHAPE))
    train = Labelled(jnp.asarray(images, jnp.float32), jnp.asarray(labels, jnp.int32))
    rule, key = optimiser(), jax.random.key(2)
    order = shuffled(key, len(labels), 8, 12)
    begun = begin(fresh(key), rule)
    state, _ = descend(begun, {"retained": train}, {"retained": order}, constant(0.02, 12), key, rule=rule)
    return Problem(state.network, train, jnp.asarray(labels == FORGOTTEN), CLASSES, fresh)


def run(key: str, given: Problem | None = None, seed: int = 3, **hyper: object) -> Outcome:
    """A method on the problem, in a few steps."""
    return unlearn_network(all_methods()[key], given or problem(), jax.random.key(seed), **{**HYPER[key], **hyper})


@functools.cache
def outcome(key: str) -> Outcome:
    """A method's outcome on the problem as it is, once a session."""
    return run(key)


def part(forgotten: bool) -> Labelled:
    """The forgotten samples, or the retained ones."""
    own = problem()
    rows = np.flatnonzero(np.asarray(own.forget) == forgotten)
    return Labelled(own.train.x[rows], own.train.y[rows])


def with_images(forget_images: object) -> Problem:
    """The problem with other images in the forget set."""
    own = problem()
    x = jnp.where(own.forget[:, None, None, None], jnp.asarray(forget_images, jnp.float32), own.train.x)
    return own._replace(train=own.train._replace(x=x))


def same(a: object, b: object) -> bool:
    """Whether two pytrees agree in every bit."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in pairs)


def finite(network: Network) -> bool:
    """Whether every weight is a number."""
    return all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(network))


def loss(layers, data):
    """Mean cross-entropy of the problem's network with other layers."""
    return jnp.mean(cross_entropy(Network(layers, problem().network.stats).logits(data.x), data.y))


def moved_by(rate, gradient, layers=None):
    """θ − rate · gradient."""
    return jax.tree.map(lambda w, g: w - jnp.float32(rate) * g, layers or problem().network.layers, gradient)


def assert_close(found, expected):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def decayed(gradient, share):
    """The gradient with weight decay."""
    return jax.tree.map(lambda g, w: g + jnp.float32(share) * w, gradient, problem().network.layers)
