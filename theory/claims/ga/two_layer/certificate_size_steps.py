"""The proof of ga.two_layer.certificate_size, step by step for a machine.

Sums over points, neurons and entries add one term at a time.
"""

from fractions import Fraction

from theory.claims.lemmas import (
    cauchy_schwarz,
    gram_eigenvalues,
    identity,
    matrix,
    norm_triangle,
    reals,
)
from theory.obligation import Constant, Obligation, uncovered


def certificate_size() -> tuple[Obligation, ...]:
    """Eigenvalues, the projections' size, the network's length, and their quotient."""
    from sympy import Abs, Eq, Le

    N, psi, phi, a, p, kappa2 = reals("N psi phi a p kappa2")
    gamma, total, g, m, eps_d, k = reals("gamma total g m epsilon_d k")
    points = (N >= 1, phi >= 0, psi >= 0)
    low = 1 - psi - (N - 1) * phi
    return (
        *gram_eigenvalues(),
        *_projection_steps(),
        Obligation(
            "inner products",
            "‖X_R x_l‖² ≤ Nφ²: one more point",
            Le(total + g**2, (N + 1) * phi**2),
            (phi >= 0, Le(total, N * phi**2), Le(Abs(g), phi)),
        ),
        *cauchy_schwarz(),
        Obligation(
            "projection",
            "p = ‖P_R x‖² = ⟨g, κ⟩ = κᵀGκ ≥ a‖κ‖² and p² ≤ ‖g‖²‖κ‖²: p ≤ Nφ²/a",
            Le(p, N * phi**2 / a),
            (a > 0, N >= 1, p >= 0, kappa2 >= 0, p >= a * kappa2, Le(p**2, gamma * kappa2), Le(gamma, N * phi**2)),
            ("projection from the Gram matrix", "eigenvalues, least", "inner products", "Cauchy–Schwarz"),
        ),
        Obligation(
            "projection at φ = ε_d/(4m)",
            "p ≤ kε_d²/(m(1 − ψ − ε_d/4)), k = 1/16",
            Le(p * m * (1 - psi - eps_d / 4), k * eps_d**2),
            (
                *(*points, m >= N, eps_d >= 0, eps_d <= 1, Eq(phi, eps_d / (4 * m)), 1 - psi - eps_d / 4 > 0),
                *(p >= 0, Le(p * low, N * phi**2)),
            ),
            ("projection",),
            Constant(k, Fraction(1, 16), Fraction(0)),
        ),
        *_removed_steps(),
        *_length_steps(),
        *_quotient_steps(),
    )


def _projection_steps() -> tuple[Obligation, ...]:
    from sympy import Eq

    X, K, x = matrix("X_R", "r", "d"), matrix("K", "r", "r"), matrix("x", "d")
    P = X.T * K * X
    inverse = (Eq(K.T, K), Eq(X * X.T * K, identity("r")), Eq(K * X * X.T, identity("r")))
    g = X * x
    return (
        Obligation("projector", "P_R = X_Rᵀ G_RR⁻¹ X_R: P_R² = P_R", Eq(P * P, P), inverse),
        Obligation(
            "projection from the Gram matrix",
            "‖P_R x‖² = ⟨g, κ⟩, g = X_R x, κ = G_RR⁻¹ g",
            Eq((P * x).T * (P * x), g.T * (K * g)),
            inverse,
        ),
        Obligation("Gram form", "⟨g, κ⟩ = κᵀ G_RR κ", Eq(g.T * (K * g), (K * g).T * X * X.T * (K * g)), inverse),
    )


def _removed_steps() -> tuple[Obligation, ...]:
    from sympy import Abs, Eq, Le, sqrt

    moved, add, u, lam, s, p, total, squares, U, Lam, phi, N, a = reals("moved add u lam s p total S U Lambda phi N a")
    return (
        *[step for step in norm_triangle() if step.name.endswith("triangle inequality")],
        Obligation(
            "one neuron",
            "‖(P_R g)_j‖ ≤ |u_j| Σ_F λ_l ‖P_R x_l‖: one more forgotten point, 0 ≤ s ≤ 1",
            Le(moved + add, Abs(u) * (total + lam * p)),
            (
                *(lam >= 0, p >= 0, s >= 0, s <= 1, total >= 0, Le(moved, Abs(u) * total)),
                Eq(add, Abs(u) * lam * s * p),
            ),
            ("triangle inequality",),
        ),
        Obligation(
            "all neurons",
            "‖P_R g‖² ≤ ‖u‖² T²: one more neuron",
            Le(squares + moved**2, (U + u**2) * total**2),
            (U >= 0, total >= 0, moved >= 0, Le(squares, U * total**2), Le(moved, Abs(u) * total)),
            ("one neuron",),
        ),
        Obligation(
            "removed part",
            "‖P_R g‖ ≤ ‖u‖ T",
            Le(moved, sqrt(U) * total),
            (U >= 0, total >= 0, moved >= 0, Le(moved**2, U * total**2)),
            ("all neurons",),
        ),
        Obligation(
            "forgotten points",
            "T ≤ Λ_F p for projections of length at most p: one more forgotten point",
            Le(total + lam * s, (Lam + lam) * p),
            (lam >= 0, s >= 0, s <= p, Lam >= 0, Le(total, Lam * p)),
        ),
        Obligation(
            "stationarity",
            "‖P_R g‖ ≤ ‖u‖ Λ_F φ √(N/a), u = ‖u‖",
            Le(moved, u * Lam * phi * sqrt(N / a)),
            (
                *(a > 0, N >= 1, phi >= 0, u >= 0, Lam >= 0, p >= 0, Le(p**2, N * phi**2 / a), total >= 0),
                *(Le(moved, u * total), Le(total, Lam * p)),
            ),
            ("projection", "removed part", "forgotten points"),
        ),
    )


def _length_steps() -> tuple[Obligation, ...]:
    from sympy import Abs, Eq, Ge, Le, Max

    y, u, z, M, rest, c, square, total, N, add = reals("y u z M rest c square total N add")
    n, q, b, plus, minus, c_plus, c_minus, W_plus, W_minus = reals("n q b N_p N_m c_p c_m W_p W_m")
    X, w = matrix("X_R", "r", "d"), matrix("w", "d")
    lower = (b > 0, c_plus > 0, c_minus > 0, plus >= 0, minus >= 0)
    return (
        Obligation(
            "neurons of the label's sign",
            "y_i u_j max(z, 0) ≤ max(y_i u_j, 0)|z|, where max(y_i u_j, 0) ≤ |u_j| is 0 for the other neurons",
            Le(y * u * Max(z, 0), Max(y * u, 0) * Abs(z)) & Le(Max(y * u, 0), Abs(u)),
            (Eq(Abs(y), 1),),
        ),
        Obligation(
            "margin",
            "M_i ≤ Σ|u_j||z_j| with (Σ|u_j||z_j|)² ≤ c‖z‖² and M_i ≥ 1: ‖z‖² ≥ 1/c",
            Ge(square, 1 / c),
            (c > 0, square >= 0, M >= 1, rest >= M, Le(rest**2, c * square)),
            ("neurons of the label's sign", "Cauchy–Schwarz"),
        ),
        Obligation(
            "sum over points",
            "Σ_i ‖W_± x_i‖² ≥ N_±/c: one more point",
            Ge(total + add, (N + 1) / c),
            (c > 0, Ge(total, N / c), Ge(add, 1 / c)),
            ("margin",),
        ),
        Obligation(
            "X w against Xᵀ v",
            "‖Xw‖² = ⟨w, Xᵀ(Xw)⟩",
            Eq((X * w).T * (X * w), w.T * (X.T * (X * w)), evaluate=False),
        ),
        Obligation(
            "largest eigenvalue for a neuron",
            "n = ‖Xw‖²: n² ≤ ‖w‖² ‖Xᵀ(Xw)‖² and ‖Xᵀ(Xw)‖² ≤ bn give n ≤ b‖w‖²",
            Le(n, b * square),
            (n >= 0, square >= 0, b > 0, q >= 0, Le(n**2, square * q), Le(q, b * n)),
            ("eigenvalues, largest", "X w against Xᵀ v", "Cauchy–Schwarz"),
        ),
        Obligation(
            "length",
            "‖W‖² = ‖W_+‖² + ‖W_−‖² ≥ (N_+/c_+ + N_−/c_−)/b",
            Ge(W_plus + W_minus, (plus / c_plus + minus / c_minus) / b),
            (*lower, Ge(b * W_plus, plus / c_plus), Ge(b * W_minus, minus / c_minus)),
            ("sum over points", "largest eigenvalue for a neuron"),
        ),
        Obligation(
            "length, both labels",
            "N_+/c_+ + N_−/c_− ≥ N/(c_+ + c_−), c_+ + c_− = ‖u‖²",
            Ge(plus / c_plus + minus / c_minus, (plus + minus) / (c_plus + c_minus)),
            lower,
        ),
    )


def _quotient_steps() -> tuple[Obligation, ...]:
    from sympy import Eq, Ge, Le, sqrt

    moved, length, u, Lam, phi, a, b, ratio, at_most, tau = reals("moved length u Lambda phi a b q Q tau")
    root_low, root_high, root_N = reals("root_a root_b root_N")
    return (
        Obligation(
            "quotient",
            "q = ‖P_R g‖/‖W̃‖ ≤ ‖u‖² Λ_F φ √(b/a): N cancels",
            Le(moved * root_low, u**2 * Lam * phi * root_high * length),
            (
                *(root_low > 0, root_high > 0, root_N > 0, u > 0, Lam >= 0, phi >= 0, length > 0, moved >= 0),
                *(Le(moved * root_low, u * Lam * phi * root_N), Ge(length * root_high * u, root_N)),
            ),
            ("stationarity", "length", "length, both labels"),
        ),
        Obligation(
            "roots of quotients",
            "√b/√a = √(b/a)",
            Eq(root_high / root_low, sqrt(b / a)),
            (a > 0, b > 0, root_low > 0, root_high > 0, Eq(root_low**2, a), Eq(root_high**2, b)),
        ),
        Obligation(
            "direction",
            "τ ≤ 1 − √(1 − q²) grows with q",
            Le(tau, 1 - sqrt(1 - at_most**2)),
            (ratio >= 0, ratio <= at_most, at_most < 1, Le(tau, 1 - sqrt(1 - ratio**2))),
            ("quotient", "roots of quotients"),
        ),
        uncovered("width", "with more or fewer neurons only ‖u‖ changes; the orders in ε_d and m are read off"),
    )
