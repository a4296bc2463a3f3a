r"""Zeroing every column the forget data use: total forgetting that breaks retention under overlap.

Proof (derived here). Write w_o = w_m + w_o^∩ + w_o^c: retained-only (kept), overlap and forget-only columns.
X_F w_m = 0, so UL(w_m) = ‖y_F‖²/|F|. X_R w_m − y_R = −X_R w_o^∩: the retained loss is that of the lost
overlap, 0 without one. Fine-tuning on T ⊆ R gives w_T = w_m + P_T(w_o − w_m) = w_m + P_T w_o^∩, since P_T
kills forget-only columns. For T = R this fits R again, equals w_g + (I − P_R) w_m because P_R w_o = w_g, and
has UL = ‖y_F − X_F P_R w_o^∩‖²/|F|: repairing brings some of the forgotten back. For a strict subset
RL(w_T) = ‖X_R(I − P_T)w_o^∩‖²/|R|, in general not 0. With distinct features w_o^∩ = 0 and w_m = w_g.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Claim, Conclusion, Counterexample, Sizes
from theory.claims.ft import proof_steps
from theory.claims.ft.instances import (
    NOISELESS,
    SIZES,
    SUPPORTS,
    FeatureProblem,
    by_hand,
    feature_problem,
    fit_residual,
    loss,
    mean_square,
    misfit,
    overlap_columns,
    problem_latent,
    train,
    where_distinct,
)
from theory.claims.ft.rational_instances import RationalProblem
from theory.claims.ft.retention_mask import Masked, masked_by
from theory.solvers.min_norm import row_space
from theory.solvers.rational import MatrixMaker, pick_rows, project, rational_matrix, same, vanishes
from theory.unlearning.masks import forget_mask


def solve(i: FeatureProblem) -> Masked:
    """Train, mask, fine-tune."""
    base = train(i)
    return masked_by(i, base, forget_mask(base.pretrained.w, i.forget_columns))


def lost_overlap(i: FeatureProblem, s: Masked) -> Float[Array, " d"]:
    """w_o on the overlap columns: what retention loses to the mask."""
    return jnp.where(overlap_columns(i), s.base.pretrained.w, 0.0)


def _after(i: FeatureProblem, s: Masked) -> Float[Array, ""]:
    return mean_square(i.y - i.X @ s.base.retained.project(lost_overlap(i, s)), i.forget)


def exact(sizes: Sizes, seed: int, matrix: MatrixMaker = rational_matrix) -> dict[str, bool]:
    """The conclusions over the rationals."""
    p = RationalProblem(sizes, seed, matrix)
    w, lost = p.on(p.retained_only, p.pretrained), p.on(p.overlap, p.pretrained)
    tuned, part_tuned = p.fine_tuned(w), p.fine_tuned(w, subset=True)
    unrepaired = lost - project(pick_rows(p.X, p.subset), lost)
    return {
        "remaining loss": same(p.remaining_loss(w), p.mean_square(p.X_R * lost)),
        "unlearning loss": same(p.unlearning_loss(w), p.mean_square(p.y_F)),
        "repaired": vanishes(p.remaining_loss(tuned)),
        "fine-tuned": same(tuned, p.golden + w - p.project_R(w)),
        "unlearning loss after": same(p.unlearning_loss(tuned), p.mean_square(p.y_F - p.X_F * p.project_R(lost))),
        "strict subset": same(p.remaining_loss(part_tuned), p.mean_square(p.X_R * unrepaired)),
        "distinct features": not p.distinct or same(w, p.golden),
    }


def _contradiction() -> FeatureProblem:
    """Two equal retained rows with labels 0 and 1: no fine-tuning repairs them."""
    X = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    return by_hand(X, [0.0, 1.0, 1.0], [0.0, 1.0], columns=(1, 0, 1), retained=2)


def _leaking() -> FeatureProblem:
    """The retained row uses a forget-only column: w_m = (1, 0) misses its label 2 by 1 with no overlap at all."""
    return by_hand([[1.0, 1.0], [0.0, 1.0]], [2.0, 1.0], [1.0, 1.0], columns=(1, 0, 1), retained=1)


CLAIM = Claim(
    key="ft.forget_mask",
    title="Zeroing every forget column breaks overlapping retained data until all of it is fine-tuned",
    statement=r"w_m = w_o|_{\text{retained-only}} \Rightarrow RL(w_m)=\|X_Rw_o^{\cap}\|^2/|R|,\ "
    r"UL(w_m)=\|y_F\|^2/|F|;\quad \text{after fine-tuning on } R:\ w_t=w_g+(I-P_R)w_m,\ RL=0,\ "
    r"UL=\|y_F-X_FP_Rw_o^{\cap}\|^2/|F|;\quad \text{on } T\subset R:\ RL=\|X_R(I-P_T)w_o^{\cap}\|^2/|R|",
    source="derived here; the masking remedy is FT's, arXiv 2410.03833",
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
            r"RL(w_m) = \|X_Rw_o^{\cap}\|^2/|R|",
            lhs=lambda i, s: loss(i, s.w, ~i.forget),
            rhs=lambda i, s: mean_square(i.X @ lost_overlap(i, s), ~i.forget),
            relation="==",
            scale=lambda i, s: s.base.losses,
        ),
        Conclusion(
            "unlearning loss",
            r"UL(w_m) = \|y_F\|^2/|F|",
            lhs=lambda i, s: loss(i, s.w, i.forget),
            rhs=lambda i, s: mean_square(i.y, i.forget),
            relation="==",
            scale=lambda i, s: s.base.losses,
        ),
        Conclusion(
            "repaired",
            r"\sqrt{|R|\,RL(w_t)} = 0",
            lhs=lambda i, s: misfit(i, s.tuned, ~i.forget),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.values,
        ),
        Conclusion(
            "fine-tuned",
            r"w_t = w_g+(I-P_R)w_m",
            lhs=lambda i, s: s.tuned,
            rhs=lambda i, s: s.base.golden.w + s.base.retained.reject(s.w),
            relation="==",
            scale=lambda i, s: s.base.weights,
        ),
        Conclusion(
            "unlearning loss after",
            r"UL(w_t) = \|y_F-X_FP_Rw_o^{\cap}\|^2/|F|",
            lhs=lambda i, s: loss(i, s.tuned, i.forget),
            rhs=_after,
            relation="==",
            scale=lambda i, s: s.base.losses,
        ),
        Conclusion(
            "strict subset",
            r"RL(w_T) = \|X_R(I-P_T)w_o^{\cap}\|^2/|R|,\ T\subset R",
            lhs=lambda i, s: loss(i, s.part_tuned, ~i.forget),
            rhs=lambda i, s: mean_square(i.X @ row_space(i.X, i.subset).reject(lost_overlap(i, s)), ~i.forget),
            relation="==",
            scale=lambda i, s: s.base.losses,
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
        Counterexample("noiseless", _contradiction, "retained labels that contradict each other"),
        Counterexample("supports", _leaking, "a retained row that uses a forget-only column"),
    ),
    exact=exact,
    obligations=proof_steps.forget_mask,
    notes="Fine-tuning the masked model repairs retention and undoes part of the forgetting: its unlearning loss "
    "is in general neither that of the mask nor the golden model's.",
)
