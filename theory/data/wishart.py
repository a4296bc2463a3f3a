"""Gram matrices of Gaussian points in any dimension, at the cost of m² numbers.

For x ~ N(0, I/d), Bartlett's factors give G = X Xᵀ = L Lᵀ exactly in law: L is lower triangular with
independent entries, L_ii² ~ χ²_{d−i+1}/d and L_ij ~ N(0, 1/d) below the diagonal. So d is only a
parameter: a run at d = 10¹² costs what a run at d = 10³ costs. Row i of L is point i in an orthonormal
basis of the points' span (Gram–Schmidt order), which is all that a rotation-invariant law leaves free.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, DTypeLike, Float, Key

from theory.data.near_orthogonal import random_labels
from theory.numerics import require_x64


class GramSample(NamedTuple):
    """Points known up to rotation: coordinates ``factor`` in r orthonormal directions, G = factor factorᵀ."""

    G: Float[Array, "m m"]
    y: Float[Array, " m"]  # labels ±1
    factor: Float[Array, "m r"]
    x_mu: Float[Array, " m"]  # X μ, 0 without a mean


def wishart_factor(
    key: Key[Array, ""], m: int, d: Float[Array, ""] | float | int, dtype: DTypeLike = jnp.float64
) -> Float[Array, "m m"]:
    """Bartlett's factor L of d·Wishart_m(d): G = L Lᵀ for m points x ~ N(0, I/d).

    For use inside ``jit`` and ``vmap``, over ``d`` as well. ``d`` is a float ≥ m, or an integer ≥ 1 (then
    columns past d are 0, the rank is d, and the law is still that of X Xᵀ); nothing is checked here.
    """
    below, diagonal = jax.random.split(key)
    dimension = jnp.asarray(d, dtype)
    order = jnp.arange(m, dtype=dtype)
    freedom = dimension - order  # row i has what rows before it left over
    shape = jnp.where(freedom > 0, 0.5 * freedom, 1.0)
    # χ²_f = 2 Gamma(f/2); at f = 10¹² its relative spread 1e-6 is far above float64 rounding
    chi = jnp.sqrt(2.0 * jax.random.gamma(diagonal, shape, dtype=dtype))
    normal = jnp.tril(jax.random.normal(below, (m, m), dtype), -1)
    factor = normal + jnp.diag(chi)
    return jnp.where(freedom[None, :] > 0, factor, 0.0) / jnp.sqrt(dimension)


def wishart_gram(
    key: Key[Array, ""], m: int, d: Float[Array, ""] | float | int, dtype: DTypeLike = jnp.float64
) -> GramSample:
    """Gram matrix of m points x ~ N(0, I/d) with fair random labels; for ``jit`` and ``vmap``."""
    data_key, label_key = jax.random.split(key)
    factor = wishart_factor(data_key, m, d, dtype)
    return GramSample(_gram(factor), random_labels(label_key, m).astype(dtype), factor, jnp.zeros(m, dtype))


def mixture_gram(
    key: Key[Array, ""],
    m: int,
    d: Float[Array, ""] | float | int,
    rho: Float[Array, ""] | float,
    dtype: DTypeLike = jnp.float64,
) -> GramSample:
    """Gram matrix of the mixture x = y μ + ξ, ξ ~ N(0, I/d), ‖μ‖ = ρ; for ``jit`` and ``vmap``.

    The first coordinate runs along μ, aᵢ = yᵢρ + N(0, 1/d); the d − 1 others are a Wishart factor. So
    G = a aᵀ + Wishart_m(d − 1)/d and X μ = ρ a.
    """
    label_key, along_key, across_key = jax.random.split(key, 3)
    y = random_labels(label_key, m).astype(dtype)
    dimension = jnp.asarray(d, dtype)
    a = y * rho + jax.random.normal(along_key, (m,), dtype) / jnp.sqrt(dimension)
    across = wishart_factor(across_key, m, dimension - 1.0, dtype) * jnp.sqrt((dimension - 1.0) / dimension)
    factor = jnp.concatenate([a[:, None], across], axis=1)
    return GramSample(_gram(factor), y, factor, rho * a)


def with_labels(sample: GramSample, y: Float[Array, " m"]) -> GramSample:
    """The mixture sample with other labels, exact in law: yᵢxᵢ = μ + yᵢξᵢ has the same law for both."""
    flip = y * sample.y
    G = flip[:, None] * flip[None, :] * sample.G
    return GramSample(G, y, flip[:, None] * sample.factor, flip * sample.x_mu)


def _gram(factor: Array) -> Array:
    return jnp.matmul(factor, factor.T, precision=jax.lax.Precision.HIGHEST)


def sample_gram(
    key: Key[Array, ""], m: int, d: float | int, rho: float | None = None, dtype: DTypeLike = jnp.float64
) -> GramSample:
    """Sample the Gram matrix of m Gaussian points in R^d, at a cost that does not depend on d.

    Args:
        key: JAX random key. m: number of points, ≥ 1.
        d: dimension: any float ≥ m (no need to be an integer), or an integer from 1 (2 with ``rho``) on.
            Up to 1e12 the samples' law is exact to float64 rounding.
        rho: length of the mixture's mean, ≥ 0; None samples x ~ N(0, I/d).
        dtype: float64, or float32 for exploration (relative rounding 6e-8: no use for d above 1e12).

    Returns:
        :class:`GramSample`; lengths in units where noise has length 1 on average.

    Raises:
        ValueError: ``m``, ``d`` or ``rho`` out of range. RuntimeError: x64 is off and dtype is float64.

    Source: Bartlett 1933 (decomposition of the Wishart law); the mixture's form is derived here.
    """
    if jnp.dtype(dtype) == jnp.float64:
        require_x64()
    if m < 1:
        raise ValueError(f"m: expected at least one point, got {m}")
    least = 1.0 if rho is None else 2.0
    if not least <= d < float("inf") or (d < m + least - 1.0 and d != int(d)):
        raise ValueError(f"d: expected a float >= {m + least - 1:g}, or an integer >= {least:g}, got {d}")
    if rho is not None and not 0.0 <= rho < float("inf"):
        raise ValueError(f"rho: expected a finite length >= 0, got {rho}")
    return wishart_gram(key, m, d, dtype) if rho is None else mixture_gram(key, m, d, rho, dtype)
