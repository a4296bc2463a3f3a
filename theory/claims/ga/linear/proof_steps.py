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
            Eq(scale * n**2 / (n * (scale * n)), 1, evaluate=False),
            (scale > 0, n > 0),
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


def distance_to_retraining() -> tuple[Obligation, ...]:
    """The identity, both bounds, and the family of points that attains the sharper one."""
    from sympy import Eq, Ge, Le, sqrt

    X, a, b, one, w, u, best = (
        *(matrix("X", "r", "d"), matrix("a", "r"), matrix("b", "r"), matrix("one", "r")),
        *(matrix("w", "d"), matrix("u", "d"), matrix("best", "d")),
    )
    D, far, eps, g, s, t, lam, M, total, n, delta, k, r = reals("D far epsilon g s t lam M total n delta k r")
    lengths = (D >= 0, far >= 0, eps >= 0, g >= 0)
    whole = (*lengths, s >= 0, t >= 0, Eq(eps**2 + 2 * g, D**2 + far**2 + 2 * s + 2 * t))
    models = (Eq(u, X.T * a), Eq(best, X.T * b))
    optimal = Eq(b.T * X * X.T * b, b.T * one)
    left = (w - u).T * (w - u) + 2 * a.T * (X * w - one)
    right = (w - best).T * (w - best) + (u - best).T * (u - best)
    sharp = Le(D**2, eps * D + g)
    return (
        Obligation(
            "sum of the best multipliers",
            "Σ λ* = ‖w*‖², from λ*(M* − 1) = 0 and w* = Σ λ* y x",
            Eq(best.T * best, b.T * one),
            (*models, optimal),
        ),
        Obligation(
            "identity",
            "ε² + 2g = ‖w̃ − w*‖² + ‖u − w*‖² + 2Σ λ*(M̃ − 1) + 2Σ λ̃(M* − 1); a = λ̃, b = λ*",
            Eq(left, right + 2 * b.T * (X * w - one) + 2 * a.T * (X * best - one)),
            (*models, optimal),
            ("sum of the best multipliers",),
        ),
        Obligation(
            "terms are not negative",
            "one more product of a multiplier and a slack",
            Ge(s + lam * (M - 1), 0),
            (s >= 0, lam >= 0, M >= 1),
        ),
        Obligation(
            "certificate",
            "D² ≤ ε² + kg, k = 2: all terms but the first dropped",
            Le(D**2, eps**2 + k * g),
            whole,
            ("identity", "terms are not negative"),
            Constant(k, Fraction(2), Fraction(0)),
        ),
        *norm_triangle(),
        Obligation(
            "best possible",
            "‖u − w*‖ ≥ |D − ε| keeps the second term: D² ≤ εD + g",
            sharp,
            (*whole, Le(D, eps + far), Le(eps, D + far)),
            ("identity", "terms are not negative", "reverse triangle inequality"),
        ),
        Obligation(
            "solved for D",
            "D ≤ (ε + √(ε² + 4g))/2",
            Le(D, (eps + sqrt(eps**2 + 4 * g)) / 2),
            (*lengths, sharp),
            ("best possible",),
        ),
        Obligation(
            "sharper of the two",
            "(ε + √(ε² + 4g))/2 ≤ √(ε² + kg), k = 2",
            Le((eps + sqrt(eps**2 + 4 * g)) / 2, sqrt(eps**2 + k * g)),
            (eps >= 0, g >= 0, k >= 0),
            constant=Constant(k, Fraction(2), Fraction(1)),
        ),
        Obligation(
            "attained",
            "D = t, g = t(t − ε) for every t ≥ ε",
            Eq(t, (eps + sqrt(eps**2 + 4 * t * (t - eps))) / 2),
            (eps >= 0, t >= eps),
        ),
        Obligation(
            "attained, feasible and dual",
            "λ̃₂ = (t − ε)/r, λ̃₁ = 1 − λ̃₂ and M̃₂ = 1 + rt at r ≥ t − ε, r > 0",
            Ge(1 - (t - eps) / r, 0) & Ge((t - eps) / r, 0) & Ge(1 + r * t, 1),
            (eps >= 0, t >= eps, r > 0, r >= t - eps),
        ),
        Obligation(
            "worst point",
            "g ≤ |R|δ: one more point",
            Le(total + s, (n + 1) * delta),
            (Le(total, n * delta), Le(s, delta)),
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


def projected_exact() -> tuple[Obligation, ...]:
    """Feasible, stationary, complementary, hence optimal and unique."""
    from sympy import Eq, Ge, Le

    X, X_F, P, K = matrix("X_R", "r", "d"), matrix("X_F", "f", "d"), matrix("P", "d", "d"), matrix("K", "r", "r")
    w, v, a, a_F, kappa, b, one = (
        *(matrix("w", "d"), matrix("v", "d"), matrix("a_R", "r"), matrix("a_F", "f"), matrix("kappa", "r")),
        *(matrix("b", "r"), matrix("one", "r")),
    )
    longer, best, apart, slack, lam, M, total = reals("longer best apart slack lam M total")
    E, u, rules = identity("d"), X_F.T * a_F, projector_rules(P, X)
    projected = w - (E - P) * u
    expanded = (Eq(w, X.T * b), Eq(X * X.T * b, one))
    terms = (apart >= 0, slack >= 0, Eq(longer, best + apart + 2 * slack))
    return (
        Obligation(
            "terms of R",
            "w⊥ = Σ_R (λ + κ) y x, from w = Σ λ y x and P_R u = Σ_R κ y x",
            Eq(projected, X.T * (a + kappa)),
            (Eq(w, X.T * a + X_F.T * a_F), Eq(P * X_F.T * a_F, X.T * kappa)),
        ),
        Obligation("retained margins", "X_R w⊥ = X_R w", Eq(X * projected, X * w), rules),
        Obligation(
            "optimality identity",
            "‖v‖² = ‖w⊥‖² + ‖v − w⊥‖² + 2 bᵀ(X_R v − 1) for any v; b = λ + κ, X_R w⊥ = 1",
            Eq(v.T * v, w.T * w + (v - w).T * (v - w) + 2 * b.T * (X * v - one)),
            expanded,
            ("terms of R", "retained margins"),
        ),
        Obligation(
            "slack is not negative",
            "bᵀ(X_R v − 1) ≥ 0 for feasible v and b ≥ 0: one more point",
            Ge(total + lam * (M - 1), 0),
            (total >= 0, lam >= 0, M >= 1),
        ),
        Obligation(
            "shortest", "‖v‖² ≥ ‖w⊥‖²", Ge(longer, best), terms, ("optimality identity", "slack is not negative")
        ),
        Obligation(
            "unique",
            "‖v‖² ≤ ‖w⊥‖² leaves v = w⊥",
            Le(apart, 0),
            (*terms, longer <= best),
            ("optimality identity", "slack is not negative"),
        ),
        Obligation(
            "multipliers",
            "independent points: the multipliers are K X_R w⊥, K the inverse of the Gram matrix",
            Eq(K * X * w, b),
            (Eq(w, X.T * b), Eq(K * X * X.T, identity("r"))),
        ),
        Obligation("plain step", "w′ = w⊥ − P_R u", Eq(w - u, projected - P * u)),
    )
