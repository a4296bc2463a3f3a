r"""Keeping only the columns that retained data use: perfect retention, and how much is forgotten.

Proof (derived here; the mask is paper FT's remedy). Retained rows vanish on forget-only columns, so zeroing
those of w_o leaves X_R w_o = y_R as it is: RL = 0 with no fine-tuning, and fine-tuning on any subset of R
then does nothing (its gradient is 0). The forget rows lose exactly their forget-only contribution, so
UL = ‖X_F w_o^c‖²/|F| with w_o^c the zeroed part. With distinct features the row spaces of X_R and X_F are
orthogonal, w_o = P_R w* + P_F w*, and zeroing removes P_F w*: the masked model *is* the golden one.
"""

from typing import NamedTuple

from jaxtyping import Array, Float

from theory.claim import Claim, Conclusion, Counterexample, Sizes
from theory.claims.ft import proof_steps
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
    misfit,
    problem_latent,
    train,
    where_distinct,
)
from theory.claims.ft.rational_instances import RationalProblem
from theory.numerics import norm
from theory.solvers.rational import MatrixMaker, rational_matrix, same, vanishes
from theory.unlearning.fine_tune import fine_tune_regression
from theory.unlearning.masks import retention_mask


class Masked(NamedTuple):
    """The masked model, before and after fine-tuning."""

    base: Trained
    w: Float[Array, " d"]  # masked w_o
    removed: Float[Array, " d"]  # w_o − masked
    tuned: Float[Array, " d"]  # after fine-tuning on R
    part_tuned: Float[Array, " d"]  # after fine-tuning on the subset of R


def masked_by(i: FeatureProblem, base: Trained, w: Float[Array, " d"]) -> Masked:
    """Fine-tune a masked model on R and on the subset."""
    return Masked(
        base,
        w,
        base.pretrained.w - w,
        fine_tune_regression(w, i.X, i.y, ~i.forget),
        fine_tune_regression(w, i.X, i.y, i.subset),
    )


def solve(i: FeatureProblem) -> Masked:
    """Train, mask, fine-tune."""
    base = train(i)
    return masked_by(i, base, retention_mask(base.pretrained.w, i.retained_columns))


def exact(sizes: Sizes, seed: int, matrix: MatrixMaker = rational_matrix) -> dict[str, bool]:
    """The conclusions over the rationals."""
    p = RationalProblem(sizes, seed, matrix)
    w, removed = p.on(p.retained_columns, p.pretrained), p.on(p.forget_only, p.pretrained)
    return {
        "remaining loss": vanishes(p.remaining_loss(w)),
        "unlearning loss": same(p.unlearning_loss(w), p.mean_square(p.X_F * removed)),
        "fine-tuning": same(p.fine_tuned(w), w),
        "subset": same(p.fine_tuned(w, subset=True), w),
        "distinct features": not p.distinct or same(w, p.golden),
    }


def _contradiction() -> FeatureProblem:
    """The two rows are equal and the labels 0 and 1: w_o = ½ has a remaining loss, masked or not."""
    return by_hand([[1.0], [1.0]], [0.0, 1.0], [0.0], columns=(0, 1, 0), retained=1)


def _leaking() -> FeatureProblem:
    """The retained row uses the column that the mask zeroes: it predicts 1 where the label is 2."""
    return by_hand([[1.0, 1.0], [0.0, 1.0]], [2.0, 1.0], [1.0, 1.0], columns=(1, 0, 1), retained=1)


CLAIM = Claim(
    key="ft.retention_mask",
    title="Zeroing the forget-only columns keeps the retained data exactly",
    statement=r"w_m = w_o \text{ with its forget-only columns zeroed} \Rightarrow RL(w_m)=0,\quad "
    r"UL(w_m)=\|X_Fw_o^{c}\|^2/|F|,\quad \text{fine-tuning leaves } w_m \text{ as it is},\quad "
    r"\text{distinct features: } w_m = w_g",
    source="derived here; the mask is FT's (RBM in arXiv 2410.03833v2)",
    status="proved",
    sizes=SIZES,
    latent=problem_latent,
    build=feature_problem,
    assumptions=(NOISELESS, SUPPORTS),
    solve=solve,
    residual=lambda i, s: fit_residual(i, s.base),
    conclusions=(
        Conclusion(
            "remaining loss",
            r"\sqrt{|R|\,RL(w_m)} = 0",
            lhs=lambda i, s: misfit(i, s.w, ~i.forget),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.values,
        ),
        Conclusion(
            "unlearning loss",
            r"UL(w_m) = \|X_Fw_o^{c}\|^2/|F|",
            lhs=lambda i, s: loss(i, s.w, i.forget),
            rhs=lambda i, s: mean_square(i.X @ s.removed, i.forget),
            relation="==",
            scale=lambda i, s: s.base.losses,
        ),
        Conclusion(
            "fine-tuning",
            r"\|w_t-w_m\| = 0",
            lhs=lambda i, s: norm(s.tuned - s.w),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.weights,
        ),
        Conclusion(
            "subset",
            r"\|w_T-w_m\| = 0,\ T\subset R",
            lhs=lambda i, s: norm(s.part_tuned - s.w),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.weights,
        ),
        Conclusion(
            "distinct features",
            r"\text{no overlap} \Rightarrow w_m = w_g",
            lhs=lambda i, s: where_distinct(i, s.w),
            rhs=lambda i, s: where_distinct(i, s.base.golden.w),
            relation="==",
            scale=lambda i, s: s.base.weights,
        ),
    ),
    counterexamples=(
        Counterexample("noiseless", _contradiction, "w_o does not fit the retained rows, so no mask of it does"),
        Counterexample("supports", _leaking, "a retained row that uses a zeroed column"),
    ),
    exact=exact,
    obligations=proof_steps.retention_mask,
    notes="Under full overlap nothing is zeroed: the mask is the pretrained model and forgets nothing.",
)
