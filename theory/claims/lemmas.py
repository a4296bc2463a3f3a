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


def projection_lengths() -> tuple[Obligation, ...]:
    """‖v‖² = ‖Pv‖² + ‖(I − P)v‖², so a projection is no longer; P projects onto the rows of X_R."""
    from sympy import Eq, Le

    X, P, v, E = matrix("X_R", "r", "d"), matrix("P", "d", "d"), matrix("v", "d"), identity("d")
    whole, inside, outside = reals("whole inside outside")
    return (
        Obligation(
            "Pythagoras of a projection",
            "‖v‖² = ‖Pv‖² + ‖(I − P)v‖²",
            Eq(v.T * v, (P * v).T * (P * v) + ((E - P) * v).T * ((E - P) * v)),
            projector_rules(P, X),
        ),
        Obligation(
            "a projection is no longer",
            "‖Pv‖ ≤ ‖v‖",
            Le(inside, whole),
            (whole >= 0, inside >= 0, Eq(whole**2, inside**2 + outside**2)),
            ("Pythagoras of a projection",),
        ),
    )


def projected_cosine() -> tuple[Obligation, ...]:
    """Projected onto a subspace that holds v*, a vector turns towards v*: ⟨Pv, v*⟩ = ⟨v, v*⟩ and Pv is no longer."""
    from sympy import Eq, Ge

    P, v, best = matrix("P", "d", "d"), matrix("v", "d"), matrix("best", "d")
    product, whole, inside, target, before, after = reals("product whole inside target before after")
    return (
        *projection_lengths(),
        Obligation(
            "same inner product",
            "⟨Pv, v*⟩ = ⟨v, Pv*⟩ = ⟨v, v*⟩",
            Eq((P * v).T * best, v.T * best),
            (Eq(P.T, P), Eq(P * best, best)),
        ),
        Obligation(
            "the cosine grows",
            "cos(Pv, v*) = ⟨v, v*⟩/(‖Pv‖‖v*‖) ≥ ⟨v, v*⟩/(‖v‖‖v*‖) = cos(v, v*) where ⟨v, v*⟩ ≥ 0",
            Ge(after, before),
            (
                *(product >= 0, inside > 0, target > 0, inside <= whole),
                *(Eq(before * whole * target, product), Eq(after * inside * target, product)),
            ),
            ("a projection is no longer", "same inner product"),
        ),
    )


def nonnegative_products() -> Obligation:
    """Σ λ_i M_i ≥ 0."""
    from sympy import Ge

    total, lam, M = reals("total lam M")
    return Obligation(
        "products are not negative",
        "Σ λ_i M_i ≥ 0 for λ ≥ 0 and M ≥ 0: one more point",
        Ge(total + lam * M, 0),
        (total >= 0, lam >= 0, M >= 0),
    )


def margins_optimal() -> tuple[Obligation, ...]:
    """A KKT point of the margin problem is its only solution; rows of X are y_i x_i."""
    from sympy import Eq

    X, v, w, b, one = matrix("X_R", "r", "d"), matrix("v", "d"), matrix("w", "d"), matrix("b", "r"), matrix("one", "r")
    return (
        Obligation(
            "optimality identity",
            "‖v‖² = ‖w‖² + ‖v − w‖² + 2bᵀ(Xv − 1) for any v, where w = Σ b_i y_i x_i and bᵀ(Xw − 1) = 0",
            Eq(v.T * v, w.T * w + (v - w).T * (v - w) + 2 * b.T * (X * v - one)),
            (Eq(w, X.T * b), Eq(b.T * X * X.T * b, b.T * one)),
        ),
        *shortest_and_unique(),
    )


def shortest_and_unique(w: str = "w", margins: str = "Xv") -> tuple[Obligation, ...]:
    """What follows from the identity ‖v‖² = ‖w‖² + ‖v − w‖² + 2bᵀ(Xv − 1), the step "optimality identity"; the names
    are those of the step's words."""
    from sympy import Eq, Ge, Le

    longer, best, apart, slack, lam, M, total = reals("longer best apart slack lam M total")
    terms = (apart >= 0, slack >= 0, Eq(longer, best + apart + 2 * slack))
    rests_on = ("optimality identity", "slack is not negative")
    return (
        Obligation(
            "slack is not negative",
            f"bᵀ({margins} − 1) ≥ 0 for feasible v and b ≥ 0: one more point",
            Ge(total + lam * (M - 1), 0),
            (total >= 0, lam >= 0, M >= 1),
        ),
        Obligation("shortest", f"‖v‖² ≥ ‖{w}‖²", Ge(longer, best), terms, rests_on),
        Obligation("unique", f"‖v‖² ≤ ‖{w}‖² leaves v = {w}", Le(apart, 0), (*terms, longer <= best), rests_on),
    )


def gram_eigenvalues() -> tuple[Obligation, ...]:
    """Of N nearly orthogonal points: 1 − ψ − (N − 1)φ ≤ vᵀGv/‖v‖² ≤ 1 + ψ + (N − 1)φ."""
    from sympy import Abs, Ge, Le

    N, S1, S2, t, off, psi, phi, form, g = reals("N S1 S2 t off psi phi form g")
    points = (N >= 1, phi >= 0, psi >= 0)
    low, high = 1 - psi - (N - 1) * phi, 1 + psi + (N - 1) * phi
    sums = (S1 >= 0, S2 >= 0, Le(S1**2, N * S2), Le(Abs(off), phi * (S1**2 - S2)))
    return (
        Obligation(
            "square of a sum",
            "(Σ|v_i|)² ≤ N Σ v_i²: one more entry t ≥ 0",
            Le((S1 + t) ** 2, (N + 1) * (S2 + t**2)),
            (N >= 0, S1 >= 0, S2 >= 0, t >= 0, Le(S1**2, N * S2)),
        ),
        Obligation(
            "off the diagonal",
            "|Σ_{i≠j} v_i v_j G_ij| ≤ φ((Σ|v|)² − Σ v²): one more entry moves it by at most 2φ|t|Σ|v|",
            Le(Abs(off + g), phi * ((S1 + t) ** 2 - (S2 + t**2))),
            (phi >= 0, S1 >= 0, t >= 0, Le(Abs(off), phi * (S1**2 - S2)), Le(Abs(g), 2 * phi * t * S1)),
        ),
        Obligation(
            "eigenvalues, least",
            "vᵀG v ≥ a‖v‖², a = 1 − ψ − (N − 1)φ",
            Ge(form + off, low * S2),
            (*points, *sums, Ge(form, (1 - psi) * S2)),
            ("square of a sum", "off the diagonal"),
        ),
        Obligation(
            "eigenvalues, largest",
            "vᵀG v ≤ b‖v‖², b = 1 + ψ + (N − 1)φ",
            Le(form + off, high * S2),
            (*points, *sums, Le(form, (1 + psi) * S2)),
            ("square of a sum", "off the diagonal"),
        ),
    )


def gram_coefficients() -> Obligation:
    """Lengths need only inner products."""
    from sympy import Eq

    X, v, c = matrix("X", "m", "d"), matrix("v", "d"), matrix("c", "m")
    long = v + X.T * c
    return Obligation(
        "coefficients",
        "‖v + Σ c_i x_i‖² = ‖v‖² + 2⟨c, Xv⟩ + cᵀGc, G = XXᵀ; P_R x_l = Σ κ_i x_i is such a sum",
        Eq(long.T * long, v.T * v + 2 * c.T * X * v + c.T * X * X.T * c),
    )
