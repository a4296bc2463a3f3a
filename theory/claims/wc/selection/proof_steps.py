"""The proof of wc.selection.projection, step by step for a machine; it follows the docstring."""

from typing import Any

from theory.claims.lemmas import cauchy_schwarz, matrix, reals
from theory.obligation import Obligation, uncovered


def _clip(x: Any) -> Any:
    from sympy import Max, Min

    return Max(Min(x, 1), 0)


def projection() -> tuple[Obligation, ...]:
    """One coordinate, all of them, the obtuse angle, and what follows from it."""
    return (*_nearest(), *_consequences())


def _nearest() -> tuple[Obligation, ...]:
    from sympy import Eq, Ge, Le

    a, mu, v, w, total, more, shifted = reals("a mu v w total more shifted")
    sum_v, sum_w, far, square, apart, product = reals("sum_v sum_w far square apart product")
    A, V, W = matrix("a", "n"), matrix("v", "n"), matrix("w", "n")
    terms = (apart >= 0, product <= 0, Eq(far, square + apart - 2 * product))
    return (
        Obligation(
            "monotone sum",
            "clip(a − μ, 0, 1) does not rise with μ: one more coordinate of s(μ)",
            Ge(total + _clip(a - mu), more + _clip(a - shifted)),
            (Ge(total, more), mu <= shifted),
        ),
        uncovered("attained", "s is continuous and goes from n to 0, so it takes the value k"),
        Obligation(
            "one coordinate",
            "w = clip(a − μ, 0, 1): (a − μ − w)(v − w) ≤ 0 for 0 ≤ v ≤ 1",
            Le((a - mu - w) * (v - w), 0),
            (Eq(w, _clip(a - mu)), v >= 0, v <= 1),
        ),
        Obligation(
            "all coordinates",
            "Σ(a_i − w_i)(v_i − w_i) ≤ μ(Σv − Σw): one more coordinate",
            Le(total + (a - w) * (v - w), mu * (sum_v + v - sum_w - w)),
            (Le(total, mu * (sum_v - sum_w)), Le((a - mu - w) * (v - w), 0)),
            ("one coordinate",),
        ),
        Obligation(
            "obtuse angle",
            "Σv = Σw = k: ⟨a − w, v − w⟩ ≤ 0",
            Le(product, 0),
            (Le(product, mu * (sum_v - sum_w)), Eq(sum_v, sum_w)),
            ("attained", "all coordinates"),
        ),
        Obligation(
            "squares",
            "‖a − v‖² = ‖a − w‖² + ‖w − v‖² − 2⟨a − w, v − w⟩",
            Eq((A - V).T * (A - V), (A - W).T * (A - W) + (W - V).T * (W - V) - 2 * (A - W).T * (V - W)),
        ),
        Obligation(
            "nearest", "‖a − w‖² + ‖w − v‖² ≤ ‖a − v‖²", Ge(far, square + apart), terms, ("obtuse angle", "squares")
        ),
        Obligation("unique", "‖a − v‖ ≤ ‖a − w‖ leaves v = w", Le(apart, 0), (*terms, far <= square), ("nearest",)),
    )


def _consequences() -> tuple[Obligation, ...]:
    from sympy import Abs, Eq, Ge, Le

    a, b, mu, shifted, w, total, move = reals("a b mu shifted w total move")
    product, before, after, sums, norms = reals("product before after sums norms")
    A, B, p, q = matrix("a", "n"), matrix("b", "n"), matrix("p", "n"), matrix("q", "n")
    first, second, moved = _clip(a - mu), _clip(b - mu), _clip(a - shifted)
    return (
        Obligation(
            "idempotent",
            "for a point of C take μ = 0: clip(w, 0, 1) = w",
            Eq(_clip(w), w),
            (w >= 0, w <= 1),
            ("unique",),
        ),
        Obligation(
            "two angles",
            "⟨p − q, a − b⟩ = ‖p − q‖² − ⟨a − p, q − p⟩ − ⟨b − q, p − q⟩, p = Π(a), q = Π(b)",
            Eq((p - q).T * (A - B), (p - q).T * (p - q) - (A - p).T * (q - p) - (B - q).T * (p - q)),
        ),
        *cauchy_schwarz(),
        Obligation(
            "non-expansive",
            "‖p − q‖² ≤ ⟨p − q, a − b⟩ ≤ ‖p − q‖‖a − b‖",
            Le(after, before),
            (after >= 0, before >= 0, Ge(product, after**2), Le(product**2, after**2 * before**2)),
            ("two angles", "obtuse angle", "Cauchy–Schwarz"),
        ),
        Obligation(
            "order and gaps",
            "a ≥ b: 0 ≤ clip(a − μ, 0, 1) − clip(b − μ, 0, 1) ≤ a − b",
            Ge(first - second, 0) & Le(first - second, a - b),
            (a >= b,),
        ),
        Obligation(
            "one way",
            "μ ≤ μ′: Σ|w_i − w′_i| = Σ(w_i − w′_i) = k − k′: one more coordinate",
            Eq(total + Abs(first - moved), sums + first - moved),
            (mu <= shifted, Eq(total, sums)),
            ("monotone sum",),
        ),
        Obligation(
            "in the sum",
            "Σ t_i² ≤ (Σ|t_i|)²: one more coordinate",
            Le(norms + move**2, (total + Abs(move)) ** 2),
            (total >= 0, Le(norms, total**2)),
            ("one way",),
        ),
    )
