"""The proof of wc.selection.implicit_gradient, step by step for a machine; it follows the docstring."""

from theory.claims.lemmas import reals
from theory.obligation import Obligation, uncovered


def implicit_gradient() -> tuple[Obligation, ...]:
    """One gradient entry under a small change, then under one just too large."""
    from sympy import Abs, Eq, Ge, Gt, Le, Lt

    moved, delta, term, size, radius, g, beta, theta = reals("moved delta term size rho g beta theta")
    other = reals("other")
    change = (Le(Abs(moved), delta * size), size > 0, Le(radius * size, g))
    return (
        Obligation(
            "change of a gradient entry",
            "|Σ δ_i x_i r_i| ≤ ‖δ‖_∞ Σ |x_i r_i|: one more term",
            Le(Abs(moved + radius * term), delta * (size + Abs(term))),
            (delta >= 0, Le(Abs(moved), delta * size), Le(Abs(radius), delta)),
        ),
        Obligation(
            "no sign changes",
            "|g| ≥ ρ Σ|x r| and ‖δ‖_∞ < ρ leave the sign of g (written for g > 0)",
            Gt(g + moved, 0),
            (*change, g > 0, delta >= 0, Lt(delta, radius)),
            ("change of a gradient entry",),
        ),
        uncovered("the same iterates", "equal iterates and equal signs make the next iterates equal: by induction"),
        uncovered("derivative", "a map that is constant near w has derivative 0 there"),
        Obligation(
            "a sign changes",
            "δ_i = −ρ′ sign(x_i r_i) moves g by −ρ′ Σ|x r| < −g where ρ′ > ρ and g = ρ Σ|x r| > 0",
            Lt(g - delta * size, 0),
            (size > 0, Eq(g, radius * size), Lt(radius, delta)),
        ),
        Obligation(
            "a lattice step",
            "(θ + β) − (θ − β) = 2β in the coordinate whose sign differs",
            Ge(Abs(theta - other), 2 * beta),
            (beta > 0, Eq(theta - beta, other + beta)),
            ("a sign changes",),
        ),
    )
