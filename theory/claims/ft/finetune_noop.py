r"""Fine-tuning an interpolating linear regression on retained data does nothing at all.

Proof (derived here; the headline is paper FT's). The pretrained w_o = P w* fits every row, so the gradient
X_Tᵀ(X_T w_o − y_T) of the squared loss on any rows T ⊆ R is exactly 0: gradient descent stays at w_o at
every step and for every step size. Its limit w_t = w_o + X_T⁺(y_T − X_T w_o) is w_o. Hence both losses of
the fine-tuned model are 0: nothing is forgotten. No rank and no separation of features is needed, only that
the labels can be fitted; with the column supports dropped, the statement stands.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Claim, Conclusion, Counterexample, Sizes
from theory.claims.ft import proof_steps
from theory.claims.ft.instances import (
    NOISELESS,
    SIZES,
    FeatureProblem,
    Trained,
    by_hand,
    feature_problem,
    fit_residual,
    misfit,
    problem_latent,
    train,
)
from theory.claims.ft.rational_instances import RationalProblem
from theory.numerics import norm
from theory.solvers.rational import MatrixMaker, pick_rows, project, rational_matrix, same, vanishes
from theory.unlearning.fine_tune import descend_regression, fine_tune_regression

STEPS = 16


class FineTuned(NamedTuple):
    """Fine-tuned models, as limits and along gradient descent."""

    base: Trained
    start: Float[Array, " d"]  # what fine-tuning starts from: w_o
    limit: Float[Array, " d"]  # w_t
    subset_limit: Float[Array, " d"]  # fine-tuned on the subset of R
    path: Float[Array, "n d"]  # gradient descent on R
    subset_path: Float[Array, "n d"]


def fine_tune_from(i: FeatureProblem, base: Trained, start: Float[Array, " d"]) -> FineTuned:
    """Fine-tune ``start`` on R and on the subset."""
    retained = ~i.forget
    return FineTuned(
        base,
        start,
        fine_tune_regression(start, i.X, i.y, retained),
        fine_tune_regression(start, i.X, i.y, i.subset),
        descend_regression(start, i.X, i.y, retained, STEPS).weights,
        descend_regression(start, i.X, i.y, i.subset, STEPS).weights,
    )


def solve(i: FeatureProblem) -> FineTuned:
    """Train, then fine-tune."""
    base = train(i)
    return fine_tune_from(i, base, base.pretrained.w)


def _strayed(path: Float[Array, "n d"], start: Float[Array, " d"]) -> Float[Array, ""]:
    return jnp.sqrt(jnp.max(jnp.sum((path - start[None, :]) ** 2, axis=1)))


def exact(sizes: Sizes, seed: int, matrix: MatrixMaker = rational_matrix) -> dict[str, bool]:
    """The conclusions over the rationals."""
    p = RationalProblem(sizes, seed, matrix)
    w_o, w_t = p.pretrained, p.fine_tuned(p.pretrained)

    def stays(rows: list[int]) -> bool:
        part, target = pick_rows(p.X, rows), pick_rows(p.y, rows)
        v = w_o
        for _ in range(4):
            v = v - part.transpose() * (part * v - target)  # the step size does not matter: the gradient is 0
        return same(v, w_o)

    return {
        "pretrained": same(w_o, project(p.X, p.w_star)),
        "fine-tuned": same(w_t, w_o),
        "subset": same(p.fine_tuned(w_o, subset=True), w_o),
        "every step": stays(list(p.retained)),
        "every step on the subset": stays(p.subset),
        "remaining loss": vanishes(p.remaining_loss(w_t)),
        "unlearning loss": vanishes(p.unlearning_loss(w_t)),
    }


def _contradiction() -> FeatureProblem:
    """Two equal rows with labels 0 and 1: w_o = 1/2 fits neither, and fine-tuning moves it to 0."""
    return by_hand([[1.0], [1.0]], [0.0, 1.0], [0.0], columns=(0, 1, 0), retained=1)


CLAIM = Claim(
    key="ft.finetune_noop",
    title="Fine-tuning an interpolating regression on retained data changes nothing",
    statement=r"y = Xw^*,\ w_o = Pw^* \Rightarrow w_t = \operatorname{argmin}\{\|w-w_o\| : X_Tw=y_T\} = w_o "
    r"\text{ for every } T\subseteq R \text{ and along all of gradient descent};\quad RL(w_t)=UL(w_t)=0",
    source="derived here; headline of FT, arXiv 2410.03833, abstract",
    status="proved",
    sizes=SIZES,
    latent=problem_latent,
    build=feature_problem,
    assumptions=(NOISELESS,),
    solve=solve,
    residual=lambda i, s: fit_residual(i, s.base),
    conclusions=(
        Conclusion(
            "pretrained",
            r"w_o = Pw^*",
            lhs=lambda i, s: s.base.pretrained.w,
            rhs=lambda i, s: s.base.everything.project(i.w_star),
            relation="==",
            scale=lambda i, s: s.base.weights,
        ),
        Conclusion(
            "fine-tuned",
            r"\|w_t-w_o\| = 0",
            lhs=lambda i, s: norm(s.limit - s.start),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.weights,
        ),
        Conclusion(
            "subset",
            r"\|w_T-w_o\| = 0,\ T\subset R",
            lhs=lambda i, s: norm(s.subset_limit - s.start),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.weights,
        ),
        Conclusion(
            "every step",
            r"\max_k\|v_k-w_o\| = 0",
            lhs=lambda i, s: _strayed(s.path, s.start),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.weights,
        ),
        Conclusion(
            "every step on the subset",
            r"\max_k\|v_k-w_o\| = 0,\ T\subset R",
            lhs=lambda i, s: _strayed(s.subset_path, s.start),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.weights,
        ),
        Conclusion(
            "remaining loss",
            r"\sqrt{|R|\,RL(w_t)} = 0",
            lhs=lambda i, s: misfit(i, s.limit, ~i.forget),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.values,
        ),
        Conclusion(
            "unlearning loss",
            r"\sqrt{|F|\,UL(w_t)} = 0",
            lhs=lambda i, s: misfit(i, s.limit, i.forget),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.values,
        ),
    ),
    counterexamples=(
        Counterexample("noiseless", _contradiction, "labels that no model fits: fine-tuning moves half way"),
    ),
    exact=exact,
    obligations=proof_steps.finetune_noop,
    notes="Only y = Xw* is used: neither full row rank nor d > m is needed, and no column structure. "
    "Losses are compared as norms, so that rounding is not squared away.",
)
