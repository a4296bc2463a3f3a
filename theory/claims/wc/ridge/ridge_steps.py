"""The proofs of the ridge claims, step by step for a machine; each function follows its claim's docstring.

K is the inverse of A = XᵀX + μI, with X the rows R and F together; B = I − H in blocks S and T for the bound.
"""

from theory.claims.lemmas import cauchy_schwarz, identity, matrix, reals
from theory.obligation import Obligation, uncovered


def retrained_error() -> tuple[Obligation, ...]:
    """Normal equations with and without F, and the eigenvalues of I − H."""
    from sympy import Eq, Ge, Gt, Le

    X_F, A, K, E = matrix("X_F", "f", "d"), matrix("A", "d", "d"), matrix("K", "d", "d"), identity("f")
    w, w_R, right, y_F = matrix("w", "d"), matrix("w_R", "d"), matrix("b", "d"), matrix("y_F", "f")
    mu, square, eigenvalue, p, q = reals("mu sigma2 beta p q")
    r_F, e_F = y_F - X_F * w_R, y_F - X_F * w
    return (
        Obligation(
            "normal equations",
            "(A − X_FᵀX_F)w_R = b − X_Fᵀy_F, b = Xᵀy: A w_R = b − X_Fᵀ r_F",
            Eq(A * w_R, right - X_F.T * r_F),
            (Eq(A * w_R, right - X_F.T * y_F + X_F.T * X_F * w_R),),
        ),
        Obligation(
            "weights",
            "w = Kb: K(b − X_Fᵀ r_F) = w − K X_Fᵀ r_F",
            Eq(K * (right - X_F.T * r_F), w - K * X_F.T * r_F),
            (Eq(K * right, w),),
            ("normal equations",),
        ),
        Obligation(
            "error",
            "w_R = w − K X_Fᵀ r_F: (I − X_F K X_Fᵀ) r_F = e_F, written with q_F for r_F",
            Eq((E - X_F * K * X_F.T) * matrix("q_F", "f"), e_F),
            (Eq(matrix("q_F", "f"), e_F + X_F * K * X_F.T * matrix("q_F", "f")),),
            ("weights",),
        ),
        Obligation(
            "eigenvalues",
            "an eigenvalue of I − H is μ/(μ + σ²) ∈ (0, 1], or 1",
            Gt(eigenvalue, 0),
            (mu > 0, square >= 0, Eq(eigenvalue * (mu + square), mu)),
        ),
        Obligation(
            "eigenvalues, upper",
            "μ/(μ + σ²) ≤ 1",
            Le(eigenvalue, 1),
            (mu > 0, square >= 0, Eq(eigenvalue * (mu + square), mu)),
        ),
        uncovered("interlacing", "the eigenvalues of a principal block lie between those of the matrix"),
        Obligation(
            "no better than before",
            "in the eigenvectors of I − H_FF: Σ (r_i)² ≥ Σ (β_i r_i)², one more",
            Ge(p + square, q + eigenvalue**2 * square),
            (p >= q, square >= 0, eigenvalue > 0, eigenvalue <= 1),
            ("eigenvalues", "eigenvalues, upper", "interlacing"),
        ),
    )


def lower_bound() -> tuple[Obligation, ...]:
    """Elimination of S, Schur's test, and the least value of a convex function."""
    from sympy import Eq, Ge, Le, Max

    B, cross, K = matrix("B_SS", "s", "s"), matrix("B_ST", "s", "t"), matrix("K", "s", "s")
    block, r_S, r_T = matrix("B_TT", "t", "t"), matrix("r_S", "s"), matrix("r_T", "t")
    e_S, e_T, one = matrix("e_S", "s"), matrix("e_T", "t"), identity("s")
    S, row, column, x, w, kappa, rho = reals("S row column x w kappa rho")
    a, g, floor, inner, length = reals("a g floor inner length")
    value = Max(a - g * rho, 0) ** 2 + rho**2
    ranges = (a >= 0, g >= 0, rho >= floor, floor >= 0)
    return (
        Obligation(
            "errors on S",
            "B_SS r_S + B_ST r_T = e_S: r_S = K e_S − K B_ST r_T, K B_SS = I",
            Eq(r_S, K * e_S - K * cross * r_T),
            (Eq(K * B, one), Eq(e_S, B * r_S + cross * r_T)),
        ),
        Obligation(
            "errors on T",
            "C r_T = c with C = B_TT − B_TS K B_ST and c = e_T − B_TS K e_S",
            Eq((block - cross.T * K * cross) * r_T, e_T - cross.T * K * e_S),
            (Eq(K * B, one), Eq(e_S, B * r_S + cross * r_T), Eq(e_T, cross.T * r_S + block * r_T)),
        ),
        Obligation(
            "one row",
            "(Σ w x)² ≤ (Σ w)(Σ w x²) for w ≥ 0: one more term",
            Le((S + w * x) ** 2, (row + w) * (column + w * x**2)),
            (row >= 0, w >= 0, column >= 0, Le(S**2, row * column)),
        ),
        uncovered(
            "Schur's test", "rows of |D⁻¹C| sum to at most 1, columns to at most κ: ‖D⁻¹C r‖² ≤ κ‖r‖², summing rows"
        ),
        uncovered("norm of a block", "‖C_TT‖₂ ≤ ‖C‖₂ by interlacing"),
        *cauchy_schwarz(),
        Obligation(
            "errors on S, lower",
            "‖r_S‖ ‖a‖ ≥ ⟨r_S, a⟩ = ‖a‖² − ⟨Mᵀa, r_T⟩ ≥ ‖a‖² − ‖a‖‖g‖‖r_T‖",
            Ge(length, a - g * rho),
            (a > 0, length >= 0, Le(inner**2, length**2 * a**2), Ge(inner, a**2 - a * g * rho)),
            ("errors on S", "Cauchy–Schwarz"),
        ),
        Obligation(
            "least value",
            "(‖a‖ − gρ)₊² + ρ² ≥ ‖a‖²/(1 + g²) for every ρ ≥ 0",
            Ge(value * (1 + g**2), a**2),
            (a >= 0, g >= 0, rho >= 0),
            ("errors on S, lower",),
        ),
        Obligation(
            "value beyond",
            "it grows for ρ ≥ ρ₀ where ρ₀(1 + g²) ≥ ‖a‖g",
            Ge(value, Max(a - g * floor, 0) ** 2 + floor**2),
            (*ranges, Ge(floor * (1 + g**2), a * g)),
            ("Schur's test", "norm of a block", "errors on S, lower"),
        ),
        Obligation(
            "larger g",
            "it falls with g, so a bound on ‖g_T‖ may take its place",
            Ge(value, Max(a - kappa * rho, 0) ** 2 + rho**2),
            (a >= 0, rho >= 0, kappa >= g),
            ("errors on S, lower",),
        ),
    )
