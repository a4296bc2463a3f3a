r"""The golden model's loss on the forget rows when features overlap, column group by column group.

Proof (derived here). Let w_A be w* on the columns that the retained rows use and w_B on those the forget
rows use. Rows of X_R vanish on forget-only columns, hence so does every vector of their span: P_R w* =
P_R w_A. Rows of X_F vanish on retained-only columns: y_F = X_F w* = X_F w_B. So
X_F w_g − y_F = X_F (P_R w_A − w_B). The retained-only part of P_R w_A does not enter, so split over columns
the error is X_F^∩ ((P_R w_A)^∩ − w*^∩) − X_F^c w*^c with ∩ the overlap and c the forget-only columns: a part
that retained data could correct and a part that they never see. Without private columns (full overlap)
w_A = w_B = w* and UL(w_g) = ‖X_F(I − P_R)w*‖²/|F|.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Claim, Conclusion, Counterexample, Sizes
from theory.claims.ft import overlap_steps
from theory.claims.ft.instances import (
    NOISELESS,
    SIZES,
    SUPPORTS,
    FeatureProblem,
    Trained,
    by_hand,
    feature_problem,
    fit_residual,
    loss,
    mean_square,
    overlap_columns,
    problem_latent,
    train,
    where_distinct,
)
from theory.claims.ft.rational_instances import RationalProblem
from theory.solvers.rational import MatrixMaker, rational_matrix, same


class Parts(NamedTuple):
    """w* restricted to each side's columns, and the projection that the formula needs."""

    base: Trained
    w_A: Float[Array, " d"]  # on retained-only and overlap columns
    w_B: Float[Array, " d"]  # on overlap and forget-only columns
    projected: Float[Array, " d"]  # P_R w_A


def solve(i: FeatureProblem) -> Parts:
    """Retrain, and restrict w* to both sides' columns."""
    base = train(i)
    w_A = jnp.where(i.retained_columns, i.w_star, 0.0)
    return Parts(base, w_A, jnp.where(i.forget_columns, i.w_star, 0.0), base.retained.project(w_A))


def _by_columns(i: FeatureProblem, s: Parts) -> Float[Array, ""]:
    """The formula with its overlap and forget-only parts written apart."""
    shared = jnp.where(overlap_columns(i), s.projected - i.w_star, 0.0)
    unseen = jnp.where(i.retained_columns, 0.0, i.w_star)
    return mean_square(i.X @ shared - i.X @ unseen, i.forget)


def _where_full(i: FeatureProblem, value: Array) -> Array:
    return jnp.where(jnp.all(overlap_columns(i)), value, 0.0)


def exact(sizes: Sizes, seed: int, matrix: MatrixMaker = rational_matrix) -> dict[str, bool]:
    """The conclusions over the rationals."""
    p = RationalProblem(sizes, seed, matrix)
    w_A, w_B = p.on(p.retained_columns, p.w_star), p.on(p.forget_columns, p.w_star)
    projected, unlearning = p.project_R(w_A), p.unlearning_loss(p.golden)
    split = p.X_F * p.on(p.overlap, projected - p.w_star) - p.X_F * p.on(p.forget_only, p.w_star)
    outside = p.mean_square(p.X_F * (p.w_star - p.project_R(p.w_star)))
    return {
        "retained part": same(p.golden, projected),
        "forget part": same(p.y_F, p.X_F * w_B),
        "unlearning loss": same(unlearning, p.mean_square(p.X_F * (projected - w_B))),
        "by columns": same(unlearning, p.mean_square(split)),
        "no overlap": not p.distinct or same(unlearning, p.mean_square(p.y_F)),
        "full overlap": not p.full_overlap or same(unlearning, outside),
    }


def _noisy() -> FeatureProblem:
    """The forget label is 3 where w* gives 2: UL counts the noise, the formula does not."""
    X = [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    return by_hand(X, [2.0, 3.0], [1.0, 1.0, 1.0], columns=(1, 1, 1), retained=1)


def _leaking() -> FeatureProblem:
    """The retained row uses a forget-only column: w_g = (1, 0, 1) has UL = 1, the formula says 9/4."""
    X = [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]
    return by_hand(X, [2.0, 2.0], [1.0, 1.0, 1.0], columns=(1, 1, 1), retained=1)


CLAIM = Claim(
    key="ft.overlap",
    title="Golden unlearning loss for partial, full and no feature overlap",
    statement=r"w_A = w^*|_{\text{columns of } R},\ w_B = w^*|_{\text{columns of } F} \Rightarrow "
    r"UL(w_g) = \|X_F(P_Rw_A-w_B)\|^2/|F|",
    source="derived here; setting of FT, arXiv 2410.03833, abstract",
    status="proved",
    sizes=SIZES,
    latent=problem_latent,
    build=feature_problem,
    assumptions=(NOISELESS, SUPPORTS),
    solve=solve,
    residual=lambda i, s: fit_residual(i, s.base),
    conclusions=(
        Conclusion(
            "retained part",
            r"w_g = P_Rw_A",
            lhs=lambda i, s: s.base.golden.w,
            rhs=lambda i, s: s.projected,
            relation="==",
            scale=lambda i, s: s.base.weights,
        ),
        Conclusion(
            "forget part",
            r"y_F = X_Fw_B",
            lhs=lambda i, s: jnp.where(i.forget, i.y, 0.0),
            rhs=lambda i, s: jnp.where(i.forget, i.X @ s.w_B, 0.0),
            relation="==",
            scale=lambda i, s: s.base.values,
        ),
        Conclusion(
            "unlearning loss",
            r"UL(w_g) = \|X_F(P_Rw_A-w_B)\|^2/|F|",
            lhs=lambda i, s: loss(i, s.base.golden.w, i.forget),
            rhs=lambda i, s: mean_square(i.X @ (s.projected - s.w_B), i.forget),
            relation="==",
            scale=lambda i, s: s.base.losses,
        ),
        Conclusion(
            "by columns",
            r"UL(w_g) = \|X_F^{\cap}((P_Rw_A)^{\cap}-w^{*\cap})-X_F^{c}w^{*c}\|^2/|F|",
            lhs=lambda i, s: loss(i, s.base.golden.w, i.forget),
            rhs=_by_columns,
            relation="==",
            scale=lambda i, s: s.base.losses,
        ),
        Conclusion(
            "no overlap",
            r"\text{no overlap} \Rightarrow UL(w_g) = \|y_F\|^2/|F|",
            lhs=lambda i, s: where_distinct(i, loss(i, s.base.golden.w, i.forget)),
            rhs=lambda i, s: where_distinct(i, mean_square(i.y, i.forget)),
            relation="==",
            scale=lambda i, s: s.base.losses,
        ),
        Conclusion(
            "full overlap",
            r"\text{no private columns} \Rightarrow UL(w_g) = \|X_F(I-P_R)w^*\|^2/|F|",
            lhs=lambda i, s: _where_full(i, loss(i, s.base.golden.w, i.forget)),
            rhs=lambda i, s: _where_full(i, mean_square(i.X @ s.base.retained.reject(i.w_star), i.forget)),
            relation="==",
            scale=lambda i, s: s.base.losses,
        ),
    ),
    counterexamples=(
        Counterexample("noiseless", _noisy, "label noise enters UL and not the formula"),
        Counterexample("supports", _leaking, "a retained row that uses a forget-only column"),
    ),
    exact=exact,
    obligations=overlap_steps.overlap,
)
