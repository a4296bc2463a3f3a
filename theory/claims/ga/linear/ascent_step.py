r"""One ascent step on any forget set lands on an (ε, δ)-KKT point of the retained problem.

Proof (derived here). Let w be an (ε₁, δ₁)-KKT point with multipliers λ, w′ = w − Σ_F λ_l y_l x_l, and
α = max_{i∈R} Σ_{l∈F} λ_l |⟨x_l, x_i⟩| < 1. Removing the terms of F from both sides leaves
w′ − Σ_R λ_i y_i x_i = w − Σ λ_i y_i x_i, so stationarity is unchanged. A retained margin moves by at
most α: M′_i ≥ 1 − α, and dividing by 1 − α makes w̃ = w′/(1 − α) feasible with multipliers
λ̃ = λ/(1 − α) and stationarity ε₁/(1 − α). From λ_i(M_i − 1) ≤ δ₁ and M′_i ≤ M_i + α,

    λ̃_i (M̃_i − 1) ≤ λ_i (M_i + α − 1 + α)/(1 − α)² ≤ (δ₁ + 2αΛ)/(1 − α)²,  Λ = max_R λ_i.

w̃ is a positive multiple of w′, so τ = 0. The δ bound is attained with two negatively correlated points.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample
from theory.claims.ga.linear import proof_steps
from theory.claims.instances import (
    ApproximateKKT,
    approximate_kkt,
    approximate_kkt_latent,
    complementarity,
    feasibility,
    stationarity,
)
from theory.numerics import cosine_gap, masked_max, masked_min, norm
from theory.unlearning.ascent import remove_terms


class Step(NamedTuple):
    """The step's result and the numbers of the theorem."""

    unlearned: Float[Array, " d"]  # w′
    witness: Float[Array, " d"]  # w̃
    lam: Float[Array, " m"]  # λ̃, 0 on F
    margins: Float[Array, " m"]  # of w̃
    shrink: Float[Array, ""]  # 1 − α


def alpha(i: ApproximateKKT) -> Float[Array, ""]:
    """max over retained points of Σ_F λ_l |⟨x_l, x_i⟩|: how far a retained margin can move."""
    moved = jnp.abs(i.X @ i.X.T) @ jnp.where(i.forget, i.lam, 0.0)
    return masked_max(moved, ~i.forget)


def step(i: ApproximateKKT) -> Step:
    """Full theorem step and its witness."""
    shrink = 1.0 - alpha(i)
    unlearned = remove_terms(i.w, i.X, i.y, i.lam, i.forget)
    witness = unlearned / shrink
    return Step(unlearned, witness, jnp.where(i.forget, 0.0, i.lam) / shrink, i.y * (i.X @ witness), shrink)


def _found_stationarity(i: ApproximateKKT, s: Step) -> Array:
    return norm(s.witness - i.X.T @ (s.lam * i.y))


def _found_complementarity(i: ApproximateKKT, s: Step) -> Array:
    return masked_max(s.lam * (s.margins - 1.0), ~i.forget)


def _delta_bound(i: ApproximateKKT, s: Step, *, k: float) -> Array:
    largest = masked_max(i.lam, ~i.forget)
    return (complementarity(i) + k * (1.0 - s.shrink) * largest) / s.shrink**2


def _magnitude(i: ApproximateKKT, s: Step) -> Array:
    """Largest number that enters a margin or a norm of w̃: λ Λ and 1/(1 − α) set the scale."""
    return (1.0 + jnp.sum(jnp.abs(i.lam))) ** 2 / s.shrink**2


def _anti_parallel() -> ApproximateKKT:
    """x₂ = −2x₁ with opposite labels: the step of the forgotten copy drags the retained margin to −3."""
    X = np.array([[1.0, 0.0], [-2.0, 0.0]])
    y = np.array([1.0, -1.0])
    lam = np.array([1.0, 2.0])
    w = X.T @ (lam * y)
    return ApproximateKKT(*map(jnp.asarray, (X, y, np.array([False, True]), w, lam, 0.0, 2.0)))


CLAIM = Claim(
    key="ga.linear.ascent_step",
    title="One gradient-ascent step lands on an approximate KKT point of the retained problem",
    statement=r"\alpha=\max_{i\in R}\sum_{l\in F}\lambda_l|\langle x_l,x_i\rangle|<1 \Rightarrow "
    r"\tilde w=\frac{w-\sum_{l\in F}\lambda_l y_l x_l}{1-\alpha} \text{ is an } "
    r"\left(\frac{\varepsilon_1}{1-\alpha},\ \frac{\delta_1+2\alpha\Lambda}{(1-\alpha)^2}\right)"
    r"\text{-KKT point on } R,\quad \tau=0",
    source="derived here, after the criterion of GA (arXiv 2510.14844, abstract)",
    status="proved",
    sizes=(
        {"m": 2, "d": 2, "k": 1},
        {"m": 6, "d": 8, "k": 1},
        {"m": 8, "d": 8, "k": 3},
        {"m": 12, "d": 20, "k": 10},
    ),
    latent=approximate_kkt_latent,
    build=approximate_kkt,
    assumptions=(
        Assumption("feasible", r"M_i \ge 1", feasibility),
        Assumption("alpha below 1", r"\alpha < 1", lambda i: 1.0 - alpha(i) - 1e-6),
    ),
    solve=step,
    conclusions=(
        Conclusion(
            "primal",
            r"\min_{i\in R} \tilde M_i \ge 1",
            lhs=lambda i, s: masked_min(s.margins, ~i.forget),
            rhs=lambda i, s: 1.0,
            relation=">=",
            tight=True,
            scale=_magnitude,
        ),
        Conclusion(
            "stationarity",
            r"\|\tilde w-\sum_R\tilde\lambda_i y_i x_i\| = \varepsilon_1/(1-\alpha)",
            lhs=_found_stationarity,
            rhs=lambda i, s: stationarity(i) / s.shrink,
            relation="==",
            tight=True,
            scale=_magnitude,
        ),
        Conclusion(
            "complementarity",
            r"\max_R \tilde\lambda_i(\tilde M_i-1) \le (\delta_1+2\alpha\Lambda)/(1-\alpha)^2",
            lhs=_found_complementarity,
            rhs=_delta_bound,
            tight=True,
            scale=_magnitude,
        ),
        Conclusion(
            "direction",
            r"1-\cos(w',\tilde w) = 0",
            lhs=lambda i, s: cosine_gap(s.unlearned, s.witness),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: 1.0,
        ),
    ),
    witness=lambda i, s: s.witness,
    counterexamples=(
        Counterexample("alpha below 1", _anti_parallel, "the forget point is an anti-parallel copy: α = 4"),
    ),
    obligations=proof_steps.ascent_step,
    constants={"k": 2.0},  # of αΛ in δ
)
