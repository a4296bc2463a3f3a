r"""The residual of a two-layer network against the size of its ascent step: least at the theorem's step.

Proof (derived here). Let W = V + Σ u_j y_i t_ij x_i with (λ, t) admissible, g what the step removes, r what the points
of F put there, and W̃_c = W − c (I − P_R) g. As for c = 1 the retained pre-activations are W's for every c, so
(λ_R, t_R) are admissible at W̃_c, and removing their terms leaves

    V + r − c (I − P_R) g = P_R (V + r) + (I − P_R)(V + r − c g).

Any other multipliers change this by rows in span(X_R): the stationarity of W̃_c, and of W − c g as well, is at least
‖(I − P_R)(V + r − c g)‖, hence at least |1 − c| ‖(I − P_R) g‖ − ‖(I − P_R)(V + r − g)‖. At V = 0 and with the model's
own subgradient, g = r, this is |1 − c| ‖(I − P_R) g‖: a V with its tip at c = 1. With the multipliers fixed the
residual is then √(‖P_R g‖² + (1 − c)² ‖(I − P_R) g‖²), a hyperbola with the V as its asymptotes, least at c = 1.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ga.two_layer import instances, residual_steps
from theory.claims.ga.two_layer.instances import (
    ADMISSIBLE,
    ClarkePoint,
    combination,
    longest,
    magnitude,
    network,
    off_admissible,
    on_retained,
)
from theory.models import two_layer
from theory.numerics import norm
from theory.solvers.clarke import ClarkeMultipliers, best_clarke_multipliers


class Stepped(NamedTuple):
    """An approximate Clarke-KKT point, the λ s of its step, and the share c of the step to take."""

    point: ClarkePoint
    weights: Float[Array, "m n"]
    c: Float[Array, ""]


class Residuals(NamedTuple):
    """Both networks with refitted multipliers, and the vectors of the theorem."""

    fixed: Float[Array, "n d"]  # W̃_c less the terms of R
    preactivations: Float[Array, "m n"]  # of W̃_c
    witness_weights: Float[Array, "n d"]  # W̃_c
    plain_weights: Float[Array, "n d"]  # W − c g
    witness: ClarkeMultipliers
    plain: ClarkeMultipliers
    left: Float[Array, "n d"]  # V + r − c (I − P_R) g
    left_outside: Float[Array, "n d"]  # (I − P_R)(V + r − c g)
    removed_outside: Float[Array, "n d"]  # (I − P_R) g
    rest_outside: Float[Array, "n d"]  # (I − P_R)(V + r − g)


def build(sizes: Sizes, z: Float[Array, " latent"]) -> Stepped:
    """Any point, the model's subgradient in half of the draws, c in (−1, 3)."""
    point = instances.clarke_point(sizes, z[:-2])
    weights = jnp.where(z[-1] > 0, point.t, point.lam[:, None] * point.s)
    return Stepped(point, weights, 1.0 + 2.0 * jnp.tanh(z[-2]))


def solve(i: Stepped) -> Residuals:
    """Take both steps in R^d and refit the multipliers of the retained points."""
    p = i.point
    g, r, _, outside, space = instances.removal(p, i.weights)
    W = instances.hidden_weights(p)
    witness, plain = W - i.c * outside, W - i.c * g
    start = network(p)
    G = p.X @ p.X.T

    def refit(moved: Array) -> ClarkeMultipliers:
        """Of the network W + moved: its start is V + moved."""
        net = two_layer.from_weights(p.u, p.V + moved, p.X)._replace(C=start.C)
        return best_clarke_multipliers(net, G, p.y, ~p.forget)

    def reject(rows: Array) -> Array:
        once = rows - (rows @ space.basis.T) @ space.basis
        return once - (once @ space.basis.T) @ space.basis

    return Residuals(
        fixed=witness - combination(p, on_retained(p, p.t)),
        preactivations=p.X @ witness.T,
        witness_weights=witness,
        plain_weights=plain,
        witness=refit(-i.c * outside),
        plain=refit(-i.c * g),
        left=p.V + r - i.c * outside,
        left_outside=reject(p.V + r - i.c * g),
        removed_outside=outside,
        rest_outside=reject(p.V + r - g),
    )


def _scale(i: Stepped, s: Residuals) -> Array:
    multipliers = jnp.sum(s.plain.lam + s.witness.lam)
    return (1.0 + jnp.abs(i.c)) * magnitude(i.point) + norm(i.point.u) * multipliers * longest(i.point)


def _refit_scale(i: Stepped, s: Residuals) -> Array:
    """Refitting solves with the Gram matrix."""
    spectrum = jnp.linalg.eigvalsh(i.point.X @ i.point.X.T)
    return _scale(i, s) * spectrum[-1] / spectrum[0]


def _found(i: Stepped, s: Residuals) -> Array:
    """Stationarity of W̃_c and of W − c g with the multipliers found, in R^d."""
    return jnp.stack(
        [
            norm(s.witness_weights - combination(i.point, s.witness.t)),
            norm(s.plain_weights - combination(i.point, s.plain.t)),
        ]
    )


def _unsolved(i: Stepped, s: Residuals) -> Array:
    """What both refitted squares may still lie above their minima, relative."""
    return jnp.maximum(s.witness.gap, s.plain.gap) / (1.0 + _scale(i, s)) ** 2


def _admissible(i: Stepped, s: Residuals) -> Array:
    kept = jnp.where(i.point.forget, 0.0, i.point.lam)
    z = on_retained(i.point, s.preactivations)
    return off_admissible(i.point, z, kept, on_retained(i.point, i.point.t))


def _negative_part() -> Stepped:
    """w₂ = −e₁ with t = −1 for e₁: V = 0 and nothing is left at c = 1, but no admissible t gives −e₁."""
    point = instances.negative_share()
    return Stepped(point, point.t, jnp.asarray(1.0))


CLAIM = Claim(
    key="ga.two_layer.step_size",
    title="A two-layer network's residual against the step size is least at the theorem's step",
    statement=r"\tilde W_c=W-c(I-P_R)g \Rightarrow (\lambda_R,t_R)\text{ admissible},\ "
    r"\Big\|\tilde W_c-\sum_R u_jy_it_{ij}x_i\Big\|=\|V+r-c(I-P_R)g\|;\quad "
    r"\min_{\mu,\tau}\Big\|\cdot-\sum_R u_jy_i\tau_{ij}x_i\Big\|\ge\|(I-P_R)(V+r-cg)\| "
    r"\text{ at }\tilde W_c\text{ and at }W-cg",
    source="derived here; paper GA (arXiv 2510.14844) plots the residual against the step",
    status="proved",
    sizes=({"m": 5, "d": 6, "n": 4, "k": 1, "exact": 1}, {"m": 6, "d": 9, "n": 5, "k": 2}),
    latent=lambda sizes: instances.clarke_point_latent(sizes) + 2,
    build=build,
    assumptions=(Assumption("admissible", ADMISSIBLE.latex, lambda i: ADMISSIBLE.margin(i.point)),),
    solve=solve,
    residual=_unsolved,
    residual_target=1e-20,
    conclusions=(
        Conclusion(
            "admissible",
            r"(\lambda_R,t_R)\text{ admissible at }\tilde W_c",
            lhs=_admissible,
            rhs=lambda i, s: 0.0,
            scale=lambda i, s: jnp.max(jnp.abs(i.point.lam)),
        ),
        Conclusion(
            "fixed multipliers",
            r"\|\tilde W_c-\sum_R u_jy_it_{ij}x_i\|=\|V+r-c(I-P_R)g\|",
            lhs=lambda i, s: norm(s.fixed),
            rhs=lambda i, s: norm(s.left),
            relation="==",
            scale=_scale,
        ),
        Conclusion(
            "refitted, lower",
            r"\varepsilon(c)\ge\|(I-P_R)(V+r-cg)\|",
            lhs=_found,
            rhs=lambda i, s: norm(s.left_outside),
            relation=">=",
            tight=True,
            scale=_scale,
        ),
        Conclusion(
            "refitted, V",
            r"\varepsilon(c)+\|(I-P_R)(V+r-g)\|\ge|1-c|\,\|(I-P_R)g\|",
            lhs=lambda i, s: _found(i, s) + norm(s.rest_outside),
            rhs=lambda i, s: jnp.abs(1.0 - i.c) * norm(s.removed_outside),
            relation=">=",
            tight=True,
            scale=_scale,
        ),
        Conclusion(
            "refitted, upper",
            r"\varepsilon(c)\le\|V+r-c(I-P_R)g\|\text{ at }\tilde W_c",
            lhs=lambda i, s: _found(i, s)[0],
            rhs=lambda i, s: norm(s.left),
            tight=True,
            scale=_refit_scale,
            solver_error=lambda i, s: jnp.sqrt(s.witness.gap),
        ),
    ),
    counterexamples=(
        Counterexample("admissible", _negative_part, "the given t leaves nothing, the best admissible one leaves e₁"),
    ),
    obligations=residual_steps.step_size,
    notes="With the given multipliers ε(c) at the witness is a hyperbola in c, not a V: at V = 0 and λs = t it is "
    "√(‖P_R g‖² + (1 − c)²‖(I − P_R)g‖²), least at c = 1. The plain network W − cg has other activations than W on the "
    "retained points, so that only the lower bounds speak of it.",
)
