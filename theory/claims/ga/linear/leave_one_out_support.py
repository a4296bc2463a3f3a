r"""Leaving out one support vector by a step on the support alone; the retrained model lies in a ball around it.

Proof (derived here). Rows zᵢ = yᵢxᵢ, S the support of the trained w = Σ_S λᵢ zᵢ, its points independent, H the inverse
of their Gram matrix. Leave out l ∈ S, let λ′ = λ − (λ_l/H_ll) H e_l, w′ = Σ λ′ᵢ zᵢ and v = w − w′. Then ⟨v, zᵢ⟩ =
λ_l/H_ll for i = l and 0 for the other i ∈ S, and λ′_l = 0: so v is orthogonal to w′ and to every zᵢ of w′, w′ has
margin 1 on S∖l, w′ = w − λ_l (I − P) z_l with P the projection onto their span, and ‖v‖² = λ_l²/H_ll.

Points off S may fall below margin 1, and multipliers below 0. Let w̃ = w′ + a v, a the least number in [0, 1] with all
retained margins of w̃ at least 1 (at a = 1 it is w), u = Σ λ′₊ᵢ zᵢ and n = w′ − u = Σ min(λ′ᵢ, 0) zᵢ. By orthogonality
ε² := ‖w̃ − u‖² = ‖a v + n‖² = a²λ_l²/H_ll + ‖n‖²; and u lives on S∖l, where w̃ has margin 1, so δ = 0.

With w* = Σ λ*ᵢ zᵢ the retrained model, ⟨w*, w̃⟩ = Σ λ*ᵢ M̃ᵢ ≥ Σ λ*ᵢ = ‖w*‖², and ⟨u, w*⟩ = Σ λ′₊ᵢ M*ᵢ ≥ Σ λ′₊ᵢ =
⟨u, w̃⟩. So

    ⟨w* − w̃, w* − u⟩ = ⟨w*, w* − w̃⟩ − ⟨u, w* − w̃⟩ ≤ 0:

w* is in the ball with the diameter from w̃ to u, its centre c = (w̃ + u)/2 and its radius ε/2. Both ends are within ε
of w*. So is w′: ⟨w̃ − w′, u − w′⟩ = ⟨a v, −n⟩ = 0, hence w′ is on the sphere. At ε = 0 all of them are w*.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ga.linear import leave_one_out_steps
from theory.claims.ga.linear.leave_one_out import Trained
from theory.claims.instances import planted, planted_latent, signs
from theory.numerics import norm
from theory.solvers.margin import MarginSolution, margin_from_points
from theory.unlearning.projected_ascent import project_step

TINY = 1e-300


class Models(NamedTuple):
    """One row a point left out; a point off the support changes nothing, by the same formulas."""

    multipliers: Float[Array, "m m"]  # λ′
    step: Float[Array, "m d"]  # w′
    moved: Float[Array, " m"]  # λ_l²/H_ll
    back: Float[Array, " m"]  # a
    witness: Float[Array, "m d"]  # w̃
    positive: Float[Array, "m d"]  # u
    epsilon: Float[Array, " m"]
    projected: Float[Array, "m d"]  # w′ by SVD of the other support vectors
    retrained: MarginSolution  # of each l
    condition: Float[Array, ""]  # of the support's Gram matrix


def latent(sizes: Sizes) -> int:
    """A planted problem and labels."""
    return planted_latent(sizes["m"], sizes["d"]) + sizes["m"]


def build(sizes: Sizes, z: Float[Array, " n"]) -> Trained:
    """An exact max-margin model, its support any of the points; points on the margin need not be in it."""
    m, d = sizes["m"], sizes["d"]
    rows, _, lam = planted(z[:-m], m, d)
    y = signs(z[-m:])
    return Trained(y[:, None] * rows, y, lam)


def _support_gram(i: Trained) -> Float[Array, "m m"]:
    """Gram matrix of the support's rows, the identity elsewhere."""
    rows = jnp.where(i.lam > 0, i.y, 0.0)[:, None] * i.X
    return rows @ rows.T + jnp.diag(jnp.where(i.lam > 0, 0.0, 1.0))


def solve(i: Trained) -> Models:
    """The step from one inverse, its certificate; and for each l a projection and a max-margin problem of its own."""
    rows, each = i.y[:, None] * i.X, jnp.eye(len(i.y), dtype=bool)
    w, support = rows.T @ i.lam, i.lam > 0
    K = _support_gram(i)
    H = cho_solve(cho_factor(K, lower=True), jnp.eye(len(i.y)))
    multipliers = i.lam[None, :] - (i.lam / jnp.diagonal(H))[:, None] * H
    multipliers = jnp.where(each, 0.0, multipliers)
    step = multipliers @ rows
    short = jnp.where(each | support[None, :], 0.0, jnp.maximum(1.0 - step @ rows.T, 0.0))
    room = jnp.maximum(rows @ w - 1.0, 0.0)
    back = jnp.max(short / (short + room[None, :] + TINY), axis=1)
    moved = i.lam**2 / jnp.diagonal(H)
    negative = jnp.minimum(multipliers, 0.0) @ rows
    others = support[None, :] & ~each
    crowded = len(i.X) > i.X.shape[1]  # another model's support may be nearly dependent though this one's is not
    return Models(
        multipliers=multipliers,
        step=step,
        moved=moved,
        back=back,
        witness=step + back[:, None] * (w[None, :] - step),
        positive=jnp.maximum(multipliers, 0.0) @ rows,
        epsilon=jnp.sqrt(back**2 * moved + jnp.sum(negative**2, axis=1)),
        projected=jax.vmap(lambda kept: project_step(w, i.X, i.y, i.lam, ~kept).w)(others),
        retrained=jax.vmap(lambda left: margin_from_points(i.X, i.y, ~left, extended=crowded))(each),
        condition=norm(K) * norm(H),
    )


def _independent(i: Trained) -> Array:
    """Least over largest eigenvalue of the support's Gram matrix, above 1e-6."""
    eigenvalues = jnp.linalg.eigvalsh(_support_gram(i))
    return eigenvalues[0] / eigenvalues[-1] - 1e-6


def _kkt(i: Trained) -> Array:
    """−violation of λ ≥ 0, M ≥ 1, λ(M − 1) = 0, up to rounding."""
    slack = i.y * (i.X @ (i.X.T @ (i.lam * i.y))) - 1.0
    worst = jnp.maximum(jnp.max(jnp.abs(i.lam * slack)), jnp.maximum(-jnp.min(slack), -jnp.min(i.lam)))
    return 1e-11 - worst


def _margins(i: Trained, weights: Float[Array, "l d"]) -> Float[Array, "l m"]:
    return i.y[None, :] * (weights @ i.X.T)


def _others(i: Trained, values: Float[Array, "l m"], fill: float) -> Float[Array, "l m"]:
    """Values of the retained support vectors."""
    kept = (i.lam > 0)[None, :] & ~jnp.eye(len(i.y), dtype=bool)
    return jnp.where(kept, values, fill)


def _least_margin(i: Trained, s: Models) -> Array:
    return jnp.min(jnp.where(jnp.eye(len(i.y), dtype=bool), jnp.inf, _margins(i, s.witness)), axis=1)


def _squared(vectors: Float[Array, "l d"]) -> Float[Array, " l"]:
    return jnp.sum(vectors**2, axis=1)


def _from_retrained(i: Trained, s: Models, model: Float[Array, "l d"]) -> Array:
    return _squared(model - jnp.asarray(s.retrained.w))


def _total(i: Trained, s: Models) -> Array:
    """The largest sum of multipliers, of the trained model, a step or a retrained one."""
    steps, best = jnp.sum(jnp.abs(s.multipliers), axis=1), jnp.sum(s.retrained.lam, axis=1)
    return jnp.maximum(jnp.sum(i.lam), jnp.maximum(jnp.max(steps), jnp.max(best)))


def _length(i: Trained) -> Array:
    return jnp.sqrt(jnp.max(jnp.sum(i.X * i.X, axis=1)))


def _weights_scale(i: Trained, s: Models) -> Array:
    return _total(i, s) * _length(i) * s.condition


def _squared_scale(i: Trained, s: Models) -> Array:
    return _total(i, s) * _length(i) * _weights_scale(i, s)


def _ball_error(i: Trained, s: Models) -> Array:
    """What the residuals of the retrained model ŵ, of w̃ and of w add to ⟨ŵ − w̃, ŵ − u⟩, in the proof's two sums."""
    left = jnp.eye(len(i.y), dtype=bool)
    found, slack = s.retrained, jnp.where(left, 0.0, jnp.asarray(s.retrained.margins) - 1.0)
    clipped = jnp.maximum(s.multipliers, 0.0)
    below = jnp.maximum(1.0 - _least_margin(i, s), 0.0)
    trained = jnp.max(jnp.where(i.lam > 0, jnp.abs(i.y * (i.X @ (i.X.T @ (i.lam * i.y))) - 1.0), 0.0))
    own = jnp.abs(jnp.sum(found.lam * slack, axis=1)) + below * jnp.sum(found.lam, axis=1)
    return own + (jnp.maximum(-jnp.min(slack, axis=1), 0.0) + trained) * jnp.sum(clipped, axis=1)


def _untrained() -> Trained:
    """λ = 1/10 on unit vectors: margins 1/10. The step without x₃ is (x₁ + x₂)/10, retraining gives x₁ + x₂."""
    return Trained(*map(jnp.asarray, (np.eye(3, 4), np.ones(3), np.full(3, 0.1))))


CLAIM = Claim(
    key="ga.linear.leave_one_out_support",
    title="Without one support vector, the retrained model lies in a ball around a step on the support",
    statement=r"\lambda'=\lambda-\frac{\lambda_l}{H_{ll}}He_l,\ w'=\sum_S\lambda'_iz_i,\ \tilde w=w'+a(w-w'),\ "
    r"u=\sum_S(\lambda'_i)_+z_i \Rightarrow \varepsilon^2=\|\tilde w-u\|^2=\frac{a^2\lambda_l^2}{H_{ll}}+"
    r"\Big\|\sum_S(\lambda'_i)_-z_i\Big\|^2,\quad \Big\|\frac{\tilde w+u}2-w^*_{-l}\Big\|\le\frac\varepsilon2,\quad "
    r"\|w'-w^*_{-l}\|\le\varepsilon",
    source="derived here",
    status="proved",
    sizes=({"m": 3, "d": 4}, {"m": 6, "d": 4}),
    latent=latent,
    build=build,
    assumptions=(
        Assumption("independent", r"\text{the support vectors are independent}", _independent),
        Assumption("trained", r"\lambda\ge0,\ M\ge1,\ \lambda_i(M_i-1)=0", _kkt),
    ),
    solve=solve,
    residual=lambda i, s: jnp.max(s.retrained.relative_residual),
    conclusions=(
        Conclusion(
            "step",
            r"w'=w-\lambda_l(I-P_{S\setminus l})z_l",
            lhs=lambda i, s: s.step,
            rhs=lambda i, s: s.projected,
            relation="==",
            scale=_weights_scale,
        ),
        Conclusion(
            "margins",
            r"\langle w',z_i\rangle=1,\ i\in S\setminus l",
            lhs=lambda i, s: _others(i, _margins(i, s.projected), 1.0),
            rhs=lambda i, s: 1.0,
            relation="==",
            scale=lambda i, s: _weights_scale(i, s) * _length(i),
            solver_error=lambda i, s: 1e-11,  # what the assumption "trained" lets through
        ),
        Conclusion(
            "length",
            r"\|w-w'\|^2=\lambda_l^2/H_{ll}",
            lhs=lambda i, s: s.moved,
            rhs=lambda i, s: _squared((i.X.T @ (i.lam * i.y))[None, :] - s.projected),
            relation="==",
            scale=_squared_scale,
        ),
        Conclusion(
            "epsilon",
            r"a^2\lambda_l^2/H_{ll}+\|\sum_S(\lambda'_i)_-z_i\|^2=\|\tilde w-u\|^2",
            lhs=lambda i, s: s.epsilon**2,
            rhs=lambda i, s: _squared(s.witness - s.positive),
            relation="==",
            scale=_squared_scale,
        ),
        Conclusion(
            "feasible",
            r"\tilde M_i\ge1,\ i\ne l",
            lhs=_least_margin,
            rhs=lambda i, s: 1.0,
            relation=">=",
            tight=True,
            scale=lambda i, s: _weights_scale(i, s) * _length(i),
            solver_error=lambda i, s: 1e-11,
        ),
        Conclusion(
            "ball",
            r"\|(\tilde w+u)/2-w^*_{-l}\|^2\le\varepsilon^2/4",
            lhs=lambda i, s: _from_retrained(i, s, 0.5 * (s.witness + s.positive)),
            rhs=lambda i, s: 0.25 * s.epsilon**2,
            tight=True,
            scale=_squared_scale,
            solver_error=_ball_error,
        ),
        Conclusion(
            "witness",
            r"\|\tilde w-w^*_{-l}\|^2\le\varepsilon^2",
            lhs=lambda i, s: _from_retrained(i, s, s.witness),
            rhs=lambda i, s: s.epsilon**2,
            scale=_squared_scale,
            solver_error=lambda i, s: 2.0 * _ball_error(i, s),
        ),
        Conclusion(
            "model",
            r"\|w'-w^*_{-l}\|^2\le\varepsilon^2",
            lhs=lambda i, s: _from_retrained(i, s, s.step),
            rhs=lambda i, s: s.epsilon**2,
            tight=True,
            scale=_squared_scale,
            solver_error=lambda i, s: 2.0 * _ball_error(i, s),
        ),
    ),
    counterexamples=(Counterexample("trained", _untrained, "margins of 1/10 are kept, not repaired"),),
    obligations=leave_one_out_steps.leave_one_out_support,
    notes="theory.blocked_certificate computes it by blocks, for all points at once. The trained support may be any "
    "of the points, and the points more than the dimensions: projecting on all of them would then move nothing.",
)
