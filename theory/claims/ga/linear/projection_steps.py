"""The proofs about projected steps, step by step for a machine; each function follows its claim's docstring.

Rows of X_R and X_F are y_i x_i; P projects onto the row space of X_R, of any rank.
"""

from theory.claims.lemmas import (
    identity,
    margins_optimal,
    matrix,
    nonnegative_products,
    projected_cosine,
    projector_rules,
    reals,
)
from theory.obligation import Obligation, uncovered


def projected_keeps_margins() -> tuple[Obligation, ...]:
    """Margins, stationarity, what is forgotten, and the nearest model to the plain step."""
    from sympy import Eq, Ge

    X, X_F, P, Z = matrix("X_R", "r", "d"), matrix("X_F", "f", "d"), matrix("P", "d", "d"), matrix("Z", "d", "r")
    w, v, a, a_F, kappa = matrix("w", "d"), matrix("v", "d"), matrix("a_R", "r"), matrix("a_F", "f"), matrix("k", "r")
    E, rules = identity("d"), projector_rules(P, X)
    far, near = reals("far near")
    u = X_F.T * a_F
    projected, outside = w - (E - P) * u, (E - P) * u
    kept = (Eq(P * v, P * w), *rules)
    return (
        Obligation("retained margins", "X_R w⊥ = X_R w", Eq(X * projected, X * w), rules),
        Obligation(
            "stationarity",
            "w⊥ − Σ_R (λ + κ) y x = w − Σ λ y x, with P_R u = Σ_R κ y x",
            Eq(projected - X.T * (a + kappa), w - u - X.T * a),
            (Eq(P * X_F.T * a_F, X.T * kappa),),
        ),
        Obligation(
            "what is forgotten",
            "Σ_F λ_l(M_l − M⊥_l) = ⟨u, w − w⊥⟩ = ‖(I − P_R)u‖²",
            Eq(a_F.T * (X_F * w - X_F * projected), outside.T * outside),
            rules,
        ),
        Obligation("plain step", "w⊥ = w′ + P_R u, w′ = w − u", Eq(projected, w - u + P * u)),
        Obligation(
            "same margins, same projection",
            "X_R v = X_R w gives P_R v = P_R w, P_R = Z X_R",
            Eq(Z * X * v, Z * X * w),
            (Eq(X * v, X * w),),
        ),
        Obligation(
            "distance to the plain step",
            "‖v − w′‖² = ‖v − w⊥‖² + ‖P_R u‖² for every such v",
            Eq((v - w + u).T * (v - w + u), (v - projected).T * (v - projected) + (P * u).T * (P * u)),
            kept,
            ("plain step", "same margins, same projection"),
        ),
        Obligation(
            "nearest to the plain step",
            "so ‖v − w′‖ ≥ ‖P_R u‖, with equality at w⊥ alone",
            Ge(far, near),
            (far >= 0, near >= 0, Ge(far**2, near**2)),
            ("distance to the plain step",),
        ),
    )


def projected_never_hurts() -> tuple[Obligation, ...]:
    """An orthogonal sum, and a cosine that can only grow."""
    from sympy import Eq, Le

    X, P, E = matrix("X_R", "r", "d"), matrix("P", "d", "d"), identity("d")
    w, u, best, a, b = matrix("w", "d"), matrix("u", "d"), matrix("best", "d"), matrix("a_R", "r"), matrix("b", "r")
    after, before, moved = reals("after before moved")
    rules = projector_rules(P, X)
    terms, within = Eq(w, X.T * a + u), Eq(P * best, best)
    return (
        Obligation(
            "projected model",
            "w = Σ_R λ y x + u gives w⊥ = w − (I − P_R)u = P_R w",
            Eq(w - (E - P) * u, P * w),
            (terms, *rules),
        ),
        Obligation("retrained model in the span", "w* = Σ λ* y x gives P_R w* = w*", Eq(P * X.T * b, X.T * b), rules),
        Obligation("retained scores", "X_R w⊥ = X_R w", Eq(X * P * w, X * w), rules, ("projected model",)),
        Obligation(
            "Pythagoras",
            "‖w⊥ − w*‖² = ‖w − w*‖² − ‖w − w⊥‖²",
            Eq((P * w - best).T * (P * w - best), (w - best).T * (w - best) - (w - P * w).T * (w - P * w)),
            (within, *rules),
            ("projected model", "retrained model in the span"),
        ),
        Obligation(
            "distance",
            "‖w⊥ − w*‖ ≤ ‖w − w*‖",
            Le(after, before),
            (after >= 0, before >= 0, Eq(after**2, before**2 - moved**2)),
            ("Pythagoras",),
        ),
        Obligation(
            "inner product from margins", "⟨w, w*⟩ = Σ λ*_i M_i", Eq(w.T * best, b.T * (X * w)), (Eq(best, X.T * b),)
        ),
        nonnegative_products(),
        *projected_cosine(),
    )


def leave_one_out() -> tuple[Obligation, ...]:
    """One column of H = G⁻¹ is a projection; what is left are multipliers, split by sign."""
    from sympy import Eq, Identity, Le, Max, Symbol

    X, H, P, E = matrix("X", "m", "d"), matrix("H", "m", "m"), matrix("P", "d", "d"), identity("d")
    e, a, Y, k = matrix("e", "m"), matrix("a", "m"), matrix("Y", "n", "d"), matrix("k", "n")
    x, r = matrix("x", "d"), matrix("r", "d")
    up, down, scalar = matrix("up", "m"), matrix("down", "m"), Identity(1)
    h, s = Symbol("h", real=True), Symbol("s", real=True)
    inverse, unit = Eq(X * X.T * H, identity("m")), Eq(e.T * e, scalar)
    entry = Eq(e.T * H * e, h * scalar)
    c, total, delta, n, eps, D = reals("c total delta n epsilon D")
    return (
        Obligation(
            "column of H", "XXᵀH e_l = e_l: r = XᵀH e_l/H_ll has Xr = e_l/H_ll", Eq(X * X.T * H * e, e), (inverse,)
        ),
        Obligation(
            "orthogonal to the others",
            "(I − e_l e_lᵀ)Xr = 0",
            Eq((identity("m") - e * e.T) * X * X.T * H * e, 0 * e),
            (inverse, unit),
            ("column of H",),
        ),
        Obligation(
            "coefficient of x_l",
            "x_l − r has coefficient 0 at l: e_lᵀ(H_ll e_l − H e_l) = 0",
            Eq(e.T * (h * e - H * e), 0 * scalar),
            (unit, entry),
        ),
        Obligation(
            "what is outside the others' span",
            "x_l = r + Yᵀk with Yr = 0, Y the others and P_{−l} = Z Y: r = (I − P_{−l})x_l",
            Eq((E - P) * x, r),
            (Eq(x, r + Y.T * k), Eq(P * Y.T, Y.T), Eq(P * r, 0 * r)),
            ("orthogonal to the others", "coefficient of x_l"),
        ),
        Obligation("models", "w − s XᵀH e_l = Xᵀ(a − s H e_l)", Eq(X.T * a - s * X.T * H * e, X.T * (a - s * H * e))),
        Obligation(
            "coefficient of the model",
            "zero at l: e_lᵀ(H_ll a − H e_l a_l) = 0",
            Eq(e.T * (h * a - H * e * (e.T * a)), 0 * scalar),
            (entry,),
        ),
        Obligation("margins", "Y(w − s r) = Yw", Eq(Y * (x - s * r), Y * x), (Eq(Y * r, 0 * Y * r),)),
        Obligation("split by sign", "c = c₊ − c₋", Eq(c, Max(c, 0) - Max(-c, 0))),
        Obligation(
            "epsilon",
            "Xᵀ(c₊ − c₋) − Xᵀc₊ = −Xᵀc₋: ε = ‖Σ (λ + κ)₋ y x‖",
            Eq(X.T * (up - down) - X.T * up, -X.T * down),
            (),
            ("models", "split by sign"),
        ),
        Obligation(
            "sum of complementarity",
            "Σ λ̃_i(M_i − 1) ≤ (m − 1)δ: one more retained point",
            Le(total + c, (n + 1) * delta),
            (Le(total, n * delta), Le(c, delta)),
            ("margins",),
        ),
        Obligation(
            "distance to retraining",
            "D² ≤ ε² + 2Σ λ̃_i(M_i − 1) ≤ ε² + 2(m − 1)δ, by ga.linear.distance_to_retraining",
            Le(D**2, eps**2 + 2 * n * delta),
            (Le(D**2, eps**2 + 2 * total), Le(total, n * delta)),
            ("epsilon", "sum of complementarity"),
        ),
        Obligation(
            "retrained where exact",
            "ε = δ = 0 leaves D = 0",
            Eq(D, 0),
            (Le(D**2, eps**2 + 2 * n * delta), Eq(eps, 0), Eq(delta, 0)),
            ("distance to retraining",),
        ),
    )


def decremental() -> tuple[Obligation, ...]:
    """Every KKT point is the retrained model, wherever a solver starts."""
    return (
        *margins_optimal(),
        uncovered("where the solver stops", "only where the KKT conditions hold: its code, tested"),
        uncovered("exchanges", "how many the warm start saves is measured, not proved"),
    )
