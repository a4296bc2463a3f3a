"""The proofs of the fine-tuning claims, step by step for a machine; each function follows its claim's docstring.

P, P_R, P_F, P_T are the projectors onto the row spaces of X, X_R, X_F, X_T, of any rank; Z is the pseudo-inverse of
the rows in question, so Z X = P. A mask is a diagonal projector: rows that do not use its columns vanish on it.
"""

from typing import Any

from theory.claims.lemmas import identity, matrix, norm_triangle, projector_rules, reals
from theory.obligation import Obligation


def _models() -> tuple[Any, ...]:
    """X_R, X_F, P_R, w*, the pseudo-inverse of X_R, and its rules."""
    from sympy import Eq

    X_R, X_F, P_R = matrix("X_R", "r", "d"), matrix("X_F", "f", "d"), matrix("P_R", "d", "d")
    w_star, Z = matrix("w_star", "d"), matrix("Z", "d", "r")
    return X_R, X_F, P_R, w_star, Z, (Eq(Z * X_R, P_R), *projector_rules(P_R, X_R))


def finetune_noop() -> tuple[Obligation, ...]:
    """The gradient is 0 where training starts, on any rows; so are both losses."""
    from sympy import Eq, Symbol

    X, P, w_star = matrix("X", "m", "d"), matrix("P", "d", "d"), matrix("w_star", "d")
    pick, Z, step = matrix("T", "t", "m"), matrix("Z", "d", "t"), Symbol("eta", real=True)
    X_T, w_o, rules = pick * X, P * w_star, projector_rules(P, X)
    error, nothing = X_T * w_o - pick * (X * w_star), 0 * w_star
    gradient = X_T.T * error
    return (
        Obligation("every row is fitted", "X w_o = X P w* = y: both losses are 0", Eq(X * w_o, X * w_star), rules),
        Obligation(
            "gradient",
            "X_Tᵀ(X_T w_o − y_T) = 0, T picking any rows",
            Eq(gradient, nothing),
            rules,
            ("every row is fitted",),
        ),
        Obligation(
            "gradient descent",
            "w_o − η · gradient = w_o for every step size, so every step",
            Eq(w_o - step * gradient, w_o),
            rules,
            ("gradient",),
        ),
        Obligation("limit", "w_t = w_o + X_T⁺(y_T − X_T w_o) = w_o", Eq(w_o - Z * error, w_o), rules),
    )


def golden() -> tuple[Obligation, ...]:
    """The golden model is P_R w*, and its error on the forget rows."""
    from sympy import Abs, Eq, Le

    error, labels, prediction = reals("error labels prediction")
    X_R, X_F, P_R, w_star, Z, rules = _models()
    keep_R, keep_F, zero = matrix("D_R", "d", "d"), matrix("D_F", "d", "d"), 0 * matrix("X_F", "f", "d") * X_R.T
    w_g, y_F = Z * X_R * w_star, X_F * w_star
    return (
        Obligation("golden", "w_g = X_R⁺ y_R = P_R w*", Eq(w_g, P_R * w_star), rules),
        Obligation("retained loss", "X_R w_g = y_R", Eq(X_R * w_g, X_R * w_star), rules),
        Obligation(
            "unlearning loss",
            "X_F w_g − y_F = −X_F(I − P_R)w*",
            Eq(X_F * w_g - y_F, -X_F * (identity("d") - P_R) * w_star),
            rules,
        ),
        Obligation(
            "distinct features",
            "disjoint column supports D_F D_R = 0 make X_F X_Rᵀ = 0",
            Eq(X_F * keep_F * (X_R * keep_R).T, zero),
            (Eq(keep_R.T, keep_R), Eq(keep_F * keep_R, 0 * keep_F)),
        ),
        Obligation(
            "distinct features, unlearning loss",
            "P_R = X_Rᵀ Zᵀ then gives X_F w_g = 0 and X_F w_g − y_F = −y_F",
            Eq(X_F * P_R * w_star - y_F, -y_F),
            (Eq(P_R, X_R.T * Z.T), Eq(X_F * X_R.T, zero)),
            ("golden", "distinct features"),
        ),
        Obligation(
            "through the overlap",
            "w_g uses the retained columns alone: X_F w_g = X_F D_F D_R w_g, D_F D_R the overlap",
            Eq(X_F * P_R * w_star, X_F * keep_F * keep_R * P_R * w_star),
            (Eq(X_F * keep_F, X_F), Eq(keep_R * P_R, P_R)),
        ),
        *norm_triangle(),
        Obligation(
            "within the prediction",
            "| ‖y_F − X_F w_g‖ − ‖y_F‖ | ≤ ‖X_F w_g‖",
            Le(Abs(error - labels), prediction),
            (prediction >= 0, labels >= 0, error >= 0, Le(error, labels + prediction), Le(labels, error + prediction)),
            ("triangle inequality",),
        ),
    )


def retention_mask() -> tuple[Obligation, ...]:
    """Zeroing C, the forget-only columns, which retained rows do not use."""
    from sympy import Eq

    X_R, X_F, P_R, w_star, Z, _ = _models()
    P_F, C, w_o, E = matrix("P_F", "d", "d"), matrix("C", "d", "d"), matrix("w_o", "d"), identity("d")
    Z_F, P = matrix("Z_F", "d", "f"), matrix("P", "d", "d")
    masked, unused = (E - C) * w_o, Eq(X_R * C, 0 * X_R)
    fitted = (Eq(X_R * w_o, X_R * w_star), Eq(X_F * w_o, X_F * w_star))
    distinct = (Eq(X_F * X_R.T, 0 * X_F * X_R.T), *projector_rules(P_R, X_R), *projector_rules(P_F, X_F))
    apart = (Eq(P_R * P_F, 0 * P_R), Eq(P_F * P_R, 0 * P_R))
    crossed = (Eq(X_R * P_F, 0 * X_R), Eq(X_F * P_R, 0 * X_F))
    both = P_R + P_F
    return (
        Obligation("retained loss", "X_R w_m = X_R w_o = y_R", Eq(X_R * masked, X_R * w_star), (unused, *fitted)),
        Obligation(
            "fine-tuning",
            "the gradient on R is 0",
            Eq(X_R.T * (X_R * masked - X_R * w_star), 0 * w_star),
            (unused, *fitted),
            ("retained loss",),
        ),
        Obligation(
            "unlearning loss", "X_F w_m − y_F = −X_F C w_o", Eq(X_F * masked - X_F * w_star, -X_F * C * w_o), fitted
        ),
        Obligation(
            "distinct features, row spaces",
            "P_F P_R = Z_F X_F X_Rᵀ Zᵀ = 0",
            Eq(Z_F * X_F * X_R.T * Z.T, 0 * P_R),
            (Eq(X_F * X_R.T, 0 * X_F * X_R.T),),
        ),
        Obligation(
            "distinct features, projector",
            "P_R + P_F is idempotent",
            Eq(both * both, both),
            (*distinct, *apart),
            ("distinct features, row spaces",),
        ),
        Obligation(
            "distinct features, retained rows",
            "P_R + P_F leaves the rows of R as they are, and by symmetry those of F: it is P",
            Eq(X_R * both, X_R),
            (*crossed, *distinct),
            ("distinct features, row spaces",),
        ),
        Obligation(
            "distinct features, golden",
            "C zeroes P_F w* and leaves P_R w*: w_m = P_R w* = w_g",
            Eq((E - C) * P * w_star, P_R * w_star),
            (Eq(P, both), Eq(C * P_R, 0 * P_R), Eq(C * P_F, P_F)),
            ("distinct features, projector", "distinct features, retained rows"),
        ),
    )


def forget_mask() -> tuple[Obligation, ...]:
    """w_o = kept + overlap + forget-only; the last two are zeroed, then fine-tuned on T or R."""
    from sympy import Eq

    X_R, X_F, P_R, w_star, Z, _ = _models()
    P = matrix("P", "d", "d")
    kept, overlap, private, w_o = matrix("w_m", "d"), matrix("o", "d"), matrix("c", "d"), matrix("w_o", "d")
    X_T, P_T, E = matrix("X_T", "t", "d"), matrix("P_T", "d", "d"), identity("d")
    split = (Eq(w_o, kept + overlap + private),)
    retained = (Eq(X_R * private, 0 * X_R * w_o), Eq(P_R * private, 0 * w_o))
    subset = (*projector_rules(P_T, X_T), Eq(P_T * private, 0 * w_o))
    rules = projector_rules(P_R, X_R)
    tuned = kept + P_R * overlap
    y_F = X_F * (overlap + private)
    return (
        Obligation(
            "unlearning loss",
            "X_F w_m = 0: X_F w_m − y_F = −y_F",
            Eq(X_F * kept - X_F * w_star, -X_F * w_star),
            (Eq(X_F * kept, 0 * X_F * w_o),),
        ),
        Obligation(
            "retained loss",
            "X_R w_m − y_R = −X_R w_o^∩",
            Eq(X_R * kept - X_R * w_o, -X_R * overlap),
            (*split, *retained),
        ),
        Obligation(
            "projector on forget-only columns",
            "P_T c = Z_T X_T c = 0",
            Eq(matrix("Z_T", "d", "t") * X_T * private, 0 * w_o),
            (Eq(X_T * private, 0 * X_T * w_o),),
        ),
        Obligation(
            "fine-tuned on T",
            "w_m + P_T(w_o − w_m) = w_m + P_T w_o^∩",
            Eq(kept + P_T * (w_o - kept), kept + P_T * overlap),
            (*split, *subset),
            ("projector on forget-only columns",),
        ),
        Obligation(
            "fine-tuned on R, retained loss",
            "X_R w_t = X_R w_o",
            Eq(X_R * tuned, X_R * w_o),
            (*split, *retained, *rules),
            ("fine-tuned on T",),
        ),
        Obligation(
            "fine-tuned on R, model",
            "w_t = P_R w_o + (I − P_R)w_m",
            Eq(tuned, P_R * w_o + (E - P_R) * kept),
            (*split, *retained),
            ("fine-tuned on T",),
        ),
        Obligation(
            "projector within a projector",
            "P_R w_o = P_R P w* = P_R w* = w_g, from P_R = Z X_R and X_R P = X_R",
            Eq(Z * X_R * P * w_star, Z * X_R * w_star),
            (Eq(X_R * P, X_R),),
        ),
        Obligation(
            "fine-tuned on R, unlearning loss",
            "X_F w_t − y_F = −(y_F − X_F P_R w_o^∩)",
            Eq(X_F * tuned - y_F, -(y_F - X_F * P_R * overlap)),
            (Eq(X_F * kept, 0 * X_F * w_o),),
            ("fine-tuned on T",),
        ),
        Obligation(
            "fine-tuned on T, retained loss",
            "X_R w_T − y_R = −X_R(I − P_T)w_o^∩",
            Eq(X_R * (kept + P_T * overlap) - X_R * w_o, -X_R * (E - P_T) * overlap),
            (*split, *retained),
            ("fine-tuned on T",),
        ),
        Obligation(
            "distinct features",
            "without an overlap w_t = w_m, and both are w_g = P_R w_o by the model above and P_R w_m = w_m",
            Eq(P_R * w_o + (E - P_R) * kept, kept),
            (*split, *retained, Eq(overlap, 0 * w_o), Eq(P_R * kept, kept)),
            ("fine-tuned on R, model", "projector within a projector"),
        ),
    )
