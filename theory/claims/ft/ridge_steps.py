"""The proof of ft.ridge_transition, step by step for a machine; it follows the docstring.

K is the inverse of XXᵀ + μI and L that of XᵀX + μI; Z_R is the pseudo-inverse of X_R, P_R its row space's projector.
"""

from theory.claims.lemmas import identity, matrix, norm_triangle, projection_lengths, projector_rules, reals
from theory.obligation import Obligation, uncovered


def ridge_transition() -> tuple[Obligation, ...]:
    """Residual, limit, movement, what stays, and the two bounds."""
    return (*_models(), *_movement(), *_descent())


def _models() -> tuple[Obligation, ...]:
    from sympy import Eq, Symbol

    X, X_R, X_F, E = matrix("X", "m", "d"), matrix("X_R", "r", "d"), matrix("X_F", "f", "d"), identity("d")
    K, Z_R, P_R, mu = matrix("K", "m", "m"), matrix("Z_R", "d", "r"), matrix("P_R", "d", "d"), Symbol("mu", real=True)
    y, y_R, y_F, w_o = matrix("y", "m"), matrix("y_R", "r"), matrix("y_F", "f"), matrix("w_o", "d")
    r_R, r_F = y_R - X_R * w_o, y_F - X_F * w_o
    tuned = w_o + Z_R * r_R
    whole = Eq(P_R, E)
    return (
        Obligation(
            "residual",
            "r = y − X w_o = μ(G + μI)⁻¹y, from (G + μI)K = I",
            Eq(y - X * (X.T * K * y), mu * K * y),
            (Eq(X * X.T * K, identity("m") - mu * K),),
        ),
        Obligation(
            "fits retained rows",
            "w_t = w_o + X_R⁺ r_R has gradient 0: X_RᵀX_RX_R⁺ = X_Rᵀ",
            Eq(X_R.T * (X_R * tuned - y_R), 0 * w_o),
            (Eq(X_R.T * X_R * Z_R, X_R.T),),
        ),
        Obligation(
            "moves in the row space",
            "(I − P_R)(w_t − w_o) = 0: it is the limit of descent, which moves in the row space alone",
            Eq((E - P_R) * (tuned - w_o), 0 * w_o),
            (Eq(P_R * Z_R, Z_R),),
        ),
        Obligation(
            "unlearning loss",
            "y_F − X_F w_t = r_F − X_F X_R⁺ r_R",
            Eq(y_F - X_F * tuned, r_F - X_F * Z_R * r_R),
        ),
        Obligation(
            "not forgotten",
            "w_t − w_g = (I − P_R)w_o, w_g = X_R⁺ y_R",
            Eq(tuned - Z_R * y_R, (E - P_R) * w_o),
            (Eq(Z_R * X_R, P_R),),
        ),
        Obligation(
            "complete",
            "rank X_R = d makes P_R = I: w_t = w_g",
            Eq((E - P_R) * w_o, 0 * w_o),
            (whole,),
            ("not forgotten",),
        ),
    )


def _movement() -> tuple[Obligation, ...]:
    from sympy import Eq, Le, Symbol

    X, X_R = matrix("X", "m", "d"), matrix("X_R", "r", "d")
    K, L, shift = matrix("K", "m", "m"), matrix("L", "d", "d"), Symbol("mu", real=True)
    Z_R, P_R, E = matrix("Z_R", "d", "r"), matrix("P_R", "d", "d"), identity("d")
    w_p, w_o, off_R = matrix("w_p", "d"), matrix("w_o", "d"), matrix("off_R", "r")
    mu, s, least, total, squares, c, f = reals("mu s sigma total squares c f")
    n, p, q, first, size = reals("n p q first size")
    v, u, spread = matrix("v", "d"), matrix("u", "m"), Symbol("s", real=True)
    left, right = X.T * X + shift * E, X * X.T + shift * identity("m")
    return (
        Obligation(
            "push-through, right",
            "L(XᵀX + μI)XᵀK = LXᵀ(XXᵀ + μI)K, and (XXᵀ + μI)K = I",
            Eq(L * X.T * right * K, L * X.T),
            (Eq(X * X.T * K, identity("m") - shift * K),),
        ),
        Obligation(
            "push-through, left",
            "L(XᵀX + μI) = I: so XᵀK = LXᵀ and w_o = XᵀKy = LXᵀy",
            Eq(L * left * X.T * K, X.T * K),
            (Eq(L * X.T * X, E - shift * L),),
            ("push-through, right",),
        ),
        Obligation(
            "what ridge takes",
            "w_p − w_o = μ(XᵀX + μI)⁻¹ w_p, since Xᵀy = XᵀX w_p",
            Eq(w_p - L * X.T * X * w_p, shift * L * w_p),
            (Eq(L * X.T * X, E - shift * L),),
            ("push-through, left",),
        ),
        Obligation(
            "movement",
            "X_R⁺ r_R = P_R(w_p − w_o) + X_R⁺(y_⊥)_R, for r = X(w_p − w_o) + y_⊥",
            Eq(Z_R * (X_R * (w_p - w_o) + off_R), P_R * (w_p - w_o) + Z_R * off_R),
            (Eq(Z_R * X_R, P_R),),
            ("residual",),
        ),
        Obligation(
            "singular direction",
            "Xv = su and Xᵀu = sv: XᵀXv = s²v, and the same for X_R",
            Eq(X.T * X * v, spread**2 * v),
            (Eq(X * v, spread * u), Eq(X.T * u, spread * v)),
        ),
        Obligation(
            "ridge on a singular direction",
            "(μ + s²)(XᵀX + μI)⁻¹v = v",
            Eq((shift + spread**2) * L * v, L * (X.T * X + shift * E) * v),
            (Eq(X.T * X * v, spread**2 * v),),
            ("singular direction",),
        ),
        Obligation(
            "one singular direction",
            "μ/(μ + s²) ≤ μ/(μ + σ²) for s ≥ σ > 0",
            Le(mu / (mu + s**2), mu / (mu + least**2)),
            (mu >= 0, least > 0, s >= least),
            ("ridge on a singular direction",),
        ),
        Obligation(
            "all directions",
            "Σ(f_i c_i)² ≤ f² Σ c_i² for 0 ≤ f_i ≤ f: one more direction",
            Le(total + (p * c) ** 2, f**2 * (squares + c**2)),
            (Le(total, f**2 * squares), p >= 0, p <= f),
        ),
        Obligation(
            "length of what ridge takes",
            "‖w_p − w_o‖ ≤ f‖w_p‖, f = μ/(μ + σ²)",
            Le(first, f * size),
            (first >= 0, f >= 0, size >= 0, Le(first**2, f**2 * size**2)),
            ("what ridge takes", "one singular direction", "all directions"),
        ),
        *projection_lengths(),
        *norm_triangle(),
        Obligation(
            "vanishing ridge",
            "‖w_t − w_o‖ ≤ μ/(μ + σ²)‖w_p‖ + ‖X_R⁺(y_⊥)_R‖",
            Le(n, f * size + q),
            (Le(n, p + q), Le(p, first), Le(first, f * size)),
            ("movement", "length of what ridge takes", "a projection is no longer", "triangle inequality"),
        ),
    )


def _descent() -> tuple[Obligation, ...]:
    from sympy import Abs, Eq, Le, Symbol

    X_R, P_R, step = matrix("X_R", "r", "d"), matrix("P_R", "d", "d"), Symbol("eta", real=True)
    v, w_t, y_R = matrix("v", "d"), matrix("w_t", "d"), matrix("y_R", "r")
    S, low, top, rho, n, start, factor, power = reals("S low top rho n start factor power")
    error = v - w_t
    return (
        Obligation(
            "one step of descent",
            "v − ηX_Rᵀ(X_R v − y_R) − w_t = (I − ηX_RᵀX_R)(v − w_t)",
            Eq(v - step * X_R.T * (X_R * v - y_R) - w_t, error - step * X_R.T * X_R * error),
            (Eq(X_R.T * X_R * w_t, X_R.T * y_R),),
            ("fits retained rows",),
        ),
        Obligation(
            "error in the row space",
            "P_R(v − w_t) = v − w_t is kept by a step",
            Eq(P_R * (error - step * X_R.T * X_R * error), error - step * X_R.T * X_R * error),
            (*projector_rules(P_R, X_R), Eq(P_R * v, v), Eq(P_R * w_t, w_t)),
        ),
        Obligation(
            "contraction of a direction",
            "S = s² between σ² and ‖X_R‖², step ρ/‖X_R‖², ρ ≤ 1: |1 − ρS/‖X_R‖²| ≤ 1 − ρσ²/‖X_R‖²",
            Le(Abs(1 - rho * S / top), 1 - rho * low / top),
            (low > 0, low <= S, top >= S, rho >= 0, rho <= 1),
        ),
        Obligation(
            "descent",
            "‖v_k − w_t‖ ≤ (1 − ρ/κ_R²)^k ‖w_o − w_t‖: one more step",
            Le(n, factor * power * start),
            (factor >= 0, n >= 0, Le(n**2, factor**2 * (power * start) ** 2), power >= 0, start >= 0),
            ("one step of descent", "error in the row space", "contraction of a direction", "all directions"),
        ),
        uncovered("singular value decomposition", "every vector of the row space is a sum of such directions"),
        uncovered("limit", "a factor below 1 to the power k tends to 0, so descent tends to w_t"),
    )
