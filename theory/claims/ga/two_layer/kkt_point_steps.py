"""The proofs of ga.two_layer.exact_kkt_point and ga.two_layer.exact_certificate, step by step for a machine.

s is a pair's bit of the pattern, (2s − 1)μ its sign constraint's multiplier with that sign, yu stands for y_i u_j.
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


def exact_kkt_point() -> tuple[Obligation, ...]:
    """A feasible start, what the QP's multipliers say of t, and why a flip shortens."""
    from sympy import And, Eq, Ge, Gt, Le, Lt, Max, Ne, Or

    z, k, M, s, mu, lam, t, yu, c, other = reals("z k M s mu lam t yu c other")
    flipped, size, least, value, first, factor = reals("mu_flipped size least value first factor")
    X, K, C = matrix("X", "m", "d"), matrix("K", "m", "m"), matrix("C", "m", "n")
    bit, made = Or(Eq(s, 0), Eq(s, 1)), Eq(c, s * lam * yu + (2 * s - 1) * mu)
    signs = (bit, made, Eq(t * yu, c), Ne(yu, 0), lam >= 0, mu >= 0)
    again = Eq(c, (1 - s) * lam * yu + (1 - 2 * s) * flipped)
    return (
        Obligation(
            "homogeneity",
            "σ(az) = aσ(z) for a ≥ 0: margins scale with W",
            Eq(Max(factor * z, 0), factor * Max(z, 0)),
            (factor >= 0,),
        ),
        Obligation(
            "feasible start",
            "W/min M has margins at least 1",
            Ge(M / k, 1),
            (k > 0, k <= M),
            ("homogeneity",),
        ),
        Obligation(
            "no longer than the start",
            "½‖V_s‖² ≤ ½‖W/min M‖² gives ‖V_s‖ ≤ ‖W‖/min M",
            Le(least, size / k),
            (least >= 0, size >= 0, k > 0, Le(least**2 / 2, (size / k) ** 2 / 2)),
            ("feasible start",),
        ),
        uncovered("existence", "½‖V‖² has a minimiser on a closed convex set that is not empty, with KKT multipliers"),
        Obligation(
            "off the kink",
            "μ = 0 there: t = λ where s = 1 (positive pre-activation), t = 0 where s = 0",
            Eq(t, s * lam),
            (*signs, Eq(mu, 0)),
        ),
        Obligation(
            "at a kink",
            "0 < t < λ only where yu < 0: the other kinks are not stable",
            Lt(yu, 0),
            (*signs, t > 0, t < lam),
        ),
        Obligation(
            "independent points",
            "one V has one matrix of coefficients: VXᵀ(XXᵀ)⁻¹ = C for V = CX",
            Eq(K * X * X.T * C, C),
            (Eq(K * X * X.T, identity("m")),),
        ),
        Obligation(
            "one multiplier of a margin",
            "a pair off the kink with s = 1 has c = λyu, whatever the other multipliers: λ is unique",
            Eq(lam, other),
            (Ne(yu, 0), Eq(c, lam * yu), Eq(c, other * yu)),
            ("independent points", "off the kink"),
        ),
        Obligation(
            "flip",
            "t < 0 or t > λ: after the flip the same c needs a negative multiplier of the sign constraint",
            Lt(flipped, 0),
            (*signs, again, Or(t < 0, t > lam)),
            ("at a kink", "one multiplier of a margin"),
        ),
        *margins_optimal(),
        Obligation(
            "flips shorten",
            "V is feasible after the flip but not the solution, which is unique: the value falls",
            Lt(least, first) & Gt(value, least),
            (value <= first, Lt(least, value)),
            ("flip", "unique"),
        ),
        Obligation(
            "subgradient",
            "at the end 0 ≤ t ≤ λ, and t = λ[z > 0] off the kinks: t ∈ λ∂σ(z)",
            Or(And(z > 0, Eq(t, lam)), And(z < 0, Eq(t, 0)), And(Eq(z, 0), t >= 0, t <= lam)),
            (t >= 0, t <= lam, bit, Ge((2 * s - 1) * z, 0), Or(Eq(z, 0), Eq(t, s * lam))),
            ("off the kink",),
        ),
        uncovered("end", "patterns are finitely many and none returns, since the value falls with every flip"),
    )


def exact_certificate() -> tuple[Obligation, ...]:
    """Projected ascent turns towards the exact point; the rest is measured."""
    from sympy import And, Eq, Ge, Max, Or

    X, P, E = matrix("X_R", "m", "d"), matrix("P", "d", "d"), identity("d")
    w, g, a, b = matrix("w", "d"), matrix("g", "d"), matrix("a", "m"), matrix("b", "m")
    z, best, lam, t, yu, total, bound = reals("z z_best lam t yu total bound")
    rules = projector_rules(P, X)
    return (
        Obligation(
            "projected model",
            "all of w but the removed g lies in span(X_R): w⊥ = w − (I − P_R)g = P_R w",
            Eq(w - (E - P) * g, P * w),
            (Eq(w, X.T * a + g), *rules),
        ),
        Obligation("retained pre-activations", "X_R w⊥ = X_R w: the pattern is the same", Eq(X * P * w, X * w), rules),
        Obligation("exact point in the span", "P_R w* = w* for w* = Σ c_i x_i", Eq(P * X.T * b, X.T * b), rules),
        Obligation(
            "one pair",
            "stable kinks, no flip: u_j y_i t*_ij z_ij ≥ λ*_i u_j y_i σ(z_ij)",
            Ge(t * yu * z, lam * yu * Max(z, 0)),
            (
                lam >= 0,
                Or(And(z > 0, best >= 0), And(z <= 0, best <= 0)),
                Or(And(best > 0, Eq(t, lam)), And(best < 0, Eq(t, 0)), And(Eq(best, 0), t >= 0, t <= lam, yu < 0)),
            ),
        ),
        Obligation(
            "all pairs",
            "⟨θ, θ*⟩ ≥ Σ_R λ*_i M_i(θ): one more pair",
            Ge(total + t * yu * z, bound + lam * yu * Max(z, 0)),
            (Ge(total, bound), Ge(t * yu * z, lam * yu * Max(z, 0))),
            ("one pair",),
        ),
        nonnegative_products(),
        *projected_cosine(),
        uncovered("how near", "the other conclusions are counted on instances"),
    )
