"""The proofs of ga.two_layer.residual and ga.two_layer.step_size, step by step for a machine.

W, V, g, r stand for one neuron's rows: sums over neurons add squares, one neuron at a time.
"""

from theory.claims.lemmas import gram_coefficients, identity, matrix, norm_triangle, projector_rules, reals
from theory.obligation import Obligation, uncovered


def residual() -> tuple[Obligation, ...]:
    """The nearest point of a cone: optimality is an inequality for each part and one orthogonality."""
    from sympy import Eq, Ge, Le, Lt, Max

    w, E, p, q = matrix("W", "d"), matrix("E", "d"), matrix("p", "d"), matrix("q", "d")
    square, apart, product, far, move, c, k = reals("square apart product far move c k")
    rho, t, lam, total, kinks, least = reals("rho t lam total kinks least")
    split = Eq(w, p + E)
    return (
        Obligation(
            "distance to another point",
            "‖W − q‖² = ‖E‖² + ‖q − p‖² − 2⟨E, q − p⟩, W = p + E, p and q admissible combinations",
            Eq((w - q).T * (w - q), E.T * E + (q - p).T * (q - p) - 2 * E.T * (q - p)),
            (split,),
        ),
        Obligation(
            "sufficient",
            "⟨E, p⟩ = 0 and ⟨E, q⟩ ≤ 0 for every q of the cone: no q is nearer",
            Ge(far, square),
            (apart >= 0, product <= 0, Eq(far, square + apart - 2 * product)),
            ("distance to another point",),
        ),
        Obligation(
            "square along a direction",
            "‖E − ηq‖² = ‖E‖² − 2η⟨E, q⟩ + η²‖q‖², the residual at p + ηq",
            Eq((E - c * q).T * (E - c * q), E.T * E - 2 * c * E.T * q + c**2 * q.T * q, evaluate=False),
        ),
        Obligation(
            "necessary, cone",
            "⟨E, q⟩ = c > 0 for some q: p + ηq with 0 < η‖q‖² ≤ c is nearer",
            Lt(square - 2 * move * c + move**2 * k, square),
            (c > 0, k > 0, move > 0, Le(move * k, c)),
            ("square along a direction",),
        ),
        Obligation(
            "necessary, orthogonality",
            "⟨E, p⟩ = c < 0: (1 + η)p with −1 ≤ η < 0 and η‖p‖² ≥ c is nearer",
            Lt(square - 2 * move * c + move**2 * k, square),
            (c < 0, k > 0, move < 0, move >= -1, Ge(move * k, c)),
            ("square along a direction",),
        ),
        Obligation(
            "one kink",
            "0 ≤ t ≤ λ: ρt ≤ λ max(ρ, 0), with equality at t = 0 or t = λ",
            Le(rho * t, lam * Max(rho, 0)) & Eq(rho * (Max(rho, 0) * lam), Max(rho, 0) ** 2 * lam),
            (t >= 0, t <= lam),
        ),
        Obligation(
            "one point's part of the cone",
            "Σ ρt over its pairs is at most λ(Σ_{z>0} ρ + Σ_kinks max(ρ, 0)): one more kink",
            Le(total + rho * t, lam * (least + kinks + Max(rho, 0))),
            (lam >= 0, Le(total, lam * (least + kinks)), Le(rho * t, lam * Max(rho, 0))),
            ("one kink",),
        ),
        Obligation(
            "no descent",
            "so ⟨E, q⟩ = Σ ρt ≤ 0 on the cone where every such sum is at most 0",
            Le(total, 0),
            (lam >= 0, Le(least + kinks, 0), Le(total, lam * (least + kinks))),
            ("one point's part of the cone", "sufficient", "necessary, cone"),
        ),
        Obligation(
            "Pythagoras",
            "⟨E, p⟩ = 0: ‖W‖² = ε² + ‖W − E‖²",
            Eq(w.T * w, E.T * E + p.T * p),
            (split, Eq(E.T * p, 0 * E.T * p)),
            ("necessary, orthogonality",),
        ),
        Obligation(
            "at an approximate point",
            "W = V + Σ u_j y_i t_ij x_i: these terms leave V, so ε ≤ ‖V‖",
            Eq(w - p, E),
            (split,),
        ),
        uncovered("larger and smaller cones", "a minimum over more choices is no larger: more kinks, autodiff, refits"),
        gram_coefficients(),
    )


def step_size() -> tuple[Obligation, ...]:
    """What is left with fixed multipliers, and what no refitting can remove."""
    from sympy import Abs, Eq, Ge, Le

    X, P, E = matrix("X_R", "m", "d"), matrix("P", "d", "d"), identity("d")
    w, g, V, r, z = (matrix(name, "d") for name in ("w", "g", "V", "r", "z"))
    a, mu = matrix("a", "m"), matrix("mu", "m")
    c, eps, outside, inside, off, rest, total, squares = reals("c epsilon outside inside off rest total squares")
    rules, terms, reject = projector_rules(P, X), Eq(w, V + X.T * a + r), E - P
    moved, left = w - c * reject * g, V + r - c * reject * g
    refit = z - X.T * mu
    tip = (inside >= 0, outside >= 0, eps >= 0, Eq(eps**2, inside**2 + (1 - c) ** 2 * outside**2))
    return (
        Obligation(
            "admissible", "X_R w̃_c = X_R w for every c: (λ_R, t_R) stay admissible", Eq(X * moved, X * w), rules
        ),
        Obligation(
            "fixed multipliers", "w̃_c less the terms of R is V + r − c(I − P_R)g", Eq(moved - X.T * a, left), (terms,)
        ),
        Obligation(
            "split",
            "V + r − c(I − P_R)g = P_R(V + r) + (I − P_R)(V + r − cg)",
            Eq(left, P * (V + r) + reject * (V + r - c * g)),
            (),
            ("fixed multipliers",),
        ),
        Obligation(
            "plain step",
            "(I − P_R)(w − cg) is the same: both networks differ by rows of span(X_R)",
            Eq(reject * (w - c * g), reject * moved),
            rules,
        ),
        Obligation(
            "Pythagoras",
            "‖z − X_Rᵀμ‖² = ‖(I − P_R)z‖² + ‖P_R z − X_Rᵀμ‖²",
            Eq(refit.T * refit, (reject * z).T * (reject * z) + (P * z - X.T * mu).T * (P * z - X.T * mu)),
            rules,
        ),
        Obligation(
            "all neurons",
            "ε² ≥ Σ_j ‖(I − P_R)z_j‖²: one more neuron",
            Ge(total + eps**2, squares + outside**2),
            (Ge(total, squares), Eq(eps**2, outside**2 + inside**2)),
            ("Pythagoras",),
        ),
        Obligation(
            "refitted, lower",
            "no multipliers leave less than ‖(I − P_R)(V + r − cg)‖",
            Ge(eps, outside),
            (eps >= 0, outside >= 0, Ge(eps**2, outside**2)),
            ("split", "plain step", "all neurons"),
        ),
        Obligation(
            "off the tip",
            "(I − P_R)(V + r − cg) = (I − P_R)(V + r − g) + (1 − c)(I − P_R)g",
            Eq(reject * (V + r - c * g), reject * (V + r - g) + (1 - c) * reject * g),
        ),
        *norm_triangle(),
        Obligation(
            "refitted, V",
            "ε(c) + ‖(I − P_R)(V + r − g)‖ ≥ |1 − c| ‖(I − P_R)g‖",
            Ge(eps + rest, Abs(1 - c) * off),
            (eps >= outside, off >= 0, rest >= 0, Ge(outside, Abs(rest - Abs(1 - c) * off))),
            ("refitted, lower", "off the tip", "reverse triangle inequality"),
        ),
        Obligation(
            "exact point",
            "V = 0 and g = r: (I − P_R)(V + r − cg) = (1 − c)(I − P_R)g",
            Eq(reject * (V + r - c * g), (1 - c) * reject * g),
            (Eq(V, 0 * V), Eq(r, g)),
        ),
        Obligation(
            "hyperbola",
            "then fixed multipliers leave ‖P_R g‖² + (1 − c)²‖(I − P_R)g‖²",
            Eq(
                (g - c * reject * g).T * (g - c * reject * g),
                (P * g).T * (P * g) + (1 - c) ** 2 * (reject * g).T * (reject * g),
            ),
            rules,
            ("split", "exact point"),
        ),
        Obligation(
            "least at c = 1",
            "so the residual is at least ‖P_R g‖, its value at c = 1",
            Ge(eps, inside),
            tip,
            ("hyperbola",),
        ),
        Obligation(
            "asymptotes",
            "and lies above the V, at most ‖P_R g‖ above it",
            Ge(eps, Abs(1 - c) * outside) & Le(eps, Abs(1 - c) * outside + inside),
            tip,
            ("hyperbola",),
        ),
        uncovered("refitted, upper", "(λ_R, t_R) is among the choices of the refit"),
    )
