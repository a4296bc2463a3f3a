"""Projection onto the capped simplex {w ∈ [0, 1]ⁿ, Σ wᵢ = k}: exact, by sorting.

w = clip(a − μ, 0, 1), and s(μ) = Σ clip(aᵢ − μ, 0, 1) falls from n to 0, linearly between the 2n numbers aᵢ − 1 and
aᵢ. A binary search over them, sorted, finds two neighbours lo ≤ hi with s(lo) ≥ k ≥ s(hi). Between them the set A of
coordinates strictly inside (0, 1) and the number of those at 1 are fixed, so that μ − lo solves one linear equation.

Π(a + c) = Π(a), and μ is within 1 below the ⌈k⌉-th largest coordinate: ``a`` is taken relative to that one and cut to
[−2, 2], which changes nothing, so that steps of 1 are not lost beside coordinates of 1e16.

w for a rounded μ is the exact projection for k′ = Σ wᵢ in the place of k, and projections for k and k′ are at most
|k − k′| apart (``wc.selection.projection``): the error in the sum bounds the error in w.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.checks import as_float_array, is_traced


class CappedSimplex(NamedTuple):
    """The nearest point of the capped simplex; ``n`` coordinates."""

    w: Float[Array, " n"]
    mu: Float[Array, ""]  # w = clip(a − μ, 0, 1); where no coordinate is inside (0, 1) one of many
    inside: Bool[Array, " n"]  # 0 < wᵢ < 1
    residual: Float[Array, ""]  # |Σ wᵢ − k|, which bounds the distance to the exact projection but for rounding of w


def capped_simplex(a: Float[Array, " n"], k: Float[Array, ""]) -> CappedSimplex:
    """Project ``a``; 0 ≤ k ≤ n is not checked. Composes with ``jit`` and ``vmap``; costs O(n log n)."""
    n = a.shape[0]
    at = n - jnp.clip(jnp.ceil(k).astype(int), 1, n)
    base = jnp.sort(a)[at]
    a = jnp.clip(a - base, -2.0, 2.0)
    points = jnp.sort(jnp.concatenate([a - 1.0, a]))

    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        """s at the left end is at least k, or the left end is the first point."""
        left, right = ends
        middle = (left + right) // 2
        above = jnp.sum(jnp.clip(a - points[middle], 0.0, 1.0)) >= k
        return jnp.where(above, middle, left), jnp.where(above, right, middle)

    start = (jnp.zeros((), jnp.int64), jnp.asarray(2 * n - 1, jnp.int64))
    left, _ = jax.lax.fori_loop(0, math.ceil(math.log2(2 * n)), halve, start)
    lo, hi = points[left], points[left + 1]
    free = (a - 1.0 <= lo) & (a >= hi)
    ones = (a - 1.0 >= hi) & ~free
    height = a - lo  # at most 1 on the free coordinates: their sum does not cancel
    excess = jnp.sum(jnp.where(free, height, jnp.where(ones, 1.0, 0.0))) - k
    step = excess / jnp.maximum(jnp.sum(jnp.where(free, 1.0, 0.0)), 1.0)
    w = jnp.where(ones, 1.0, jnp.where(free, jnp.clip(height - step, 0.0, 1.0), 0.0))
    return CappedSimplex(w, base + lo + step, (w > 0.0) & (w < 1.0), jnp.abs(jnp.sum(w) - k))


def project_capped_simplex(a: Any, k: Any) -> CappedSimplex:
    """The point of {w ∈ [0, 1]ⁿ, Σ wᵢ = k} nearest to ``a``.

    Args:
        a: vector (n,). k: a number from 0 to n, not necessarily an integer.

    Returns:
        :class:`CappedSimplex` with its residual.

    Raises:
        ValueError: ``a`` is no finite vector, or ``k`` no number from 0 to n.
        RuntimeError: x64 is off.
    """
    vector = as_float_array(a, "a", 1)
    total = as_float_array(k, "k", 0)
    if not is_traced(total) and not 0.0 <= float(np.asarray(total)) <= len(vector):
        raise ValueError(f"k: expected a number from 0 to {len(vector)}, the length of a, got {float(total):g}")
    return capped_simplex(vector, total)
