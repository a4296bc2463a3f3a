"""Twice float64: numbers kept as unevaluated sums hi + lo, about 106 bits.

A Gram matrix squares the conditioning of its points, so a margin of 1e-6 leaves nothing of float64.
Two tools repair that. :func:`accurate_matmul` splits both factors into short slices whose products a
plain matrix product adds *without rounding*, so it is safe whatever the order of summation or fusing
of multiply and add. :class:`Extended` is the usual pair arithmetic (Dekker 1971); its product takes
the high parts by masking bits, which no compiler may contract away.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

BITS = 106
_Result = TypeVar("_Result")
_HIGH_HALF = np.uint64(0xFFFF_FFFF_F800_0000)  # sign, exponent and the upper 26 bits of the significand
_ALL_BUT_LAST = np.uint64(0xFFFF_FFFF_FFFF_FFFE)


class Extended(NamedTuple):
    """hi + lo with |lo| about one rounding of hi; both parts have the same shape.

    Without ``lo`` the arithmetic below is plain float64: one text of an algorithm serves both.
    """

    hi: Float[Array, "..."]
    lo: Float[Array, "..."] | None

    def rounded(self) -> Array:
        """The nearest float64."""
        return self.hi if self.lo is None else self.hi + self.lo

    def rounding(self) -> Array:
        """What float64 cuts off: ``lo``, 0 without it."""
        return jnp.zeros_like(self.hi) if self.lo is None else self.lo

    def each(self, change: Callable[[Array], Array]) -> "Extended":
        """The same rearrangement of both parts (indexing, reshaping, a sign)."""
        return Extended(change(self.hi), None if self.lo is None else change(self.lo))


def exactly(value: Float[Array, "..."]) -> Extended:
    """A float64 as it is."""
    return Extended(value, jnp.zeros_like(value))


def _masked(value: Array, mask: np.uint64) -> Array:
    bits = jax.lax.bitcast_convert_type(value, jnp.uint64)
    return jax.lax.bitcast_convert_type(bits & mask, jnp.float64)


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _two_product(a: Array, b: Array) -> tuple[Array, Array]:
    # an even last bit makes the product opaque: no fused multiply-add can replace it below
    product = _masked(a * b, _ALL_BUT_LAST)
    a_high, b_high = _masked(a, _HIGH_HALF), _masked(b, _HIGH_HALF)
    a_low, b_low = a - a_high, b - b_high
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def add(x: Extended, y: Extended) -> Extended:
    """x + y, entry by entry."""
    if x.lo is None or y.lo is None:
        return Extended(x.hi + y.hi, None)
    high, error = _two_sum(x.hi, y.hi)
    low, rest = _two_sum(x.lo, y.lo)
    high, error = _two_sum(high, error + low)
    return Extended(*_two_sum(high, error + rest))


def negative(x: Extended) -> Extended:
    """−x."""
    return x.each(lambda part: -part)


def multiply(x: Extended, y: Extended) -> Extended:
    """x y, entry by entry."""
    if x.lo is None or y.lo is None:
        return Extended(x.hi * y.hi, None)
    product, error = _two_product(x.hi, y.hi)
    return Extended(*_two_sum(product, error + (x.hi * y.lo + x.lo * y.hi)))


def reciprocal(x: Extended) -> Extended:
    """1 / x for x ≠ 0, by one Newton step from float64."""
    if x.lo is None:
        return Extended(1.0 / x.hi, None)
    guess = exactly(1.0 / x.hi)
    gap = add(exactly(jnp.ones_like(x.hi)), negative(multiply(x, guess)))
    return add(guess, multiply(guess, gap))


def where(condition: Array, x: Extended, y: Extended) -> Extended:
    """Entries of x where ``condition`` holds, of y elsewhere."""
    lo = None if x.lo is None or y.lo is None else jnp.where(condition, x.lo, y.lo)
    return Extended(jnp.where(condition, x.hi, y.hi), lo)


def slices(value: Extended, axis: int, bits: int) -> Float[Array, "s ..."]:
    """Summands of ``value``, each a multiple of a power of two and ``bits`` wide, one grid along ``axis``."""
    largest = jnp.max(jnp.abs(value.hi), axis=axis, keepdims=True)
    _, exponent = jnp.frexp(jnp.where(largest > 0, largest, 1.0))

    def cut(rest: tuple[Array, Array], shift: Array) -> tuple[tuple[Array, Array], Array]:
        grid = jnp.ldexp(jnp.ones_like(largest), exponent - shift)
        part = jnp.round(rest[0] / grid) * grid
        return _two_sum(rest[0] - part, rest[1]), part

    shifts = np.arange(1, math.ceil(BITS / bits) + 1, dtype=np.int32) * np.int32(bits)
    return jax.lax.scan(cut, (value.hi, value.rounding()), jnp.asarray(shifts))[1]


def width(inner: int) -> int:
    """Bits a slice may have so that sums of ``inner`` products of two slices are exact in float64."""
    return (51 - math.ceil(math.log2(inner))) // 2


def sliced_matmul(left: Float[Array, "s n k"], right: Float[Array, "s k p"]) -> Extended:
    """Product of two matrices given as slices of :func:`width` k."""
    count = len(left)
    pairs = [(i, order - i) for order in reversed(range(count)) for i in range(order + 1)]  # small terms first

    def accumulate(total: Extended, pair: Array) -> tuple[Extended, None]:
        return add(total, exactly(left[pair[0]] @ right[pair[1]])), None

    start = exactly(jnp.zeros((left.shape[1], right.shape[2])))
    return jax.lax.scan(accumulate, start, jnp.asarray(np.array(pairs)))[0]


def accurate_matmul(a: Extended, b: Extended) -> Extended:
    """a @ b for matrices (n, k) and (k, p), to about 2⁻¹⁰⁰ of row maximum times column maximum times k."""
    bits = width(a.hi.shape[1])
    return sliced_matmul(slices(a, 1, bits), slices(b, 0, bits))


def columns(v: Extended) -> Extended:
    """A vector as a matrix of one column."""
    return v.each(lambda part: part[:, None])


def once(
    run: Bool[Array, ""], compute: Callable[..., _Result], otherwise: _Result, *operands: Float[Array, "..."]
) -> _Result:
    """``compute(*operands)`` where ``run``, else ``otherwise``; a batch in which nothing runs costs nothing."""

    def body(state: tuple[Array, _Result]) -> tuple[Array, _Result]:
        # a factor 1 made from the loop's state: the compiler would hoist what depends on nothing in the loop
        gate = jnp.where(state[0], 1.0, 0.0)
        return jnp.zeros_like(state[0]), compute(*(gate * operand for operand in operands))

    return jax.lax.while_loop(lambda state: state[0], body, (run, otherwise))[1]


def power_scale(lengths: Float[Array, " m"]) -> Float[Array, " m"]:
    """Powers of two that bring positive ``lengths`` into [1/2, 1), so that scaling rounds nothing; 1 for 0."""
    _, exponent = jnp.frexp(jnp.where(lengths > 0, lengths, 1.0))
    return jnp.where(lengths > 0, jnp.ldexp(jnp.ones_like(lengths), -exponent), 1.0)
