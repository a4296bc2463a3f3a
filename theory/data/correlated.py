"""Forget points correlated with retained ones: where plain ascent starts to hurt (arXiv 2509.26427 argues it)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from theory.data.dataset import ForgetSplit
from theory.data.near_orthogonal import random_labels
from theory.numerics import require_x64


def correlate(
    noise: Float[Array, "m d"], labels: Float[Array, " m"], k: int, correlation: Float[Array, ""] | float
) -> tuple[Float[Array, "m d"], Float[Array, " m"]]:
    """Tie the last ``k`` rows to retained ones, x_l = c x_i + √(1 − c²) noise_l and y_l = y_i, i = l mod (m − k)."""
    m = noise.shape[0]
    partner = jnp.arange(m - k, m) % (m - k)
    related = correlation * noise[partner] + jnp.sqrt(1.0 - correlation**2) * noise[m - k :]
    return noise.at[m - k :].set(related), labels.at[m - k :].set(labels[partner])


def sample_correlated(key: Key[Array, ""], m: int, d: int, k: int, correlation: float) -> ForgetSplit:
    """Gaussian points, the last ``k`` of them correlated with one retained point each.

    x_l = c x_i + √(1 − c²) ξ with x_i a retained point of the same label (i = l mod (m − k)) and
    ξ ~ N(0, I/d), so that E⟨x_l, x_i⟩ = c.

    Args:
        key: JAX random key. m, d: numbers of points and dimensions. k: points to forget, 1..m−1.
        correlation: c in [0, 1].

    Returns:
        :class:`ForgetSplit` with the forget mask on the last ``k`` rows.

    Raises:
        ValueError: sizes or ``correlation`` out of range. RuntimeError: x64 is off.
    """
    require_x64()
    if d < 1 or not 1 <= k < m:
        raise ValueError(f"m, d, k: expected d >= 1 and 1 <= k < m, got m = {m}, d = {d}, k = {k}")
    if not 0.0 <= correlation <= 1.0:
        raise ValueError(f"correlation: expected a value in [0, 1], got {correlation}")
    noise_key, label_key = jax.random.split(key)
    noise = jax.random.normal(noise_key, (m, d)) / jnp.sqrt(d)
    X, y = correlate(noise, random_labels(label_key, m), k, correlation)
    return ForgetSplit(X, y, jnp.arange(m) >= m - k)
