"""Nearly orthogonal points: the data assumption A(ψ, φ) of the high-dimensional theorems.

A(ψ, φ): ‖xᵢ‖² ∈ [1 − ψ, 1 + ψ] and |⟨xᵢ, xⱼ⟩| ≤ φ for i ≠ j.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from theory.data.dataset import Classification
from theory.numerics import require_x64


def latent_size(m: int) -> int:
    """Length of the latent vector of :func:`near_orthogonal_gram`."""
    return m + m * (m - 1) // 2


def near_orthogonal_gram(
    z: Float[Array, " n"], m: int, psi: Float[Array, ""] | float, phi: Float[Array, ""] | float
) -> Float[Array, "m m"]:
    """Gram matrix that meets A(ψ, φ) for *every* real vector ``z`` (``n = latent_size(m)``).

    Differentiable. Positive definite whenever 1 − ψ > (m − 1)φ, by diagonal dominance.
    """
    bounded = jnp.tanh(z)
    rows, columns = jnp.triu_indices(m, 1)
    upper = jnp.zeros((m, m)).at[rows, columns].set(phi * bounded[m:])
    return upper + upper.T + jnp.diag(1.0 + psi * bounded[:m])


def points_from_gram(G: Float[Array, "m m"], d: int) -> Float[Array, "m d"]:
    """Points in R^d (d ≥ m) with Gram matrix G: its Cholesky factor padded with zeros."""
    m = G.shape[0]
    if d < m:
        raise ValueError(f"d: expected at least m = {m} dimensions for {m} independent points, got {d}")
    return jnp.pad(jnp.linalg.cholesky(G), ((0, 0), (0, d - m)))


def sample_near_orthogonal(key: Key[Array, ""], m: int, d: int, psi: float, phi: float) -> Classification:
    """Randomly rotated points meeting A(ψ, φ) with equality: the bounds are attained.

    Args:
        key: JAX random key. m: number of points. d: dimension, ≥ m.
        psi: bound on | ‖xᵢ‖² − 1 |, in [0, 1). phi: bound on |⟨xᵢ, xⱼ⟩|, ≥ 0, with (m − 1)φ < 1 − ψ.

    Returns:
        :class:`Classification` with random labels ±1.

    Raises:
        ValueError: sizes or bounds outside those ranges. RuntimeError: x64 is off.

    Source: derived here (diagonal dominance makes every such Gram matrix positive definite).
    """
    require_x64()
    if m < 1 or d < m:
        raise ValueError(f"m, d: expected 1 <= m <= d, got m = {m}, d = {d}")
    if not (0.0 <= psi < 1.0 and phi >= 0.0 and (m - 1) * phi < 1.0 - psi):
        raise ValueError(
            f"psi, phi: expected 0 <= psi < 1, phi >= 0 and (m - 1) phi < 1 - psi, "
            f"got psi = {psi}, phi = {phi}, (m - 1) phi = {(m - 1) * phi:g}"
        )
    shape_key, rotation_key, label_key = jax.random.split(key, 3)
    t = jax.random.uniform(shape_key, (latent_size(m),), minval=-1.0, maxval=1.0)
    t = jnp.concatenate([t[:m] / jnp.max(jnp.abs(t[:m])), t[m:] / jnp.max(jnp.abs(t[m:]), initial=1e-300)])
    G = near_orthogonal_gram(jnp.arctanh(t), m, psi, phi)
    basis, _ = jnp.linalg.qr(jax.random.normal(rotation_key, (d, m)))
    return Classification(jnp.linalg.cholesky(G) @ basis.T, random_labels(label_key, m))


def random_labels(key: Key[Array, ""], m: int) -> Float[Array, " m"]:
    """Independent fair labels ±1."""
    return jnp.where(jax.random.bernoulli(key, shape=(m,)), 1.0, -1.0)
