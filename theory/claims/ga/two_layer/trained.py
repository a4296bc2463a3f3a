"""Two-layer ReLU networks for claims on training and on exact KKT points, each a map from a latent vector.

Points are xᵢ = (½ eᵢ, bᵢ) with bᵢ anywhere in the unit ball of R^p: any configuration of p-dimensional
directions occurs, highly correlated ones too, and the Gram matrix has no eigenvalue below ¼. Labels are free,
or those the network itself gives, so that its activation pattern separates the points.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.claim import Sizes
from theory.claims.instances import last, signs
from theory.models import two_layer
from theory.models.two_layer import TwoLayer

PRIVATE = 0.5
"""Length of a point's own coordinate: its square bounds the least eigenvalue of the Gram matrix from below."""


class Network(NamedTuple):
    """A two-layer network in R^d with d = m + p, labelled points, and the points to forget."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    forget: Bool[Array, " m"]
    u: Float[Array, " n"]
    W: Float[Array, "n d"]


def network_latent(sizes: Sizes) -> int:
    """Latent length of :func:`any_network`. Sizes: m points, p shared directions, n neurons, k to forget."""
    m, p, n = sizes["m"], sizes["p"], sizes["n"]
    return m + m * p + n + n * (m + p)


def any_network(sizes: Sizes, z: Float[Array, " latent"]) -> Network:
    """Free labels, output weights of both signs within e^±1/√n, and any hidden weights."""
    m, p, n = sizes["m"], sizes["p"], sizes["n"]
    labels, shared, output, hidden = jnp.split(z, [m, m + m * p, m + m * p + n])
    B = shared.reshape(m, p)
    B = B / jnp.sqrt(1.0 + jnp.sum(B * B, axis=1))[:, None]
    return Network(
        X=jnp.concatenate([PRIVATE * jnp.eye(m), B], axis=1),
        y=signs(labels),
        forget=last(sizes["k"], m),
        u=signs(output) * jnp.exp(jnp.tanh(output)) / jnp.sqrt(n),
        W=hidden.reshape(n, m + p),
    )


def separating_network(sizes: Sizes, z: Float[Array, " latent"]) -> Network:
    """:func:`any_network` with its own labels, scaled so that the least margin is 1 (where no score is 0)."""
    net = any_network(sizes, z)
    score = two_layer.scores(net.u, net.W, net.X)
    least = jnp.min(jnp.abs(score))
    scale = jnp.where(least > 0, 1.0 / jnp.where(least > 0, least, 1.0), 1.0)
    return net._replace(y=signs(score), W=scale * net.W)


def margins(i: Network) -> Float[Array, " m"]:
    """yᵢ N(W, xᵢ)."""
    return i.y * two_layer.scores(i.u, i.W, i.X)


class Untrained(NamedTuple):
    """Nearly orthogonal points in high dimension, in coordinates of their span, and a start to train from."""

    factor: Float[Array, "m m"]  # G = factor factorᵀ
    y: Float[Array, " m"]
    forget: Bool[Array, " m"]
    start: TwoLayer


def untrained_latent(sizes: Sizes) -> int:
    """Latent length of :func:`untrained`. Sizes: m points, n neurons, k to forget."""
    m, n = sizes["m"], sizes["n"]
    return m + m * m + m * n + 1


def untrained(sizes: Sizes, z: Float[Array, " latent"]) -> Untrained:
    """Points like a Gaussian sample's in d = 20 m² dimensions, a Gaussian-like start of length e^±1/10 a neuron.

    The factor is Bartlett's with its diagonal at 1 and entries of size 1/√d below; the start is drawn alike, and
    its part outside the points' span has the rest of each neuron's length.
    """
    m, n = sizes["m"], sizes["n"]
    d = 20.0 * m * m
    labels, below, inside = z[:m], jnp.tanh(z[m : m + m * m]).reshape(m, m), jnp.tanh(z[m + m * m : -1]).reshape(m, n)
    factor = jnp.eye(m) + jnp.tril(below, -1) / jnp.sqrt(d)
    length = 0.1 * jnp.exp(jnp.tanh(z[-1]))
    inside = inside / jnp.sqrt(d)
    start = TwoLayer(
        u=two_layer.output_weights(n),
        C=jnp.zeros((n, m)),
        Z0=length * (factor @ inside),
        sq0=length**2 * (1.0 + jnp.sum(inside**2, axis=0)),
    )
    return Untrained(factor, signs(labels), last(sizes["k"], m), start)


def alive(i: Untrained) -> Float[Array, ""]:
    """1 where every point has an active neuron of its label's sign at the start, else −1."""
    return jnp.where(jnp.any(two_layer.dead_points(i.start, i.factor @ i.factor.T, i.y)), -1.0, 1.0)
