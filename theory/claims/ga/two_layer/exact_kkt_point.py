r"""Every activation pattern that separates the points leads to an exact Clarke-KKT point no longer than its network.

Proof (derived here). Let s be the pattern of a network W that separates the points: W scaled to least margin 1 is
feasible for the convex QP "minimise ½‖V‖² subject to M_i ≥ 1 and (2s_ij − 1)⟨v_j, x_i⟩ ≥ 0", so the QP has a solution
and its value is at most ½(‖W‖/min M)². Its KKT conditions make c_ij = s_ij λ_i y_i u_j + (2s_ij − 1) μ_ij with μ_ij ≥ 0
complementary to ⟨v_j, x_i⟩; so t_ij = c_ij/(u_j y_i) is λ_i where the pre-activation is positive, 0 where negative, and
only at kinks may it leave [0, λ_i]. Flip s_ij there: the solution stays feasible, but the flipped sign constraint has a
multiplier of the wrong sign, so it is not optimal and the value falls strictly. Patterns are finitely many and none
returns; at the end 0 ≤ t ≤ λ everywhere, which is a Clarke-KKT point. The value never exceeds the first one.

The margin problem itself is not convex: other patterns lead to other, longer or shorter, Clarke-KKT points.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample
from theory.claims.ga.two_layer import kkt_point_steps
from theory.claims.ga.two_layer.trained import Network, margins, network_latent, separating_network
from theory.models import two_layer
from theory.numerics import norm
from theory.solvers.clarke_kkt_point import KinkStatus, KKTPoint, kkt_point_from_pattern


class Exact(NamedTuple):
    """The solver's point and what its weights in R^d say about it."""

    point: KKTPoint
    W: Float[Array, "n d"]
    Z: Float[Array, "m n"]  # X Wᵀ
    margins: Float[Array, " m"]
    lengths: Float[Array, "m n"]  # ‖w_j‖‖x_i‖
    size: Float[Array, ""]  # of the numbers that enter C and W


def solve(i: Network) -> Exact:
    """The exact point of the network's pattern, rebuilt in R^d."""
    point = kkt_point_from_pattern(i.u, i.X @ i.X.T, i.y, i.X @ i.W.T > 0)
    W = point.net.C @ i.X
    return Exact(
        point,
        W,
        i.X @ W.T,
        i.y * two_layer.scores(i.u, W, i.X),
        jnp.sqrt(jnp.sum(i.X**2, axis=1))[:, None] * jnp.sqrt(jnp.sum(W**2, axis=1))[None, :],
        1.0 + jnp.max(point.lam) * norm(i.u) * norm(i.X),
    )


def unsolved(i: Network, s: Exact) -> Array:
    """0 where the solver ended, infinite where it says that it failed."""
    return jnp.where(s.point.status == KinkStatus.SOLVED, 0.0, jnp.inf)


def _first_objective(i: Network, s: Exact) -> Array:
    return s.point.first_objective


def _stationarity(i: Network, s: Exact) -> Array:
    return norm(s.W - i.u[:, None] * ((i.y[:, None] * s.point.t).T @ i.X))


def _outside(i: Network, s: Exact) -> Array:
    """How far t_ij is from ∂: λᵢ[z > 0] off the kink, [0, λᵢ] at it, as z in R^d says."""
    t, lam = s.point.t, s.point.lam[:, None]
    beyond = jnp.maximum(jnp.maximum(t - lam, -t), 0.0)
    kink = jnp.abs(s.Z) <= 1e-12 * s.size * jnp.sqrt(jnp.sum(i.X**2, axis=1))[:, None]
    return jnp.max(jnp.where(kink, beyond, jnp.abs(t - jnp.where(s.Z > 0, lam, 0.0))))


def _separates(i: Network) -> Array:
    size = norm(i.W) * norm(i.u)
    return jnp.min(margins(i)) / jnp.where(size > 0, size, 1.0) - 1e-6


def _misclassified() -> Network:
    """x = e₁ (+), u = (½, −2), w = (e₁, 3e₁): the score is ½ − 6. The pattern's own point is (2e₁, 0)."""
    fields = (np.eye(1), np.ones(1), np.array([False]), np.array([0.5, -2.0]), np.array([[1.0], [3.0]]))
    return Network(*map(jnp.asarray, fields))


CLAIM = Claim(
    key="ga.two_layer.exact_kkt_point",
    title="Every separating activation pattern leads to an exact Clarke-KKT point no longer than its network",
    statement=r"\min_i M_i(W)>0 \Rightarrow \exists\,\text{Clarke-KKT } (V,\lambda,t):\ v_j=u_j\sum_i y_i t_{ij}x_i,\ "
    r"t_{ij}\in\lambda_i\,\partial\sigma(\langle v_j,x_i\rangle),\ \lambda_i(M_i(V)-1)=0,\ M(V)\ge 1,\quad "
    r"\|V\| \le \|V_{s(W)}\| \le \|W\|/\min_i M_i(W)",
    source="derived here",
    status="proved",
    sizes=({"m": 4, "p": 3, "n": 8, "k": 0}, {"m": 8, "p": 6, "n": 10, "k": 0}),
    latent=network_latent,
    build=separating_network,
    assumptions=(Assumption("separates", r"\min_i M_i > 10^{-6}\,\|W\|\|u\|", _separates),),
    solve=solve,
    residual=unsolved,
    conclusions=(
        Conclusion(
            "primal",
            r"M_i(V) \ge 1",
            lhs=lambda i, s: s.margins,
            rhs=lambda i, s: 1.0,
            relation=">=",
            tight=True,
            scale=lambda i, s: jnp.abs(i.u) @ s.lengths.T,
        ),
        Conclusion(
            "dual",
            r"\lambda_i \ge 0",
            lhs=lambda i, s: s.point.lam,
            rhs=lambda i, s: 0.0,
            relation=">=",
            scale=lambda i, s: s.point.lam,
        ),
        Conclusion(
            "stationarity",
            r"v_j = u_j\sum_i y_i t_{ij} x_i",
            lhs=_stationarity,
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.size,
        ),
        Conclusion(
            "complementarity",
            r"\lambda_i(M_i-1) = 0",
            lhs=lambda i, s: s.point.lam * (s.margins - 1.0),
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: s.point.lam * (jnp.abs(i.u) @ s.lengths.T),
        ),
        Conclusion(
            "subgradient",
            r"t_{ij} \in \lambda_i\,\partial\sigma(\langle v_j,x_i\rangle)",
            lhs=_outside,
            rhs=lambda i, s: 0.0,
            relation="==",
            scale=lambda i, s: jnp.max(s.point.lam),
        ),
        Conclusion(
            "flips only shorten",
            r"\|V\|^2 \le \|V_{s(W)}\|^2, \text{ after no flip longer}",
            lhs=lambda i, s: s.point.objective + jnp.where(s.point.rises > 0, jnp.inf, 0.0),
            rhs=_first_objective,
            tight=True,
        ),
        Conclusion(
            "no longer than the start",
            r"\tfrac12\|V_{s(W)}\|^2 \le \tfrac12(\|W\|/\min_i M_i)^2",
            lhs=_first_objective,
            rhs=lambda i, s: 0.5 * (norm(i.W) / jnp.min(margins(i))) ** 2,
        ),
    ),
    witness=lambda i, s: s.W,
    counterexamples=(
        Counterexample("separates", _misclassified, "M = −5.5 and ‖W‖² = 10, but no network shorter than 2 reaches 1"),
    ),
    obligations=kkt_point_steps.exact_kkt_point,
    notes="The solver's exchange of active sets can cycle where a point has a single neuron of its label's sign: about "
    "one in 10,000 instances here, which counts as not solved.",
)
