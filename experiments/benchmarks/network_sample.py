"""Two-layer networks at their random start, drawn in Gram coefficients: what the network benchmarks train."""

from typing import NamedTuple

import jax
from jaxtyping import Array, Float, Key

from theory.data.wishart import wishart_gram
from theory.models.two_layer import TwoLayer, initialise, output_weights


class NetworkSample(NamedTuple):
    """m points x ~ N(0, I/d) by their Gram matrix, and a network of n neurons."""

    start: TwoLayer
    G: Float[Array, "m m"]
    y: Float[Array, " m"]
    factor: Float[Array, "m m"]  # the points' coordinates


def sample_network(
    key: Key[Array, ""],
    m: int,
    n: int,
    d: Float[Array, ""] | float,
    scale: Float[Array, ""] | float = 1.0,
) -> NetworkSample:
    """For use inside ``jit`` and ``vmap``, over ``d`` and the length ``scale`` of a neuron as well."""
    data_key, start_key = jax.random.split(key)
    s = wishart_gram(data_key, m, d)
    return NetworkSample(initialise(start_key, s.factor, output_weights(n), d, scale), s.G, s.y, s.factor)
