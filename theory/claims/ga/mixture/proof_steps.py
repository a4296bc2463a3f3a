"""The proofs of the mixture claims, step by step for a machine; each function follows its claim's docstring."""

from theory.claims.lemmas import cauchy_schwarz, identity, matrix, projector_rules, reals
from theory.obligation import Obligation, uncovered


def linear_test_error() -> tuple[Obligation, ...]:
    """Mean and variance of the score, the event in standard units, and the best model."""
    from sympy import And, Eq, Ge, Gt, Le, Not, Or, Symbol, sqrt

    w, mu, xi, y = matrix("w", "d"), matrix("mu", "d"), matrix("xi", "d"), Symbol("y", real=True)
    d, n, mean, sd, z, product, rho, a, half, h, g = reals("d n mean sd z product rho a half h g")
    E, part = identity("d"), Symbol("q", real=True)
    positive = (d > 0, n > 0)

    def same(first: object, second: object) -> object:
        return Or(And(first, second), And(Not(first), Not(second)))

    return (
        uncovered("normal law", "a linear image of a normal vector is normal; Φ is its distribution, increasing"),
        Obligation(
            "score",
            "y⟨w, yμ + ξ⟩ = y²⟨w, μ⟩ + y⟨w, ξ⟩, and y² = 1",
            Eq(y * w.T * (y * mu + xi), y**2 * w.T * mu + y * w.T * xi),
        ),
        Obligation("variance", "wᵀ(qI)w = q‖w‖², q = 1/d", Eq(w.T * (part * E) * w, part * w.T * w, evaluate=False)),
        Obligation(
            "standard deviation",
            "‖w‖²/d has root ‖w‖/√d",
            Eq(sd, n / sqrt(d)),
            (*positive, sd >= 0, Eq(sd**2, n**2 / d)),
            ("variance",),
        ),
        Obligation(
            "event in standard units",
            "mean + sd·z ≤ 0 exactly where z ≤ −mean/sd",
            same(Le(mean + sd * z, 0), Le(z, -mean / sd)),
            (sd > 0,),
            ("normal law", "score"),
        ),
        Obligation(
            "closed form",
            "z = −⟨w, μ⟩/sd with sd = ‖w‖/√d is −√d⟨w, μ⟩/‖w‖",
            Eq(z, -sqrt(d) * product / n),
            (*positive, sd > 0, Eq(sd, n / sqrt(d)), Eq(z * sd, -product)),
            ("standard deviation", "event in standard units"),
        ),
        *cauchy_schwarz(),
        Obligation(
            "best model",
            "⟨w, μ⟩ ≤ ‖w‖ρ: −√d⟨w, μ⟩/‖w‖ ≥ −√dρ",
            Ge(-sqrt(d) * product / n, -sqrt(d) * rho),
            (*positive, rho >= 0, Le(product**2, n**2 * rho**2)),
            ("closed form", "Cauchy–Schwarz"),
        ),
        Obligation(
            "best model, attained",
            "w = aμ, a > 0: equality",
            Eq(-sqrt(d) * product / n, -sqrt(d) * rho),
            (*positive, a > 0, rho > 0, Eq(n, a * rho), Eq(product, a * rho**2)),
            ("best model",),
        ),
        Obligation(
            "quadrature",
            "two halves of variance half² = ‖w‖²/(2d): mean + half(g + h) ≤ 0 exactly where h ≤ −mean/half − g",
            same(Le(mean + half * (g + h), 0), Le(h, -mean / half - g)) & Eq(2 * half**2, n**2 / d) & Gt(half, 0),
            (*positive, half > 0, Eq(half**2, n**2 / (2 * d))),
            ("normal law",),
        ),
        uncovered("Monte Carlo", "Hoeffding's inequality"),
    )


def two_layer_test_error() -> tuple[Obligation, ...]:
    """Mean and covariance from coefficients, and the linear network."""
    from sympy import Eq, Max, Symbol

    C, F, B, mu, xi = (
        matrix("C", "n", "m"),
        matrix("F", "m", "r"),
        matrix("B", "r", "d"),
        matrix("mu", "d"),
        matrix("xi", "d"),
    )
    X, W, y, part, E = matrix("X", "m", "d"), C * F * B, Symbol("y", real=True), Symbol("q", real=True), identity("d")
    z = reals("z")
    return (
        uncovered("normal law", "a linear image of a normal vector is normal"),
        Obligation("pre-activations", "W(yμ + ξ) = yWμ + Wξ", Eq(W * (y * mu + xi), y * W * mu + W * xi)),
        Obligation(
            "mean",
            "Wμ = C(Xμ) for W = CX",
            Eq(matrix("W", "n", "d") * mu, C * (X * mu)),
            (Eq(matrix("W", "n", "d"), C * X),),
            ("pre-activations",),
        ),
        Obligation(
            "covariance",
            "W(qI)Wᵀ = q(CF)(CF)ᵀ, q = 1/d: X = FB and the rows of B are orthonormal",
            Eq(W * (part * E) * W.T, part * (C * F) * (C * F).T),
            (Eq(B * B.T, identity("r")),),
            ("pre-activations",),
        ),
        Obligation("linear network", "σ(z) − σ(−z) = z", Eq(Max(z, 0) - Max(-z, 0), z)),
        uncovered("Monte Carlo", "Hoeffding's inequality"),
    )


def unlearning_keeps_test_error() -> tuple[Obligation, ...]:
    """What is exact for linear models; the gaps are measured. K is the inverse of the retained Gram matrix."""
    from sympy import Eq

    X, P, K, w, one = (
        matrix("X_R", "r", "d"),
        matrix("P", "d", "d"),
        matrix("K", "r", "r"),
        matrix("w", "d"),
        matrix("one", "r"),
    )
    interpolates = Eq(X * w, one)
    return (
        Obligation(
            "projected margins", "X_R P_R w = X_R w = 1", Eq(X * P * w, one), (*projector_rules(P, X), interpolates)
        ),
        Obligation(
            "retrained margins",
            "X_R(X_RᵀK1) = 1",
            Eq(X * X.T * K * one, one),
            (Eq(X * X.T * K, identity("r")),),
        ),
        Obligation(
            "projected is retrained",
            "P_R w = X_RᵀKX_R w = X_RᵀK1: the same model, so the same test error",
            Eq(X.T * K * X * w, X.T * K * one),
            (interpolates,),
            ("projected margins", "retrained margins"),
        ),
        uncovered("gaps", "how far the other models' test errors are apart is measured"),
    )
