"""Steps that many proofs share, for a machine to decide: norms, inner products and sums of any length.

A sum of any number of terms is covered by induction: the obligation adds one term, and an empty sum is 0.
Signs y_i are absorbed into the rows: y_i x_i is a row of X.
"""

from typing import Any

from theory.obligation import Obligation


def reals(names: str) -> Any:
    """Real sympy symbols; signs are stated as hypotheses."""
    import sympy

    return sympy.symbols(names, real=True)


def matrix(name: str, rows: str, columns: str | int = 1) -> Any:
    """A matrix of symbolic size, a column vector by default."""
    import sympy

    def size(s: str | int) -> Any:
        return sympy.Symbol(s, integer=True, positive=True) if isinstance(s, str) else s

    return sympy.MatrixSymbol(name, size(rows), size(columns))


def identity(n: str) -> Any:
    """Identity of symbolic size."""
    import sympy

    return sympy.Identity(sympy.Symbol(n, integer=True, positive=True))


def projector_rules(P: Any, X: Any) -> tuple[Any, ...]:
    """What defines P as the orthogonal projector onto the row space of X, of any rank."""
    from sympy import Eq

    return Eq(P.T, P), Eq(P * P, P), Eq(X * P, X), Eq(P * X.T, X.T)


def cauchy_schwarz() -> tuple[Obligation, ...]:
    """⟨u, v⟩² ≤ ‖u‖²‖v‖² from the square of one combination of u and v."""
    from sympy import Eq, Le, Ne, false

    a, b, p, q, c, t = reals("a b p q c t")
    u, v = matrix("u", "d"), matrix("v", "d")
    combination = a * u - b * v
    return (
        Obligation(
            "square of a combination",
            "‖au − bv‖² = a²‖u‖² − 2ab⟨u, v⟩ + b²‖v‖²",
            Eq(combination.T * combination, a**2 * u.T * u - 2 * a * b * u.T * v + b**2 * v.T * v, evaluate=False),
        ),
        Obligation(
            "Cauchy–Schwarz",
            "a = ‖v‖² = q > 0 and b = ⟨u, v⟩ = c in the square",
            Le(c**2, p * q),
            (q > 0, q**2 * p - 2 * q * c * c + c**2 * q >= 0),
            ("square of a combination",),
        ),
        Obligation(
            "Cauchy–Schwarz, v = 0",
            "a = 1, b = (‖u‖² + 1)/⟨u, v⟩ in the square: ⟨u, v⟩ ≠ 0 is impossible",
            false,
            (p >= 0, Eq(q, 0), Ne(c, 0), Eq(t * c, p + 1), p - 2 * t * c + t**2 * q >= 0),
            ("square of a combination",),
        ),
    )


def norm_triangle() -> tuple[Obligation, ...]:
    """| ‖u‖ − ‖v‖ | ≤ ‖u + v‖ ≤ ‖u‖ + ‖v‖, after Cauchy–Schwarz."""
    from sympy import Abs, Eq, Ge, Le

    s, a, b, c = reals("s a b c")
    known = (s >= 0, a >= 0, b >= 0, Eq(s**2, a**2 + 2 * c + b**2), Le(c**2, a**2 * b**2))
    uses = ("square of a combination", "Cauchy–Schwarz", "Cauchy–Schwarz, v = 0")
    return (
        *cauchy_schwarz(),
        Obligation("triangle inequality", "s = ‖u + v‖, a = ‖u‖, b = ‖v‖, c = ⟨u, v⟩", Le(s, a + b), known, uses),
        Obligation("reverse triangle inequality", "the same symbols", Ge(s, Abs(a - b)), known, uses),
    )


def sum_of_absolutes() -> Obligation:
    """|Σ t| ≤ Σ |t|."""
    from sympy import Abs, Le

    s, t, total = reals("s t total")
    return Obligation(
        "absolute value of a sum",
        "one more term t: |s| ≤ Σ|t| so far",
        Le(Abs(s + t), total + Abs(t)),
        (Le(Abs(s), total),),
    )
