"""Random linear problems known up to rotation, and every unlearning method on them, shared by the GA studies.

Points are rows of a square factor X with G = X Xᵀ, exactly the law of Gaussian points in R^d for any d
(:mod:`theory.data.wishart`); a problem of fewer points leaves rows out by mask. So every d, m and k has
one shape, and everything compiles once.
"""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from theory.data.wishart import wishart_gram
from theory.numerics import cosine_gap, masked_min, norm
from theory.solvers.margin import margin_from_gram
from theory.solvers.nonneg_qp import Status
from theory.unlearning.ascent import remove_terms
from theory.unlearning.fine_tune import fine_tune_classifier
from theory.unlearning.projected_ascent import project_step

CHUNK = 32  # instances a compiled batch; shorter batches are filled up, so that no size compiles again
METHODS = ("nothing", "fine-tuning", "plain ascent", "projected ascent")

_compiling = threading.RLock()  # two threads would otherwise compile the same function twice


class Problems(NamedTuple):
    """``n`` problems of at most ``s`` points; absent rows are zero."""

    X: np.ndarray  # (n, s, s)
    y: np.ndarray  # (n, s)
    present: np.ndarray  # (n, s) bool
    forget: np.ndarray  # (n, s) bool: the last k present points

    @property
    def retained(self) -> np.ndarray:
        """Mask (n, s) of the points to keep."""
        return self.present & ~self.forget


class Solutions(NamedTuple):
    """Multipliers and weights (n, s) of max-margin models."""

    lam: np.ndarray
    w: np.ndarray


class Outcomes(NamedTuple):
    """Every method on every problem; axis 1 runs over METHODS."""

    gap: np.ndarray | Array  # (n, 4): 1 − cos to the retrained model
    distance: np.ndarray | Array  # (n, 4): relative to the retrained model's norm
    margins: np.ndarray | Array  # (n, 4, s)
    least_multiplier: np.ndarray | Array  # (n,): min over R of λ + κ of projected ascent


def in_chunks(function: Callable[..., Any], *arrays: Any, chunk: int = CHUNK) -> Any:
    """A batched function applied ``chunk`` rows at a time; the arrays, or trees of them, share their first axis."""
    n = len(jax.tree.leaves(arrays)[0])
    parts = []
    for begin in range(0, n, chunk):
        rows = np.minimum(np.arange(begin, begin + chunk), n - 1)
        with _compiling:
            part = function(*jax.tree.map(lambda a, rows=rows: a[rows], arrays))
        parts.append(jax.tree.map(np.asarray, part))
    return jax.tree.map(lambda *p: np.concatenate(p)[:n], *parts)


_sample = jax.jit(jax.vmap(lambda key, d, size: wishart_gram(key, size, d), in_axes=(0, 0, None)), static_argnums=2)
_from_gram = jax.jit(margin_from_gram)


def sample(seed: int, d: Any, m: Any, k: Any, size: int) -> Problems:
    """One problem a triple (d, m, k), with m ≤ size; d, m and k are sequences of equal length.

    Problems at the same position of two calls share their random key.
    """
    d, m, k = (np.asarray(a) for a in (d, m, k))
    keys = jax.random.split(jax.random.key(seed), len(d))
    drawn = in_chunks(lambda key, dimension: _sample(key, dimension, size), keys, d.astype(np.float64))
    return masked(drawn.factor, drawn.y, m, k)


def masked(X: np.ndarray, y: np.ndarray, m: np.ndarray, k: np.ndarray) -> Problems:
    """Problems of the first m points, the last k of them to forget."""
    index = np.arange(X.shape[1])[None, :]
    present = index < m[:, None]
    forget = present & (index >= (m - k)[:, None])
    return Problems(np.where(present[:, :, None], X, 0.0), y, present, forget)


def solve(problems: Problems, masks: np.ndarray) -> Solutions:
    """Max-margin models on the masked points.

    Raises:
        RuntimeError: one was not solved to 1e-9 relative (the samplers' problems are separable).
    """
    multipliers = []
    for X, y, mask in zip(problems.X, problems.y, masks, strict=True):
        with _compiling:
            found = _from_gram(X @ X.T, y, mask, mask)
        if found.status != Status.OPTIMAL or found.relative_residual > 1e-9:
            raise RuntimeError(f"max-margin not solved: {Status(int(found.status)).message}")
        multipliers.append(np.asarray(found.lam))
    lam = np.stack(multipliers)
    return Solutions(lam, np.einsum("nsd,ns->nd", problems.X, lam * problems.y))


def unlearn(problems: Problems, trained: Solutions, retrained: Solutions, steps: int) -> Outcomes:
    """Every method of METHODS on every problem; fine-tuning runs ``steps`` steps of the normalised flow."""
    return in_chunks(lambda *a: _unlearn(*a, steps), *problems, trained.lam, retrained.w)


def _unlearn_one(X: Array, y: Array, present: Array, forget: Array, lam: Array, target: Array, steps: int) -> Outcomes:
    w = X.T @ (lam * y)
    retained = present & ~forget
    projected = project_step(w, X, y, lam, forget)
    tuned = X.T @ fine_tune_classifier(lam * y, X @ X.T, y, retained, steps).coefficients[-1]
    # the flow lengthens w without limit: only its direction is the model, so its least margin is set to 1
    tuned = tuned / masked_min(y * (X @ tuned), retained, 1.0)
    models = jnp.stack([w, tuned, remove_terms(w, X, y, lam, forget), projected.w])
    return Outcomes(
        gap=jax.vmap(lambda v: cosine_gap(v, target))(models),
        distance=jax.vmap(lambda v: norm(v - target))(models) / norm(target),
        margins=(models @ X.T) * y[None, :],
        least_multiplier=masked_min(projected.multipliers, retained),
    )


_unlearn = jax.jit(jax.vmap(_unlearn_one, in_axes=(0, 0, 0, 0, 0, 0, None)), static_argnums=6)
