r"""UNSIR reads no sample of the classes that it forgets: zero-glance.

Proof (derived here). Let x and x̃ be training images that agree on the retained samples: x̃ = x + E d, where the rows of
E are 0 on R. The method receives the rows S x of a class-balanced part of the retained samples, where the columns of S
are 0 on F, and names of the forgotten classes. So S E = 0: none of the rows received is one of F, and S x̃ = S x.
Noise, impair and repair are programs of these rows, the trained network, the classes and the seed: equal at the start,
equal after every step, hence to the last bit. Nothing is computed from an image of F, which may be anything, NaN too.

What is run is the method itself, through the interface that every method is run through. Gradient ascent, which reads
the forgotten samples, goes through the same comparison: its two networks differ.
"""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.claim import Claim, Conclusion, Sizes
from theory.claims.unsir.zero_glance import forget_set_unread_steps
from theory.models.networks import Network, mlp
from theory.solvers.sgd import Labelled
from theory.unlearning.networks import gradient_ascent, unsir
from theory.unlearning.networks.method import Method, Outcome, Problem, Task, unlearn_network

K, EACH, SHAPE = 4, 3, (2, 1, 1)  # classes, samples of each, shape of an image
HIDDEN = 3  # neurons of the network
WEIGHTS = HIDDEN * (math.prod(SHAPE) + 1) + K * (HIDDEN + 1)
HYPER = {"per_class": 2, "noise_batch": 2, "noise_steps": 2, "copies": 2, "batch": 4}
ASCENT = {"epochs": 1, "batch": 4, "bounded": False}
"""A few steps of each method."""

Images = Float[Array, "_ 2 1 1"]


class Pair(NamedTuple):
    """A trained network, and two training sets that agree on the retained samples. Classes in turn, F first."""

    weights: Float[Array, " p"]
    retained: Float[Array, "R 2 1 1"]
    forgotten: Float[Array, "F 2 1 1"]
    others: Float[Array, "F 2 1 1"]  # in their place


class Compared(NamedTuple):
    """Weights of the unlearned networks, and what the method was given."""

    unlearned: Float[Array, " p"]
    from_others: Float[Array, " p"]  # with the other forgotten samples
    from_nothing: Float[Array, " p"]  # with NaN in each of their pixels
    forgotten_read: Float[Array, ""]  # samples
    retained_read: Float[Array, ""]
    ascent: Float[Array, " p"]  # gradient ascent's
    ascent_from_others: Float[Array, " p"]


def latent(sizes: Sizes) -> int:
    """Weights, images, and the other forgotten images."""
    return WEIGHTS + math.prod(SHAPE) * EACH * (K + sizes["k"])


def build(sizes: Sizes, z: Float[Array, " n"]) -> Pair:
    """Pixels in [−1, 1] and weights in [−2, 2]; no image equals the one in its place, even at z = 0."""
    weights, images = 2.0 * jnp.tanh(z[:WEIGHTS]), jnp.tanh(z[WEIGHTS:]).reshape(-1, *SHAPE)
    gone = EACH * sizes["k"]
    forgotten, others, retained = images[:gone], images[gone : 2 * gone], images[2 * gone :]
    return Pair(weights, retained, forgotten, jnp.where(forgotten == others, others + 0.5, others))


def compared(i: Pair, method: Method, hyper: dict[str, Any]) -> Compared:
    """A method on three training sets and gradient ascent on two, in one compiled body each: equal means equal bits."""
    nothing = jnp.full_like(i.forgotten, jnp.nan)
    blind = unlearned(method, hyper, i, jnp.stack([i.forgotten, i.others, nothing]))
    seeing = unlearned(gradient_ascent.METHOD, ASCENT, i, jnp.stack([i.forgotten, i.others]))
    marked = given(method, hyper, i, jnp.ones_like(i.forgotten), jnp.zeros_like(i.retained))
    marks = [jnp.max(data.x, axis=(1, 2, 3)) for data in marked.data.values()]
    read, every = sum(jnp.sum(mark) for mark in marks), sum(len(mark) for mark in marks)
    return Compared(blind[0], blind[1], blind[2], jnp.asarray(read), jnp.asarray(every - read), seeing[0], seeing[1])


def given(method: Method, hyper: dict[str, Any], i: Pair, forgotten: Images, retained: Images) -> Task:
    """What the interface gives to a method."""
    seen: list[Task] = []

    def look(task: Task) -> Outcome:
        seen.append(task)
        return Outcome(Network((), ()), 0, 0)

    x, network = jnp.concatenate([forgotten, retained]), network_of(i.weights)
    with jax.ensure_compile_time_eval():  # which rows are chosen depends on labels and seed alone
        y = jnp.repeat(jnp.arange(K, dtype=jnp.int32), EACH)
        problem = Problem(network, Labelled(x, y), jnp.arange(len(x)) < len(forgotten), K, lambda key: network)
        unlearn_network(replace(method, run=look), problem, jax.random.key(0), **hyper)
    return seen[0]


def unlearned(
    method: Method, hyper: dict[str, Any], i: Pair, forgotten: Float[Array, "n F 2 1 1"]
) -> Float[Array, "n p"]:
    """Weights of the unlearned network for each choice of the forgotten images, in turn."""

    retained = i.retained.astype(jnp.float32)

    def one(images: Images) -> Float[Array, " p"]:
        leaves = jax.tree.leaves(method.run(given(method, hyper, i, images, retained)).network)
        return jnp.concatenate([leaf.ravel() for leaf in leaves]).astype(jnp.float64)

    return jax.lax.map(one, forgotten.astype(jnp.float32))


def network_of(weights: Float[Array, " p"]) -> Network:
    """The network with these weights, in float32."""
    like, structure = jax.tree.flatten(jax.eval_shape(lambda: mlp(SHAPE, K, (HIDDEN,), key=jax.random.key(0))))
    parts = jnp.split(weights, np.cumsum([math.prod(leaf.shape) for leaf in like])[:-1])
    leaves = [part.reshape(leaf.shape).astype(leaf.dtype) for part, leaf in zip(parts, like, strict=True)]
    return jax.tree.unflatten(structure, leaves)


CLAIM = Claim(
    key="unsir.zero_glance.forget_set_unread",
    title="UNSIR reads no sample of the forgotten classes: whatever they are, its network is the same to the last bit",
    statement=r"x_R=\tilde x_R \Rightarrow \theta'(x)=\theta'(\tilde x)\ \text{in every bit, NaN in}\ \tilde x_F"
    r"\ \text{included},\quad \#\{\text{samples of } F \text{ read}\}=0",
    source="UNSIR (arXiv 2111.08947), zero-glance; the proof derived here",
    status="proved",
    sizes=({"k": 2},),
    latent=latent,
    build=build,
    solve=lambda i: compared(i, unsir.METHOD, HYPER),
    conclusions=(
        Conclusion(
            "other samples",
            r"\theta'(x) = \theta'(\tilde x)",
            lhs=lambda i, s: s.unlearned - s.from_others,
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: 0.0,
        ),
        Conclusion(
            "no samples",
            r"\theta'(x) = \theta'(\tilde x),\ \tilde x_F = \text{NaN}",
            lhs=lambda i, s: jnp.nan_to_num(s.unlearned - s.from_nothing, nan=jnp.inf),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: 0.0,
        ),
        Conclusion(
            "samples read",
            r"\#\{i\in F \text{ read}\} = 0",
            lhs=lambda i, s: s.forgotten_read,
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: 0.0,
        ),
        Conclusion(
            "retained samples read",
            r"\#\{i\in R \text{ read}\} = p\,(K-k)",
            lhs=lambda i, s: s.retained_read,
            rhs=lambda i, s: float(HYPER["per_class"] * len(i.retained) // EACH),
            relation="==",
            scale=lambda i, s: 0.0,
        ),
        Conclusion(
            "gradient ascent is not blind",
            r"\theta'_{\text{ascent}}(x) \ne \theta'_{\text{ascent}}(\tilde x)",
            lhs=lambda i, s: jnp.any(s.ascent != s.ascent_from_others).astype(jnp.float64),
            rhs=lambda i, s: 1.0,
            relation=">=",
            share=0.9,
        ),
    ),
    obligations=forget_set_unread_steps.forget_set_unread,
    notes="What UNSIR does know of F is which classes to forget: those of the training set without a retained sample.",
)
