r"""Projected ascent on a two-layer ReLU network: what it keeps, what it removes, and its own certificate.

Proof (derived here). W = V + Σ u_j y_i t_ij x_i with (λ, t) admissible, W⊥ = W − (I − P_R) g, with g what the step
removes and r what the points of F put there. On retained points ⟨w⊥_j, x_i⟩ = ⟨w_j, x_i⟩: predictions, activations and
kinks stay. W⊥ is the witness of ga.two_layer.ascent_certificate, so its own direction certifies it: τ = 0, δ ≤ δ₁ and
ε = ‖V + r − (I − P_R) g‖ ≤ ε₁ + ‖r − (I − P_R) g‖ with (λ_R, t_R).

The terms of R lie in span(X_R), hence (I − P_R) W = (I − P_R)(V + r) and

    W⊥ = P_R W + (I − P_R)(V + r − g).

With the model's own subgradient, g = r, all that is left outside span(X_R) is (I − P_R) V. At an exact point
W⊥ = P_R W: the network gives a forgotten point the score that W gives to its projection P_R x_l, since
⟨P_R w_j, x_l⟩ = ⟨w_j, P_R x_l⟩. In general, ReLU being 1-Lipschitz, the scores differ by at most
Σ_j |u_j| ‖(I − P_R)(V + r − g)_j‖ ‖(I − P_R) x_l‖.
And any network Q with rows in span(X_R), such as every KKT point of the retained problem, is no farther than before
where g = r, V = 0:

    ‖W⊥ − Q‖² = ‖W − Q‖² − ‖(I − P_R)(V + r)‖² + ‖(I − P_R)(V + r − g)‖².
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Claim, Conclusion, Counterexample
from theory.claims.ga.two_layer import proof_steps
from theory.claims.ga.two_layer.ascent_certificate import norms, subgradient_choices
from theory.claims.ga.two_layer.instances import (
    ADMISSIBLE,
    FEASIBLE,
    ClarkePoint,
    clarke_point,
    clarke_point_latent,
    combination,
    hidden_weights,
    inadmissible,
    infeasible,
    longest,
    magnitude,
    margin_scale,
    network,
    off_admissible,
    on_retained,
    removal,
    slack_1,
)
from theory.models import two_layer
from theory.numerics import masked_max, masked_min, norm
from theory.solvers.clarke import stationarity
from theory.unlearning.two_layer_ascent import ascend_projected


class Projected(NamedTuple):
    """The projected step with one choice of s, in R^d; ``coded`` are scores and ε from coefficients."""

    W: Float[Array, "n d"]  # W⊥
    preactivations: Float[Array, "m n"]
    scores: Float[Array, " m"]
    projected_scores: Float[Array, " m"]  # N(W, P_R x)
    reach: Float[Array, " m"]  # Σ_j |u_j| ‖(I − P_R)(V + r − g)_j‖ ‖(I − P_R) x‖
    left: Float[Array, "n d"]  # V + r − (I − P_R) g
    forgotten: Float[Array, "n d"]  # r − (I − P_R) g
    before_outside: Float[Array, "n d"]  # (I − P_R)(V + r)
    after_outside: Float[Array, "n d"]  # (I − P_R)(V + r − g)
    condition: Float[Array, ""]  # of the retained points' Gram matrix, with which the coefficients' projector solves
    coded_preactivations: Float[Array, "m n"]
    coded_scores: Float[Array, " m"]
    coded_epsilon: Float[Array, ""]


def project(i: ClarkePoint, weights: Float[Array, "m n"]) -> Projected:
    """The projected step with λ s = ``weights``."""
    g, r, _, outside, space = removal(i, weights)
    reject = jax.vmap(space.reject)
    W = hidden_weights(i)
    moved = W - outside
    least = space.singular_values[jnp.maximum(space.rank - 1, 0)]
    points_outside = reject(i.X)
    after = reject(i.V + r - g)
    G = i.X @ i.X.T
    coded = ascend_projected(network(i), G, i.y, i.forget, weights)
    return Projected(
        W=moved,
        preactivations=i.X @ moved.T,
        scores=two_layer.scores(i.u, moved, i.X),
        projected_scores=two_layer.scores(i.u, W, i.X - points_outside),
        reach=(jnp.abs(i.u) @ jax.vmap(norm)(after)) * jax.vmap(norm)(points_outside),
        left=i.V + r - outside,
        forgotten=r - outside,
        before_outside=reject(i.V + r),
        after_outside=after,
        condition=(space.singular_values[0] / jnp.where(least > 0, least, 1.0)) ** 2,
        coded_preactivations=two_layer.preactivations(coded, G),
        coded_scores=i.y * two_layer.margins(coded, G, i.y),
        coded_epsilon=stationarity(coded, G, i.y, on_retained(i, i.t)),
    )


def solve(i: ClarkePoint) -> Projected:
    """With every subgradient choice; one entry a choice in front of every field."""
    return jax.vmap(lambda weights: project(i, weights))(subgradient_choices(i))


def _within_span(i: ClarkePoint) -> Float[Array, "n d"]:
    """A network Q with rows in span(X_R), not made from W's own t."""
    return combination(i, on_retained(i, i.lam[:, None] * i.s))


def _on_retained_points(i: ClarkePoint, values: Array) -> Array:
    return jnp.where(i.forget, 0.0, values)


def _margins(i: ClarkePoint, s: Projected) -> Array:
    return i.y[None, :] * s.scores


def _epsilon(i: ClarkePoint, s: Projected) -> Array:
    return norms(s.W - combination(i, on_retained(i, i.t))[None])


def _squares(rows: Array) -> Array:
    return norms(rows) ** 2


CLAIM = Claim(
    key="ga.two_layer.projected_ascent",
    title="Projected ascent keeps a two-layer network on the retained points and removes the rest",
    statement=r"W^\perp=W-(I-P_R)g \Rightarrow N(W^\perp,x_i)=N(W,x_i)\ (i\in R),\quad "
    r"\varepsilon\le\varepsilon_1+\|r-(I-P_R)g\|,\ \delta\le\delta_1,\ \tau=0;\quad "
    r"V=0,\ \lambda s=t \Rightarrow W^\perp=P_RW,\ N(W^\perp,x_l)=N(W,P_Rx_l)",
    source="derived here",
    status="proved",
    sizes=({"m": 5, "d": 6, "n": 4, "k": 1, "exact": 1}, {"m": 6, "d": 9, "n": 5, "k": 2}),
    latent=clarke_point_latent,
    build=clarke_point,
    assumptions=(FEASIBLE, ADMISSIBLE),
    solve=solve,
    conclusions=(
        Conclusion(
            "retained pre-activations",
            r"\langle w^\perp_j,x_i\rangle=\langle w_j,x_i\rangle,\ i\in R",
            lhs=lambda i, s: on_retained(i, jnp.stack([s.preactivations, s.coded_preactivations])),
            rhs=lambda i, s: on_retained(i, i.X @ hidden_weights(i).T)[None, None],
            relation="==",
            scale=lambda i, s: magnitude(i) * longest(i),
        ),
        Conclusion(
            "retained predictions",
            r"N(W^\perp,x_i)=N(W,x_i),\ i\in R",
            lhs=lambda i, s: _on_retained_points(i, jnp.stack([s.scores, s.coded_scores])),
            rhs=lambda i, s: _on_retained_points(i, two_layer.scores(i.u, hidden_weights(i), i.X))[None, None],
            relation="==",
            scale=lambda i, s: margin_scale(i),
        ),
        Conclusion(
            "primal",
            r"\min_{i\in R}M^\perp_i\ge1",
            lhs=lambda i, s: jax.vmap(lambda found: masked_min(found, ~i.forget))(_margins(i, s)),
            rhs=lambda i, s: 1.0,
            relation=">=",
            tight=True,
            scale=lambda i, s: margin_scale(i),
        ),
        Conclusion(
            "admissible",
            r"(\lambda_R,t_R)\text{ admissible at }W^\perp",
            lhs=lambda i, s: jax.vmap(
                lambda z: off_admissible(i, z, jnp.where(i.forget, 0.0, i.lam), on_retained(i, i.t))
            )(on_retained(i, s.preactivations)),
            rhs=lambda i, s: 0.0,
            scale=lambda i, s: jnp.max(jnp.abs(i.lam)),
        ),
        Conclusion(
            "stationarity",
            r"\varepsilon=\|V+r-(I-P_R)g\|",
            lhs=_epsilon,
            rhs=lambda i, s: norms(s.left),
            relation="==",
            scale=lambda i, s: magnitude(i),
        ),
        Conclusion(
            "stationarity, bound",
            r"\varepsilon\le\varepsilon_1+\|r-(I-P_R)g\|",
            lhs=_epsilon,
            rhs=lambda i, s: norm(i.V) + norms(s.forgotten),
            tight=True,
            scale=lambda i, s: magnitude(i),
        ),
        Conclusion(
            "complementarity",
            r"\delta\le\delta_1",
            lhs=lambda i, s: jax.vmap(lambda found: masked_max(i.lam * (found - 1.0), ~i.forget))(_margins(i, s)),
            rhs=lambda i, s: slack_1(i),
            tight=True,
            scale=lambda i, s: jnp.max(i.lam) * margin_scale(i),
        ),
        Conclusion(
            "forgotten scores",
            r"|N(W^\perp,x_l)-N(W,P_Rx_l)|\le\sum_j|u_j|\,\|(I-P_R)(V+r-g)_j\|\,\|(I-P_R)x_l\|",
            lhs=lambda i, s: jnp.abs(s.scores - s.projected_scores),
            rhs=lambda i, s: s.reach,
            tight=True,
            scale=lambda i, s: margin_scale(i),
        ),
        Conclusion(
            "distance within the span",
            r"\|W^\perp-Q\|^2=\|W-Q\|^2-\|(I-P_R)(V+r)\|^2+\|(I-P_R)(V+r-g)\|^2,\ Q\text{ in span}(X_R)",
            lhs=lambda i, s: _squares(s.W - _within_span(i)[None]),
            rhs=lambda i, s: (
                norm(hidden_weights(i) - _within_span(i)) ** 2 - _squares(s.before_outside) + _squares(s.after_outside)
            ),
            relation="==",
            scale=lambda i, s: magnitude(i) ** 2,
        ),
        Conclusion(
            "coefficients",
            r"\varepsilon^2\text{ from }G\text{ alone}",
            lhs=lambda i, s: s.coded_epsilon**2,
            rhs=lambda i, s: _epsilon(i, s) ** 2,
            relation="==",
            scale=lambda i, s: s.condition * magnitude(i) ** 2,
        ),
    ),
    witness=lambda i, s: s.W,
    counterexamples=(
        Counterexample(
            "feasible",
            infeasible,
            "retained margin 1/2 stays 1/2",
        ),
        Counterexample(
            "admissible",
            inadmissible,
            "t = 1/2 at an inactive pair, which stays inactive",
        ),
    ),
    obligations=proof_steps.projected_ascent,
    notes="At an exact point, with λs = t, the projected step comes closer to every KKT point Q of the retained "
    "problem at once, by ‖(I − P_R) r‖² in squared distance, whatever the data; in direction too where ⟨W, Q⟩ ≥ 0, "
    "since ⟨W⊥, Q⟩ = ⟨W, Q⟩ and ‖W⊥‖ ≤ ‖W‖.",
)
