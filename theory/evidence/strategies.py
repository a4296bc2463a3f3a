"""Hypothesis strategies that build instances of a claim rather than reject bad ones."""

import functools

import numpy as np
from hypothesis import strategies as st

from theory.claim import Claim, Sizes
from theory.evidence.check import SMALLEST

_SHORT = 32
MAGNITUDE = 10.0  # latents beyond it only saturate the maps that keep assumptions


@functools.cache
def latents(claim: Claim) -> st.SearchStrategy[tuple[Sizes, np.ndarray]]:
    """Pairs (sizes, latent vector) of a claim; they shrink to the first sizes and small latents.

    Long vectors are drawn as a seed with a few chosen entries, so that shrinking stays quick.
    """
    return st.sampled_from(claim.sizes).flatmap(lambda sizes: st.tuples(st.just(sizes), _vector(claim.latent(sizes))))


@functools.cache
def readable_latents(claim: Claim) -> st.SearchStrategy[tuple[Sizes, np.ndarray]]:
    """:func:`latents`, short vectors drawn number by number: a failing one shrinks to small whole numbers."""

    def vector(sizes: Sizes) -> st.SearchStrategy[np.ndarray]:
        size = claim.latent(sizes)
        if size > _SHORT:
            return _vector(size)
        return st.lists(_entry(), min_size=size, max_size=size).map(lambda drawn: np.array(drawn, np.float64))

    return st.sampled_from(claim.sizes).flatmap(lambda sizes: st.tuples(st.just(sizes), vector(sizes)))


def _entry() -> st.SearchStrategy[float]:
    return st.floats(-MAGNITUDE, MAGNITUDE).map(lambda x: x if abs(x) >= SMALLEST else 0.0)


def _vector(size: int) -> st.SearchStrategy[np.ndarray]:
    chosen = st.dictionaries(st.integers(0, size - 1), _entry(), max_size=min(size, 24))
    base = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 1.0, 3.0]))

    def fill(drawn: tuple[tuple[int, float], dict[int, float]]) -> np.ndarray:
        (seed, scale), entries = drawn
        vector = scale * np.random.default_rng(seed).standard_normal(size)
        for index, value in entries.items():
            vector[index] = value
        return vector

    return st.tuples(base, chosen).map(fill)
