r"""False: "after a plain ascent step at an exact KKT point every retained point keeps its class".

Counterexample (derived here). Retain x₁ = (½, 3/2) with label + and x₂ = e₁ with label −, forget x₃ = e₂ with label +;
u = (1, −1), w₁ = e₂, w₂ = e₁. All margins are 1 (M₁ = 3/2 − 1/2), and with λ = (0, 1, 1), t the same at active pairs,
w₁ = u₁ y₃ λ₃ x₃ and w₂ = u₂ y₂ λ₂ x₂: an exact Clarke-KKT point. x₁ is no support vector: it lives off what x₃ put into
w₁, against the pull of x₂. The step removes all of that, w₁′ = 0, and N(x₁) falls from 1 to −1/2: misclassified.
Neither choice of subgradient changes this, since no pair with λ > 0 sits inside its kink.

What is true: α < 1 keeps every class (ga.two_layer.margin_drift), and the projected step keeps every retained margin
exactly, whatever α is, because it moves no retained pre-activation.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion
from theory.claims.ga.two_layer import margin_steps
from theory.claims.ga.two_layer.trained import Network, margins, network_latent, separating_network
from theory.models import two_layer
from theory.numerics import masked_min, norm
from theory.solvers.clarke_kkt_point import KinkStatus, KKTPoint, kkt_point_from_pattern
from theory.unlearning.two_layer_ascent import ascend, ascend_projected, step_weights


class Stepped(NamedTuple):
    """Margins of the exact point of a network's pattern, and after each step on the forget points."""

    point: KKTPoint
    before: Float[Array, " m"]
    model: Float[Array, " m"]  # plain step, λ s = t
    autodiff: Float[Array, " m"]  # plain step, s = [z > 0]
    projected: Float[Array, " m"]  # projected step, λ s = t
    size: Float[Array, ""]  # of the numbers that enter a margin


def solve(i: Network) -> Stepped:
    """The network's exact KKT point, unlearned by three steps."""
    G = i.X @ i.X.T
    point = kkt_point_from_pattern(i.u, G, i.y, i.X @ i.W.T > 0)

    def after(subgradient: str) -> Array:
        weights = step_weights(point.net, G, point.lam, point.t, subgradient)
        return two_layer.margins(ascend(point.net, i.y, i.forget, weights), G, i.y)

    return Stepped(
        point,
        point.margins,
        after("model"),
        after("autodiff"),
        two_layer.margins(ascend_projected(point.net, G, i.y, i.forget, point.t), G, i.y),
        jnp.sum(i.u**2) * norm(G) * jnp.sum(point.lam),
    )


def _unsolved(i: Network, s: Stepped) -> Array:
    """The point's relative residuals; infinite where the solver failed."""
    worst = s.point.residuals.worst_relative(jnp.sqrt(2.0 * s.point.objective), jnp.max(s.point.lam))
    return jnp.where(s.point.status == KinkStatus.SOLVED, worst, jnp.inf)


CLAIM = Claim(
    key="ga.two_layer.ascent_keeps_classes",
    title="A plain ascent step at an exact KKT point keeps every retained point's class (false)",
    statement=r"(\theta,\lambda,t)\ \text{Clarke-KKT},\ w'_j=w_j-u_j\sum_{l\in F}y_l\lambda_l s_{lj}x_l "
    r"\Rightarrow M'_i \ge 0,\ i\in R",
    source="refuted here",
    status="false",
    sizes=({"m": 4, "p": 2, "n": 8, "k": 1}, {"m": 8, "p": 3, "n": 12, "k": 2}),
    latent=network_latent,
    build=separating_network,
    assumptions=(Assumption("separates", r"\min_i M_i(W) > 0", lambda i: jnp.min(margins(i)) - 1e-9),),
    solve=solve,
    residual=_unsolved,
    conclusions=(
        Conclusion(
            "what the points put there",
            r"M'_i \ge 0,\ i\in R,\ \lambda_l s_{lj}=t_{lj}",
            lhs=lambda i, s: masked_min(s.model, ~i.forget),
            rhs=lambda i, s: 0.0,
            relation=">=",
            scale=lambda i, s: s.size,
        ),
        Conclusion(
            "autodiff",
            r"M'_i \ge 0,\ i\in R,\ s_{lj}=[z_{lj}>0]",
            lhs=lambda i, s: masked_min(s.autodiff, ~i.forget),
            rhs=lambda i, s: 0.0,
            relation=">=",
            scale=lambda i, s: s.size,
        ),
        Conclusion(
            "projected",
            r"M^\perp_i = M_i,\ i\in R",
            lhs=lambda i, s: jnp.where(i.forget, 0.0, s.projected),
            rhs=lambda i, s: jnp.where(i.forget, 0.0, s.before),
            relation="==",
            scale=lambda i, s: s.size,
        ),
    ),
    obligations=margin_steps.ascent_keeps_classes,
    notes="Correlated points in few dimensions: 2 to 6 in 100 instances lose a class. The third conclusion, on the "
    "projected step, holds on every instance.",
)
