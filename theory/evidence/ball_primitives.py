"""The primitives of JAX on balls. Values: see :mod:`theory.evidence.ball_jaxpr`.

Operations that only move entries (slices, gathers, concatenations, ...) are run by JAX itself on the *positions* of
the entries, which are then looked up: no number is touched. Operations on integers alone are run by JAX as they are.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from theory.evidence import ball, ball_linalg
from theory.evidence.ball import (
    BINARY,
    COMPARE,
    FALSE,
    OPEN,
    TRUE,
    UNARY,
    Undecidable,
    arb,
    as_numbers,
    as_truth,
    each,
    exactly,
    shaped,
)

Value = Any

_MOVES = (
    *("broadcast_in_dim", "reshape", "transpose", "squeeze", "expand_dims", "rev", "copy_p", "split", "unstack"),
    *("slice", "dynamic_slice", "dynamic_update_slice", "gather", "scatter", "concatenate", "stack", "pad"),
)


def kind(aval: Any) -> str:
    """'f' for floats, 'b' for booleans, 'x' for whatever is computed as it is."""
    if not hasattr(aval, "dtype") or jnp.issubdtype(aval.dtype, jax.dtypes.extended):
        return "x"
    return "f" if jnp.issubdtype(aval.dtype, jnp.floating) else "b" if aval.dtype == bool else "x"


def value_of(leaf: Any) -> Value:
    """An array as an exact value."""
    what = kind(jax.typeof(leaf))
    if what == "x":
        return leaf if jnp.issubdtype(jax.typeof(leaf).dtype, jax.dtypes.extended) else np.asarray(leaf)
    if what == "f" and jax.typeof(leaf).dtype != np.float64:
        raise Undecidable(
            f"a constant of type {jax.typeof(leaf).dtype}; only float64 is taken for real numbers", lasting=True
        )
    return exactly(leaf) if what == "f" else as_truth(leaf)


def apply(eqn: Any, values: Sequence[Value]) -> list[Value]:
    """Results of one equation whose inputs are all enclosed.

    Raises:
        Undecidable: no enclosure.
    """
    name = eqn.primitive.name
    ins, outs = [kind(v.aval) for v in eqn.invars], [kind(v.aval) for v in eqn.outvars]
    undecided = any(k == "b" and (np.asarray(v) == OPEN).any() for k, v in zip(ins, values, strict=True))
    if ("f" not in ins + outs and not undecided) or name == "iota":
        return _as_it_is(eqn, [v == TRUE if k == "b" else v for k, v in zip(ins, values, strict=True)])
    if any(v.aval.dtype != np.float64 for v, k in zip(eqn.outvars, outs, strict=True) if k == "f"):
        raise Undecidable(
            f"{name} rounds to {eqn.outvars[0].aval.dtype}; only float64 is taken for real numbers", lasting=True
        )
    if name in _MOVES:
        return _moved(eqn, values, ins)
    if name in _SPECIAL:
        found = _SPECIAL[name](eqn, *values)
        return list(found) if isinstance(found, tuple) else [found]
    if name == "bitcast_convert_type":
        return [_bits(eqn, values[0]) if ins == ["f"] else _as_it_is(eqn, values)[0]]
    if name in UNARY and ins == ["f"]:
        return [each(UNARY[name], values[0])]
    if name in BINARY and ins == ["f", "f"]:
        if name == "mul" and eqn.invars[0] is eqn.invars[1]:
            return [each(UNARY["square"], values[0])]
        return [each(BINARY[name], *values)]
    if name in COMPARE:
        return [_compared(name, values, ins)]
    raise Undecidable(f"the operation {name} has no enclosure", lasting=True)


def _as_it_is(eqn: Any, values: Sequence[Value]) -> list[Value]:
    found = eqn.primitive.bind(*(v if isinstance(v, jax.Array) else jnp.asarray(v) for v in values), **eqn.params)
    several = found if eqn.primitive.multiple_results else [found]
    return [value_of(leaf) for leaf in several]


def _moved(eqn: Any, values: Sequence[Value], ins: Sequence[str]) -> list[Value]:
    moved = "f" if "f" in ins else "b"
    entries: list[Any] = []
    operands = []
    for value, what in zip(values, ins, strict=True):
        if what == moved:
            positions = np.arange(len(entries), len(entries) + value.size).reshape(value.shape)
            operands.append(jnp.asarray(positions, jnp.int64))
            entries += value.ravel().tolist()
        else:
            operands.append(jnp.asarray(value))
    found = eqn.primitive.bind(*operands, **eqn.params)
    several = found if eqn.primitive.multiple_results else [found]
    outside = arb(math.nan) if moved == "f" else FALSE
    out = []
    for positions in several:
        picked = [entries[k] if 0 <= k < len(entries) else outside for k in np.asarray(positions).ravel().tolist()]
        shape = positions.shape
        out.append(shaped(picked, shape) if moved == "f" else np.array(picked, np.int8).reshape(shape))
    return out


def _compared(name: str, values: Sequence[Value], ins: Sequence[str]) -> Value:
    if ins == ["f", "f"]:
        return ball.compare(name, *values)
    a, b = np.broadcast_arrays(*values)  # truth values, some open
    equal = np.where((a == OPEN) | (b == OPEN), OPEN, np.where(a == b, TRUE, FALSE)).astype(np.int8)
    if name in ("eq", "ne"):
        return equal if name == "eq" else (TRUE - equal).astype(np.int8)
    raise Undecidable(f"{name} of undecided truth values")


def _dot_general(eqn: Any, a: Value, b: Value) -> Value:
    (a_sum, b_sum), (a_batch, b_batch) = eqn.params["dimension_numbers"]
    a_free = [k for k in range(a.ndim) if k not in (*a_sum, *a_batch)]
    b_free = [k for k in range(b.ndim) if k not in (*b_sum, *b_batch)]
    inner = math.prod(a.shape[k] for k in a_sum)
    batch = [a.shape[k] for k in a_batch]
    rows, columns = [a.shape[k] for k in a_free], [b.shape[k] for k in b_free]
    left = a.transpose(*a_batch, *a_free, *a_sum).reshape(math.prod(batch), math.prod(rows), inner)
    right = b.transpose(*b_batch, *b_sum, *b_free).reshape(math.prod(batch), inner, math.prod(columns))
    square = eqn.invars[0] is eqn.invars[1] and not a_free and not b_free
    parts = [ball.product(x, y, square).ravel() for x, y in zip(left, right, strict=True)]
    return shaped([entry for part in parts for entry in part], (*batch, *rows, *columns))


def _select(eqn: Any, which: Value, *cases: Value) -> Value:
    if kind(eqn.invars[0].aval) == "b":
        return ball.choose(which, cases[0], cases[1])
    picked = [np.broadcast_to(which, cases[0].shape) == k for k in range(len(cases))]
    out = cases[0].copy()
    for at, case in zip(picked, cases, strict=True):
        out[at] = case[at]
    return out


def _convert(eqn: Any, value: Value) -> Value:
    source, target = kind(eqn.invars[0].aval), kind(eqn.outvars[0].aval)
    if source == target:
        return value
    if target == "f":
        return as_numbers(value) if source == "b" else exactly(value)
    if source == "f" and target == "b":
        return ball.compare("ne", value, exactly(np.zeros(value.shape)))
    raise Undecidable("an integer that depends on an undecided comparison or on a real number")


def _argument(eqn: Any, x: Value) -> Value:
    (axis,) = eqn.params["axes"]
    sign = 1 if eqn.primitive.name == "argmax" else -1
    rows = np.moveaxis(x, axis, -1)
    found = [_first_largest([sign * v for v in row]) for row in rows.reshape(-1, x.shape[axis])]
    return np.array(found, eqn.params["index_dtype"]).reshape(rows.shape[:-1])


def _first_largest(row: list[Any]) -> int:
    for k, v in enumerate(row):
        if all(v > w for w in row[:k]) and all(v >= w for w in row[k + 1 :]):
            return k
    raise Undecidable("the index of a largest entry")


def _bits(eqn: Any, value: Value) -> Value:
    """The bits of numbers that are float64 exactly."""
    if any(not v.is_exact() or arb(float(v)) != v for v in value.ravel()):
        raise Undecidable("the bits of a number that is not a float64")
    return _as_it_is(eqn, [np.array([float(v) for v in value.ravel()]).reshape(value.shape)])[0]


def _per_matrix(function: Any, x: Value) -> list[tuple[Value, ...]]:
    return [function(part) for part in x.reshape(-1, *x.shape[-2:])]


def _gathered(batch: tuple[int, ...], parts: list[Value]) -> Value:
    shape = (*batch, *parts[0].shape)
    return shaped([entry for part in parts for entry in part.ravel()], shape)


def _svd(eqn: Any, x: Value) -> tuple[Value, ...]:
    p = eqn.params
    if p["full_matrices"] and p["compute_uv"] and x.shape[-1] != x.shape[-2]:
        raise Undecidable("a full singular value decomposition", lasting=True)
    found = _per_matrix(ball_linalg.svd, x)
    batch = x.shape[:-2]
    U, s, V = (_gathered(batch, [part[k] for part in found]) for k in range(3))
    return (s, U, V) if p["compute_uv"] else (s,)


def _eigh(eqn: Any, x: Value) -> tuple[Value, ...]:
    found = _per_matrix(ball_linalg.eigh, x)
    batch = x.shape[:-2]
    return _gathered(batch, [v for _, v in found]), _gathered(batch, [w for w, _ in found])


def _triangular_solve(eqn: Any, a: Value, b: Value) -> Value:
    p = eqn.params
    out = []
    for A, right in zip(a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:]), strict=True):
        keep = np.tri(len(A), dtype=bool) if p["lower"] else np.tri(len(A), dtype=bool).T
        triangle = np.where(keep, A, exactly(np.zeros(A.shape)))
        if p["unit_diagonal"]:
            np.fill_diagonal(triangle, arb(1))
        triangle = triangle.T if p["transpose_a"] else triangle
        left = p["left_side"]
        out.append(ball_linalg.solve(triangle, right) if left else ball_linalg.solve(triangle.T, right.T).T)
    return _gathered(b.shape[:-2], out)


def _bounded(eqn: Any, low: Value, x: Value, high: Value) -> Value:
    return each(BINARY["min"], each(BINARY["max"], x, low), high)


def _cumulative(eqn: Any, x: Value) -> Value:
    axis = eqn.params["axis"]
    ordered = np.flip(x, axis) if eqn.params["reverse"] else x
    total = np.add.accumulate(ordered, axis)
    return np.flip(total, axis) if eqn.params["reverse"] else total


def _axes(eqn: Any) -> list[int]:
    return [int(axis) for axis in eqn.params["axes"]]


_SPECIAL: dict[str, Callable[..., Value | tuple[Value, ...]]] = {
    "dot_general": _dot_general,
    "reduce_sum": lambda eqn, x: ball.reduce_with(BINARY["add"], arb(0), x, _axes(eqn)),
    "reduce_prod": lambda eqn, x: ball.reduce_with(BINARY["mul"], arb(1), x, _axes(eqn)),
    "reduce_max": lambda eqn, x: ball.reduce_with(BINARY["max"], arb(-math.inf), x, _axes(eqn)),
    "reduce_min": lambda eqn, x: ball.reduce_with(BINARY["min"], arb(math.inf), x, _axes(eqn)),
    "reduce_or": lambda eqn, x: np.max(x, axis=tuple(_axes(eqn)), initial=FALSE),
    "reduce_and": lambda eqn, x: np.min(x, axis=tuple(_axes(eqn)), initial=TRUE),
    "and": lambda eqn, x, y: np.minimum(x, y),
    "or": lambda eqn, x, y: np.maximum(x, y),
    "not": lambda eqn, x: (TRUE - x).astype(np.int8),
    "cumsum": _cumulative,
    "integer_pow": lambda eqn, x: ball.power(x, eqn.params["y"]),
    "is_finite": lambda eqn, x: ball.is_finite(x),
    "select_n": _select,
    "clamp": _bounded,
    "convert_element_type": _convert,
    "argmax": _argument,
    "argmin": _argument,
    "cholesky": lambda eqn, x: _gathered(x.shape[:-2], [ball_linalg.cholesky(p) for p in x.reshape(-1, *x.shape[-2:])]),
    "triangular_solve": _triangular_solve,
    "svd": _svd,
    "eigh": _eigh,
}
