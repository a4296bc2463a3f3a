"""A cheap guess of the active set of the non-negative QP: projected successive over-relaxation.

Sweeps of λᵢ ← max(0, λᵢ − ω (Kλ − q)ᵢ / Kᵢᵢ) converge for every positive semidefinite K with a minimiser
(Cryer 1971). They settle *which* λ are positive long before they settle λ, at 2m² operations a sweep
against m³/3 for one Cholesky factor. A guess costs nothing in correctness: the exact solver that starts
from it checks every sign.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

RELAXATION = 1.3  # settles the set in the fewest sweeps on mixtures and thin margins alike (1, 1.3, 1.5 tried)
SWEEPS = 10
SMALLEST = 1e-300  # divisor for a matrix or right-hand side of zeros
_BLOCK = 5  # indices relaxed a loop step: XLA's cost of a step outweighs five short dot products


def guess_active(
    K: Float[Array, "m m"], q: Float[Array, " m"], allowed: Bool[Array, " m"], sweeps: int = SWEEPS
) -> Bool[Array, " m"]:
    """Indices likely to be positive in the minimiser of ½ λᵀKλ − qᵀλ over λ ≥ 0; ``jit`` and ``vmap`` friendly.

    Args:
        K: symmetric positive semidefinite. q: linear term. allowed: indices that may be positive.
        sweeps: passes over all indices, from λ = 0.

    Source: Cryer 1971 (projected SOR); its use as a guess is ours.
    """
    m = len(q)
    padding = -m % _BLOCK
    diagonal = jnp.diagonal(K)
    usable = allowed & (diagonal > 0)
    # only signs are wanted: float32 halves the bytes, and scaling keeps everything in its range
    unit = 1.0 / jnp.maximum(jnp.max(jnp.abs(diagonal)), SMALLEST)
    gain = _float32(jnp.where(usable, RELAXATION / jnp.where(usable, unit * diagonal, 1.0), 0.0), padding)
    rows, rhs = _float32(unit * K, padding), _float32(q / jnp.maximum(jnp.max(jnp.abs(q)), SMALLEST), padding)
    blocks = (m + padding) // _BLOCK

    def relax(step: Array, lam: Array) -> Array:
        offset = (step % blocks) * _BLOCK
        part = jax.lax.dynamic_slice_in_dim(rows, offset, _BLOCK)
        corner = jax.lax.dynamic_slice_in_dim(part, offset, _BLOCK, axis=1)
        slack = part @ lam - jax.lax.dynamic_slice_in_dim(rhs, offset, _BLOCK)
        inverse = jax.lax.dynamic_slice_in_dim(gain, offset, _BLOCK)
        old = jax.lax.dynamic_slice_in_dim(lam, offset, _BLOCK)
        moves: list[Array] = []
        for i in range(_BLOCK):
            here = slack[i]
            for j, move in enumerate(moves):
                here = here + corner[i, j] * move
            moves.append(jnp.maximum(0.0, old[i] - inverse[i] * here) - old[i])
        return jax.lax.dynamic_update_slice_in_dim(lam, old + jnp.stack(moves), offset, axis=0)

    lam = jax.lax.fori_loop(0, sweeps * blocks, relax, jnp.zeros(m + padding, jnp.float32))
    return lam[:m] > 0


def _float32(value: Array, padding: int) -> Array:
    return jnp.pad(value, (0, padding)).astype(jnp.float32)
