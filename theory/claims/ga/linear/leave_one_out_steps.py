"""The proof of ga.linear.leave_one_out_support, step by step for a machine; it follows the claim's docstring.

Rows of Z are those of the support, of Y the support's without l, of X the retained; e is the unit vector of l and h =
H_ll; r = ZᵀHe/h, so v = λ_l r.
"""

from theory.claims.lemmas import identity, matrix, norm_triangle, projector_rules, reals
from theory.obligation import Obligation


def leave_one_out_support() -> tuple[Obligation, ...]:
    """The step, the way back to feasible margins, and the ball with its three points."""
    return (*_step(), *_way_back(), *_ball())


def _step() -> tuple[Obligation, ...]:
    """One column of H moves no margin but that of l."""
    from sympy import Eq, Identity

    Z, H, P, Y = matrix("Z", "s", "d"), matrix("H", "s", "s"), matrix("P", "d", "d"), matrix("Y", "n", "d")
    e, a, b, k = matrix("e", "s"), matrix("a", "s"), matrix("b", "s"), matrix("k", "n")
    x, r, scalar = matrix("x", "d"), matrix("r", "d"), Identity(1)
    h, lam, moved = reals("h lambda moved")
    inverse, entry = Eq(Z * Z.T * H, identity("s")), Eq(e.T * H * e, h * scalar)
    return (
        Obligation("column of H", "ZZᵀHe = e: v has margin λ_l/h at l, 0 on Y", Eq(Z * Z.T * H * e, e), (inverse,)),
        Obligation(
            "no multiplier at l",
            "eᵀ(h λ − λ_l He) = 0",
            Eq(e.T * (h * a - H * e * (e.T * a)), 0 * scalar),
            (entry,),
        ),
        Obligation(
            "orthogonal",
            "⟨Zᵀb, ZᵀHe⟩ = bᵀe = 0 for multipliers b without l",
            Eq(b.T * Z * Z.T * H * e, 0 * scalar),
            (inverse, Eq(b.T * e, 0 * scalar)),
            ("column of H", "no multiplier at l"),
        ),
        Obligation(
            "projection",
            "z_l = r + Yᵀk with Yr = 0, P that on the rows of Y: r = (I − P)z_l",
            Eq((identity("d") - P) * x, r),
            (Eq(x, r + Y.T * k), Eq(P * r, 0 * r), *projector_rules(P, Y)),
            ("orthogonal",),
        ),
        Obligation(
            "square of the column",
            "‖ZᵀHe‖² = eᵀHe = h",
            Eq(e.T * H * Z * Z.T * H * e, h * scalar),
            (inverse, entry),
            ("column of H",),
        ),
        Obligation(
            "length",
            "‖v‖² = (λ_l/h)² h = λ_l²/h",
            Eq(moved, lam**2 / h),
            (h > 0, Eq(moved * h**2, lam**2 * h)),
            ("square of the column",),
        ),
    )


def _way_back() -> tuple[Obligation, ...]:
    """Margins between those of w′ and of w, and the stationarity of the witness."""
    from sympy import Eq, Ge

    M, M_step, a = reals("M M_step a")
    between = M_step + a * (M - M_step)
    v, n, u, step = matrix("v", "d"), matrix("n", "d"), matrix("u", "d"), matrix("step", "d")
    return (
        Obligation(
            "way back",
            "a ≥ (1 − M′)/(M − M′) where M′ < 1",
            Ge(between, 1),
            (M >= 1, M_step < 1, a * (M - M_step) >= 1 - M_step),
        ),
        Obligation(
            "margins that stay", "any a in [0, 1] where M′ ≥ 1", Ge(between, 1), (M >= 1, M_step >= 1, a >= 0, a <= 1)
        ),
        Obligation("error of the witness", "w̃ − u = av + n", Eq(step + a * v - u, a * v + n), (Eq(step, u + n),)),
        Obligation(
            "epsilon",
            "‖av + n‖² = a²‖v‖² + ‖n‖²",
            Eq((a * v + n).T * (a * v + n), a**2 * v.T * v + n.T * n),
            (Eq(v.T * n, 0 * v.T * v),),
            ("orthogonal", "error of the witness"),
        ),
    )


def _ball() -> tuple[Obligation, ...]:
    """An angle that is not acute at w*, hence Thales' ball; w′ is on its sphere."""
    from sympy import Eq, Le

    X, Y, b, one = matrix("X", "r", "d"), matrix("Y", "n", "d"), matrix("b", "r"), matrix("one", "r")
    w, u, best, c, ones = matrix("w", "d"), matrix("u", "d"), matrix("best", "d"), matrix("c", "n"), matrix("ones", "n")
    v, n, step = matrix("v", "d"), matrix("n", "d"), matrix("step", "d")
    lam, M, total, length, product, positive, other = reals("lambda M total length product positive other")
    eps, D, far, angle, half, rest, a = reals("epsilon D far angle half rest a")
    angles = (best - w).T * (best - u)
    return (
        Obligation(
            "sums of margins",
            "⟨w*, w̃⟩ = Σ λ*_i M̃_i",
            Eq(best.T * w, b.T * X * w),
            (Eq(best, X.T * b),),
        ),
        Obligation(
            "length of w*",
            "‖w*‖² = Σ λ*_i, from λ*(M* − 1) = 0",
            Eq(best.T * best, b.T * one),
            (Eq(best, X.T * b), Eq(b.T * X * X.T * b, b.T * one)),
        ),
        Obligation(
            "u and w̃",
            "⟨u, w̃⟩ = Σ λ′₊_i: w̃ has margin 1 on S∖l",
            Eq(u.T * w, c.T * ones),
            (Eq(u, Y.T * c), Eq(Y * w, ones)),
            ("orthogonal",),
        ),
        Obligation(
            "slack is not negative",
            "Σ λ_i(M_i − 1) ≥ 0: one more point",
            total + lam * (M - 1) >= 0,
            (total >= 0, lam >= 0, M >= 1),
        ),
        Obligation(
            "four products",
            "⟨w* − w̃, w* − u⟩ = ‖w*‖² − ⟨w*, w̃⟩ − ⟨u, w*⟩ + ⟨u, w̃⟩",
            Eq(angles, best.T * best - w.T * best - best.T * u + w.T * u),
        ),
        Obligation(
            "angle",
            "⟨w* − w̃, w* − u⟩ ≤ 0",
            Le(length - product - other + positive, 0),
            (product >= length, other >= positive),
            ("sums of margins", "length of w*", "u and w̃", "slack is not negative", "four products"),
        ),
        Obligation(
            "Thales",
            "‖2w* − w̃ − u‖² = ‖w̃ − u‖² + 4⟨w* − w̃, w* − u⟩",
            Eq((2 * best - w - u).T * (2 * best - w - u), (w - u).T * (w - u) + 4 * angles),
        ),
        Obligation(
            "ball",
            "‖c − w*‖² ≤ ε²/4",
            Le(half**2, eps**2 / 4),
            (Eq(4 * half**2, eps**2 + 4 * angle), angle <= 0),
            ("Thales", "angle"),
        ),
        Obligation(
            "law of cosines",
            "‖w̃ − w*‖² + ‖u − w*‖² = ‖w̃ − u‖² + 2⟨w* − w̃, w* − u⟩",
            Eq((w - best).T * (w - best) + (u - best).T * (u - best), (w - u).T * (w - u) + 2 * angles),
        ),
        Obligation(
            "witness",
            "‖w̃ − w*‖² ≤ ε²",
            Le(D**2, eps**2),
            (Eq(D**2 + far**2, eps**2 + 2 * angle), angle <= 0),
            ("law of cosines", "angle"),
        ),
        Obligation(
            "on the sphere",
            "‖2w′ − w̃ − u‖² = ‖n − av‖² = ‖av + n‖²",
            Eq((2 * step - (step + a * v) - (step - n)).T * (n - a * v), (a * v + n).T * (a * v + n)),
            (Eq(v.T * n, 0 * v.T * v),),
            ("orthogonal",),
        ),
        *norm_triangle(),
        Obligation(
            "model",
            "‖w′ − w*‖ ≤ ‖w′ − c‖ + ‖c − w*‖ ≤ ε/2 + ε/2",
            Le(D, eps),
            (Le(D, rest + half), Eq(2 * rest, eps), Le(2 * half, eps)),
            ("triangle inequality", "on the sphere", "ball"),
        ),
    )
