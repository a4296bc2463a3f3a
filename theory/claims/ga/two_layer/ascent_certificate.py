r"""One ascent step on any forget set: the certificate of a two-layer network, kinks included.

Proof (derived here). Let W = V + Σ u_j y_i t_ij x_i with (λ, t) admissible. The step takes W to W − g,
g_j = u_j Σ_{l∈F} y_l λ_l s_lj x_l, whatever subgradient s it uses; r_j = u_j Σ_{l∈F} y_l t_lj x_l is what the points of
F put there. The witness W̃ = W − (I − P_R) g has ⟨w̃_j, x_i⟩ = ⟨w_j, x_i⟩ for every neuron and retained point, so its
retained margins, activations and kinks are W's: it is feasible, (λ_R, t_R) are admissible, and δ ≤ δ₁. Removing the
terms of R leaves V + r − (I − P_R) g, hence ε ≤ ‖V‖ + ‖r − g + P_R g‖. The step's result is W′ = W̃ − P_R g. The line
from the origin that makes the widest angle with W̃ and still meets the ball of radius ‖P_R g‖ about it is a tangent:
with q = ‖P_R g‖/‖W̃‖ < 1 the angle's sine is at most q, and

    τ = 1 − cos(W′, W̃) ≤ 1 − √(1 − q²) ≤ q²,

about q²/2 for small q; attained where P_R g is orthogonal to W′. Nothing is asked of the data.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Claim, Conclusion, Counterexample
from theory.claims.ga.two_layer import proof_steps
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
from theory.numerics import cosine_gap, masked_max, masked_min, norm, tangent_gap
from theory.two_layer_certificate import StepCertificate, certify_step
from theory.unlearning.two_layer_ascent import step_weights


class Step(NamedTuple):
    """The step with one choice of s and its witness, in R^d; ``coded`` is the same from coefficients."""

    removed: Float[Array, "n d"]  # g
    exact: Float[Array, "n d"]  # r
    projected: Float[Array, "n d"]  # P_R g
    witness: Float[Array, "n d"]  # W̃
    preactivations: Float[Array, "m n"]  # of W̃
    margins: Float[Array, " m"]  # of W̃
    epsilon: Float[Array, ""]
    delta: Float[Array, ""]
    tau: Float[Array, ""]
    ratio: Float[Array, ""]  # q
    condition: Float[Array, ""]  # of the retained points' Gram matrix, with which the coefficients' projector solves
    coded: StepCertificate


def subgradient_choices(i: ClarkePoint) -> Float[Array, "3 m n"]:
    """λ s of three steps: any s in [0, 1] at kinks, the model's own (λ s = t), and autodiff's sign of rounding."""
    autodiff = step_weights(network(i), i.X @ i.X.T, i.lam, i.t, "autodiff")
    return jnp.stack([i.lam[:, None] * i.s, i.t, autodiff])


def step(i: ClarkePoint, weights: Float[Array, "m n"]) -> Step:
    """One step with λ s = ``weights``, in R^d with a projector from an SVD, and in coefficients."""
    g, r, projected, outside, space = removal(i, weights)
    W = hidden_weights(i)
    witness = W - outside
    found = i.y * two_layer.scores(i.u, witness, i.X)
    size = norm(witness)
    least = space.singular_values[jnp.maximum(space.rank - 1, 0)]
    return Step(
        removed=g,
        exact=r,
        projected=projected,
        witness=witness,
        preactivations=i.X @ witness.T,
        margins=found,
        epsilon=norm(witness - combination(i, on_retained(i, i.t))),
        delta=masked_max(i.lam * (found - 1.0), ~i.forget),
        tau=cosine_gap((W - g).ravel(), witness.ravel()),
        ratio=norm(projected) / jnp.where(size > 0, size, 1.0),
        condition=(space.singular_values[0] / jnp.where(least > 0, least, 1.0)) ** 2,
        coded=certify_step(network(i), i.X @ i.X.T, i.y, i.lam, i.t, i.forget, weights),
    )


def solve(i: ClarkePoint) -> Step:
    """The step with every subgradient choice; one entry a choice in front of every field."""
    return jax.vmap(lambda weights: step(i, weights))(subgradient_choices(i))


def norms(a: Float[Array, "3 n d"]) -> Float[Array, " 3"]:
    return jax.vmap(norm)(a)


def _admissible(i: ClarkePoint, s: Step) -> Array:
    kept = jnp.where(i.forget, 0.0, i.lam)
    return jax.vmap(lambda z: off_admissible(i, z, kept, on_retained(i, i.t)))(on_retained(i, s.preactivations))


def _epsilon_bound(i: ClarkePoint, s: Step) -> Array:
    return norm(i.V) + norms(s.exact - s.removed + s.projected)


def _relative(i: ClarkePoint, s: Step) -> Array:
    """Rounding in a direction: terms of W̃ and W′ over their lengths."""
    return (magnitude(i) / jnp.minimum(norms(s.witness), norms(s.witness - s.projected))) ** 2


def _refitted(i: ClarkePoint, s: Step) -> Array:
    again = jax.vmap(lambda w, t: norm(w - combination(i, on_retained(i, t))))(s.witness, s.coded.refitted.t)
    return jnp.maximum(again, s.coded.refitted.epsilon)


def _on_support(i: ClarkePoint, s: Step) -> Array:
    support = ~i.forget & (i.lam > 0)
    slack = jax.vmap(lambda found: jnp.maximum(masked_max(found - 1.0, support), 0.0))(s.margins)
    return jnp.max(s.coded.refitted.lam, axis=1) * slack


def _stack(*parts: Array) -> Array:
    return jnp.stack(parts)


CLAIM = Claim(
    key="ga.two_layer.ascent_certificate",
    title="One ascent step on a two-layer ReLU network has a certificate with the same retained activations",
    statement=r"\tilde W=W-(I-P_R)g,\ g_j=u_j\sum_{l\in F}y_l\lambda_l s_{lj}x_l,\ r_j=u_j\sum_{l\in F}y_lt_{lj}x_l "
    r"\Rightarrow \langle\tilde w_j,x_i\rangle=\langle w_j,x_i\rangle\ (i\in R),\quad "
    r"\varepsilon\le\varepsilon_1+\|r-g+P_Rg\|,\quad \delta\le\delta_1,\quad "
    r"\tau\le 1-\sqrt{1-q^2},\ q=\|P_Rg\|/\|\tilde W\|<1",
    source="derived here, after the criterion of GA (arXiv 2510.14844, abstract)",
    status="proved",
    sizes=(
        {"m": 6, "d": 8, "n": 6, "k": 2, "exact": 1},
        {"m": 6, "d": 9, "n": 6, "k": 2},
        {"m": 5, "d": 3, "n": 3, "k": 3},
    ),
    latent=clarke_point_latent,
    build=clarke_point,
    assumptions=(FEASIBLE, ADMISSIBLE),
    solve=solve,
    conclusions=(
        Conclusion(
            "pre-activations",
            r"\langle\tilde w_j,x_i\rangle=\langle w_j,x_i\rangle,\ i\in R",
            lhs=lambda i, s: on_retained(i, s.preactivations),
            rhs=lambda i, s: on_retained(i, i.X @ hidden_weights(i).T)[None],
            relation="==",
            scale=lambda i, s: magnitude(i) * longest(i),
        ),
        Conclusion(
            "primal",
            r"\min_{i\in R}\tilde M_i\ge1",
            lhs=lambda i, s: jax.vmap(lambda found: masked_min(found, ~i.forget))(s.margins),
            rhs=lambda i, s: 1.0,
            relation=">=",
            tight=True,
            scale=lambda i, s: margin_scale(i),
        ),
        Conclusion(
            "admissible",
            r"(\lambda_R,t_R)\text{ admissible at }\tilde W",
            lhs=_admissible,
            rhs=lambda i, s: 0.0,
            scale=lambda i, s: jnp.max(jnp.abs(i.lam)),
        ),
        Conclusion(
            "stationarity",
            r"\varepsilon\le\varepsilon_1+\|r-g+P_Rg\|",
            lhs=lambda i, s: s.epsilon,
            rhs=_epsilon_bound,
            tight=True,
            scale=lambda i, s: magnitude(i),
        ),
        Conclusion(
            "complementarity",
            r"\delta\le\delta_1",
            lhs=lambda i, s: s.delta,
            rhs=lambda i, s: slack_1(i),
            tight=True,
            scale=lambda i, s: jnp.max(i.lam) * margin_scale(i),
        ),
        Conclusion(
            "direction",
            r"\tau\le 1-\sqrt{1-q^2}\ (q<1)",
            lhs=lambda i, s: s.tau,
            rhs=lambda i, s: tangent_gap(s.ratio),
            tight=True,
            scale=_relative,
        ),
        Conclusion(
            "refitted",
            r"\min_{\tilde\lambda,\tilde t}\varepsilon\le\varepsilon\ \text{on the support of }\lambda",
            lhs=_refitted,
            rhs=lambda i, s: s.epsilon,
            tight=True,
            scale=lambda i, s: s.condition * magnitude(i),
        ),
        Conclusion(
            "refitted slack",
            r"\tilde\delta\le\max\tilde\lambda\cdot\max_{i\in R,\lambda_i>0}(M_i-1)",
            lhs=lambda i, s: s.coded.refitted.delta,
            rhs=_on_support,
            tight=True,
            scale=lambda i, s: s.condition * jnp.max(s.coded.refitted.lam, axis=1) * margin_scale(i),
        ),
        Conclusion(
            "coefficients, residuals",
            r"\varepsilon^2,\ (\varepsilon\text{'s bound})^2,\ \|P_Rg\|^2\text{ from }G\text{ alone}",
            lhs=lambda i, s: _stack(
                s.coded.certificate.epsilon**2, s.coded.epsilon_bound**2, s.coded.projected_size**2
            ),
            rhs=lambda i, s: _stack(s.epsilon**2, _epsilon_bound(i, s) ** 2, norms(s.projected) ** 2),
            relation="==",
            scale=lambda i, s: s.condition * magnitude(i) ** 2,
        ),
        Conclusion(
            "coefficients, slack",
            r"\delta\text{ and }\delta_1\text{ from }G\text{ alone}",
            lhs=lambda i, s: _stack(s.coded.certificate.delta, s.coded.delta_bound),
            rhs=lambda i, s: _stack(jnp.maximum(s.delta, 0.0), jnp.full(3, slack_1(i))),
            relation="==",
            scale=lambda i, s: s.condition * jnp.max(i.lam) * margin_scale(i),
        ),
        Conclusion(
            "coefficients, direction",
            r"\tau\text{ from }G\text{ alone}",
            lhs=lambda i, s: s.coded.certificate.tau,
            rhs=lambda i, s: s.tau,
            relation="==",
            scale=lambda i, s: s.condition * _relative(i, s),
        ),
    ),
    witness=lambda i, s: s.witness,
    counterexamples=(
        Counterexample(
            "feasible",
            infeasible,
            "retained margin 1/2: the witness keeps it",
        ),
        Counterexample(
            "admissible",
            inadmissible,
            "t = 1/2 for a neuron that is inactive at e₁: still inactive at the witness",
        ),
    ),
    obligations=proof_steps.ascent_certificate,
    notes="1 − √(1 − q²) is between q²/2 and q², and attained; q²/2 is no bound. Refitting is restricted to the "
    "support of λ: at an exact point its δ is 0 too. From G alone P_R loses digits in proportion to the condition of "
    "the retained Gram matrix, which is the tolerance of the comparisons with coefficients.",
)
