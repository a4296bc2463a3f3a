"""Linear algebra over the rationals: minimum-norm solutions and projectors with no rounding at all.

The functions use only what sympy's ``DomainMatrix`` and ``Matrix`` share (``+``, ``-``, ``*``, ``transpose``,
``inv``, ``rank``, ``rref``, ``extract``, ``is_zero_matrix``), so the arithmetic behind them is chosen by one
argument, the constructor that turns rows of fractions into a matrix: :func:`rational_matrix` (``DomainMatrix``
over QQ, with python-flint behind it where installed) or, to compare, ``sympy.Matrix`` itself. sympy is
imported when the first matrix is made.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

Matrix = Any  # a DomainMatrix or a sympy.Matrix
ZERO, ONE = Fraction(0), Fraction(1)
MatrixMaker = Callable[[Sequence[Sequence[Fraction]]], Any]


def rational_matrix(rows: Sequence[Sequence[Fraction]]) -> Matrix:
    """Dense ``DomainMatrix`` over QQ from rows of fractions.

    Raises:
        ImportError: sympy is not installed.
    """
    try:
        from sympy import QQ
        from sympy.polys.matrices import DomainMatrix
    except ImportError as fault:
        raise ImportError("exact checks need sympy: pip install 'forgetproof[exact]'") from fault
    make, zero = QQ.dtype, QQ.zero  # the ground type itself: half the cost of a small instance is spent here
    entries = [[make(e.numerator, e.denominator) if e else zero for e in row] for row in rows]
    return DomainMatrix(entries, (len(rows), len(rows[0])), QQ).to_dense()


def ground_types() -> str:
    """The integers behind sympy's rationals: "flint", "gmpy" or "python". Raises as :func:`rational_matrix`."""
    rational_matrix([[Fraction(1)]])
    from sympy.external.gmpy import GROUND_TYPES

    return str(GROUND_TYPES)


def pick_rows(A: Matrix, rows: Sequence[int]) -> Matrix:
    """The rows with those indices."""
    return A.extract(list(rows), list(range(A.shape[1])))


def keep_entries(kept: Sequence[int], size: int, matrix: MatrixMaker) -> Matrix:
    """Diagonal matrix (size, size) that keeps the entries with those indices and zeroes the others."""
    inside = set(kept)
    return matrix([[ONE if i == j and i in inside else ZERO for j in range(size)] for i in range(size)])


def inverse(A: Matrix) -> Matrix | None:
    """A⁻¹, or None where A is singular. Found by inverting: a rank computed first costs more than the inverse."""
    from sympy.matrices.exceptions import NonInvertibleMatrixError
    from sympy.polys.matrices.exceptions import DMNonInvertibleMatrixError

    try:
        return A.inv()
    except (NonInvertibleMatrixError, DMNonInvertibleMatrixError):
        return None


def pseudo_inverse(A: Matrix) -> Matrix:
    """A⁺ for any rank: Aᵀ(AAᵀ)⁻¹ where the rows are independent, else from the rank factorisation A = C F."""
    gram = inverse(A * A.transpose()) if A.shape[0] <= A.shape[1] else None
    if gram is not None:
        return A.transpose() * gram
    reduced, pivots = A.rref()
    if not pivots:
        return A.transpose()
    C, F = A.extract(list(range(A.shape[0])), list(pivots)), pick_rows(reduced, range(len(pivots)))
    return F.transpose() * (F * F.transpose()).inv() * (C.transpose() * C).inv() * C.transpose()


def least_norm(A: Matrix, target: Matrix) -> Matrix:
    """Minimum-norm least-squares solution of A w = target (a column)."""
    return pseudo_inverse(A) * target


def project(A: Matrix, v: Matrix) -> Matrix:
    """Orthogonal projection of the column ``v`` onto the row space of A."""
    return pseudo_inverse(A) * (A * v)


def mean_square(v: Matrix, matrix: MatrixMaker, entries: int | None = None) -> Matrix:
    """vᵀv divided by ``entries`` (default: the length of the column ``v``), as a 1×1 matrix."""
    return v.transpose() * v * matrix([[Fraction(1, v.shape[0] if entries is None else entries)]])


def same(A: Matrix, B: Matrix) -> bool:
    """Whether A = B exactly."""
    return bool((A - B).is_zero_matrix)


def vanishes(A: Matrix) -> bool:
    """Whether every entry is exactly 0."""
    return bool(A.is_zero_matrix)
