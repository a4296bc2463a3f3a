r"""Label noise: which fine-tuning identities survive, with what in place of w*, and by how much the others fail.

Proof (derived here). y = Xw* + e, and u any vector that fits the noisy labels, Xu = y (w_o = X⁺y is one;
u − w_o is orthogonal to the rows). Every proof for noiseless labels uses w* only through Xw* = y, so it
holds with u for w*: u and w_o are fixed points of fine-tuning, w_g = P_R u,
UL(w_g) = ‖X_F(I − P_R)u‖²/|F| = ‖X_F(P_R u_A − u_B)‖²/|F|, the retention mask keeps RL = 0, and with
distinct features UL(w_g) = ‖y_F‖²/|F| with the noisy labels. With w* itself, the linear maps X⁺ and X_R⁺
carry the noise: w_o − Pw* = X⁺e, w_g − P_R w* = X_R⁺e_R, and with η = e_F − X_F X_R⁺ e_R the forget
residual is v + η, v = X_F(I − P_R)w*, so UL(w_g) − ‖v‖²/|F| = (2⟨v, η⟩ + ‖η‖²)/|F|.
"""

from fractions import Fraction
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ft import overlap_steps
from theory.claims.ft.instances import (
    NEGLIGIBLE,
    SIZES,
    FeatureProblem,
    Trained,
    by_hand,
    count,
    feature_problem,
    fit_residual,
    loss,
    mean_square,
    misfit,
    problem_latent,
    supports,
    train,
    where_distinct,
)
from theory.claims.ft.rational_instances import RationalProblem
from theory.numerics import norm, tolerance
from theory.solvers.min_norm import row_space
from theory.solvers.rational import MatrixMaker, least_norm, project, rational_matrix, same, vanishes
from theory.unlearning.fine_tune import fine_tune_regression
from theory.unlearning.masks import retention_mask


class NoisyProblem(NamedTuple):
    """A problem with noisy labels and a direction that picks an interpolant."""

    problem: FeatureProblem  # y = X w* + e
    direction: Float[Array, " d"]


class Noisy(NamedTuple):
    """Fine-tuned models, an interpolant, and where the noise goes."""

    base: Trained
    tuned: Float[Array, " d"]  # w_t from w_o
    interpolant: Float[Array, " d"]  # u = w_o + (I − P) direction
    tuned_interpolant: Float[Array, " d"]
    noise: Float[Array, " m"]  # e
    carried: Float[Array, " d"]  # X_R⁺ e_R
    outside: Float[Array, " m"]  # v on F: X_F (I − P_R) w*
    weights: Float[Array, ""]  # rounding scales, as in Trained, with the direction and the noise
    losses: Float[Array, ""]


def noisy_latent(sizes: Sizes) -> int:
    """Latent length of :func:`noisy_problem`: the problem, noise, direction."""
    return problem_latent(sizes) + sizes["r"] + sizes["f"] + sizes["a"] + sizes["b"] + sizes["c"]


def noisy_problem(sizes: Sizes, z: Float[Array, " n"]) -> NoisyProblem:
    """y = X w* + e with e and the direction free."""
    start, m = problem_latent(sizes), sizes["r"] + sizes["f"]
    problem = feature_problem(sizes, z[:start])
    rest = jnp.where(jnp.abs(z) < NEGLIGIBLE, 0.0, z)[start:]
    return NoisyProblem(problem._replace(y=problem.y + rest[:m]), rest[m:])


def solve(instance: NoisyProblem) -> Noisy:
    """Train, pick the interpolant, fine-tune both."""
    i, direction = instance
    base, retained = train(i), ~i.forget
    w_o, noise = base.pretrained.w, i.y - i.X @ i.w_star
    interpolant = w_o + base.everything.reject(direction)
    size = jnp.sum(jnp.abs(direction)) + jnp.sum(jnp.abs(noise)) * base.condition / base.top
    weights = base.weights + base.condition * size
    return Noisy(
        base=base,
        tuned=fine_tune_regression(w_o, i.X, i.y, retained),
        interpolant=interpolant,
        tuned_interpolant=fine_tune_regression(interpolant, i.X, i.y, retained),
        noise=noise,
        carried=base.retained.pseudo_solve(jnp.where(i.forget, 0.0, noise)),
        outside=i.X @ base.retained.reject(i.w_star),
        weights=weights,
        losses=base.top**2 * weights * weights / base.condition,
    )


def _interpolates(instance: NoisyProblem) -> Float[Array, ""]:
    """≥ 0 where some w fits all labels, up to rounding."""
    i = instance.problem
    space = row_space(i.X)
    kept = jnp.where(jnp.arange(len(space.singular_values)) < space.rank, 1.0, 0.0)
    left = space.left * kept[None, :]
    return tolerance(jnp.sum(jnp.abs(i.y)) * len(i.y)) - norm(i.y - left @ (left.T @ i.y))


def _golden_formula(instance: NoisyProblem, s: Noisy) -> Float[Array, ""]:
    i = instance.problem
    return mean_square(i.X @ s.base.retained.reject(s.interpolant), i.forget)


def _overlap_formula(instance: NoisyProblem, s: Noisy) -> Float[Array, ""]:
    i = instance.problem
    u_A = jnp.where(i.retained_columns, s.interpolant, 0.0)
    u_B = jnp.where(i.forget_columns, s.interpolant, 0.0)
    return mean_square(i.X @ (s.base.retained.project(u_A) - u_B), i.forget)


def _unlearning(instance: NoisyProblem, s: Noisy) -> Float[Array, ""]:
    return loss(instance.problem, s.base.golden.w, instance.problem.forget)


def excess(instance: NoisyProblem, s: Noisy) -> Float[Array, ""]:
    """By how much UL(w_g) exceeds the noiseless formula: (2⟨v, η⟩ + ‖η‖²)/|F|."""
    i = instance.problem
    eta = s.noise - i.X @ s.carried
    return jnp.sum(jnp.where(i.forget, 2.0 * s.outside * eta + eta**2, 0.0)) / count(i.forget)


def exact(sizes: Sizes, seed: int, matrix: MatrixMaker = rational_matrix) -> dict[str, bool]:
    """The conclusions over the rationals, on noise that can be fitted: e is projected onto the column space."""
    p = RationalProblem(sizes, seed, matrix, noise=True)
    p.fit_noise()
    w_o, u = p.pretrained, p.pretrained + p.direction - project(p.X, p.direction)
    e_R, e_F = p.split(p.noise)
    eta, v = e_F - p.X_F * (p.inverse_R * e_R), p.X_F * (p.w_star - p.project_R(p.w_star))
    unlearning = p.unlearning_loss(p.golden)
    u_A, u_B = p.on(p.retained_columns, u), p.on(p.forget_columns, u)
    cross = v.transpose() * eta + eta.transpose() * v + eta.transpose() * eta
    return {
        "fine-tuned": same(p.fine_tuned(w_o), w_o),
        "any interpolant": same(p.fine_tuned(u), u),
        "golden": same(p.golden, p.project_R(u)),
        "unlearning loss": same(unlearning, p.mean_square(p.X_F * (u - p.project_R(u)))),
        "overlap": same(unlearning, p.mean_square(p.X_F * (p.project_R(u_A) - u_B))),
        "retention mask": vanishes(p.remaining_loss(p.on(p.retained_columns, w_o))),
        "distinct features": not p.distinct or same(unlearning, p.mean_square(p.y_F)),
        "pretrained is off": same(w_o - project(p.X, p.w_star), least_norm(p.X, p.noise)),
        "golden is off": same(p.golden - p.project_R(p.w_star), p.inverse_R * e_R),
        "unlearning loss is off": same(unlearning - p.mean_square(v), cross * p.scalar(Fraction(1, sizes["f"]), 1)),
    }


def _contradiction() -> NoisyProblem:
    """Equal rows, labels 0 and 1: w_o = ½ fits neither and fine-tuning moves it."""
    data = by_hand([[1.0], [1.0]], [0.0, 1.0], [0.0], columns=(0, 1, 0), retained=1)
    return NoisyProblem(data, jnp.zeros(1))


def _leaking() -> NoisyProblem:
    """Columns declared distinct, but the retained row uses the forget row's."""
    data = by_hand([[1.0, 1.0], [0.0, 1.0]], [1.5, 1.0], [0.0, 1.0], columns=(1, 0, 1), retained=1)
    return NoisyProblem(data, jnp.zeros(2))


CLAIM = Claim(
    key="ft.noisy_labels",
    title="Under label noise the fine-tuning identities hold with any interpolant for w*, and fail exactly without",
    statement=r"y = Xw^*+e,\ Xu=y \Rightarrow w_t=w_o,\ w_g=P_Ru,\ UL(w_g)=\|X_F(I-P_R)u\|^2/|F|;\quad "
    r"w_o-Pw^*=X^+e,\ w_g-P_Rw^*=X_R^+e_R,\ "
    r"UL(w_g)-\|v\|^2/|F| = (2\langle v,\eta\rangle+\|\eta\|^2)/|F|,\ "
    r"v=X_F(I-P_R)w^*,\ \eta=e_F-X_FX_R^+e_R",
    source="derived here",
    status="proved",
    sizes=SIZES,
    latent=noisy_latent,
    build=noisy_problem,
    assumptions=(
        Assumption("interpolates", r"y \in \operatorname{range}X", _interpolates),
        Assumption("supports", r"X_R \text{ and } X_F \text{ vanish off their columns}", lambda i: supports(i.problem)),
    ),
    solve=solve,
    residual=lambda i, s: fit_residual(i.problem, s.base),
    conclusions=(
        Conclusion(
            "fine-tuned",
            r"\|w_t-w_o\| = 0",
            lhs=lambda i, s: norm(s.tuned - s.base.pretrained.w),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.weights,
        ),
        Conclusion(
            "any interpolant",
            r"Xu=y \Rightarrow u_t = u",
            lhs=lambda i, s: norm(s.tuned_interpolant - s.interpolant),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.weights,
        ),
        Conclusion(
            "golden",
            r"w_g = P_Ru",
            lhs=lambda i, s: s.base.golden.w,
            rhs=lambda i, s: s.base.retained.project(s.interpolant),
            relation="==",
            scale=lambda i, s: s.weights,
        ),
        Conclusion(
            "unlearning loss",
            r"UL(w_g) = \|X_F(I-P_R)u\|^2/|F|",
            lhs=_unlearning,
            rhs=_golden_formula,
            relation="==",
            scale=lambda i, s: s.losses,
        ),
        Conclusion(
            "overlap",
            r"UL(w_g) = \|X_F(P_Ru_A-u_B)\|^2/|F|",
            lhs=_unlearning,
            rhs=_overlap_formula,
            relation="==",
            scale=lambda i, s: s.losses,
        ),
        Conclusion(
            "retention mask",
            r"RL(w_o \text{ without forget-only columns}) = 0",
            lhs=lambda i, s: misfit(
                i.problem, retention_mask(s.base.pretrained.w, i.problem.retained_columns), ~i.problem.forget
            ),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.base.top * s.weights,
        ),
        Conclusion(
            "distinct features",
            r"\text{no overlap} \Rightarrow UL(w_g) = \|y_F\|^2/|F|",
            lhs=lambda i, s: where_distinct(i.problem, _unlearning(i, s)),
            rhs=lambda i, s: where_distinct(i.problem, mean_square(i.problem.y, i.problem.forget)),
            relation="==",
            scale=lambda i, s: s.losses,
        ),
        Conclusion(
            "pretrained is off",
            r"w_o-Pw^* = X^+e",
            lhs=lambda i, s: s.base.pretrained.w - s.base.everything.project(i.problem.w_star),
            rhs=lambda i, s: s.base.everything.pseudo_solve(s.noise),
            relation="==",
            scale=lambda i, s: s.weights,
        ),
        Conclusion(
            "golden is off",
            r"w_g-P_Rw^* = X_R^+e_R",
            lhs=lambda i, s: s.base.golden.w - s.base.retained.project(i.problem.w_star),
            rhs=lambda i, s: s.carried,
            relation="==",
            scale=lambda i, s: s.weights,
        ),
        Conclusion(
            "unlearning loss is off",
            r"UL(w_g)-\|v\|^2/|F| = (2\langle v,\eta\rangle+\|\eta\|^2)/|F|",
            lhs=lambda i, s: _unlearning(i, s) - mean_square(s.outside, i.problem.forget),
            rhs=excess,
            relation="==",
            scale=lambda i, s: s.losses,
        ),
    ),
    counterexamples=(
        Counterexample("interpolates", _contradiction, "noise that no model fits: fine-tuning moves w_o"),
        Counterexample("supports", _leaking, "features called distinct that are not"),
    ),
    exact=exact,
    obligations=overlap_steps.noisy_labels,
    notes="For independent noise of variance σ² the last identity averages to "
    "E UL(w_g) = ‖v‖²/|F| + σ²(1 + ‖X_F X_R⁺‖_F²/|F|). Where the noise cannot be fitted, see ft.ridge_transition.",
)
