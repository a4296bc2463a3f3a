"""Falsehoods about fine-tuning in over-parameterised linear regression."""

import jax.numpy as jnp

from tests.falsehoods.planting import Falsehood, dropped, restated, sharper, solved
from theory.claims.ft import (
    finetune_noop,
    forget_mask,
    golden,
    noisy_labels,
    overlap,
    retention_mask,
    ridge_transition,
)
from theory.claims.ft.instances import count, mean_square, misfit
from theory.solvers.min_norm import row_space
from theory.unlearning.masks import forget_mask as zero_forget_columns

NOOP, MASK, GOLDEN = finetune_noop.CLAIM, forget_mask.CLAIM, golden.CLAIM
NOISY, OVERLAP, RETENTION, RIDGE = noisy_labels.CLAIM, overlap.CLAIM, retention_mask.CLAIM, ridge_transition.CLAIM


def _first_label(i):
    """Noise on the first, retained, label."""
    return i._replace(y=i.y.at[0].add(1.0))


def _last_label(i):
    """Noise on the last, forgotten, label."""
    return i._replace(y=i.y.at[-1].add(1.0))


def _leaking(i):
    """The first retained row uses every column; the labels follow."""
    X = i.X.at[0].add(1.0)
    return i._replace(X=X, y=X @ i.w_star)


def _contradictory(i):
    """Two retained rows are equal, their labels are not."""
    return i._replace(X=i.X.at[1].set(i.X[0]), y=i.y.at[1].set(i.y[0] + 1.0))


def _forgotten_copy(i):
    """The last row, a forgotten one, repeats the first with another label: what retraining has to move to."""
    return i._replace(X=i.X.at[-1].set(i.X[0]), y=i.y.at[-1].set(i.y[0] + 1.0))


def _halved(i, s):
    return finetune_noop.fine_tune_from(i, s.base, 0.5 * s.base.pretrained.w)


def _swapped(i, s):
    w_A = jnp.where(i.forget_columns, i.w_star, 0.0)
    return s._replace(w_A=w_A, projected=s.base.retained.project(w_A))


def _without_cross_term(i, s):
    return mean_square(s.noise - i.problem.X @ s.carried, i.problem.forget)


def _per_retained_row(i, s):
    return jnp.sum(jnp.where(i.forget, (i.X @ s.rejected) ** 2, 0.0)) / count(~i.forget)


FALSEHOODS: tuple[Falsehood, ...] = (
    solved(NOOP, "half_trained", "fine-tuning moves nothing, wherever it starts", "fine-tuned", _halved),
    restated(
        NOOP,
        "forgets",
        "fine-tuning gives the golden model",
        "fine-tuned",
        lhs=lambda i, s: s.limit,
        rhs=lambda i, s: s.base.golden.w,
    ),
    restated(NOOP, "is_w_star", "the pretrained model is w*", "pretrained", rhs=lambda i, s: i.w_star),
    dropped(NOOP, "noiseless", "fine-tuned", _forgotten_copy),
    restated(
        MASK,
        "subset_repairs",
        "fine-tuning on a strict subset repairs everything",
        "repaired",
        lhs=lambda i, s: misfit(i, s.part_tuned, ~i.forget),
    ),
    restated(MASK, "golden", "repairing leads to the golden model", "fine-tuned", rhs=lambda i, s: s.base.golden.w),
    *sharper(MASK, "remaining loss", 1),
    *sharper(MASK, "unlearning loss after", 1),
    dropped(MASK, "supports", "remaining loss", _leaking),
    dropped(MASK, "noiseless", "repaired", _contradictory),
    *sharper(GOLDEN, "forgets at least", 1),
    *sharper(GOLDEN, "forgets at most", 1),
    *sharper(GOLDEN, "unlearning loss", 10, 1),
    restated(GOLDEN, "retained_rows", "the mean is over |R| rows", "unlearning loss", rhs=_per_retained_row),
    restated(
        GOLDEN,
        "no_overlap",
        "UL = ‖y_F‖²/|F| whatever the overlap",
        "unlearning loss",
        rhs=lambda i, s: mean_square(i.y, i.forget),
    ),
    dropped(GOLDEN, "noiseless", "golden", _first_label),
    dropped(GOLDEN, "supports", "distinct features", _leaking),
    solved(
        NOISY,
        "w_star",
        "w* takes the interpolant's place under noise",
        "unlearning loss",
        lambda i, s: s._replace(interpolant=i.problem.w_star),
    ),
    restated(
        NOISY, "cross_term", "the cross term 2⟨v, η⟩ is forgotten", "unlearning loss is off", rhs=_without_cross_term
    ),
    *sharper(NOISY, "golden is off", 1),
    dropped(NOISY, "interpolates", "fine-tuned", lambda i: i._replace(problem=_forgotten_copy(i.problem))),
    solved(
        OVERLAP,
        "forget_rows",
        "projected on the forget rows",
        "retained part",
        lambda i, s: s._replace(projected=row_space(i.X, i.forget).project(s.w_A)),
    ),
    solved(OVERLAP, "swapped", "w_A and w_B exchanged", "unlearning loss", _swapped),
    *sharper(OVERLAP, "by columns", 1),
    dropped(OVERLAP, "noiseless", "unlearning loss", _last_label),
    dropped(OVERLAP, "supports", "unlearning loss", _leaking),
    solved(
        RETENTION,
        "forget_mask",
        "zeroing every forget column keeps the retained data",
        "remaining loss",
        lambda i, s: retention_mask.masked_by(i, s.base, zero_forget_columns(s.base.pretrained.w, i.forget_columns)),
    ),
    restated(
        RETENTION,
        "golden",
        "masked is golden under overlap too",
        "distinct features",
        lhs=lambda i, s: s.w,
        rhs=lambda i, s: s.base.golden.w,
    ),
    *sharper(RETENTION, "unlearning loss", 1),
    dropped(RETENTION, "supports", "remaining loss", _leaking),
    *sharper(RIDGE, "vanishing ridge", 1),
    *sharper(RIDGE, "descent", 1),
    *sharper(RIDGE, "movement", 1),
    restated(
        RIDGE,
        "no_correction",
        "UL is that of the pretrained ridge solution",
        "unlearning loss",
        rhs=lambda i, s: mean_square(s.residual, i.problem.forget),
    ),
    restated(RIDGE, "complete", "fine-tuning always gives the golden model", "not forgotten", rhs=lambda i, s: 0.0),
    restated(
        RIDGE,
        "no_noise",
        "noise that no model fits does not move the model",
        "vanishing ridge",
        rhs=lambda i, s: ridge_transition.vanishing(i, s._replace(leftover=jnp.zeros_like(s.leftover))),
    ),
    dropped(RIDGE, "ridge", "vanishing ridge", lambda i: i._replace(mu=-0.5 * i.mu)),
)
