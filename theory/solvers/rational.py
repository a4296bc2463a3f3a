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
    entries = [[QQ(entry.numerator, entry.denominator) for entry in row] for row in rows]
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
    return matrix([[Fraction(int(i == j and i in inside)) for j in range(size)] for i in range(size)])


def pseudo_inverse(A: Matrix) -> Matrix:
    """A⁺ for any rank: Aᵀ(AAᵀ)⁻¹ when the rows are independent, else from the rank factorisation A = C F."""
    reduced, pivots = A.rref()
    if len(pivots) == A.shape[0]:
        return A.transpose() * (A * A.transpose()).inv()
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
