r"""Projected ascent keeps every retained margin, for any linear model, data and step.

Proof (derived here). Let u = Σ_F λ_l y_l x_l and w⊥ = w − (I − P_R)u. For i ∈ R, (I − P_R)xᵢ = 0, so
⟨w⊥, xᵢ⟩ = ⟨w, xᵢ⟩. With P_R u = Σ_R κᵢ yᵢ xᵢ,

    w⊥ − Σ_R (λᵢ + κᵢ) yᵢ xᵢ = w − u + P_R u − Σ_R λᵢ yᵢ xᵢ − P_R u = w − Σ λᵢ yᵢ xᵢ,

so the stationarity error at λ_R + κ is the trained model's own. What the step takes from the forgotten
margins is Σ_F λ_l (M_l − M⊥_l) = ⟨u, (I − P_R)u⟩ = ‖(I − P_R)u‖². Finally w⊥ = w′ + P_R u with
w′ = w − u the plain step, P_R u in span(R) and {v : Xv = Xw on R} = w⊥ + span(R)^⊥: of all models with
the trained model's retained margins, w⊥ is the one nearest to the plain step, at distance ‖P_R u‖.

Only one thing is assumed: the step is projected off *every* retained point. Neither optimality, nor the sign of λ,
nor independent points. (Where the retained points span R^d the step is zero, and nothing is forgotten.)
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ga.linear import projection_steps
from theory.claims.instances import last, signs
from theory.numerics import norm
from theory.solvers.min_norm import min_norm
from theory.unlearning.ascent import remove_terms
from theory.unlearning.projected_ascent import Projected, project_step


class Model(NamedTuple):
    """Any linear model, with any multipliers."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    forget: Bool[Array, " m"]
    w: Float[Array, " d"]
    lam: Float[Array, " m"]
    left_alone: Bool[Array, " m"]  # points that the step is projected off: all of R in the theorem


class Steps(NamedTuple):
    """The projected step, the plain one, and the nearest model to it with the retained margins of w."""

    projected: Projected
    plain: Float[Array, " d"]
    nearest: Float[Array, " d"]
    removed: Float[Array, " d"]  # u
    condition: Float[Array, ""]  # of the retained points, with which least squares solves


def build(sizes: Sizes, z: Float[Array, " n"]) -> Model:
    """Free points, weights and multipliers; ``repeats`` leading points appear once more as the next ones."""
    m, d, repeats = sizes["m"], sizes["d"], sizes["repeats"]
    X = jnp.tanh(z[: m * d]).reshape(m, d)
    X = X.at[repeats : 2 * repeats].set(X[:repeats])
    rest = z[m * d :]
    forget = last(sizes["k"], m)
    return Model(X, signs(rest[:m]), forget, rest[2 * m :], jnp.sinh(jnp.tanh(rest[m : 2 * m])), ~forget)


def solve(i: Model) -> Steps:
    """The nearest model is found by least squares on the retained margins, not by projecting the step."""
    plain = remove_terms(i.w, i.X, i.y, i.lam, i.forget)
    back = min_norm(i.X, i.X @ (i.w - plain), ~i.forget)
    seen = jnp.where((i.forget | i.left_alone)[:, None], i.X, 0.0)
    return Steps(project_step(i.w, seen, i.y, i.lam, i.forget), plain, plain + back.w, i.w - plain, back.condition)


def margins(i: Model, w: Float[Array, " d"]) -> Float[Array, " m"]:
    """yᵢ⟨w, xᵢ⟩ on R, 0 on F."""
    return jnp.where(i.forget, 0.0, i.y * (i.X @ w))


def _taken(i: Model, s: Steps) -> Array:
    moved = i.y * (i.X @ (i.w - s.projected.w))
    return jnp.sum(jnp.where(i.forget, i.lam * moved, 0.0))


def _one_point_missed() -> Model:
    """x₁ = (1, 0) is retained, but the step of x₂ = (1, 1) is not projected off it: M₁ falls from 2 to 1."""
    X, w, lam = np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([2.0, 3.0]), np.array([5.0, 1.0])
    forget = np.array([False, True])
    return Model(*map(jnp.asarray, (X, np.ones(2), forget, w, lam, np.array([False, False]))))


def _longest(i: Model) -> Array:
    return jnp.sqrt(jnp.max(jnp.sum(i.X * i.X, axis=1)))


def _total(i: Model, s: Steps) -> Array:
    """Σ|λ + κ| and Σ|λ|: nearly dependent points give large κ that cancel in Σ κᵢ yᵢ xᵢ."""
    return jnp.sum(jnp.abs(i.lam)) + jnp.sum(jnp.abs(s.projected.multipliers))


CLAIM = Claim(
    key="ga.linear.projected_keeps_margins",
    title="Projected ascent keeps every retained margin",
    statement=r"w^\perp=w-(I-P_R)\,u,\ u=\sum_{l\in F}\lambda_l y_l x_l \Rightarrow "
    r"y_i\langle w^\perp,x_i\rangle=y_i\langle w,x_i\rangle\ \forall i\in R,\quad "
    r"\sum_{l\in F}\lambda_l(M_l-M_l^\perp)=\|(I-P_R)u\|^2",
    source="derived here",
    status="proved",
    sizes=(
        {"m": 2, "d": 2, "k": 1, "repeats": 0},
        {"m": 6, "d": 8, "k": 2, "repeats": 2},
        {"m": 9, "d": 4, "k": 3, "repeats": 3},
        {"m": 12, "d": 20, "k": 11, "repeats": 0},
    ),
    latent=lambda sizes: sizes["m"] * (sizes["d"] + 2) + sizes["d"],
    build=build,
    assumptions=(
        Assumption("every retained point", r"P=P_R", lambda i: -jnp.sum(jnp.where(i.forget | i.left_alone, 0.0, 1.0))),
    ),
    solve=solve,
    conclusions=(
        Conclusion(
            "retained margins",
            r"y_i\langle w^\perp,x_i\rangle=y_i\langle w,x_i\rangle",
            lhs=lambda i, s: margins(i, s.projected.w),
            rhs=lambda i, s: margins(i, i.w),
            relation="==",
            scale=lambda i, s: (norm(i.w) + norm(s.removed)) * _longest(i),
        ),
        Conclusion(
            "stationarity",
            r"w^\perp-\sum_R(\lambda_i+\kappa_i)y_ix_i=w-\sum\lambda_iy_ix_i",
            lhs=lambda i, s: s.projected.w - i.X.T @ (s.projected.multipliers * i.y),
            rhs=lambda i, s: i.w - i.X.T @ (i.lam * i.y),
            relation="==",
            scale=lambda i, s: norm(i.w) + _total(i, s) * _longest(i),
        ),
        Conclusion(
            "what is forgotten",
            r"\sum_F\lambda_l(M_l-M_l^\perp)=\|(I-P_R)u\|^2",
            lhs=_taken,
            rhs=lambda i, s: norm(i.w - s.projected.w) ** 2,
            relation="==",
            scale=lambda i, s: (norm(i.w) + norm(s.removed)) * jnp.sum(jnp.abs(i.lam)) * _longest(i),
        ),
        Conclusion(
            "nearest to the plain step",
            r"w^\perp=\operatorname{argmin}\{\|v-w'\|:\ X_Rv=X_Rw\}",
            lhs=lambda i, s: s.projected.w,
            rhs=lambda i, s: s.nearest,
            relation="==",
            scale=lambda i, s: s.condition * (norm(i.w) + _total(i, s) * _longest(i)),
        ),
    ),
    witness=lambda i, s: s.projected.w,
    counterexamples=(
        Counterexample("every retained point", _one_point_missed, "a retained point left out of the projector: M₁ = 1"),
    ),
    obligations=projection_steps.projected_keeps_margins,
    notes="Holds for dependent and repeated points and for m > d. "
    "λ + κ are multipliers only where they are ≥ 0: see ga.linear.projected_exact.",
)
