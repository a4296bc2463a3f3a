"""Two Gaussian clusters x = y μ + ξ, ξ ~ N(0, I/d), ‖μ‖ = ρ (paper GA has a mixture of this kind)."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from theory.data.dataset import Mixture
from theory.data.near_orthogonal import random_labels
from theory.numerics import require_x64


def sample_gaussian_mixture(key: Key[Array, ""], m: int, d: int, rho: float) -> Mixture:
    """Sample ``m`` points of the mixture in R^d.

    Args:
        key: JAX random key. m, d: numbers of points and dimensions, ≥ 1.
        rho: length of μ, ≥ 0; the noise has unit length on average. The paper's scaling of ρ is
            not assumed: ρ = d^(−1/4 + α) is one choice among others.

    Returns:
        :class:`Mixture`; μ has a uniformly random direction.

    Raises:
        ValueError: sizes or ``rho`` out of range. RuntimeError: x64 is off.
    """
    require_x64()
    if m < 1 or d < 1 or not 0.0 <= rho < math.inf:
        raise ValueError(f"m, d, rho: expected m >= 1, d >= 1 and a finite rho >= 0, got {m}, {d}, {rho}")
    label_key, mean_key, noise_key = jax.random.split(key, 3)
    y = random_labels(label_key, m)
    direction = jax.random.normal(mean_key, (d,))
    mu = rho * direction / jnp.linalg.norm(direction)
    noise = jax.random.normal(noise_key, (m, d)) / jnp.sqrt(d)
    return Mixture(y[:, None] * mu[None, :] + noise, y, mu)
