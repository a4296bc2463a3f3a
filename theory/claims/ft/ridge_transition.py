r"""Fine-tuning a ridge solution does move it: by how much, and what it forgets.

Proof (derived here). w_o = Xᵀ(G + μI)⁻¹ y with G = XXᵀ leaves the residual r = y − Xw_o = μ(G + μI)⁻¹ y.
Gradient descent on the retained rows moves w only inside their row space, so its limit is w_t = w_o + X_R⁺ r_R:
the movement is ‖X_R⁺ r_R‖ and UL(w_t) = ‖r_F − X_F X_R⁺ r_R‖²/|F|. From w_g = X_R⁺ y_R,
w_t − w_g = w_o − X_R⁺X_R w_o = (I − P_R) w_o: fine-tuning forgets everything but the part of w_o outside the
retained row space, so it forgets *completely* (w_t = w_g) once the retained rows have full column rank d,
noise or not. With y = Xw_p + y_⊥, w_p = X⁺y, y_⊥ orthogonal to the columns: r = X(w_p − w_o) + y_⊥ and
w_p − w_o = μ(XᵀX + μI)⁻¹ w_p on the row space, hence

    ‖w_t − w_o‖ ≤ μ/(μ + σ²) ‖w_p‖ + ‖X_R⁺ (y_⊥)_R‖,  σ the least positive singular value of X:

μ → 0 recovers the no-op where the labels can be fitted (y_⊥ = 0), and otherwise only X_R⁺(y_⊥)_R remains.
Descent with step ρ/‖X_R‖², ρ ≤ 1, contracts every row-space direction by at most 1 − ρ/κ_R².
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ft import ridge_steps
from theory.claims.ft.instances import (
    FeatureProblem,
    Trained,
    by_hand,
    feature_problem,
    fit_residual,
    loss,
    mean_square,
    problem_latent,
    train,
)
from theory.claims.ft.rational_instances import RationalProblem
from theory.numerics import norm
from theory.solvers.rational import MatrixMaker, rational_matrix, same, vanishes
from theory.unlearning.fine_tune import descend_regression, fine_tune_regression

STEPS = 12
RATE = 0.5  # ρ above


class RidgeProblem(NamedTuple):
    """Labels y = X w* + noise, and the ridge parameter."""

    problem: FeatureProblem
    mu: Float[Array, ""]


class Ridge(NamedTuple):
    """The ridge solution, its residual from the dual, and fine-tuning."""

    base: Trained
    w: Float[Array, " d"]  # w_o, by the filtered singular values
    residual: Float[Array, " m"]  # r = μ(G + μI)⁻¹ y, by a linear solve
    correction: Float[Array, " d"]  # X_R⁺ r_R
    tuned: Float[Array, " d"]  # w_t
    leftover: Float[Array, " d"]  # X_R⁺ (y_⊥)_R
    path: Float[Array, "n d"]  # gradient descent from w_o
    size: Float[Array, ""]  # rounding scale of w_t


def ridge_latent(sizes: Sizes) -> int:
    """Latent length of :func:`ridge_problem`: the problem, noise, μ."""
    return problem_latent(sizes) + sizes["r"] + sizes["f"] + 1


def ridge_problem(sizes: Sizes, z: Float[Array, " n"]) -> RidgeProblem:
    """Noisy labels and μ between 1e-3 and 10 times the mean squared singular value of X."""
    start = problem_latent(sizes)
    problem = feature_problem(sizes, z[:start])
    mu = 10.0 ** (2.0 * jnp.tanh(z[-1]) - 1.0) * norm(problem.X) ** 2 / min(problem.X.shape)
    return RidgeProblem(problem._replace(y=problem.y + jnp.where(jnp.abs(z) < 1e-60, 0.0, z)[start:-1]), mu)


def solve(instance: RidgeProblem) -> Ridge:
    """Ridge by SVD, its residual by the dual system, fine-tuning in the limit and step by step."""
    i, mu = instance
    base = train(i)
    space, retained = base.everything, ~i.forget
    sigma = space.singular_values
    w = space.basis.T @ (sigma / (sigma**2 + mu) * (space.left.T @ i.y))
    residual = mu * jnp.linalg.solve(i.X @ i.X.T + mu * jnp.eye(len(i.y)), i.y)
    # Least squares with a residual has the squared condition number; the dual system its own.
    size = base.condition * (base.condition + base.top**2 / jnp.abs(mu)) * base.condition / base.top
    return Ridge(
        base,
        w,
        residual,
        base.retained.pseudo_solve(jnp.where(i.forget, 0.0, residual)),
        fine_tune_regression(w, i.X, i.y, retained),
        base.retained.pseudo_solve(jnp.where(i.forget, 0.0, i.y - i.X @ base.pretrained.w)),
        descend_regression(w, i.X, i.y, retained, STEPS, RATE).weights,
        size * jnp.sum(jnp.abs(i.y)),
    )


def _losses_scale(instance: RidgeProblem, s: Ridge) -> Float[Array, ""]:
    i = instance.problem
    magnitude = jnp.sum(jnp.abs(i.y)) * s.base.condition  # of a prediction or residual
    return s.base.top * s.size * magnitude


def _unlearning_formula(instance: RidgeProblem, s: Ridge) -> Float[Array, ""]:
    return mean_square(s.residual - instance.problem.X @ s.correction, instance.problem.forget)


def _retained_gradient(instance: RidgeProblem, s: Ridge) -> Float[Array, ""]:
    i = instance.problem
    return norm(i.X.T @ jnp.where(i.forget, 0.0, i.X @ s.tuned - i.y))


def vanishing(instance: RidgeProblem, s: Ridge) -> Float[Array, ""]:
    """The bound on the movement: what ridge adds, and what noise that cannot be fitted leaves."""
    values, rank = s.base.everything.singular_values, s.base.everything.rank
    least = values[jnp.maximum(rank - 1, 0)] ** 2
    return instance.mu / (instance.mu + least) * norm(s.base.pretrained.w) + norm(s.leftover)


def _where_complete(instance: RidgeProblem, s: Ridge, value: Array) -> Array:
    return jnp.where(s.base.retained.rank == instance.problem.X.shape[1], value, 0.0)


def _errors(s: Ridge) -> Float[Array, " n"]:
    return jnp.sqrt(jnp.sum((s.path[1:] - s.tuned[None, :]) ** 2, axis=1))


def _contraction(instance: RidgeProblem, s: Ridge) -> Float[Array, " n"]:
    values, rank = s.base.retained.singular_values, s.base.retained.rank
    factor = 1.0 - RATE * (values[jnp.maximum(rank - 1, 0)] / values[0]) ** 2
    return factor ** jnp.arange(1.0, STEPS + 1.0) * norm(s.w - s.tuned)


def exact(sizes: Sizes, seed: int, matrix: MatrixMaker = rational_matrix) -> dict[str, bool]:
    """The identities over the rationals, with the ridge solution from its primal normal equations."""
    p = RationalProblem(sizes, seed, matrix, noise=True)
    G = p.X * p.X.transpose()
    primal = p.X.transpose() * p.X + p.scalar(p.ridge, p.d)
    w_o = primal.inv() * (p.X.transpose() * p.y)
    r = (G + p.scalar(p.ridge, p.m)).inv() * (p.scalar(p.ridge, p.m) * p.y)
    r_R, r_F = p.split(r)
    w_t, correction = p.fine_tuned(w_o), p.inverse_R * r_R
    return {
        "residual": same(p.y - p.X * w_o, r),
        "fits retained rows": vanishes(p.X_R.transpose() * (p.X_R * w_t - p.y_R)),
        "moves in the row space": same(p.project_R(w_t - w_o), w_t - w_o),
        "movement": same(w_t - w_o, correction),
        "unlearning loss": same(p.unlearning_loss(w_t), p.mean_square(r_F - p.X_F * correction)),
        "not forgotten": same(w_t - p.golden, w_o - p.project_R(w_o)),
        "complete": p.X_R.rank() < p.d or same(w_t, p.golden),
    }


def _negative() -> RidgeProblem:
    """X = I, μ = −1/2: r = −y, so fine-tuning moves by 1 where the bound would be −1."""
    data = by_hand([[1.0, 0.0], [0.0, 1.0]], [1.0, 0.0], [1.0, 0.0], columns=(1, 0, 1), retained=1)
    return RidgeProblem(data, jnp.asarray(-0.5))


CLAIM = Claim(
    key="ft.ridge_transition",
    title="Fine-tuning a ridge solution: movement, forgetting, and the way back to the no-op",
    statement=r"w_o = X^T(G+\mu I)^{-1}y,\ r=\mu(G+\mu I)^{-1}y \Rightarrow w_t = w_o+X_R^+r_R,\ "
    r"UL(w_t)=\|r_F-X_FX_R^+r_R\|^2/|F|,\ w_t-w_g=(I-P_R)w_o,\ "
    r"\|w_t-w_o\| \le \tfrac{\mu}{\mu+\sigma_{\min}^2}\|X^+y\|+\|X_R^+(y_\perp)_R\|",
    source="derived here",
    status="proved",
    sizes=(
        {"r": 1, "f": 1, "a": 1, "b": 1, "c": 1},
        {"r": 5, "f": 2, "a": 1, "b": 2, "c": 0},  # d = 3 columns, all used by 5 retained rows: forgets completely
        {"r": 5, "f": 4, "a": 2, "b": 2, "c": 2},  # more rows than columns, retained rows of rank 4 < 6
        {"r": 6, "f": 4, "a": 8, "b": 4, "c": 8},
    ),
    latent=ridge_latent,
    build=ridge_problem,
    assumptions=(Assumption("ridge", r"\mu \ge 0", lambda i: i.mu),),
    solve=solve,
    residual=lambda i, s: fit_residual(i.problem, s.base),
    conclusions=(
        Conclusion(
            "residual",
            r"y-Xw_o = \mu(G+\mu I)^{-1}y",
            lhs=lambda i, s: i.problem.y - i.problem.X @ s.w,
            rhs=lambda i, s: s.residual,
            relation="==",
            scale=lambda i, s: s.size * s.base.top / s.base.condition,
        ),
        Conclusion(
            "fits retained rows",
            r"X_R^T(X_Rw_t-y_R) = 0",
            lhs=_retained_gradient,
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.top**2 * s.size,
        ),
        Conclusion(
            "moves in the row space",
            r"(I-P_R)(w_t-w_o) = 0",
            lhs=lambda i, s: norm(s.base.retained.reject(s.tuned - s.w)),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.size,
        ),
        Conclusion(
            "movement",
            r"w_t-w_o = X_R^+r_R",
            lhs=lambda i, s: s.tuned - s.w,
            rhs=lambda i, s: s.correction,
            relation="==",
            scale=lambda i, s: s.size,
        ),
        Conclusion(
            "unlearning loss",
            r"UL(w_t) = \|r_F-X_FX_R^+r_R\|^2/|F|",
            lhs=lambda i, s: loss(i.problem, s.tuned, i.problem.forget),
            rhs=_unlearning_formula,
            relation="==",
            scale=_losses_scale,
        ),
        Conclusion(
            "not forgotten",
            r"w_t-w_g = (I-P_R)w_o",
            lhs=lambda i, s: s.tuned - s.base.golden.w,
            rhs=lambda i, s: s.base.retained.reject(s.w),
            relation="==",
            scale=lambda i, s: s.size,
        ),
        Conclusion(
            "complete",
            r"\operatorname{rank}X_R = d \Rightarrow w_t = w_g",
            lhs=lambda i, s: _where_complete(i, s, s.tuned),
            rhs=lambda i, s: _where_complete(i, s, s.base.golden.w),
            relation="==",
            scale=lambda i, s: s.size,
        ),
        Conclusion(
            "vanishing ridge",
            r"\|w_t-w_o\| \le \tfrac{\mu}{\mu+\sigma_{\min}^2}\|X^+y\|+\|X_R^+(y_\perp)_R\|",
            lhs=lambda i, s: norm(s.tuned - s.w),
            rhs=vanishing,
            tight=True,
            scale=lambda i, s: s.size,
        ),
        Conclusion(
            "descent",
            r"\|v_k-w_t\| \le (1-\rho/\kappa_R^2)^k\|w_o-w_t\|",
            lhs=lambda i, s: _errors(s),
            rhs=_contraction,
            tight=True,
            scale=lambda i, s: s.size,
        ),
    ),
    counterexamples=(Counterexample("ridge", _negative, "a negative ridge parameter amplifies"),),
    exact=exact,
    obligations=ridge_steps.ridge_transition,
    notes="No column structure, rank or interpolation is assumed, and the labels are noisy. w_t is the limit of "
    "gradient descent: where X_R w = y_R has no solution, the nearest least-squares fit.",
)
