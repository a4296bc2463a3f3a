"""Checks of what a user passes in: each message names the argument, the value and what would be right.

Values can be looked at only outside ``jit``; on traced arrays the functions here check what is
static (shapes, dtypes) and leave the rest to the solvers' status codes.
"""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.numerics import require_x64


def is_traced(*values: Any) -> bool:
    """Whether any array is an abstract value inside ``jit``, ``vmap`` or ``grad``."""
    return any(isinstance(value, jax.core.Tracer) for value in values)


def as_float_array(value: Any, name: str, ndim: int) -> Array:
    """``value`` as a finite float64 array with ``ndim`` axes.

    Raises:
        ValueError: not numeric, complex, wrong number of axes, empty, NaN or infinite.
        RuntimeError: x64 is off.
    """
    require_x64()
    try:
        array = value if isinstance(value, jax.Array) else np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"dtype {array.dtype}")
    except (TypeError, ValueError) as fault:
        raise ValueError(f"{name}: expected real numbers, got {_describe(value)} ({fault})") from None
    if array.ndim != ndim:
        shape = {1: "a vector (n,)", 2: "a matrix (rows, columns)"}.get(ndim, f"{ndim} axes")
        raise ValueError(f"{name}: expected {shape}, got shape {array.shape}")
    if 0 in array.shape:
        raise ValueError(f"{name}: expected at least one entry along every axis, got shape {array.shape}")
    if not is_traced(array):
        finite = np.isfinite(np.asarray(array))
        if not finite.all():
            where = tuple(int(i) for i in np.argwhere(~finite)[0])
            bad = np.asarray(array)[where]
            raise ValueError(f"{name}: expected finite numbers, got {bad} at index {where} ({(~finite).sum()} in all)")
    return jnp.asarray(array, dtype=jnp.float64)


def as_labels(y: Any, m: int, name: str = "y") -> Float[Array, " m"]:
    """Labels as float64, one per row, each −1 or +1.

    Raises:
        ValueError: wrong length or a label other than ±1 (0/1 labels get a hint).
    """
    labels = as_float_array(y, name, 1)
    if len(labels) != m:
        raise ValueError(f"{name}: expected {m} labels, one per row of X, got {len(labels)}")
    if not is_traced(labels):
        values = np.unique(np.asarray(labels))
        if not np.isin(values, (-1.0, 1.0)).all():
            hint = "; map 0/1 labels with 2*y - 1" if np.isin(values, (0.0, 1.0)).all() else ""
            shown = ", ".join(f"{v:g}" for v in values[:6]) + (", ..." if len(values) > 6 else "")
            raise ValueError(f"{name}: expected labels -1 or +1, got values {{{shown}}}{hint}")
    return labels


def as_data(X: Any, y: Any) -> tuple[Float[Array, "m d"], Float[Array, " m"]]:
    """Points and labels, checked together. Errors as :func:`as_float_array` and :func:`as_labels`."""
    points = as_float_array(X, "X", 2)
    return points, as_labels(y, points.shape[0])


def as_gram(G: Any) -> Float[Array, "m m"]:
    """A Gram matrix: square and symmetric.

    Raises:
        ValueError: not square, not symmetric to 1e-8 of its largest entry, or a negative diagonal entry.
    """
    gram = as_float_array(G, "gram", 2)
    if gram.shape[0] != gram.shape[1]:
        raise ValueError(f"gram: expected a square matrix of inner products, got shape {gram.shape}")
    if not is_traced(gram):
        values = np.asarray(gram)
        gap, size = np.abs(values - values.T).max(), np.abs(values).max()
        if gap > 1e-8 * size:
            raise ValueError(f"gram: expected a symmetric matrix, got |gram - gram.T| up to {gap:.3g}")
        if (values.diagonal() < 0).any():
            raise ValueError(f"gram: expected squared norms >= 0 on the diagonal, got {values.diagonal().min():.3g}")
    return gram


def as_forget_mask(forget: Any, m: int) -> Bool[Array, " m"]:
    """A forget set as a boolean mask over ``m`` points.

    Args:
        forget: an index, a sequence of distinct indices in 0..m−1, or a boolean mask (m,).
        m: number of points.

    Raises:
        ValueError: empty, full, out of range, repeated, or not integers.
    """
    if is_traced(forget):
        if forget.dtype != bool or forget.shape != (m,):
            raise ValueError(f"forget: inside jit expected a boolean mask of shape ({m},), got {_describe(forget)}")
        return forget
    try:
        listed = isinstance(forget, Iterable) and not isinstance(forget, str | jax.Array | np.ndarray)
        raw = np.atleast_1d(np.asarray(list(forget) if listed else forget))
    except ValueError as fault:
        raise ValueError(f"forget: expected integer indices or a boolean mask, got a ragged list ({fault})") from None
    if raw.dtype == bool:
        if raw.shape != (m,):
            raise ValueError(f"forget: expected a boolean mask of shape ({m},), got shape {raw.shape}")
        mask = raw
    else:
        if raw.size and (raw.ndim != 1 or raw.dtype.kind not in "iu"):
            raise ValueError(f"forget: expected integer indices or a boolean mask, got {_describe(raw)}")
        outside = raw[(raw < 0) | (raw >= m)] if raw.size else raw
        if outside.size:
            raise ValueError(f"forget: expected indices from 0 to {m - 1}, got {int(outside[0])}")
        values, counts = np.unique(raw, return_counts=True)
        if (counts > 1).any():
            raise ValueError(f"forget: expected distinct indices, got {int(values[counts > 1][0])} more than once")
        mask = np.zeros(m, bool)
        mask[raw.astype(int)] = True
    if not mask.any():
        raise ValueError(f"forget: expected at least one point to forget out of {m}, got none")
    if mask.all():
        raise ValueError(f"forget: expected at least one point to retain, got all {m} points to forget")
    return jnp.asarray(mask)


def as_weights(w: Any, d: int, name: str = "w") -> Float[Array, " d"]:
    """A weight vector with one entry per column of X.

    Raises:
        ValueError: as :func:`as_float_array`, or a length other than ``d``.
    """
    weights = as_float_array(w, name, 1)
    if len(weights) != d:
        raise ValueError(f"{name}: expected {d} weights, one per column of X, got {len(weights)}")
    return weights


def _describe(value: Any) -> str:
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    return f"{type(value).__name__}" + (f" of dtype {dtype} and shape {shape}" if dtype is not None else "")
