r"""How far one plain ascent step can move the margins of a two-layer ReLU network.

Proof (derived here). The step takes w_j to w_j − u_j Σ_{l∈F} y_l λ_l s_lj x_l, where s_lj ∈ [0, 1] is the subgradient
it uses, whichever that is. Put q_ij = y_i Σ_{l∈F} y_l λ_l s_lj ⟨x_l, x_i⟩, so that ⟨w_j, x_i⟩ moves by −u_j y_i q_ij.
ReLU is increasing with slopes in [0, 1], so relu(a + b) − relu(a) = θ b for some θ ∈ [0, 1], and

    M′_i − M_i = Σ_j y_i u_j · θ_ij · (−u_j y_i q_ij) = −Σ_j u_j² θ_ij q_ij,    0 ≤ θ_ij ≤ 1.

So −Σ_j u_j² (q_ij)₊ ≤ M′_i − M_i ≤ Σ_j u_j² (−q_ij)₊. With 0 ≤ s ≤ 1 and λ ≥ 0 both sides are at most

    Σ_{l∈F} λ_l |⟨x_l, x_i⟩| Σ_j u_j² s_lj ≤ ‖u‖² Σ_{l∈F} λ_l |⟨x_l, x_i⟩| ≤ α,

α being the maximum over the retained points: M ≥ 1 gives M′ ≥ 1 − α. Neither W nor λ need be a KKT point's, and
neither the width n nor the number of kinks enters. All bounds are attained where every neuron stays active.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ga.two_layer import margin_steps
from theory.claims.ga.two_layer.trained import network_latent, separating_network
from theory.models import two_layer
from theory.numerics import masked_max, masked_min
from theory.unlearning.two_layer_ascent import ascend


class Step(NamedTuple):
    """A network with the multipliers and subgradients of a step on the forget points."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    forget: Bool[Array, " m"]
    u: Float[Array, " n"]
    W: Float[Array, "n d"]
    lam: Float[Array, " m"]
    s: Float[Array, "m n"]


class Moved(NamedTuple):
    """Margins before and after the step, and its bounds, at every point."""

    before: Float[Array, " m"]
    after: Float[Array, " m"]
    fall: Float[Array, " m"]  # Σ_j u_j² (q_ij)₊
    rise: Float[Array, " m"]  # Σ_j u_j² (−q_ij)₊
    drift: Float[Array, " m"]  # Σ_l λ_l |⟨x_l, x_i⟩| Σ_j u_j² s_lj
    reach: Float[Array, " m"]  # ‖u‖² Σ_l λ_l |⟨x_l, x_i⟩|
    size: Float[Array, " m"]  # of the numbers that enter a margin


def latent(sizes: Sizes) -> int:
    """A network, m multipliers, and a subgradient a pair."""
    return network_latent(sizes) + sizes["m"] * (1 + sizes["n"])


def build(sizes: Sizes, z: Float[Array, " latent"]) -> Step:
    """Any separating network, multipliers up to any size, subgradients in [0, 1] with both ends."""
    m, size = sizes["m"], network_latent(sizes)
    net = separating_network(sizes, z[:size])
    s = jnp.clip(0.5 + z[size + m :].reshape(m, sizes["n"]), 0.0, 1.0)
    return Step(*net, jax.nn.softplus(z[size : size + m]), s)


def step(i: Step) -> Moved:
    """One plain step with its bounds."""
    G = i.X @ i.X.T
    net = two_layer.from_weights(i.u, i.W, i.X)
    weights = i.lam[:, None] * i.s
    after = two_layer.margins(ascend(net, i.y, i.forget, weights), G, i.y)
    term = jnp.where(i.forget[:, None], i.y[:, None] * weights, 0.0)
    q = i.y[:, None] * (G @ term)
    lam = jnp.where(i.forget, jnp.abs(i.lam), 0.0)
    square = i.u**2
    reach = jnp.sum(square) * (jnp.abs(G) @ lam)
    lengths = jnp.sqrt(jnp.sum(i.W**2, axis=1))
    return Moved(
        before=two_layer.margins(net, G, i.y),
        after=after,
        fall=jax.nn.relu(q) @ square,
        rise=jax.nn.relu(-q) @ square,
        drift=jnp.abs(G) @ jnp.where(i.forget, i.lam * (i.s @ square), 0.0),
        reach=reach,
        size=jnp.sqrt(jnp.diagonal(G)) * (jnp.abs(i.u) @ lengths) + reach,
    )


def alpha(i: Step, s: Moved) -> Float[Array, ""]:
    """How far a retained margin can move at most."""
    return masked_max(s.reach, ~i.forget)


def _feasible(i: Step) -> Array:
    return masked_min(i.y * two_layer.scores(i.u, i.W, i.X), ~i.forget) - 1.0 + 1e-12


def _subgradient(i: Step) -> Array:
    return jnp.min(jnp.minimum(i.s, 1.0 - i.s))


def _one_neuron(least: float, s: float, lam: float) -> Step:
    """x₁ = e₁ retained, x₂ = e₁ + e₂ forgotten; one neuron (least, 2) active on both, and stays so for small λ s."""
    fields = (
        np.array([[1.0, 0.0], [1.0, 1.0]]),
        np.ones(2),
        np.array([False, True]),
        np.ones(1),
        np.array([[least, 2.0]]),
        np.array([0.0, lam]),
        np.array([[0.0], [s]]),
    )
    return Step(*map(jnp.asarray, fields))


CLAIM = Claim(
    key="ga.two_layer.margin_drift",
    title="One plain ascent step moves the margins of a two-layer network by at most α",
    statement=r"w'_j=w_j-u_j\sum_{l\in F}y_l\lambda_l s_{lj}x_l,\ s\in[0,1] \Rightarrow "
    r"|M'_i-M_i| \le \sum_{l\in F}\lambda_l|\langle x_l,x_i\rangle|\sum_j u_j^2 s_{lj} \le \alpha="
    r"\max_{i\in R}\|u\|^2\sum_{l\in F}\lambda_l|\langle x_l,x_i\rangle|,\quad M'_i \ge 1-\alpha",
    source="derived here",
    status="proved",
    sizes=({"m": 3, "p": 1, "n": 4, "k": 1}, {"m": 6, "p": 3, "n": 4, "k": 2}, {"m": 10, "p": 5, "n": 12, "k": 6}),
    latent=latent,
    build=build,
    assumptions=(
        Assumption("feasible", r"M_i \ge 1,\ i\in R", _feasible),
        Assumption("multipliers", r"\lambda \ge 0", lambda i: jnp.min(i.lam)),
        Assumption("subgradient", r"0\le s_{lj}\le 1", _subgradient),
    ),
    solve=step,
    conclusions=(
        Conclusion(
            "fall",
            r"M_i-M'_i \le \sum_j u_j^2\,(q_{ij})_+,\ q_{ij}=y_i\sum_F y_l\lambda_l s_{lj}\langle x_l,x_i\rangle",
            lhs=lambda i, s: s.before - s.after,
            rhs=lambda i, s: s.fall,
            tight=True,
            scale=lambda i, s: s.size,
        ),
        Conclusion(
            "rise",
            r"M'_i-M_i \le \sum_j u_j^2\,(-q_{ij})_+",
            lhs=lambda i, s: s.after - s.before,
            rhs=lambda i, s: s.rise,
            tight=True,
            scale=lambda i, s: s.size,
        ),
        Conclusion(
            "drift",
            r"|M'_i-M_i| \le \sum_F\lambda_l|\langle x_l,x_i\rangle|\sum_j u_j^2 s_{lj}",
            lhs=lambda i, s: jnp.abs(s.after - s.before),
            rhs=lambda i, s: s.drift,
            tight=True,
            scale=lambda i, s: s.size,
        ),
        Conclusion(
            "reach",
            r"\max_{i\in R}|M'_i-M_i| \le \alpha",
            lhs=lambda i, s: masked_max(jnp.abs(s.after - s.before), ~i.forget),
            rhs=alpha,
            tight=True,
            scale=lambda i, s: jnp.max(s.size),
        ),
        Conclusion(
            "feasibility",
            r"M'_i \ge 1-\alpha,\ i\in R",
            lhs=lambda i, s: masked_min(s.after, ~i.forget),
            rhs=lambda i, s: 1.0 - alpha(i, s),
            relation=">=",
            tight=True,
            scale=lambda i, s: jnp.max(s.size),
        ),
    ),
    counterexamples=(
        Counterexample("feasible", lambda: _one_neuron(0.5, 1.0, 0.25), "margin 1/2, α = 1/4: M′ = 1/4 < 3/4"),
        Counterexample("subgradient", lambda: _one_neuron(1.0, 2.0, 0.25), "s = 2 moves the margin by 2α = 1/2"),
        Counterexample("multipliers", lambda: _one_neuron(1.0, 1.0, -0.25), "the margin moves, by more than −1/4"),
    ),
    obligations=margin_steps.margin_drift,
    notes="'fall' is one-sided: where y_l y_i ⟨x_l, x_i⟩ ≤ 0 for every forgotten l, the margin of i cannot fall, "
    "whatever the network. Beyond α < 1 nothing is promised: ga.two_layer.ascent_keeps_classes is false.",
)
