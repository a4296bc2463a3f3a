"""The proofs of the linear claims, step by step for a machine; each function follows its claim's docstring."""

from fractions import Fraction

from theory.claims.lemmas import (
    cauchy_schwarz,
    identity,
    matrix,
    norm_triangle,
    projector_rules,
    reals,
    sum_of_absolutes,
)
from theory.obligation import Constant, Obligation, uncovered


def ascent_step() -> tuple[Obligation, ...]:
    """Stationarity, margins, complementarity and direction of one step."""
    from sympy import Abs, Eq, Ge, Le

    w, v, X_R, X_F = matrix("w", "d"), matrix("v", "d"), matrix("X_R", "r", "d"), matrix("X_F", "f", "d")
    a_R, a_F = matrix("a_R", "r"), matrix("a_F", "f")
    M, moved, alpha, lam, Lam, delta, q, eps, n, scale, k = reals("M moved alpha lam Lambda delta q epsilon n scale k")
    cosine = reals("cosine")
    shrink, small = 1 - alpha, (alpha >= 0, alpha < 1)
    return (
        Obligation(
            "stationarity unchanged",
            "w′ − Σ_R λ_i y_i x_i = v, with w = v + Σ λ_i y_i x_i",
            Eq(w - X_F.T * a_F - X_R.T * a_R, v),
            (Eq(w, v + X_F.T * a_F + X_R.T * a_R),),
        ),
        Obligation(
            "square of a multiple",
            "‖sv‖² = s²‖v‖²",
            Eq((scale * v).T * (scale * v), scale**2 * v.T * v, evaluate=False),
        ),
        Obligation(
            "stationarity scaled",
            "‖v/(1 − α)‖ = ε₁/(1 − α)",
            Eq(n, eps / shrink),
            (*small, n >= 0, eps >= 0, Eq(n**2, (1 / shrink) ** 2 * eps**2)),
            ("stationarity unchanged", "square of a multiple"),
        ),
        sum_of_absolutes(),
        Obligation(
            "primal",
            "M′ = M − q with |q| ≤ α, so M̃ = M′/(1 − α) ≥ 1",
            Ge((M - q) / shrink, 1),
            (*small, M >= 1, Le(Abs(q), alpha)),
            ("absolute value of a sum",),
        ),
        Obligation("dual", "λ̃ = λ/(1 − α) ≥ 0", Ge(lam / shrink, 0), (*small, lam >= 0)),
        Obligation(
            "complementarity",
            "λ̃(M̃ − 1) ≤ (δ₁ + kαΛ)/(1 − α)², k = 2",
            Le(lam / shrink * (moved / shrink - 1), (delta + k * alpha * Lam) / shrink**2),
            (*small, M >= 1, lam >= 0, lam <= Lam, Le(lam * (M - 1), delta), moved <= M + alpha),
            ("absolute value of a sum",),
            Constant(k, Fraction(2), Fraction(0)),
        ),
        Obligation(
            "direction",
            "⟨w′, s w′⟩ = ‖w′‖ ‖s w′‖ for s = 1/(1 − α) > 0: the cosine is 1",
            Eq(cosine, 1),
            (scale > 0, n > 0, Eq(cosine * (n * (scale * n)), scale * n**2)),
            ("square of a multiple",),
        ),
    )


def multiplier_bounds() -> tuple[Obligation, ...]:
    """The quadratic inequality at the largest multiplier, and the lower bound."""
    from sympy import Abs, Eq, Ge, Le, Rational, sqrt

    c, p, x2, eps, psi, phi, Lam, lam, total, g, n = reals("c p x2 epsilon psi phi Lambda lam total g n")
    m, M, q, e, a, delta, error, U, C, far, eps_d = reals("m M q e a delta error U C far epsilon_d")
    lengths = (psi >= 0, psi < 1)
    far_bound = (phi >= 0, m >= 1, Lam >= 0, Le(Abs(q), (m - 1) * phi * Lam), Le(Abs(e), error))
    largest = Le(Lam, (1 + error + sqrt((1 + error) ** 2 + 4 * a * delta)) / (2 * a))
    return (
        *cauchy_schwarz(),
        Obligation(
            "error in a margin",
            "|⟨v, x⟩| ≤ εs by Cauchy–Schwarz, s = √(1 + ψ)",
            Le(Abs(c), eps * sqrt(1 + psi)),
            (*lengths, eps >= 0, p >= 0, x2 >= 0, Le(c**2, p * x2), Le(p, eps**2), Le(x2, 1 + psi)),
            ("Cauchy–Schwarz", "Cauchy–Schwarz, v = 0"),
        ),
        Obligation(
            "products, one more point",
            "|Σ_{i≠j} λ_i ⟨x_i, x_j⟩| ≤ nφΛ, n counting the points so far",
            Le(Abs(total + lam * g), (n + 1) * phi * Lam),
            (n >= 0, phi >= 0, lam >= 0, lam <= Lam, Le(Abs(total), n * phi * Lam), Le(Abs(g), phi)),
        ),
        Obligation(
            "margin at the largest multiplier",
            "aΛ − εs ≤ M, a = 1 − ψ − (m − 1)φ",
            Le((1 - psi - (m - 1) * phi) * Lam - error, M),
            (*lengths, *far_bound, Ge(g, 1 - psi), Eq(M, Lam * g + q + e)),
            ("error in a margin", "products, one more point"),
        ),
        Obligation(
            "upper",
            "aΛ² − (1 + εs)Λ − δ ≤ 0 puts Λ at or below the larger root",
            largest,
            (a > 0, error >= 0, delta >= 0, Lam >= 0, Le(a * Lam - error, M), Le(Lam * (M - 1), delta)),
            ("margin at the largest multiplier",),
        ),
        Obligation(
            "lower",
            "1 ≤ M_j ≤ λ_j(1 + ψ) + (m − 1)φΛ + εs",
            Ge(lam, (1 - (m - 1) * phi * Lam - error) / (1 + psi)),
            (*lengths, *far_bound, lam >= 0, Le(g, 1 + psi), M >= 1, Eq(M, lam * g + q + e)),
            ("error in a margin", "products, one more point"),
        ),
        Obligation(
            "lower, from the data alone",
            "Λ ≤ U in the lower bound, far = (m − 1)φ",
            Ge(lam, (1 - far * U - error) / (1 + psi)),
            (*lengths, far >= 0, Lam <= U, Ge(lam, (1 - far * Lam - error) / (1 + psi))),
            ("upper", "lower"),
        ),
        Obligation(
            "upper, a number",
            "ψ ≤ 1/10, ε, δ ≤ 1/2, 4mφ ≤ ε_d ≤ 1: Λ ≤ C = 2.7",
            Le(Lam, C),
            (
                *(
                    psi >= 0,
                    psi <= Rational(1, 10),
                    eps >= 0,
                    eps <= Rational(1, 2),
                    delta >= 0,
                    delta <= Rational(1, 2),
                ),
                *(m >= 1, phi >= 0, Le(4 * m * phi, eps_d), eps_d <= 1, Lam >= 0, error >= 0),
                Eq(error**2, eps**2 * (1 + psi)),
                Le((1 - psi - (m - 1) * phi) * Lam**2 - (1 + error) * Lam - delta, 0),
            ),
            ("upper",),
            Constant(C, Fraction(27, 10), Fraction(5, 2)),
        ),
    )


def step_size() -> tuple[Obligation, ...]:
    """The residual with fixed multipliers, and what no refitting can remove."""
    from sympy import Abs, Eq, Ge

    w, v, u, X, P = matrix("w", "d"), matrix("v", "d"), matrix("u", "d"), matrix("X_R", "r", "d"), matrix("P", "d", "d")
    a, mu, z, E = matrix("a_R", "r"), matrix("mu", "r"), matrix("z", "d"), identity("d")
    c, eps, outside, inside, u_out, v_out = reals("c epsilon outside inside u_out v_out")
    rules = projector_rules(P, X)
    refit = z - X.T * mu
    return (
        Obligation(
            "fixed multipliers",
            "w′_c − Σ_R λ y x = v + (1 − c)u, with w = Σ_R λ y x + u + v",
            Eq(w - c * u - X.T * a, v + (1 - c) * u),
            (Eq(w, X.T * a + u + v),),
        ),
        Obligation(
            "refitting moves within the span",
            "w′_c − Σ_R μ y x = v + (1 − c)u + Σ_R (λ − μ) y x",
            Eq(w - c * u - X.T * mu, v + (1 - c) * u + X.T * (a - mu)),
            (Eq(w, X.T * a + u + v),),
            ("fixed multipliers",),
        ),
        Obligation(
            "Pythagoras",
            "‖z − X_Rᵀμ‖² = ‖(I − P_R)z‖² + ‖P_R z − X_Rᵀμ‖²",
            Eq(refit.T * refit, ((E - P) * z).T * ((E - P) * z) + (P * z - X.T * mu).T * (P * z - X.T * mu)),
            rules,
        ),
        Obligation(
            "refitted, lower",
            "so no residual is below ‖(I − P_R)z‖",
            Ge(eps, outside),
            (eps >= 0, outside >= 0, Eq(eps**2, outside**2 + inside**2)),
            ("refitting moves within the span", "Pythagoras"),
        ),
        *norm_triangle(),
        Obligation(
            "refitted, V",
            "‖(I − P_R)(v + (1 − c)u)‖ ≥ |1 − c| ‖(I − P_R)u‖ − ‖(I − P_R)v‖",
            Ge(eps + v_out, Abs(1 - c) * u_out),
            (eps >= outside, u_out >= 0, v_out >= 0, Ge(outside, Abs(Abs(1 - c) * u_out - v_out))),
            ("refitted, lower", "reverse triangle inequality"),
        ),
        uncovered("refitted, upper", "λ_R ≥ 0 is among the choices: a minimum is at most any of its values"),
    )
