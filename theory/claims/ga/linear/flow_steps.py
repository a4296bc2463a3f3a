"""The proof of ga.linear.implicit_bias, step by step for a machine; it follows the docstring.

f = log Σ exp(−M_i) enters through the inequalities between logarithms that the uncovered steps state.
"""

from theory.claims.lemmas import cauchy_schwarz, matrix, reals
from theory.obligation import Obligation, uncovered


def implicit_bias() -> tuple[Obligation, ...]:
    """Growth, loss, margin, direction and rate; W = ‖w*‖ = 1/γ, n = ‖w(s)‖, F = f(s)."""
    from sympy import Eq, Ge, Le

    X, w, b, one = matrix("X", "m", "d"), matrix("w", "d"), matrix("b", "m"), matrix("one", "m")
    best = matrix("best", "d")
    total, mass, p, M, c, g, W, gamma = reals("total mass p M c g W gamma")
    n, s, h, product, F, F0, path, least = reals("n s h product F F_0 path least")
    cosine, mean, H, log_m, speed = reals("cosine mean H log_m speed")
    unit = (W > 0, gamma > 0, Eq(gamma * W, 1))
    return (
        Obligation(
            "convex combination",
            "⟨−∇f, w*⟩ = Σ p_i M*_i ≥ Σ p_i = 1: one more point",
            Ge(total + p * M, mass + p),
            (Ge(total, mass), p >= 0, M >= 1),
        ),
        *cauchy_schwarz(),
        Obligation(
            "gradient",
            "1 ≤ ⟨−∇f, w*⟩ ≤ ‖∇f‖‖w*‖: ‖∇f‖ ≥ γ",
            Ge(g, gamma),
            (*unit, g >= 0, c >= 1, Le(c**2, g**2 * W**2)),
            ("convex combination", "Cauchy–Schwarz"),
        ),
        Obligation(
            "one step of the path",
            "⟨w(s), w*⟩ ≥ s: an increment is h times a convex combination of the y_i x_i",
            Ge(product + h * c, s + h),
            (h >= 0, c >= 1, Ge(product, s)),
            ("convex combination",),
        ),
        Obligation(
            "growth",
            "s ≤ ⟨w, w*⟩ ≤ ‖w‖‖w*‖: ‖w(s)‖ ≥ γs",
            Ge(n, gamma * s),
            (*unit, n >= 0, s >= 0, Ge(product, s), Le(product**2, n**2 * W**2)),
            ("one step of the path", "Cauchy–Schwarz"),
        ),
        Obligation(
            "descent",
            "df/ds = −‖∇f‖² ≤ −γ‖dw/ds‖",
            Le(-(speed**2), -gamma * speed),
            (gamma > 0, speed >= gamma),
            ("gradient",),
        ),
        uncovered("integrals", "f falls by at least γ∫‖dw/ds‖, and the path is at least as long as ‖w(s)‖"),
        Obligation(
            "loss",
            "γ‖w(s)‖ ≤ log m − f(s), as f(0) = log m",
            Le(gamma * n, log_m - F),
            (gamma > 0, Eq(F0, log_m), Le(F, F0 - gamma * path), Ge(path, n)),
            ("descent", "integrals"),
        ),
        uncovered("logarithms", "f ≥ −min M, f ≥ −Σ q_i M_i + H(q) (Jensen) and H(q) ≥ 0"),
        Obligation(
            "margin",
            "min M ≥ −f: min M/‖w‖ ≥ γ − log(m)/‖w‖",
            Ge(least / n, gamma - log_m / n),
            (n > 0, Ge(F, -least), Le(gamma * n, log_m - F)),
            ("loss", "logarithms"),
        ),
        Obligation("weighted margins", "⟨w, w*⟩ = Σ λ*_i M_i", Eq(w.T * X.T * b, b.T * (X * w))),
        Obligation(
            "sum of the best multipliers",
            "Σ λ* = ‖w*‖², from λ*(M* − 1) = 0 and w* = Σ λ* y x",
            Eq(best.T * best, b.T * one),
            (Eq(best, X.T * b), Eq(b.T * X * X.T * b, b.T * one)),
        ),
        Obligation(
            "cosine",
            "cos(w, w*) = ‖w*‖² Σ q_i M_i/(‖w‖‖w*‖) = Σ q_i M_i/(γ‖w‖), q = λ*/Σλ*",
            Eq(cosine, mean / (gamma * n)),
            (*unit, n > 0, Eq(cosine * n * W, W**2 * mean)),
            ("weighted margins", "sum of the best multipliers"),
        ),
        Obligation(
            "direction",
            "1 − cos(w, w*) ≤ (log m − H)/(γ‖w‖)",
            Le(1 - cosine, (log_m - H) / (gamma * n)),
            (gamma > 0, n > 0, Eq(cosine, mean / (gamma * n)), Ge(F, H - mean), Le(gamma * n, log_m - F)),
            ("cosine", "loss", "logarithms"),
        ),
        Obligation(
            "rate",
            "H ≥ 0 and ‖w(s)‖ ≥ γs: 1 − cos ≤ log(m)/(γ²s)",
            Le((log_m - H) / (gamma * n), log_m / (gamma**2 * s)),
            (gamma > 0, s > 0, H >= 0, log_m >= H, Ge(n, gamma * s)),
            ("direction", "growth"),
        ),
        uncovered("decay", "how much a tenfold time lowers 1 − cos is counted, not proved"),
    )
