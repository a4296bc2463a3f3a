"""The proof of ga.linear.all_support_vectors and the counterexample to ga.linear.ascent_never_hurts, for a machine.

ℓ is the least multiplier, Λ a largest one, κ their points' signed product; far = (m − 2)φ bounds what the others add.
"""

from theory.claims.lemmas import gram_eigenvalues, matrix, reals
from theory.obligation import Obligation


def all_support_vectors() -> tuple[Obligation, ...]:
    """Independence, both margins, the function of κ, the bound, and the points that attain it."""
    from sympy import Abs, Eq, Ge, Gt, Le, Lt

    m, psi, phi, b, L, small, large, kappa, q, g = reals("m psi phi b L l Lambda kappa q g")
    lam, x2, S2, form, n, total, product, M = reals("lam x2 S2 form n total product M")
    near = (psi >= 0, psi < 1, phi >= 0, Lt((2 * m - 3) * phi, 1 - psi))
    sizes = (Eq(b, 1 - psi - (m - 2) * phi), Eq(L * ((1 + psi) * b - (m - 1) * phi**2), b - (m - 1) * phi))
    far = (m - 2) * phi
    others = (large >= 0, Le(Abs(q), far * large))
    pair = (kappa >= -phi, kappa <= phi, small >= 0)
    ours = (*near, m >= 2, *sizes)
    margin = Le(1, small * (1 + psi) + (kappa + far) * large)
    f_bound = Le(b, small * (1 + psi) * b + (kappa + far) * (1 - kappa * small))
    X, a, one, v, w = matrix("X", "m", "d"), matrix("a", "m"), matrix("one", "m"), matrix("v", "d"), matrix("w", "d")
    return (
        Obligation(
            "dominant diagonal", "(2m − 3)φ < 1 − ψ gives (m − 1)φ < 1 − ψ", Lt((m - 1) * phi, 1 - psi), (*near, m >= 2)
        ),
        *gram_eigenvalues(),
        Obligation(
            "independent points",
            "vᵀGv ≥ (1 − ψ − (m − 1)φ)‖v‖² > 0 for v ≠ 0",
            Gt(form, 0),
            (S2 > 0, Lt((m - 1) * phi, 1 - psi), Ge(form, (1 - psi - (m - 1) * phi) * S2)),
            ("dominant diagonal", "eigenvalues, least"),
        ),
        Obligation(
            "positive bound",
            "b > (m − 1)φ and (1 + ψ)b > (m − 1)φ², so L > 0",
            Gt(b, (m - 1) * phi) & Gt((1 + psi) * b, (m - 1) * phi**2) & Gt(L, 0),
            ours,
        ),
        Obligation(
            "one point",
            "λ = 1/‖x‖² ≥ 1/(1 + ψ), which is L at m = 1",
            Ge(lam, L),
            (Eq(m, 1), psi >= 0, psi < 1, phi >= 0, *sizes, x2 > 0, x2 <= 1 + psi, Eq(lam * x2, 1)),
        ),
        Obligation(
            "products, one more point",
            "|Σ λ_i ⟨x_i, x_j⟩| ≤ nφΛ, n counting the points so far",
            Le(Abs(total + lam * product), (n + 1) * phi * large),
            (n >= 0, phi >= 0, lam >= 0, lam <= large, Le(Abs(total), n * phi * large), Le(Abs(product), phi)),
        ),
        Obligation(
            "largest multiplier",
            "1 = M_i ≥ Λ(1 − ψ) − (m − 2)φΛ + κℓ: bΛ ≤ 1 − κℓ",
            Le(b * large, 1 - kappa * small),
            (*others, Eq(b, 1 - psi - far), g >= 1 - psi, Eq(1, large * g + kappa * small + q)),
            ("products, one more point",),
        ),
        Obligation(
            "least multiplier",
            "1 ≤ M_j ≤ ℓ(1 + ψ) + (κ + (m − 2)φ)Λ",
            margin,
            (*others, small >= 0, g <= 1 + psi, Le(1, small * g + kappa * large + q)),
            ("products, one more point",),
        ),
        Obligation(
            "negative coefficient",
            "κ + (m − 2)φ < 0: ℓ ≥ 1/(1 + ψ) ≥ L",
            Ge(small, 1 / (1 + psi)) & Ge(1 / (1 + psi), L),
            (*ours, *pair, large >= 0, margin, kappa + far < 0),
            ("least multiplier", "positive bound"),
        ),
        Obligation(
            "otherwise",
            "b ≤ b f(κ) = ℓ(1 + ψ)b + (κ + (m − 2)φ)(1 − κℓ)",
            f_bound,
            (b > 0, margin, kappa + far >= 0, Le(b * large, 1 - kappa * small)),
            ("largest multiplier", "least multiplier", "positive bound"),
        ),
        *_at_the_largest_product(),
        Obligation(
            "on the margin",
            "λ_i ≥ L > 0 and λ_i(M_i − 1) = 0: M_i = 1",
            Eq(M, 1),
            (lam >= L, L > 0, Eq(lam * (M - 1), 0)),
        ),
        Obligation(
            "interpolator",
            "w = Xᵀa with Xw = 1 is the shortest such vector: ‖v‖² = ‖w‖² + ‖v − w‖² where Xv = 1",
            Eq(v.T * v, w.T * w + (v - w).T * (v - w)),
            (Eq(w, X.T * a), Eq(X * v, one), Eq(X * X.T * a, one)),
            ("on the margin",),
        ),
        Obligation(
            "attained",
            "ℓ(1 + ψ) + (m − 1)φΛ = 1 and bΛ + φℓ = 1 have ℓ = L",
            Eq(small, L),
            (*ours, Eq(small * (1 + psi) + (m - 1) * phi * large, 1), Eq(b * large + phi * small, 1)),
            ("positive bound",),
        ),
        Obligation(
            "condition is sharp",
            "(2m − 3)φ = 1 − ψ in the same two equations: ℓ = 0 (but for two equal points, m = 2, ψ = 0)",
            Eq(small, 0),
            (
                *(psi >= 0, psi < 1, phi >= 0, m >= 2, Eq((2 * m - 3) * phi, 1 - psi), sizes[0]),
                (1 + psi) * b > (m - 1) * phi**2,
                *(Eq(small * (1 + psi) + (m - 1) * phi * large, 1), Eq(b * large + phi * small, 1)),
            ),
        ),
    )


def _at_the_largest_product() -> tuple[Obligation, ...]:
    from sympy import Eq, Ge, Le, Lt

    m, psi, phi, b, L, small, kappa = reals("m psi phi b L l kappa")
    near = (psi >= 0, psi < 1, phi >= 0, Lt((2 * m - 3) * phi, 1 - psi))
    sizes = (Eq(b, 1 - psi - (m - 2) * phi), Eq(L * ((1 + psi) * b - (m - 1) * phi**2), b - (m - 1) * phi))
    far = (m - 2) * phi
    slope = "1 − mφL ≥ 0, from b(1 + ψ − mφ) + (m − 1)²φ² ≥ 0"
    return (
        Obligation("slope, two points", slope, Le(m * phi * L, 1), (*near, *sizes, Eq(m, 2)), ("positive bound",)),
        Obligation("slope, more points", slope, Le(m * phi * L, 1), (*near, *sizes, m >= 3), ("positive bound",)),
        Obligation(
            "at the largest product",
            "ℓ < L: f increases on [−φ, φ], so b ≤ b f(φ)",
            Le(b, small * (1 + psi) * b + (phi + far) * (1 - phi * small)),
            (
                *(phi >= 0, kappa >= -phi, kappa <= phi, small >= 0, small < L, m >= 2, Le(m * phi * L, 1)),
                Le(b, small * (1 + psi) * b + (kappa + far) * (1 - kappa * small)),
            ),
            ("otherwise", "slope, two points", "slope, more points"),
        ),
        Obligation(
            "bound",
            "b ≤ b f(φ) says ℓ ≥ L, so ℓ < L is impossible",
            Ge(small, L),
            (
                *(sizes[1], m >= 2, (1 + psi) * b > (m - 1) * phi**2),
                Le(b, small * (1 + psi) * b + (phi + far) * (1 - phi * small)),
            ),
            ("at the largest product", "positive bound"),
        ),
    )


def ascent_never_hurts() -> tuple[Obligation, ...]:
    """The counterexample, for every angle at once: c = (1 − t²)/(1 + t²) and s = 2t/(1 + t²)."""
    from sympy import Eq, Ge, Gt, ImmutableMatrix, Le, Rational, Symbol, sqrt

    t = Symbol("t", real=True)
    c, s = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
    X = ImmutableMatrix([[1, 0, 0], [0, 1, 0], [c, 0, s]])
    lam, ones = ImmutableMatrix([1 / (1 + c), 1, 1 / (1 + c)]), ImmutableMatrix([1, 1, 1])
    w, best = ImmutableMatrix([1, 1, s / (1 + c)]), ImmutableMatrix([1, 1, 0])
    moved = ImmutableMatrix([1 / (1 + c), 1, 0])
    a, b, before, after = reals("c s before after")
    circle = (a > 0, b > 0, Eq(a**2 + b**2, 1))

    def same(lhs: object, rhs: object) -> object:
        return Eq(lhs, rhs, evaluate=False)

    return (
        Obligation("unit points", "‖x_3‖² = c² + s² = 1", same(ImmutableMatrix([c**2 + s**2]), ImmutableMatrix([1]))),
        Obligation("trained", "w = Σ λ_i x_i, λ = (1/(1 + c), 1, 1/(1 + c))", same(X.T * lam, w)),
        Obligation("trained, margins", "Xw = 1", same(X * w, ones)),
        Obligation("trained, multipliers", "λ > 0, so w is the max-margin model", Gt(1 / (1 + a), 0), circle),
        Obligation(
            "retrained", "w* = e₁ + e₂ has margins 1 on e₁ and e₂", same(X[:2, :] * best, ImmutableMatrix([1, 1]))
        ),
        Obligation("step", "w − λ₃x₃ = e₁/(1 + c) + e₂", same(w - lam[2] * X[2, :].T, moved)),
        Obligation(
            "distances",
            "w′ − w* = −c/(1 + c) e₁ and w − w* = s/(1 + c) e₃",
            same(
                ImmutableMatrix.hstack(moved - best, w - best),
                ImmutableMatrix([[-c / (1 + c), 0], [0, 0], [0, s / (1 + c)]]),
            ),
            (),
            ("trained", "retrained", "step"),
        ),
        Obligation(
            "farther", "c > s: c/(1 + c) > s/(1 + c)", Gt(a / (1 + a), b / (1 + a)), (*circle, a > b), ("distances",)
        ),
        Obligation(
            "not farther",
            "c ≤ s: the step does not hurt",
            Le(a / (1 + a), b / (1 + a)),
            (*circle, a <= b),
            ("distances",),
        ),
        Obligation("angle", "c > s is c > 1/√2", Gt(a, sqrt(Rational(1, 2))), (*circle, a > b)),
        Obligation("angle, conversely", "c ≤ 1/√2 is c ≤ s", Ge(b, a), (*circle, a <= sqrt(Rational(1, 2)))),
        Obligation(
            "direction at c = 4/5",
            "cos(w′, w*) = 14/√212 < 6/√38 = cos(w, w*)",
            Gt(before, after),
            (
                Eq(before * sqrt(2 + Rational(1, 9)) * sqrt(2), 2),
                Eq(after * sqrt(1 + Rational(25, 81)) * sqrt(2), Rational(14, 9)),
            ),
        ),
    )
