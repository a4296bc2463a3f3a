r"""The residual of an ascent step against its size is a V with its tip at the theorem's step.

Proof (derived here). w = Σ λᵢ yᵢ xᵢ + v, u = Σ_F λ_l y_l x_l and w′_c = w − c u, so

    w′_c − Σ_R λᵢ yᵢ xᵢ = v + (1 − c)u,

whose norm is the residual with the multipliers fixed. Refitted multipliers μ ≥ 0 on R change it by an
element of span(R), so the residual is at least ‖(I − P_R)(v + (1 − c)u)‖, hence at least
|1 − c| ‖(I − P_R)u‖ − ‖(I − P_R)v‖; and at most the fixed one, for λ_R ≥ 0 is among the choices. At v = 0
these read |1 − c| ‖(I − P_R)u‖ ≤ ε(c) ≤ |1 − c| ‖u‖; with one forgotten point u = λ_l y_l x_l.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ga.linear import proof_steps
from theory.claims.instances import last, near_orthogonal_latent, near_orthogonal_problem
from theory.numerics import norm
from theory.solvers.kkt import Multipliers, best_multipliers
from theory.solvers.min_norm import row_space
from theory.solvers.nonneg_qp import Status
from theory.unlearning.ascent import remove_terms


class Stepped(NamedTuple):
    """A model w = Σ λᵢ yᵢ xᵢ + v and the share c of the theorem's step to take."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    forget: Bool[Array, " m"]
    lam: Float[Array, " m"]
    v: Float[Array, " d"]
    c: Float[Array, ""]


class Residuals(NamedTuple):
    """The step's result with refitted multipliers, and the vectors of the theorem outside span(R)."""

    w: Float[Array, " d"]
    refitted: Multipliers
    left: Float[Array, " d"]  # v + (1 − c)u
    left_outside: Float[Array, " d"]  # (I − P_R)(v + (1 − c)u)
    u_outside: Float[Array, " d"]
    v_outside: Float[Array, " d"]


def build(sizes: Sizes, z: Float[Array, " n"]) -> Stepped:
    """Nearly orthogonal points, λ ≥ 0 free, any v (0 in half the draws), c in (−1, 3)."""
    m, d = sizes["m"], sizes["d"]
    size = near_orthogonal_latent(sizes)
    problem, _, _ = near_orthogonal_problem(sizes, z[:size])
    lam = jnp.abs(jnp.sinh(jnp.tanh(z[size : size + m])))
    direction = z[size + m : size + m + d]
    v = jnp.maximum(jnp.tanh(z[-2]), 0.0) * direction / (1.0 + norm(direction))
    return Stepped(problem.X, problem.y, last(sizes["k"], m), lam, v, 1.0 + 2.0 * jnp.tanh(z[-1]))


def removed(i: Stepped) -> Float[Array, " d"]:
    """u = Σ_F λ_l y_l x_l."""
    return i.X.T @ jnp.where(i.forget, i.lam * i.y, 0.0)


def solve(i: Stepped) -> Residuals:
    """Take the step, refit the multipliers of the retained points."""
    w = i.X.T @ (i.lam * i.y) + i.v
    stepped = remove_terms(w, i.X, i.y, i.lam, i.forget, i.c)
    left = i.v + (1.0 - i.c) * removed(i)
    space = row_space(i.X, ~i.forget)
    refitted = best_multipliers(stepped, i.X, i.y, ~i.forget, extended=False)
    return Residuals(stepped, refitted, left, space.reject(left), space.reject(removed(i)), space.reject(i.v))


def _fixed(i: Stepped, s: Residuals) -> Array:
    return norm(s.w - i.X.T @ jnp.where(i.forget, 0.0, i.lam * i.y))


def _magnitude(i: Stepped, s: Residuals) -> Array:
    longest = jnp.sqrt(jnp.max(jnp.sum(i.X * i.X, axis=1)))
    return norm(i.v) + (1.0 + jnp.abs(i.c)) * longest * (jnp.sum(i.lam) + jnp.sum(s.refitted.lam))


def _refit_scale(i: Stepped, s: Residuals) -> Array:
    """Refitting solves with the retained Gram matrix."""
    eigenvalues = jnp.linalg.eigvalsh(i.X @ i.X.T)
    return _magnitude(i, s) * eigenvalues[-1] / eigenvalues[0]


def _optimality(i: Stepped, s: Residuals) -> Array:
    """Of the refitted multipliers μ: sᵢ = −yᵢ⟨xᵢ, remainder⟩ must be ≥ 0, and 0 where μᵢ > 0; relative."""
    remainder = s.w - i.X.T @ (s.refitted.lam * i.y)
    slope = jnp.where(i.forget, 0.0, -i.y * (i.X @ remainder))
    off = jnp.max(jnp.where(s.refitted.lam > 0, jnp.abs(slope), jnp.maximum(-slope, 0.0)))
    return jnp.where(s.refitted.status == Status.OPTIMAL, off / (1.0 + _magnitude(i, s)), jnp.inf)


def _refit_error(i: Stepped, s: Residuals) -> Array:
    """A row of the optimality conditions off by e moves the remainder by ‖e‖ over the least singular value."""
    least = jnp.linalg.eigvalsh(i.X @ i.X.T)[0]
    return jnp.sqrt(len(i.y) / least) * _optimality(i, s) * (1.0 + _magnitude(i, s))


def _negative_multiplier() -> Stepped:
    """w = −e₁ + e₂ with λ = (−1, 1): after removing e₂ the fixed residual is 0, but no μ ≥ 0 gives −e₁."""
    fields = (np.eye(2), np.ones(2), np.array([False, True]), np.array([-1.0, 1.0]), np.zeros(2), np.array(1.0))
    return Stepped(*map(jnp.asarray, fields))


CLAIM = Claim(
    key="ga.linear.step_size",
    title="The residual against the step size is a V with its tip at the theorem's step",
    statement=r"w'_c=w-c\,u,\ u=\sum_{l\in F}\lambda_ly_lx_l,\ v=w-\sum\lambda_iy_ix_i \Rightarrow "
    r"\Big\|w'_c-\sum_R\lambda_iy_ix_i\Big\|=\|v+(1-c)u\|,\quad "
    r"\|(I-P_R)(v+(1-c)u)\|\le\min_{\mu\ge0}\Big\|w'_c-\sum_R\mu_iy_ix_i\Big\|\le\|v+(1-c)u\|",
    source="derived here; paper GA (arXiv 2510.14844) plots the residual against the step for two-layer networks",
    status="proved",
    sizes=({"m": 2, "d": 2, "k": 1}, {"m": 6, "d": 9, "k": 1}, {"m": 8, "d": 8, "k": 5}),
    latent=lambda sizes: near_orthogonal_latent(sizes) + sizes["m"] + sizes["d"] + 2,
    build=build,
    assumptions=(Assumption("dual", r"\lambda_i\ge0", lambda i: jnp.min(i.lam)),),
    solve=solve,
    residual=_optimality,
    conclusions=(
        Conclusion(
            "fixed multipliers",
            r"\|w'_c-\sum_R\lambda_iy_ix_i\|=\|v+(1-c)u\|",
            lhs=_fixed,
            rhs=lambda i, s: norm(s.left),
            relation="==",
            scale=_magnitude,
        ),
        Conclusion(
            "refitted, lower",
            r"\varepsilon(c)\ge\|(I-P_R)(v+(1-c)u)\|",
            lhs=lambda i, s: s.refitted.residuals.stationarity,
            rhs=lambda i, s: norm(s.left_outside),
            relation=">=",
            tight=True,
            scale=_magnitude,
        ),
        Conclusion(
            "refitted, V",
            r"\varepsilon(c)+\|(I-P_R)v\|\ge|1-c|\,\|(I-P_R)u\|",
            lhs=lambda i, s: s.refitted.residuals.stationarity + norm(s.v_outside),
            rhs=lambda i, s: jnp.abs(1.0 - i.c) * norm(s.u_outside),
            relation=">=",
            tight=True,
            scale=_magnitude,
        ),
        Conclusion(
            "refitted, upper",
            r"\varepsilon(c)\le\|v+(1-c)u\|",
            lhs=lambda i, s: s.refitted.residuals.stationarity,
            rhs=lambda i, s: norm(s.left),
            tight=True,
            scale=_refit_scale,
            solver_error=_refit_error,
        ),
    ),
    counterexamples=(
        Counterexample("dual", _negative_multiplier, "a negative retained multiplier cannot be refitted"),
    ),
    obligations=proof_steps.step_size,
    notes="Only at v = 0 is the tip at c = 1 exactly: with the multipliers fixed it is at c = 1 + ⟨u, v⟩/‖u‖², "
    "where the residual is the part of v orthogonal to u. λ ≥ 0 is used by the upper bound alone.",
)
