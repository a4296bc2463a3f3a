"""The proofs that compare with the retrained model, step by step for a machine; they follow the docstrings."""

from fractions import Fraction

from theory.claims.lemmas import (
    identity,
    matrix,
    norm_triangle,
    projector_rules,
    reals,
    shortest_and_unique,
)
from theory.obligation import Constant, Obligation


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


def projected_exact() -> tuple[Obligation, ...]:
    """Feasible, stationary, complementary, hence optimal and unique."""
    from sympy import Eq

    X, X_F, P, K = matrix("X_R", "r", "d"), matrix("X_F", "f", "d"), matrix("P", "d", "d"), matrix("K", "r", "r")
    w, v, a, a_F, kappa, b, one = (
        *(matrix("w", "d"), matrix("v", "d"), matrix("a_R", "r"), matrix("a_F", "f"), matrix("kappa", "r")),
        *(matrix("b", "r"), matrix("one", "r")),
    )
    E, u, rules = identity("d"), X_F.T * a_F, projector_rules(P, X)
    projected = w - (E - P) * u
    expanded = (Eq(w, X.T * b), Eq(X * X.T * b, one))
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
        *shortest_and_unique("w⊥", "X_R v"),
        Obligation(
            "multipliers",
            "independent points: the multipliers are K X_R w⊥, K the inverse of the Gram matrix",
            Eq(K * X * w, b),
            (Eq(w, X.T * b), Eq(K * X * X.T, identity("r"))),
        ),
        Obligation("plain step", "w′ = w⊥ − P_R u", Eq(w - u, projected - P * u)),
    )
