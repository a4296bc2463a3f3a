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
