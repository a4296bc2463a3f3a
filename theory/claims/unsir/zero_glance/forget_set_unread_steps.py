"""The proof of unsir.zero_glance.forget_set_unread, step by step for a machine; it follows the docstring."""

from theory.claims.lemmas import reals
from theory.obligation import Obligation, uncovered


def forget_set_unread() -> tuple[Obligation, ...]:
    """Rows of the retained samples do not change where only forgotten ones do."""
    from sympy import Eq, MatrixSymbol, ZeroMatrix, symbols

    s, e, f = reals("s e f")
    n, m, q, d = symbols("n m q d", integer=True, positive=True)
    S, E, x, delta = MatrixSymbol("S", n, m), MatrixSymbol("E", m, q), MatrixSymbol("x", m, d), MatrixSymbol("d", q, d)
    ones, every = MatrixSymbol("1_n", n, 1), MatrixSymbol("1_q", q, 1)
    return (
        Obligation(
            "no row of F is chosen",
            "S is 0 in the columns of F (f = 1) and E in the rows of R (f = 0): every product of their entries is 0",
            Eq(s * e, 0),
            (Eq(s * f, 0), Eq(e * (1 - f), 0)),
        ),
        Obligation(
            "none is read",
            "the rows of F among those received, counted: 1ᵀSE1 = 0",
            Eq(ones.T * S * E * every, ZeroMatrix(1, 1)),
            (Eq(S * E, ZeroMatrix(n, q)),),
            ("no row of F is chosen",),
        ),
        Obligation(
            "the same rows",
            "S(x + Ed) = Sx: what is received does not change where only samples of F do",
            Eq(S * (x + E * delta), S * x),
            (Eq(S * E, ZeroMatrix(n, q)),),
            ("no row of F is chosen",),
        ),
        uncovered("the same network", "a program without other inputs gives equal outputs, step after step"),
    )
