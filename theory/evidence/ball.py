"""Balls: intervals of real numbers that contain the exact value, and the operations of a claim on arrays of them.

A float is the dyadic rational that it is; every operation rounds outwards (Arb, through python-flint), at the
precision of ``flint.ctx``. Arrays of reals are NumPy object arrays of ``flint.arb``. A comparison that a ball does
not decide is OPEN, and truth values are arrays of FALSE < OPEN < TRUE (Kleene's logic: "and" is the minimum, "or"
the maximum). What depends on an open choice is the hull of both outcomes.

A sum, product or quotient of balls without negative numbers is cut off at 0, so that the root of a sum of squares
near 0 is defined. The root or logarithm of a ball that reaches outside its domain is NaN, which decides nothing.
"""

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Balls = np.ndarray  # of flint.arb
Truth = np.ndarray  # of int8: FALSE, OPEN or TRUE
FALSE, OPEN, TRUE = 0, 1, 2


class Undecidable(Exception):
    """An operation whose result cannot be enclosed; the message says why. ``lasting``: at any precision."""

    def __init__(self, reason: str, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


class Unenclosed:
    """Stands for a value for which there is no enclosure; whatever is computed from it has none either."""

    def __init__(self, reason: str, lasting: bool = False) -> None:
        self.reason, self.lasting = reason, lasting


def arb(value: Any) -> Any:
    """A ball from an exact number."""
    import flint

    return flint.arb(value)


def exactly(array: Any) -> Balls:
    """Floats (or integers) of any shape as exact balls."""
    import flint

    values = np.asarray(array)
    return shaped([flint.arb(v) for v in values.ravel().tolist()], values.shape)


def exact_matrix(floats: np.ndarray) -> Any:
    """A float64 matrix as an exact ``flint.arb_mat``, the fastest way there."""
    import flint

    rows, columns = floats.shape
    return flint.arb_mat(rows, columns, floats.ravel().tolist())


def shaped(entries: list[Any], shape: tuple[int, ...]) -> Balls:
    """Entries in row-major order as an object array."""
    out = np.empty(len(entries), object)
    out[:] = entries
    return out.reshape(shape)


def as_truth(array: Any) -> Truth:
    """Booleans as truth values, none of them open."""
    return np.where(np.asarray(array, bool), TRUE, FALSE).astype(np.int8)


def hull(a: Any, b: Any) -> Any:
    """The least ball found that contains both; without negative numbers where neither has any."""
    if a.is_exact() and b.is_exact() and a == b:
        return a
    joined = a.union(b)
    return cut(joined) if a.lower() >= 0 and b.lower() >= 0 else joined


def cut(x: Any) -> Any:
    """The part of a ball at or above 0, for a number known not to be negative."""
    return x.nonnegative_part() if not x >= 0 and x.is_finite() else x


def _kept(x: Any, y: Any, z: Any) -> Any:
    """z = x ∘ y, which is not negative where neither x nor y is."""
    if z.is_exact() or z > 0 or z < 0:
        return z
    return cut(z) if x >= 0 and y >= 0 else z


def _power(x: Any, n: int) -> Any:
    return cut(x**n) if n % 2 == 0 else x**n


def _sign(x: Any) -> Any:
    if x > 0 or x < 0 or x.is_zero():
        return arb(1 if x > 0 else -1 if x < 0 else 0)
    return hull(arb(-1), arb(1))


def _maximum(x: Any, y: Any) -> Any:
    larger = x if x >= y else y if y >= x else x.max(y)
    return cut(larger) if x >= 0 or y >= 0 else larger


def _minimum(x: Any, y: Any) -> Any:
    return x if x <= y else y if y <= x else x.min(y)


def _quotient(x: Any, y: Any) -> Any:
    return _kept(x, y, x / y)


UNARY: dict[str, Callable[[Any], Any]] = {
    "neg": lambda x: -x,
    "abs": lambda x: cut(abs(x)),
    "sign": _sign,
    "sqrt": lambda x: x.sqrt(),
    "rsqrt": lambda x: 1 / x.sqrt(),
    "square": lambda x: cut(x * x),
    "exp": lambda x: cut(x.exp()),
    "exp2": lambda x: cut(arb(2) ** x),
    "expm1": lambda x: x.expm1(),
    "log": lambda x: x.log(),
    "log1p": lambda x: x.log1p(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "tanh": lambda x: x.tanh(),
    "logistic": lambda x: cut(1 / (1 + (-x).exp())),
    "erf": lambda x: x.erf(),
    "erfc": lambda x: cut(x.erfc()),
    "erf_inv": lambda x: x.erfinv(),
    "atanh": lambda x: x.atanh(),
    "stop_gradient": lambda x: x,
    "copy": lambda x: x,
    "real": lambda x: x,
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: _kept(x, y, x + y),
    "add_any": lambda x, y: _kept(x, y, x + y),
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: _kept(x, y, x * y),
    "div": _quotient,
    "max": _maximum,
    "min": _minimum,
    "pow": lambda x, y: x**y,
}
COMPARE: dict[str, Callable[[Any, Any], tuple[bool, bool]]] = {  # (certainly, certainly not)
    "lt": lambda x, y: (x < y, x >= y),
    "le": lambda x, y: (x <= y, x > y),
    "gt": lambda x, y: (x > y, x <= y),
    "ge": lambda x, y: (x >= y, x < y),
    "eq": lambda x, y: (x == y, x != y),
    "ne": lambda x, y: (x != y, x == y),
}


def each(operation: Callable[..., Any], *arrays: Balls) -> Balls:
    """``operation`` entry by entry on arrays that broadcast."""
    spread = np.broadcast_arrays(*arrays)
    rows = zip(*(a.ravel() for a in spread), strict=True)
    return shaped([operation(*row) for row in rows], spread[0].shape)


def power(x: Balls, n: int) -> Balls:
    """xⁿ for an integer n."""
    return each(lambda v: _power(v, n), x)


def compare(relation: str, x: Balls, y: Balls) -> Truth:
    """Truth values of a relation, entry by entry."""

    def truth(a: Any, b: Any) -> int:
        yes, no = COMPARE[relation](a, b)
        return TRUE if yes else FALSE if no else OPEN

    spread = np.broadcast_arrays(x, y)
    values = [truth(a, b) for a, b in zip(spread[0].ravel(), spread[1].ravel(), strict=True)]
    return np.array(values, np.int8).reshape(spread[0].shape)


def is_finite(x: Balls) -> Truth:
    """Whether each number is finite: FALSE for ±∞ exactly, OPEN for NaN and for a ball without end."""

    def truth(v: Any) -> int:
        return TRUE if v.is_finite() else FALSE if v == arb(math.inf) or v == arb(-math.inf) else OPEN

    return np.array([truth(v) for v in x.ravel()], np.int8).reshape(x.shape)


def reduce_with(operation: Callable[[Any, Any], Any], start: Any, x: Balls, axes: Sequence[int]) -> Balls:
    """Fold ``operation`` along ``axes``; ``start`` where there is nothing to fold."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    rows = np.transpose(x, [*kept, *axes]).reshape(math.prod(x.shape[a] for a in kept), -1)

    def fold(row: np.ndarray) -> Any:
        total = row[0] if len(row) else start
        for entry in row[1:]:
            total = operation(total, entry)
        return total

    return shaped([fold(row) for row in rows], tuple(x.shape[a] for a in kept))


def choose(which: Truth, no: np.ndarray, yes: np.ndarray) -> np.ndarray:
    """``yes`` where TRUE, ``no`` where FALSE, the hull of both where OPEN."""
    which = np.broadcast_to(which, yes.shape)
    if yes.dtype != object:  # truth values: open only where the outcomes differ
        return np.where(which == OPEN, np.where(no == yes, yes, OPEN), np.where(which == TRUE, yes, no)).astype(np.int8)
    rows = zip(which.ravel(), no.ravel(), yes.ravel(), strict=True)
    return shaped([y if w == TRUE else n if w == FALSE else hull(n, y) for w, n, y in rows], yes.shape)


def as_numbers(truth: Truth) -> Balls:
    """0 or 1; where open the ball [0, 1]."""
    between = hull(arb(0), arb(1))
    return shaped([between if t == OPEN else arb(int(t == TRUE)) for t in truth.ravel()], truth.shape)


def matrix(x: Balls) -> Any:
    """A two-dimensional array as ``flint.arb_mat``."""
    import flint

    return flint.arb_mat(x.shape[0], x.shape[1], x.ravel().tolist())


def array(x: Any) -> Balls:
    """A ``flint.arb_mat`` as an array."""
    return shaped(list(x.entries()), (x.nrows(), x.ncols()))


def product(a: Balls, b: Balls, square: bool = False) -> Balls:
    """Matrix product (n, k) @ (k, p); ``square``: that of a row with itself, which is not negative."""
    if 0 in (*a.shape, *b.shape):
        return shaped([arb(0)] * (a.shape[0] * b.shape[1]), (a.shape[0], b.shape[1]))
    found = array(matrix(a) * matrix(b))
    square = square or (all(v >= 0 for v in a.ravel()) and all(v >= 0 for v in b.ravel()))
    return each(cut, found) if square else found


def mid(x: Balls) -> np.ndarray:
    """Midpoints as floats."""
    return np.array([float(v.mid()) for v in x.ravel()], np.float64).reshape(x.shape)


def upper(x: Any) -> float:
    """A float at or above everything in the ball; NaN if it is NaN."""
    return _outward(x.upper(), math.inf)


def lower(x: Any) -> float:
    """A float at or below everything in the ball; NaN if it is NaN."""
    return _outward(x.lower(), -math.inf)


def _outward(end: Any, side: float) -> float:
    if end.is_nan():
        return math.nan
    try:
        value = float(end)
    except OverflowError:
        return side if (end > 0) == (side > 0) else -math.copysign(sys.float_info.max, side)
    beyond = arb(value) >= end if side > 0 else arb(value) <= end
    return value if beyond else math.nextafter(value, side)
