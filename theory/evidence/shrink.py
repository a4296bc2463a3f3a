"""Make a counterexample readable: zero and round the entries of its latent vector while it stays one."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

ROUNDS = 3
MAX_CANDIDATES = 256


def simplest(
    latent: Float[Array, " n"], refuted: Callable[[Float[Array, "count n"]], np.ndarray]
) -> Float[Array, " n"]:
    """A simpler latent vector that is still refuted, or ``latent`` itself.

    Args:
        latent: one that is refuted. refuted: tells which rows of a batch are refuted.
    """
    current = np.asarray(latent)
    n = len(current)
    for _ in range(ROUNDS):
        before = current.copy()
        for decimals in (0, 1, 2, 3):
            rounded = np.round(current, decimals)
            if refuted(jnp.asarray(rounded)[None])[0]:
                current = rounded
                break
        order = np.flatnonzero(current)[:MAX_CANDIDATES]
        zeroed = np.repeat(current[None], len(order), axis=0)
        zeroed[np.arange(len(order)), order] = 0.0
        if len(order):
            padded = np.concatenate([zeroed, np.repeat(current[None], min(n, MAX_CANDIDATES) - len(order), axis=0)])
            droppable = order[np.flatnonzero(refuted(jnp.asarray(padded))[: len(order)])]
            together = current.copy()
            together[droppable] = 0.0
            if refuted(jnp.asarray(together)[None])[0]:
                current = together
            elif droppable.size:
                current = zeroed[np.searchsorted(order, droppable[0])]
        if np.array_equal(before, current):
            break
    return jnp.asarray(current)
