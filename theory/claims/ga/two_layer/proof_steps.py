"""The proofs of the two-layer claims, step by step for a machine; each function follows its claim's docstring.

Vectors w, g, V, r stand for one neuron's rows; sums over neurons and points add one term at a time.
"""

from fractions import Fraction
from typing import Any

from theory.claims.lemmas import (
    gram_coefficients,
    identity,
    matrix,
    norm_triangle,
    projector_rules,
    reals,
    sum_of_absolutes,
)
from theory.obligation import Constant, Obligation, uncovered


def ascent_certificate() -> tuple[Obligation, ...]:
    """Kept pre-activations, the residual, and the angle between the step's result and the witness."""
    from sympy import Abs, Eq, Ge, Le, sqrt

    X, P, E = matrix("X_R", "m", "d"), matrix("P", "d", "d"), identity("d")
    w, g, V, r, a = matrix("w", "d"), matrix("g", "d"), matrix("V", "d"), matrix("r", "d"), matrix("a", "m")
    n, first, second, ratio, c, cos, k = reals("n first second q c cos k")
    witness = w - (E - P) * g
    # lengths in units of ‖W̃‖: ‖P_R g‖ = q, ⟨W̃, P_R g⟩ = c, ‖W′‖ = n
    result = (ratio >= 0, ratio < 1, n > 0, Eq(n**2, 1 - 2 * c + ratio**2), Eq(cos * n, 1 - c))
    return (
        Obligation("retained pre-activations", "X_R w̃ = X_R w", Eq(X * witness, X * w), projector_rules(P, X)),
        Obligation(
            "residual",
            "w̃ less the terms of R is V + r − g + P_R g, with w = V + terms of R + r",
            Eq(witness - X.T * a, V + r - g + P * g),
            (Eq(w, V + X.T * a + r),),
        ),
        *norm_triangle(),
        Obligation(
            "stationarity",
            "ε ≤ ε₁ + ‖r − g + P_R g‖",
            Le(n, first + second),
            (Le(n, c + second), Le(c, first)),
            ("residual", "triangle inequality"),
        ),
        Obligation(
            "complementarity",
            "the retained margins and multipliers are W's: M̃ ≥ 1 and λ(M̃ − 1) ≤ δ₁",
            Ge(n, 1) & Le(first * (n - 1), second),
            (Eq(n, c), Ge(c, 1), Le(first * (c - 1), second)),
            ("retained pre-activations",),
        ),
        Obligation(
            "step's result",
            "W′ = W̃ − P_R g",
            Eq(w - g, witness - P * g),
        ),
        Obligation(
            "square of the result",
            "‖W̃ − h‖² = ‖W̃‖² − 2⟨W̃, h⟩ + ‖h‖²",
            Eq((w - g).T * (w - g), w.T * w - 2 * w.T * g + g.T * g, evaluate=False),
        ),
        Obligation(
            "direction",
            "cos(W′, W̃) ≥ √(1 − q²)",
            Ge(cos, sqrt(1 - ratio**2)),
            (*result, Le(Abs(c), ratio)),
            ("step's result", "square of the result", "Cauchy–Schwarz", "Cauchy–Schwarz, v = 0"),
        ),
        Obligation(
            "direction, attained",
            "with equality where P_R g is orthogonal to W′, that is c = q²",
            Eq(cos, sqrt(1 - ratio**2)),
            (*result, Eq(c, ratio**2)),
        ),
        Obligation(
            "direction, simpler",
            "1 − √(1 − q²) ≤ kq², k = 1",
            Le(1 - sqrt(1 - ratio**2), k * ratio**2),
            (ratio >= 0, ratio <= 1),
            constant=Constant(k, Fraction(1), Fraction(1, 2)),
        ),
        _kinks(),
        uncovered("refitted", "(λ_R, t_R) is among the choices of the refit: a minimum is at most any of its values"),
        gram_coefficients(),
    )


def projected_ascent() -> tuple[Obligation, ...]:
    """What is kept, what is left outside the retained span, forgotten scores, and distances within the span."""
    from sympy import Abs, Eq, Le, Max

    X, P, E = matrix("X_R", "m", "d"), matrix("P", "d", "d"), identity("d")
    w, g, V, r, x = matrix("w", "d"), matrix("g", "d"), matrix("V", "d"), matrix("r", "d"), matrix("x", "d")
    a, coefficients, zero = matrix("a", "m"), matrix("c", "m"), 0 * matrix("g", "d")
    eps, first, second, z, before, u, total, size, far = reals("epsilon first second z before u total size far")
    outside, rules = E - P, projector_rules(P, X)
    projected, terms = w - outside * g, Eq(w, V + X.T * a + r)
    left, q = outside * (V + r - g), X.T * coefficients
    return (
        Obligation("retained pre-activations", "X_R w⊥ = X_R w", Eq(X * projected, X * w), rules),
        Obligation(
            "stationarity",
            "w⊥ less the terms of R is V + r − (I − P_R)g",
            Eq(projected - X.T * a, V + r - outside * g),
            (terms,),
        ),
        *norm_triangle(),
        Obligation(
            "stationarity, bound",
            "ε ≤ ε₁ + ‖r − (I − P_R)g‖",
            Le(eps, first + second),
            (Le(eps, size + second), Le(size, first)),
            ("stationarity", "triangle inequality"),
        ),
        Obligation(
            "complementarity",
            "the retained margins and multipliers are W's: λ(M⊥ − 1) ≤ δ₁",
            Le(first * (z - 1), second),
            (Eq(z, before), Le(first * (before - 1), second)),
            ("retained pre-activations",),
        ),
        Obligation(
            "outside the span",
            "(I − P_R)w = (I − P_R)(V + r), so w⊥ = P_R w + (I − P_R)(V + r − g)",
            Eq(projected, P * w + left),
            (terms, *rules),
        ),
        Obligation(
            "exact point",
            "V = 0 and g = r: w⊥ = P_R w",
            Eq(projected, P * w),
            (terms, Eq(V, zero), Eq(g, r), *rules),
            ("outside the span",),
        ),
        Obligation("projected input", "⟨P_R w, x⟩ = ⟨w, P_R x⟩", Eq((P * w).T * x, w.T * (P * x)), rules),
        Obligation(
            "moved pre-activation",
            "⟨w⊥, x⟩ − ⟨w, P_R x⟩ = ⟨(I − P_R)(V + r − g), (I − P_R)x⟩",
            Eq((P * w + left).T * x - w.T * (P * x), left.T * (outside * x)),
            rules,
            ("outside the span", "projected input"),
        ),
        Obligation(
            "ReLU is 1-Lipschitz", "|σ(z) − σ(z′)| ≤ |z − z′|", Le(Abs(Max(z, 0) - Max(before, 0)), Abs(z - before))
        ),
        sum_of_absolutes(),
        Obligation(
            "forgotten scores",
            "one more neuron: |u_j||z − z′| with |z − z′| ≤ ‖(I − P_R)(V + r − g)_j‖ ‖(I − P_R)x_l‖",
            Le(Abs(second + u * (first)), total + Abs(u) * size * far),
            (
                size >= 0,
                far >= 0,
                Le(Abs(second), total),
                Le(Abs(first), Abs(z - before)),
                Le(Abs(z - before), size * far),
            ),
            ("moved pre-activation", "ReLU is 1-Lipschitz", "absolute value of a sum", "Cauchy–Schwarz"),
        ),
        Obligation(
            "distance within the span",
            "‖w⊥ − q‖² = ‖w − q‖² − ‖(I − P_R)(V + r)‖² + ‖(I − P_R)(V + r − g)‖², q = Σ c_i x_i",
            Eq(
                (projected - q).T * (projected - q) + (outside * (V + r)).T * (outside * (V + r)),
                (w - q).T * (w - q) + left.T * left,
            ),
            (terms, *rules),
            ("outside the span",),
        ),
        _kinks(),
        Obligation(
            "direction",
            "W⊥ certifies itself: the cosine of a vector with itself is 1, so τ = 0",
            Eq(first, 1),
            (size > 0, Eq(first * (size * size), size**2)),
        ),
        gram_coefficients(),
    )


def _kinks() -> Obligation:
    from sympy import And, Eq, Or

    z, kept, lam, t = reals("z kept lam t")

    def admissible(at: Any) -> Any:
        return Or(And(at > 0, Eq(t, lam)), And(at < 0, Eq(t, 0)), And(Eq(at, 0), t >= 0, t <= lam))

    return Obligation(
        "kinks",
        "equal pre-activations: (λ_R, t_R) stay admissible",
        admissible(kept),
        (admissible(z), Eq(kept, z)),
        ("retained pre-activations",),
    )
