r"""The projected step never moves the model away from the retrained one, correlated data included.

Proof (derived here). Let w = Σ λᵢ yᵢ xᵢ exactly, over R and F. The terms of R lie in span(X_R), so
(I − P_R) w = (I − P_R) Σ_F λ_l y_l x_l, and w⊥ = w − (I − P_R) Σ_F λ_l y_l x_l = P_R w. The retrained
model w* lies in span(X_R) as well, hence w − w* = (w⊥ − w*) + (w − w⊥) is an orthogonal sum:

    ‖w⊥ − w*‖² = ‖w − w*‖² − ‖w − w⊥‖².

Also ⟨w⊥, w*⟩ = ⟨w, w*⟩ and ‖w⊥‖ ≤ ‖w‖, so cos(w⊥, w*) = cos(w, w*) ‖w‖/‖w⊥‖, which is no smaller where
⟨w, w*⟩ = Σ λ*ᵢ Mᵢ ≥ 0: wherever w separates the retained points. Nothing else is asked of λ or of the data.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ga.linear import projection_steps
from theory.claims.instances import TrainedModel, correlated_latent, correlated_model, retrained_multipliers
from theory.numerics import cosine_gap, masked_min, norm
from theory.solvers.kkt import KKTResiduals, residuals_at
from theory.unlearning.projected_ascent import project_step


class Moved(NamedTuple):
    """The projected model beside the retrained one."""

    unlearned: Float[Array, " d"]  # w⊥
    retrained: Float[Array, " d"]
    best: Float[Array, " m"]  # λ*
    kkt: KKTResiduals  # of w* on R
    amplified: Float[Array, ""]  # rounding of w* and P_R: condition of the data times the models' size


def step(i: TrainedModel) -> Moved:
    """The projected step and the retrained model with its residuals."""
    best = retrained_multipliers(i)
    target = i.X.T @ (best * i.y)
    K = i.X @ i.X.T
    return Moved(
        project_step(i.w, i.X, i.y, i.lam, i.forget).w,
        target,
        best,
        residuals_at(best, i.y * (i.X @ target), jnp.zeros(()), ~i.forget),
        norm(K) * norm(jnp.linalg.inv(K)) * (norm(i.w) + norm(target)),
    )


def latent(sizes: Sizes) -> int:
    """A correlated model and a factor for each multiplier."""
    return correlated_latent(sizes) + sizes["m"]


def build(sizes: Sizes, z: Float[Array, " n"]) -> TrainedModel:
    """The max-margin model on correlated data (factors 1), or any other model with λ ≥ 0."""
    size = correlated_latent(sizes)
    model = correlated_model(sizes, z[:size])
    factor = jnp.where(model.forget, jax.nn.relu(1.0 + z[size:]), jnp.exp(jnp.tanh(z[size:])))
    lam = model.lam * factor
    return model._replace(w=model.X.T @ (lam * model.y), lam=lam)


def _squared(a: Array, b: Array) -> Array:
    return jnp.sum((a - b) ** 2)


def _stationary(i: TrainedModel) -> Array:
    return 1e-12 * (1.0 + norm(i.w)) - norm(i.w - i.X.T @ (i.lam * i.y))


def _retrained_already() -> TrainedModel:
    """w = w* = e₁ with a multiplier of the forgotten e₂ it does not contain: the step walks away from w*."""
    fields = (np.eye(2), np.ones(2), np.array([False, True]), np.array([1.0, 0.0]), np.array([1.0, 1.0]))
    return TrainedModel(*map(jnp.asarray, fields))


def _wrong_side() -> TrainedModel:
    """w = −e₁ + e₂ = −x₁ + x₂ with x₂ forgotten: dropping e₂ turns w towards −w*."""
    fields = (np.eye(2), np.ones(2), np.array([False, True]), np.array([-1.0, 1.0]), np.array([-1.0, 1.0]))
    return TrainedModel(*map(jnp.asarray, fields))


CLAIM = Claim(
    key="ga.linear.projected_never_hurts",
    title="A projected ascent step never moves the model farther from the retrained one",
    statement=r"w=\sum_i\lambda_i y_i x_i \Rightarrow w^\perp=P_R w,\quad "
    r"\|w^\perp-w^*\|^2=\|w-w^*\|^2-\|w-w^\perp\|^2,\quad \cos(w^\perp,w^*)\ge\cos(w,w^*)",
    source="derived here",
    status="proved",
    sizes=({"m": 3, "d": 3, "k": 1}, {"m": 6, "d": 8, "k": 2}, {"m": 10, "d": 10, "k": 5}),
    latent=latent,
    build=build,
    assumptions=(
        Assumption("stationary", r"w=\sum_i\lambda_i y_i x_i", _stationary),
        Assumption("separates", r"M_i \ge 0,\ i\in R", lambda i: masked_min(i.y * (i.X @ i.w), ~i.forget)),
    ),
    solve=step,
    residual=lambda i, s: s.kkt.worst_relative(norm(s.retrained), jnp.max(s.best)),
    conclusions=(
        Conclusion(
            "pythagoras",
            r"\|w^\perp-w^*\|^2 = \|w-w^*\|^2-\|w-w^\perp\|^2",
            lhs=lambda i, s: _squared(s.unlearned, s.retrained),
            rhs=lambda i, s: _squared(i.w, s.retrained) - _squared(i.w, s.unlearned),
            relation="==",
            scale=lambda i, s: s.amplified * (norm(i.w) + norm(s.retrained)),
        ),
        Conclusion(
            "distance",
            r"\|w^\perp-w^*\| \le \|w-w^*\|",
            lhs=lambda i, s: norm(s.unlearned - s.retrained),
            rhs=lambda i, s: norm(i.w - s.retrained),
            tight=True,
            scale=lambda i, s: s.amplified,
        ),
        Conclusion(
            "direction",
            r"1-\cos(w^\perp,w^*) \le 1-\cos(w,w^*)",
            lhs=lambda i, s: cosine_gap(s.unlearned, s.retrained),
            rhs=lambda i, s: cosine_gap(i.w, s.retrained),
            tight=True,
            scale=lambda i, s: s.amplified / norm(s.retrained),
        ),
        Conclusion(
            "retained scores",
            r"\langle w^\perp,x_i\rangle = \langle w,x_i\rangle,\ i\in R",
            lhs=lambda i, s: jnp.where(i.forget, 0.0, i.X @ s.unlearned),
            rhs=lambda i, s: jnp.where(i.forget, 0.0, i.X @ i.w),
            relation="==",
            scale=lambda i, s: s.amplified * jnp.sqrt(jnp.max(jnp.sum(i.X**2, axis=1))),
        ),
    ),
    counterexamples=(
        Counterexample("stationary", _retrained_already, "w holds no term of the forget point: nothing to remove"),
        Counterexample("separates", _wrong_side, "cos falls from −1/√2 to −1"),
    ),
    obligations=projection_steps.projected_never_hurts,
    notes="The same instances refute ga.linear.ascent_never_hurts.",
)
