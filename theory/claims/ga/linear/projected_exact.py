r"""Where all retained points stay support vectors, projected ascent is retraining.

Proof (derived here). Let w = Σ λᵢ yᵢ xᵢ with Mᵢ = 1 on R, u = Σ_F λ_l y_l x_l, P_R u = Σ_R κᵢ yᵢ xᵢ and
w⊥ = w − (I − P_R)u. By ga.linear.projected_keeps_margins w⊥ = Σ_R (λᵢ + κᵢ) yᵢ xᵢ and its margins on R
are 1. With λ_R + κ ≥ 0 all four KKT conditions of the max-margin problem on R hold, which for this
strongly convex problem is optimality, and the minimiser is unique: w⊥ is the retrained model and, where
the retained points are independent, λ_R + κ its multipliers. The plain step is w′ = w⊥ − P_R u, so it
misses the retrained model by exactly ‖P_R u‖.

Used less than an exact KKT point: neither λ ≥ 0 nor anything about the margins of forgotten points.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ga.linear import optimality_steps
from theory.claims.instances import TrainedModel, near_orthogonal_latent, near_orthogonal_problem, retraining_error
from theory.numerics import norm
from theory.solvers.margin import MarginSolution, margin_from_points
from theory.unlearning.ascent import remove_terms
from theory.unlearning.projected_ascent import Projected, project_step


class Unlearned(NamedTuple):
    """Projected and plain step, and the model retrained from scratch."""

    projected: Projected
    plain: Float[Array, " d"]
    retrained: MarginSolution


def build(sizes: Sizes, z: Float[Array, " n"]) -> TrainedModel:
    """w = Σ λᵢ yᵢ xᵢ with margin 1 on R and, in half the draws each, 1 or more on F.

    Products are allowed up to diagonal dominance, where λ_R + κ may be negative.
    """
    size = near_orthogonal_latent(sizes)
    problem, _, _ = near_orthogonal_problem(sizes, z[:size])
    beyond = jax.nn.relu(jnp.tanh(z[size:]))
    Z = problem.y[:, None] * problem.X
    lam = jnp.linalg.solve(Z @ Z.T, 1.0 + jnp.where(problem.forget, beyond, 0.0))
    return TrainedModel(problem.X, problem.y, problem.forget, Z.T @ lam, lam)


def solve(i: TrainedModel) -> Unlearned:
    """Both steps, and the retained points' max-margin problem solved on its own."""
    return Unlearned(
        project_step(i.w, i.X, i.y, i.lam, i.forget),
        remove_terms(i.w, i.X, i.y, i.lam, i.forget),
        margin_from_points(i.X, i.y, ~i.forget, extended=False),
    )


def on_margin(i: TrainedModel) -> Float[Array, ""]:
    """−max_R |Mᵢ − 1|, up to rounding."""
    return 1e-12 - jnp.max(jnp.where(i.forget, 0.0, jnp.abs(i.y * (i.X @ i.w) - 1.0)))


def stationary(i: TrainedModel) -> Float[Array, ""]:
    """−‖w − Σ λᵢ yᵢ xᵢ‖, up to rounding."""
    return 1e-12 - norm(i.w - i.X.T @ (i.lam * i.y))


def stays_support(i: TrainedModel) -> Float[Array, ""]:
    """min_R (λ + κ)."""
    multipliers = project_step(i.w, i.X, i.y, i.lam, i.forget).multipliers
    return jnp.min(jnp.where(i.forget, jnp.inf, multipliers))


def _eigenvalues(i: TrainedModel) -> Array:
    """Of the retained points' Gram matrix, ascending; those of the forgotten points read 1."""
    both = ~i.forget[:, None] & ~i.forget[None, :]
    return jnp.linalg.eigvalsh(jnp.where(both, i.X @ i.X.T, jnp.eye(len(i.y))))


def _weights_scale(i: TrainedModel, s: Unlearned) -> Array:
    """Terms λᵢ‖xᵢ‖ of the weights, amplified by solving with the retained Gram matrix."""
    eigenvalues = _eigenvalues(i)
    longest = jnp.sqrt(jnp.max(jnp.sum(i.X * i.X, axis=1)))
    total = jnp.sum(jnp.abs(i.lam)) + jnp.sum(jnp.abs(s.projected.multipliers))
    return total * longest * eigenvalues[-1] / eigenvalues[0]


def _weight_error(i: TrainedModel, s: Unlearned) -> Array:
    return retraining_error(s.retrained, ~i.forget, i.X @ i.X.T)


def _multiplier_error(i: TrainedModel, s: Unlearned) -> Array:
    return _weight_error(i, s) / jnp.sqrt(_eigenvalues(i)[0])


def _model(X: list, w: list, lam: list, forget: list) -> TrainedModel:
    """All labels +1."""
    fields = (np.array(X, float), np.ones(len(lam)), np.array(forget), np.array(w, float), np.array(lam, float))
    return TrainedModel(*map(jnp.asarray, fields))


def _lost_support() -> TrainedModel:
    """An exact KKT point, all three points on its margin; without x₃, x₂ has no pull left: λ₂ + κ₂ = −1.

    w⊥ = (5/4, −1/2, 0), the retrained model is (5/4, 0, 0), with M₂ = 5/4.
    """
    h = np.sqrt(0.5)
    X = [[0.8, 0, 0], [1, 0.5, 0], [0, -1, h]]
    return _model(X, [1.25, -0.5, h], [0.3125, 1, 1], [False, False, True])


def _off_margin() -> TrainedModel:
    """An exact KKT point w = (1, 1) with M₂ = 9/5; without x₃ = (0, 1) the retained points still span R².

    So w⊥ = w, with λ_R + κ = (1/5, 1) ≥ 0, where retraining gives (1, 1/5).
    """
    return _model([[1, 0], [0.8, 1], [0, 1]], [1, 1], [1, 0, 1], [False, False, True])


def _untrained() -> TrainedModel:
    """A component outside the span of all points stays in w⊥ and is absent after retraining."""
    return _model([[1, 0, 0], [0, 1, 0]], [1, 1, 1], [1, 1], [False, True])


CLAIM = Claim(
    key="ga.linear.projected_exact",
    title="Projected ascent is retraining where all retained points stay support vectors",
    statement=r"w=\sum\lambda_iy_ix_i,\ M_i=1\ \forall i\in R,\ \lambda_R+\kappa\ge0 \Rightarrow "
    r"w-(I-P_R)u=\operatorname{argmin}\{\tfrac12\|v\|^2:\ y_i\langle v,x_i\rangle\ge1\ \forall i\in R\},\quad "
    r"u=\sum_{l\in F}\lambda_ly_lx_l,\ P_Ru=\sum_{i\in R}\kappa_iy_ix_i",
    source="derived here",
    status="proved",
    sizes=({"m": 3, "d": 3, "k": 1}, {"m": 6, "d": 9, "k": 3}, {"m": 12, "d": 14, "k": 1}),
    latent=lambda sizes: near_orthogonal_latent(sizes) + sizes["m"],
    build=build,
    assumptions=(
        Assumption("stationary", r"w=\sum_i\lambda_iy_ix_i", stationary),
        Assumption("on the margin", r"M_i=1\ \forall i\in R", on_margin),
        Assumption("stays support", r"\lambda_i+\kappa_i\ge0\ \forall i\in R", stays_support),
    ),
    solve=solve,
    residual=lambda i, s: s.retrained.relative_residual,
    conclusions=(
        Conclusion(
            "retrained",
            r"\|w^\perp-w^*_R\|=0",
            lhs=lambda i, s: norm(s.projected.w - s.retrained.w),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=_weights_scale,
            solver_error=_weight_error,
        ),
        Conclusion(
            "multipliers",
            r"\lambda_R+\kappa=\lambda^*_R",
            lhs=lambda i, s: s.projected.multipliers,
            rhs=lambda i, s: s.retrained.lam,
            relation="==",
            scale=lambda i, s: _weights_scale(i, s) / jnp.sqrt(_eigenvalues(i)[0]),
            solver_error=_multiplier_error,
        ),
        Conclusion(
            "plain step misses by",
            r"\|w'-w^*_R\|=\|P_Ru\|",
            lhs=lambda i, s: norm(s.plain - s.retrained.w),
            rhs=lambda i, s: norm(i.X.T @ (i.y * jnp.where(i.forget, 0.0, s.projected.multipliers - i.lam))),
            relation="==",
            scale=_weights_scale,
            solver_error=_weight_error,
        ),
    ),
    witness=lambda i, s: s.projected.w,
    counterexamples=(
        Counterexample("stays support", _lost_support, "a retained support vector that only the forgotten one held"),
        Counterexample("on the margin", _off_margin, "a retained point off the margin may become a support vector"),
        Counterexample("stationary", _untrained, "a component of w outside the span of the points"),
    ),
    obligations=optimality_steps.projected_exact,
    notes="Neither λ ≥ 0 nor the forgotten margins are used. The equality of multipliers needs independent "
    "retained points, which the instances have; that of the models does not.",
)
