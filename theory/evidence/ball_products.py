r"""Products of float64 matrices without any rounding, by BLAS on slices: the fastest way to balls of the results.

Slices (Ozaki, Ogita, Oishi and Rump, Numerical Algorithms 59, 2012; the bounds derived here). Let |R| ≤ 2^e, β ≤ 50,
u = 2^(e+1−β) and σ = 1.5·2^52·u, all far from over- and underflow. Then |R| ≤ 2^(β−1) u, so R + σ lies between 2^52 u
and 2^53 u, where floats are the multiples of u: S = fl(fl(R + σ) − σ) is the multiple of u nearest to R, without error
in the subtraction, |S| ≤ 2^(β−1) u, and |R − S| ≤ u/2 = 2^(e−β). R − S is a float: if S ≠ 0 then |R| ≥ u/2 ≥ |R − S|,
and both are multiples of the ulp of R. So R − S is cut in the same way with e − β in place of e, and after k slices
with the units u_j = 2^(e+1−jβ) the matrix is their sum, if nothing is left.

Products. With slices S_i of A, T_j of B, units u_i and v_j, and n the inner length, every sum of entries of the
products S_i T_j with i + j = s, in any order, is a multiple of u_i v_j, the same for all of them, and at most
n·SLICES·2^(2β−2) of it. With n·SLICES·2^(2β−2) ≤ 2^53 no such sum is rounded, by BLAS or fused operations neither,
and A B is the sum over s of these floats: the only sums that are left to balls.

A matrix whose entries span too many bits for SLICES slices (their least part below 2^(e+1−SLICES·β)), whose numbers
come near over- or underflow, or that is not finite, is not cut; and none where the processor flushes subnormals.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from theory.evidence.ball import exact_matrix

SLICES = 4
_RANGE = 480  # exponents of entries and units stay within ±_RANGE, those of products within twice that


class Sliced(NamedTuple):
    """A matrix as the sum of its slices."""

    slices: np.ndarray  # (k, rows, columns), k ≤ SLICES
    bits: int  # β


def slice_bits(length: int) -> int:
    """β for products whose inner lengths are at most ``length``; below 2 (inner lengths of 2^50) none are possible."""
    return (55 - math.ceil(math.log2(max(length, 1) * SLICES))) // 2


def sliced(A: np.ndarray, bits: int) -> Sliced | None:
    """A finite float64 matrix in slices of so many bits; None where that is not possible."""
    largest = float(max(A.max(initial=0.0), -A.min(initial=0.0)))
    if not math.isfinite(largest) or bits < 2 or _flushes():
        return None
    exponent = math.frexp(largest)[1] if largest else 0
    if exponent > _RANGE or exponent + 1 - SLICES * bits < -_RANGE:
        return None
    slices = np.empty((SLICES, *A.shape))
    rest = A
    for k in range(SLICES):
        shift = math.ldexp(1.5, 52 + exponent + 1 - (k + 1) * bits)
        np.add(rest, shift, out=slices[k])
        slices[k] -= shift
        rest = rest - slices[k]
        if not rest.any():
            return Sliced(slices[: k + 1], bits)
    return None


def _flushes() -> bool:
    """Whether arithmetic in this thread takes subnormal numbers for 0."""
    return not (np.full(1, 5e-324) + 5e-324).any()


def times(A: Sliced, B: Sliced) -> Any:
    """Entries of the product (n, p) of matrices (n, k) and (k, p), row by row, as a ``flint.arb_mat`` (n p, 1).

    They are rounded outwards to the precision of ``flint.ctx`` once. Both come in slices of
    the same bits, at most ``slice_bits(k)``.
    """
    import flint

    (a, n, inner), (b, _, p) = A.slices.shape, B.slices.shape
    parts = A.slices.reshape(a * n, inner) @ B.slices.transpose(1, 0, 2).reshape(inner, b * p)
    parts = parts.reshape(a, n, b, p)
    sums = np.zeros((n, p, a + b - 1))
    for i in range(a):
        for j in range(b):
            sums[:, :, i + j] += parts[i, :, j]
    count = a + b - 1
    return flint.arb_mat(n * p, count, sums.ravel().tolist()) * flint.arb_mat(count, 1, [1] * count)


def margins_and_combination(Z: np.ndarray, w: np.ndarray, lam: np.ndarray) -> tuple[Any, Any]:
    """Z w (m, 1) and Zᵀλ (d, 1) as ``flint.arb_mat``, for float64 Z (m, d), w (d,), lam (m,) of any size and range."""
    bits = slice_bits(max(Z.shape))
    rows, right, left = sliced(Z, bits), sliced(w[:, None], bits), sliced(lam[None, :], bits)
    if rows is None or right is None or left is None:
        exact = exact_matrix(Z)
        return exact * exact_matrix(w[:, None]), exact.transpose() * exact_matrix(lam[:, None])
    return times(rows, right), times(left, rows)
