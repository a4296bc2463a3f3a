"""The proofs of ga.two_layer.coefficient_dynamics and ga.two_layer.implicit_bias, step by step for a machine."""

from theory.claims.lemmas import cauchy_schwarz, matrix, reals
from theory.obligation import Obligation, uncovered


def coefficient_dynamics() -> tuple[Obligation, ...]:
    """W = W₀ + CX is kept by a step, and everything a step needs is in C and G; D holds u_j y_i p_i a_ij."""
    from sympy import Abs, Eq, Le, Symbol

    X, W0, C, D = matrix("X", "m", "d"), matrix("W_0", "n", "d"), matrix("C", "n", "m"), matrix("D", "n", "m")
    w, c, h = matrix("w_0", "d"), matrix("c", "m"), Symbol("h", real=True)
    eta, curvature, old, change, p = reals("eta curvature c_old change p")
    return (
        uncovered("gradient", "autodiff's derivative of log L in w_j is −u_j Σ_i y_i p_i a_ij x_i: the chain rule"),
        Obligation(
            "weights",
            "W + hDX = W₀ + (C + hD)X for W = W₀ + CX",
            Eq(W0 + C * X + h * D * X, W0 + (C + h * D) * X),
            (),
            ("gradient",),
        ),
        Obligation(
            "pre-activations",
            "X(W₀ + CX)ᵀ = XW₀ᵀ + GCᵀ, G = XXᵀ",
            Eq(X * (W0 + C * X).T, X * W0.T + X * X.T * C.T),
        ),
        Obligation(
            "norms",
            "‖w₀ + Xᵀc‖² = ‖w₀‖² + 2⟨c, Xw₀⟩ + cᵀGc",
            Eq((w + X.T * c).T * (w + X.T * c), w.T * w + 2 * c.T * X * w + c.T * X * X.T * c),
        ),
        Obligation(
            "forgotten points",
            "p = 0 there, so a coefficient that is 0 stays 0",
            Eq(old + eta * p * change, 0),
            (Eq(old, 0), Eq(p, 0)),
        ),
        Obligation(
            "no expansion",
            "curvature between 0 and 1/h: |1 − h·curvature| ≤ 1, so a step expands no error",
            Le(Abs(1 - eta * curvature), 1),
            (eta > 0, curvature >= 0, Le(eta * curvature, 1)),
        ),
        uncovered("curvature", "on a fixed pattern log L is convex with curvature at most 1/h"),
    )


def implicit_bias() -> tuple[Obligation, ...]:
    """The smoothed normalised margin of the exact flow never falls; n = ‖W‖, g = ‖∇f‖, F = −f, μ = Σ p_i M_i."""
    from sympy import And, Eq, Ge, Le, Max, Or

    z, a, total, mass, p, M, least = reals("z a total mass p M least")
    F, mu, n, g, fall, growth = reals("F mu n g fall growth")
    flow = (F > 0, mu >= F, n > 0, g >= 0)
    return (
        Obligation(
            "Euler's identity",
            "σ(z) = σ′(z)z for any subgradient: ⟨W, −∇f⟩ = Σ p_i M_i",
            Eq(Max(z, 0), a * z),
            (Or(And(z > 0, Eq(a, 1)), And(z < 0, Eq(a, 0)), And(Eq(z, 0), a >= 0, a <= 1)),),
        ),
        Obligation(
            "weighted margins",
            "min M ≤ Σ p_i M_i for weights that sum to 1: one more point",
            Ge(total + p * M, (mass + p) * least),
            (Ge(total, mass * least), p >= 0, least <= M),
        ),
        uncovered("logarithms", "min M − log m ≤ −log L ≤ min M, the log of a sum of exponentials"),
        *cauchy_schwarz(),
        Obligation(
            "margin and gradient",
            "0 < F ≤ min M ≤ μ = ⟨W, −∇f⟩ ≤ ‖W‖‖∇f‖",
            Le(mu, n * g) & Ge(mu, F),
            (n > 0, g >= 0, Le(mu**2, n**2 * g**2), least >= F, least <= mu, F > 0),
            ("Euler's identity", "weighted margins", "logarithms", "Cauchy–Schwarz"),
        ),
        uncovered("chain rule", "along the flow dF/ds = ‖∇f‖² and d‖W‖/ds = μ/‖W‖, for subgradients that allow it"),
        Obligation(
            "smoothed margin",
            "d/ds(F/‖W‖) = (‖∇f‖²‖W‖² − Fμ)/‖W‖³ ≥ 0",
            Ge((fall * n - F * growth) / n**2, 0),
            (*flow, Le(mu, n * g), Eq(fall, g**2), Eq(growth * n, mu)),
            ("margin and gradient", "chain rule"),
        ),
        uncovered("limit", "the direction tends to a Clarke-KKT point: Lyu & Li; Ji & Telgarsky"),
    )
