"""The points of the linear and the two-layer view: drawn at one size, so that moving a slider compiles nothing.

A problem of m points is the first m rows of a larger draw in coordinates of the points' span (Bartlett's factor,
:mod:`theory.data.wishart`), zero from m on. A smaller m is then a part of the same points (near-orthogonal ones
apart, whose inner products shrink with m), and the law is exact for every d. With a correlation c the last k points
are c times a retained one plus √(1 − c²) times their own noise.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from theory.data.near_orthogonal import latent_size, near_orthogonal_gram, random_labels
from theory.data.wishart import mixture_gram, wishart_gram

DRAWN = 128  # points drawn, of which the first m are used
PSI = 0.1  # near-orthogonal points: lengths² in [1 − ψ, 1 + ψ]
DOMINANCE = 0.5  # ... and inner products up to this share of what keeps any m of them independent


class Points(NamedTuple):
    """m points with labels, padded with zeros to a compiled size s."""

    X: np.ndarray  # (s, DRAWN + 1) coordinates
    y: np.ndarray  # (s,) labels ±1
    present: np.ndarray  # (s,) bool: the first m


@functools.partial(jax.jit, static_argnames="law")
def _draw(key: Array, law: str, d: Array, rho: Array, m: Array) -> tuple[Array, Array]:
    """Coordinates (DRAWN, DRAWN + 1) and labels."""
    if law == "mixture":
        sample = mixture_gram(key, DRAWN, d, rho)
        return sample.factor, sample.y
    if law == "gaussian":
        sample = wishart_gram(key, DRAWN, d)
        return jnp.pad(sample.factor, ((0, 0), (0, 1))), sample.y
    shape, labels = jax.random.split(key)
    z = jnp.arctanh(jax.random.uniform(shape, (latent_size(DRAWN),), minval=-1.0, maxval=1.0))
    phi = DOMINANCE * (1.0 - PSI) / jnp.maximum(m - 1.0, 1.0)
    gram = near_orthogonal_gram(z, DRAWN, PSI, phi)
    used = jnp.arange(float(DRAWN)) < m
    gram = jnp.where(used[:, None] & used[None, :], gram, jnp.eye(DRAWN))
    return jnp.pad(jnp.linalg.cholesky(gram), ((0, 0), (0, 1))), random_labels(labels, DRAWN)


@functools.lru_cache(maxsize=16)
def draw(law: str, d: float, rho: float, m: int, seed: int, size: int) -> Points:
    """The first ``m`` points of the draw, in ``size`` rows. ``d`` is ignored by near-orthogonal points."""
    drawn = _draw(jax.random.key(seed), law, float(d), float(rho), float(m))
    X, y = (np.asarray(part) for part in drawn)
    present = np.arange(size) < m
    return Points(np.where(present[:, None], X[:size], 0.0), y[:size], present)


def tied(points: Points, m: int, k: int, correlation: float) -> Points:
    """The points with the last k of m tied to retained ones, as :func:`theory.data.correlated.correlate` does."""
    if correlation == 0.0:
        return points
    last = np.arange(m - k, m)
    partner = last % (m - k)
    X, y = points.X.copy(), points.y.copy()
    X[last] = correlation * X[partner] + np.sqrt(1.0 - correlation**2) * X[last]
    y[last] = y[partner]
    return points._replace(X=X, y=y)


def forget_mask(which: str, lam: Any, m: int, k: int) -> np.ndarray:
    """k of the first m points: the last ones, or those of the largest or smallest multipliers."""
    multipliers = np.asarray(lam)[:m]
    orders = {
        "last": np.arange(m),
        "largest multipliers": np.argsort(multipliers, kind="stable"),
        "smallest multipliers": np.argsort(-multipliers, kind="stable"),
    }
    mask = np.zeros(len(np.asarray(lam)), bool)
    mask[orders[which][m - k :]] = True
    return mask
