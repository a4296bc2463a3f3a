"""The proofs of ft.overlap and ft.noisy_labels, step by step for a machine; they follow the docstrings.

P, P_R project onto the row spaces of X, X_R, of any rank; Z_R is the pseudo-inverse of X_R, so Z_R X_R = P_R.
Sets of columns are diagonal projectors: D_A keeps those the retained rows use, D_B those the forget rows use, O both,
C the forget-only ones.
"""

from theory.claims.lemmas import identity, matrix, projector_rules, reals
from theory.obligation import Obligation


def overlap() -> tuple[Obligation, ...]:
    """The golden model's error on the forget rows, split over the columns."""
    from sympy import Eq

    X_R, X_F, P_R = matrix("X_R", "r", "d"), matrix("X_F", "f", "d"), matrix("P_R", "d", "d")
    keep_A, keep_B, both, private = (matrix(name, "d", "d") for name in ("D_A", "D_B", "O", "C"))
    w_star, Z, Y, E = matrix("w_star", "d"), matrix("Z_R", "d", "r"), matrix("Y", "f", "d"), identity("d")
    columns = (Eq(both * both, both), Eq(private * private, private), Eq(private.T, private), Eq(both.T, both))
    apart = (Eq(both * private, 0 * E), Eq(private * both, 0 * E))
    rows = Y * (both + private)
    seen = P_R * keep_A * w_star
    return (
        Obligation(
            "retained part",
            "w_g = P_R w* = P_R w_A, w_A = D_A w*: X_R D_A = X_R and P_R = Z_R X_R",
            Eq(Z * X_R * w_star, Z * X_R * keep_A * w_star),
            (Eq(X_R * keep_A, X_R),),
        ),
        Obligation(
            "forget part",
            "y_F = X_F w* = X_F w_B, w_B = D_B w*",
            Eq(X_F * w_star, X_F * keep_B * w_star),
            (Eq(X_F * keep_B, X_F),),
        ),
        Obligation(
            "unlearning loss",
            "X_F w_g − y_F = X_F(P_R w_A − w_B)",
            Eq(X_F * P_R * w_star - X_F * w_star, X_F * (seen - keep_B * w_star)),
            (Eq(P_R * keep_A, P_R), Eq(X_F * keep_B, X_F)),
            ("retained part", "forget part"),
        ),
        Obligation(
            "retained span and forget-only columns",
            "retained rows vanish on forget-only columns, and so does their span: C P_R = (Z_R X_R C)ᵀ = 0",
            Eq((Z * X_R * private).T, 0 * E),
            (Eq(X_R * private, 0 * X_R),),
        ),
        Obligation(
            "by columns",
            "X_F(P_R w_A − w_B) = X_F O(P_R w_A − w*) − X_F C w* for X_F = Y(O + C), D_B = O + C",
            Eq(rows * (seen - (both + private) * w_star), rows * both * (seen - w_star) - rows * private * w_star),
            (*columns, *apart, Eq(private * P_R, 0 * E)),
            ("unlearning loss", "retained span and forget-only columns"),
        ),
        Obligation(
            "no overlap",
            "O = 0: X_F(P_R w_A − w_B) = −X_F C w* = −y_F",
            Eq(rows * (seen - (both + private) * w_star), -rows * w_star),
            (Eq(both, 0 * E), Eq(private * private, private), Eq(private * P_R, 0 * E)),
            ("by columns",),
        ),
        Obligation(
            "full overlap",
            "w_A = w_B = w*: X_F(P_R w_A − w_B) = −X_F(I − P_R)w*",
            Eq(X_F * (seen - keep_B * w_star), -X_F * (E - P_R) * w_star),
            (Eq(keep_A, E), Eq(keep_B, E)),
            ("unlearning loss",),
        ),
    )


def noisy_labels() -> tuple[Obligation, ...]:
    """An interpolant u in the place of w*, and what the noise adds where w* itself is kept."""
    from sympy import Eq

    X, X_R, X_F = matrix("X", "m", "d"), matrix("X_R", "r", "d"), matrix("X_F", "f", "d")
    P, P_R, E = matrix("P", "d", "d"), matrix("P_R", "d", "d"), identity("d")
    Z, Z_R = matrix("Z", "d", "m"), matrix("Z_R", "d", "r")
    u, w_o, w_star, v, eta = (matrix(name, "d") for name in ("u", "w_o", "w_star", "v", "eta"))
    e, e_R, e_F, y_R = matrix("e", "m"), matrix("e_R", "r"), matrix("e_F", "f"), matrix("y_R", "r")
    keep_A, keep_B, private = matrix("D_A", "d", "d"), matrix("D_B", "d", "d"), matrix("C", "d", "d")
    count, whole, outside, cross, noise = reals("count whole outside cross noise")
    retained = (Eq(Z_R * X_R, P_R), *projector_rules(P_R, X_R))
    residual = X_F * (E - P_R) * w_star + e_F - X_F * Z_R * e_R
    return (
        Obligation(
            "w_o fits",
            "X w_o = X X⁺ y = y where some u has Xu = y",
            Eq(X * Z * X * u, X * u),
            (Eq(X * Z * X, X),),
        ),
        Obligation(
            "any interpolant is fixed",
            "X_R u = y_R: the gradient X_Rᵀ(X_R u − y_R) is 0, so u_t = u, and w_t = w_o",
            Eq(X_R.T * (X_R * u - y_R), 0 * u),
            (Eq(X_R * u, y_R),),
            ("w_o fits",),
        ),
        Obligation("golden", "w_g = X_R⁺ y_R = P_R u", Eq(Z_R * X_R * u, P_R * u), retained),
        Obligation(
            "unlearning loss",
            "X_F w_g − y_F = −X_F(I − P_R)u",
            Eq(X_F * (Z_R * X_R * u) - X_F * u, -X_F * (E - P_R) * u),
            retained,
            ("golden",),
        ),
        Obligation(
            "overlap",
            "X_F w_g − y_F = X_F(P_R u_A − u_B)",
            Eq(X_F * P_R * u - X_F * u, X_F * (P_R * keep_A * u - keep_B * u)),
            (Eq(P_R * keep_A, P_R), Eq(X_F * keep_B, X_F)),
            ("golden",),
        ),
        Obligation(
            "retention mask",
            "X_R(I − C)w_o = X_R w_o = y_R, C the forget-only columns",
            Eq(X_R * (E - private) * w_o, y_R),
            (Eq(X_R * private, 0 * X_R), Eq(X_R * w_o, y_R)),
            ("w_o fits",),
        ),
        Obligation(
            "distinct features",
            "P_R = X_Rᵀ Z_Rᵀ and X_F X_Rᵀ = 0: X_F w_g − y_F = −y_F",
            Eq(X_F * P_R * u - X_F * u, -X_F * u),
            (Eq(P_R, X_R.T * Z_R.T), Eq(X_F * X_R.T, 0 * X_F * X_R.T)),
            ("golden",),
        ),
        Obligation(
            "pretrained is off",
            "w_o − Pw* = X⁺(Xw* + e) − Pw* = X⁺e",
            Eq(Z * (X * w_star + e) - P * w_star, Z * e),
            (Eq(Z * X, P),),
        ),
        Obligation(
            "golden is off",
            "w_g − P_R w* = X_R⁺ e_R",
            Eq(Z_R * (X_R * w_star + e_R) - P_R * w_star, Z_R * e_R),
            (Eq(Z_R * X_R, P_R),),
        ),
        Obligation(
            "forget residual",
            "y_F − X_F w_g = v + η, v = X_F(I − P_R)w*, η = e_F − X_F X_R⁺ e_R",
            Eq(X_F * w_star + e_F - X_F * Z_R * (X_R * w_star + e_R), residual),
            (Eq(Z_R * X_R, P_R),),
            ("golden is off",),
        ),
        Obligation(
            "square of the residual",
            "‖v + η‖² = ‖v‖² + 2⟨v, η⟩ + ‖η‖²",
            Eq((v + eta).T * (v + eta), v.T * v + 2 * v.T * eta + eta.T * eta, evaluate=False),
        ),
        Obligation(
            "unlearning loss is off",
            "UL(w_g) − ‖v‖²/|F| = (2⟨v, η⟩ + ‖η‖²)/|F|",
            Eq(whole / count - outside / count, (2 * cross + noise) / count),
            (count >= 1, Eq(whole, outside + 2 * cross + noise)),
            ("forget residual", "square of the residual"),
        ),
    )
