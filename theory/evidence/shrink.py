"""Make a counterexample readable: zero and round the entries of its latent vector while it stays one."""

from collections.abc import Callable

import numpy as np

ROUNDS = 3
MAX_CANDIDATES = 256


def simplest(latent: np.ndarray, refuted: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A simpler latent vector (n,) that is still refuted, or ``latent`` itself.

    Args:
        latent: one that is refuted. refuted: tells which rows of a batch (count, n) are refuted.
    """
    current = latent
    for _ in range(ROUNDS):
        before = current
        rounded = np.stack([np.round(current, decimals) for decimals in (0, 1, 2, 3)] + [current])
        current = rounded[np.flatnonzero([*refuted(rounded[:-1]), True])[0]]
        order = np.flatnonzero(current)[:MAX_CANDIDATES]
        if order.size:
            zeroed = np.repeat(current[None], len(order), axis=0)
            zeroed[np.arange(len(order)), order] = 0.0
            droppable = np.flatnonzero(refuted(zeroed))
            together = current.copy()
            together[order[droppable]] = 0.0
            if refuted(together[None])[0]:
                current = together
            elif droppable.size:
                current = zeroed[droppable[0]]
        if np.array_equal(before, current):
            break
    return current
