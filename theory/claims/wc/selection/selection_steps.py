"""The proof of wc.selection.fixed_losses, step by step for a machine; it follows the docstring."""

from theory.claims.lemmas import cauchy_schwarz, matrix, reals
from theory.obligation import Obligation, uncovered


def fixed_losses() -> tuple[Obligation, ...]:
    """Convergence, then the level and what it says of two weights and of one."""
    return (*_convergence(), *_level())


def _convergence() -> tuple[Obligation, ...]:
    from sympy import Eq, Ge, Le, sqrt

    w, new, best, losses = matrix("w", "N"), matrix("w_new", "N"), matrix("w_best", "N"), matrix("l", "N")
    total, loss, x, low, high, s, out, inside, S, alpha = reals("total loss x low high s out inside S alpha")
    before, after, product, step = reals("before after product step")
    variation = (w - losses - new).T * (best - new)
    return (
        Obligation(
            "variational inequality",
            "⟨w − αℓ − w⁺, w* − w⁺⟩ = −⟨w − w⁺, w⁺ − w*⟩ + α⟨ℓ, w⁺ − w*⟩, with αℓ for ℓ; it is ≤ 0",
            Eq(variation, losses.T * (new - best) - (w - new).T * (new - best)),
        ),
        Obligation(
            "inner product",
            "⟨w − w*, w⁺ − w*⟩ = ‖w⁺ − w*‖² + ⟨w − w⁺, w⁺ − w*⟩",
            Eq((w - best).T * (new - best), (new - best).T * (new - best) + (w - new).T * (new - best)),
        ),
        Obligation(
            "losses outside",
            "Σ ℓ w⁺ ≥ ℓ_(k+1) Σ w⁺ outside F*: one more point",
            Ge(total + loss * x, high * (s + x)),
            (Ge(total, high * s), loss >= high, x >= 0),
        ),
        Obligation(
            "losses inside",
            "Σ ℓ(1 − w⁺) ≤ ℓ_(k) Σ (1 − w⁺) in F*: one more point",
            Le(total + loss * (1 - x), low * (s + 1 - x)),
            (Le(total, low * s), loss <= low, x <= 1),
        ),
        Obligation(
            "squares of weights",
            "Σ x² ≤ (Σ x)² for x ≥ 0: one more",
            Le(S + x**2, (s + x) ** 2),
            (s >= 0, x >= 0, Le(S, s**2)),
        ),
        Obligation(
            "loss of a distance",
            "α⟨ℓ, w⁺ − w*⟩ ≥ αΔs ≥ αΔ‖w⁺ − w*‖/√2",
            Ge(alpha * (out - inside), alpha * (high - low) * after / sqrt(2)),
            (
                *(alpha >= 0, high >= low, s >= 0, after >= 0),
                *(Ge(out, high * s), Le(inside, low * s), Le(after**2, 2 * s**2)),
            ),
            ("losses outside", "losses inside", "squares of weights"),
        ),
        *cauchy_schwarz(),
        Obligation(
            "convergence",
            "‖w − w*‖‖w⁺ − w*‖ ≥ ‖w⁺ − w*‖² + αΔ‖w⁺ − w*‖/√2, so the distance falls by αΔ/√2, or is 0",
            Le(after, before - step),
            (after > 0, before >= 0, Ge(product, after**2 + step * after), Le(product**2, before**2 * after**2)),
            ("variational inequality", "inner product", "loss of a distance", "Cauchy–Schwarz"),
        ),
    )


def _level() -> tuple[Obligation, ...]:
    from sympy import Ge, Le, Max

    rise, fall, loss_i, loss_j, level, low, high, alpha = reals("rise fall loss_i loss_j tau lo hi alpha")
    gained, share, G, t, overtaken, others = reals("gained share G t overtaken n")
    between = (alpha >= 0, low <= level, level <= high)
    return (
        uncovered("clipped", "w⁺ = clip(w − α(ℓ − τ), 0, 1) for some τ: wc.selection.projection"),
        uncovered("level", "τ within [min ℓ, max ℓ], and for fixed losses within [lo, hi]: by induction"),
        Obligation(
            "two weights",
            "w_j gains at most α(τ − ℓ_j)₊ and w_i loses at most α(ℓ_i − τ)₊: together at most α(hi − lo)",
            Le(rise + fall, alpha * (high - low)),
            (
                *between,
                *(loss_j >= low, loss_i <= high),
                *(Le(rise, Max(alpha * (level - loss_j), 0)), Le(fall, Max(alpha * (loss_i - level), 0))),
            ),
            ("clipped", "level"),
        ),
        Obligation(
            "selection",
            "1 + w_j − w_i ≤ αtG: one more iteration",
            Le(overtaken + rise + fall, alpha * (t + 1) * G),
            (Le(overtaken, alpha * t * G), Le(rise + fall, alpha * G)),
            ("two weights",),
        ),
        Obligation(
            "gained by the others",
            "Σ over p of what w_p gains ≤ nα(τ − lo): one more of the n",
            Le(gained + rise, (others + 1) * alpha * (level - low)),
            (*between, Le(gained, others * alpha * (level - low)), loss_j >= low, Le(rise, alpha * (level - loss_j))),
            ("level",),
        ),
        Obligation(
            "one weight",
            "φ ≤ α(ℓ_i − τ) and φ ≤ nα(τ − lo), n = N − 1: (n + 1)φ ≤ nα(ℓ_i − lo)",
            Ge(others * alpha * (loss_i - low), (others + 1) * share),
            (others >= 1, Le(share, alpha * (loss_i - level)), Le(share, others * alpha * (level - low))),
            ("clipped", "gained by the others"),
        ),
    )
