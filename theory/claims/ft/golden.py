r"""What the golden model, retrained on the retained rows alone, remembers of the forget rows.

Proof (derived here). Minimum norm on R gives w_g = X_R⁺ y_R = X_R⁺ X_R w* = P_R w*, so X_R w_g = y_R and
X_F w_g − y_F = −X_F (I − P_R) w*. With distinct features X_F vanishes on the columns that carry P_R w*, so
X_F w_g = 0 and UL(w_g) = ‖y_F‖²/|F|. In general the golden model predicts X_F w_g through the overlap
columns alone, and √(|F| UL(w_g)) = ‖y_F − X_F w_g‖ is within ‖X_F w_g‖ of ‖y_F‖: both sides are attained,
with distinct features always.
"""

from typing import NamedTuple

import jax.numpy as jnp
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
    overlap_columns,
    problem_latent,
    train,
    where_distinct,
)
from theory.claims.ft.rational_instances import RationalProblem
from theory.numerics import norm
from theory.solvers.rational import MatrixMaker, rational_matrix, same, vanishes


class Golden(NamedTuple):
    """The golden model and the two parts of w*."""

    base: Trained
    w: Float[Array, " d"]  # w_g, from the retained labels
    projected: Float[Array, " d"]  # P_R w*
    rejected: Float[Array, " d"]  # (I − P_R) w*


def solve(i: FeatureProblem) -> Golden:
    """Retrain, and split w* along the retained row space."""
    base = train(i)
    return Golden(base, base.golden.w, base.retained.project(i.w_star), base.retained.reject(i.w_star))


def _forget_prediction(i: FeatureProblem, s: Golden) -> Float[Array, ""]:
    """‖X_F w_g‖ through the overlap columns: exactly 0 where there are none."""
    shared = jnp.where(overlap_columns(i), s.w, 0.0)
    return norm(jnp.where(i.forget, i.X @ shared, 0.0))


def exact(sizes: Sizes, seed: int, matrix: MatrixMaker = rational_matrix) -> dict[str, bool]:
    """The equalities over the rationals."""
    p = RationalProblem(sizes, seed, matrix)
    w_g, projected = p.golden, p.project_R(p.w_star)
    unlearning = p.unlearning_loss(w_g)
    return {
        "golden": same(w_g, projected),
        "remaining loss": vanishes(p.remaining_loss(w_g)),
        "unlearning loss": same(unlearning, p.mean_square(p.X_F * (p.w_star - projected))),
        "distinct features": not p.distinct or same(unlearning, p.mean_square(p.y_F)),
    }


def _noisy() -> FeatureProblem:
    """Identity data, w* = (1, 1), but the forget label is 3: the golden model errs by 3, not by 1."""
    return by_hand([[1.0, 0.0], [0.0, 1.0]], [1.0, 3.0], [1.0, 1.0], columns=(1, 0, 1), retained=1)


def _leaking() -> FeatureProblem:
    """Columns declared distinct, but the retained row uses the forget row's column: w_g = (½, ½)."""
    return by_hand([[1.0, 1.0], [0.0, 1.0]], [1.0, 1.0], [0.0, 1.0], columns=(1, 0, 1), retained=1)


CLAIM = Claim(
    key="ft.golden",
    title="The golden model forgets exactly what lies outside the retained row space",
    statement=r"y = Xw^* \Rightarrow w_g = P_Rw^*,\quad RL(w_g)=0,\quad UL(w_g)=\|X_F(I-P_R)w^*\|^2/|F|,"
    r"\quad \text{distinct features: } UL(w_g)=\|y_F\|^2/|F|",
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
            "golden",
            r"w_g = P_Rw^*",
            lhs=lambda i, s: s.w,
            rhs=lambda i, s: s.projected,
            relation="==",
            scale=lambda i, s: s.base.weights,
        ),
        Conclusion(
            "remaining loss",
            r"\sqrt{|R|\,RL(w_g)} = 0",
            lhs=lambda i, s: misfit(i, s.w, ~i.forget),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.values,
        ),
        Conclusion(
            "unlearning loss",
            r"UL(w_g) = \|X_F(I-P_R)w^*\|^2/|F|",
            lhs=lambda i, s: loss(i, s.w, i.forget),
            rhs=lambda i, s: mean_square(i.X @ s.rejected, i.forget),
            relation="==",
            scale=lambda i, s: s.base.losses,
        ),
        Conclusion(
            "distinct features",
            r"\text{no overlap} \Rightarrow UL(w_g) = \|y_F\|^2/|F|",
            lhs=lambda i, s: where_distinct(i, loss(i, s.w, i.forget)),
            rhs=lambda i, s: where_distinct(i, mean_square(i.y, i.forget)),
            relation="==",
            scale=lambda i, s: s.base.losses,
        ),
        Conclusion(
            "forgets at least",
            r"\|y_F\| \le \sqrt{|F|\,UL(w_g)}+\|X_F^{\cap}w_g^{\cap}\|",
            lhs=lambda i, s: norm(jnp.where(i.forget, i.y, 0.0)),
            rhs=lambda i, s: misfit(i, s.w, i.forget) + _forget_prediction(i, s),
            tight=True,
            scale=lambda i, s: s.base.values,
        ),
        Conclusion(
            "forgets at most",
            r"\sqrt{|F|\,UL(w_g)} \le \|y_F\|+\|X_F^{\cap}w_g^{\cap}\|",
            lhs=lambda i, s: misfit(i, s.w, i.forget),
            rhs=lambda i, s: norm(jnp.where(i.forget, i.y, 0.0)) + _forget_prediction(i, s),
            tight=True,
            scale=lambda i, s: s.base.values,
        ),
    ),
    counterexamples=(
        Counterexample("noiseless", _noisy, "a wrong forget label adds its own error to UL"),
        Counterexample("supports", _leaking, "features called distinct that are not"),
    ),
    exact=exact,
    obligations=proof_steps.golden,
    notes="The general formula needs neither full row rank nor the column supports; only the last three "
    "conclusions use the supports.",
)
