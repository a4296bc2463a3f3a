r"""The projection onto the capped simplex, by which the worst-case forget set is searched.

C = {w ∈ [0, 1]ⁿ, Σ wᵢ = k}, 0 ≤ k ≤ n. Proof (derived here). s(μ) = Σ clip(aᵢ − μ, 0, 1) is continuous and falls from
n to 0, so s(μ) = k for some μ; let w = clip(a − μ, 0, 1), a point of C. For v ∈ C, coordinate by coordinate,
(aᵢ − μ − wᵢ)(vᵢ − wᵢ) ≤ 0: the first factor is 0 inside, and where wᵢ is 0 or 1 it has the sign of wᵢ − vᵢ. Summed,
and since Σ vᵢ = Σ wᵢ, ⟨a − w, v − w⟩ ≤ 0. Hence

    ‖a − v‖² = ‖a − w‖² + ‖w − v‖² − 2⟨a − w, v − w⟩ ≥ ‖a − w‖² + ‖w − v‖²:

w is the nearest point of C, and the only one: Π(a) = w, whichever μ was taken. For a ∈ C take μ = 0: Π(a) = a. Two
such inequalities added give ‖Π(a) − Π(b)‖² ≤ ⟨Π(a) − Π(b), a − b⟩, so Π does not expand. clip(· − μ, 0, 1) does not
fall and has slope at most 1: 0 ≤ wᵢ − wⱼ ≤ aᵢ − aⱼ where aᵢ ≥ aⱼ. And w falls with μ in every coordinate: for another
sum k′ all coordinates move the same way, ‖Π_k(a) − Π_k′(a)‖ ≤ Σ |wᵢ − w′ᵢ| = |k − k′|.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.wc.selection import proof_steps
from theory.numerics import norm
from theory.solvers.capped_simplex import CappedSimplex, capped_simplex


class Points(NamedTuple):
    """Two points to project, a point of C, and another sum."""

    a: Float[Array, " n"]
    b: Float[Array, " n"]
    v: Float[Array, " n"]
    k: Float[Array, ""]
    other: Float[Array, ""]  # k′


class Projected(NamedTuple):
    """Projections of a, b, Π(a), and of a for the other sum."""

    first: CappedSimplex
    second: CappedSimplex
    again: CappedSimplex
    shifted: CappedSimplex


def build(sizes: Sizes, z: Float[Array, " l"]) -> Points:
    """Any a and b, any k from 0 to n, and v as far from (k/n, ..., k/n) in a direction of sum 0 as is asked."""
    n = sizes["n"]
    a, b, direction, rest = z[:n], z[n : 2 * n], z[2 * n : 3 * n], z[3 * n :]
    k, other = 0.5 * n * (1.0 + jnp.tanh(rest[0])), 0.5 * n * (1.0 + jnp.tanh(rest[1]))
    move = direction - jnp.mean(direction)
    room = jnp.where(move > 0, 1.0 - k / n, k / n)  # until a coordinate reaches 1 or 0
    still = jnp.abs(move) < 1e-9
    reach = jnp.min(jnp.where(still, jnp.inf, room / jnp.where(still, 1.0, jnp.abs(move))))
    share = 0.999 * jnp.tanh(jnp.abs(rest[2]))
    v = k / n + jnp.where(jnp.all(still), 0.0, share * jnp.where(jnp.isfinite(reach), reach, 0.0)) * move
    return Points(a, b, jnp.where(still, k / n, v), k, other)


def solve(i: Points) -> Projected:
    """Four projections."""
    first = capped_simplex(i.a, i.k)
    return Projected(first, capped_simplex(i.b, i.k), capped_simplex(first.w, i.k), capped_simplex(i.a, i.other))


def _scale(i: Points, s: Projected) -> Array:
    return 1.0 + jnp.max(jnp.abs(i.a)) + jnp.max(jnp.abs(i.b)) + len(i.a)


def _outside(w: Float[Array, " n"]) -> Array:
    return jnp.maximum(jnp.max(w - 1.0), jnp.max(-w))


def _falls(i: Points, s: Projected) -> Float[Array, "n n"]:
    """wⱼ − wᵢ where aᵢ ≥ aⱼ."""
    return jnp.where(i.a[:, None] >= i.a[None, :], s.first.w[None, :] - s.first.w[:, None], 0.0)


def _gaps(w: Float[Array, " n"]) -> Float[Array, "n n"]:
    return jnp.abs(w[:, None] - w[None, :])


def _points(a: list[float], v: list[float], k: float) -> Points:
    b = np.zeros(len(a))
    return Points(*map(jnp.asarray, (np.array(a), b, np.array(v), k, 1.0)))


CLAIM = Claim(
    key="wc.selection.projection",
    title="The projection onto the capped simplex: one shift, unique, idempotent, non-expansive, order-preserving",
    statement=r"\Pi(a)=\operatorname{argmin}\{\|a-w\|:\ w\in[0,1]^n,\ \textstyle\sum_iw_i=k\}"
    r"=\operatorname{clip}(a-\mu,0,1),\quad \Pi(\Pi(a))=\Pi(a),\quad \|\Pi(a)-\Pi(b)\|\le\|a-b\|,\quad "
    r"a_i\ge a_j\Rightarrow 0\le w_i-w_j\le a_i-a_j",
    source="derived here, for the upper level of WC (arXiv 2403.07362)",
    status="proved",
    sizes=({"n": 2}, {"n": 5}, {"n": 16}),
    latent=lambda sizes: 3 * sizes["n"] + 3,
    build=build,
    assumptions=(
        Assumption("attainable sum", r"0\le k\le n", lambda i: jnp.minimum(i.k, len(i.a) - i.k)),
        Assumption(
            "a point of C",
            r"v\in[0,1]^n,\ \textstyle\sum_iv_i=k",
            lambda i: (
                1e-12 * len(i.a) - jnp.maximum(_outside(i.v), jnp.abs(jnp.sum(i.v) - jnp.clip(i.k, 0.0, len(i.a))))
            ),
        ),
    ),
    solve=solve,
    residual=lambda i, s: s.first.residual + s.second.residual + s.again.residual,
    residual_target=np.inf,  # the sum is a conclusion here
    conclusions=(
        Conclusion(
            "sum",
            r"\textstyle\sum_iw_i=k",
            lhs=lambda i, s: jnp.sum(s.first.w),
            rhs=lambda i, s: i.k,
            relation="==",
            scale=_scale,
        ),
        Conclusion("box", r"0\le w_i\le 1", lhs=lambda i, s: _outside(s.first.w), rhs=lambda i, s: 0.0),
        Conclusion(
            "one shift",
            r"w=\operatorname{clip}(a-\mu,0,1)",
            lhs=lambda i, s: s.first.w,
            rhs=lambda i, s: jnp.clip(i.a - s.first.mu, 0.0, 1.0),
            relation="==",
            scale=_scale,
        ),
        Conclusion(
            "nearest",
            r"\|a-w\|^2+\|w-v\|^2\le\|a-v\|^2\ \forall v\in C",
            lhs=lambda i, s: norm(i.a - s.first.w) ** 2 + norm(s.first.w - i.v) ** 2,
            rhs=lambda i, s: norm(i.a - i.v) ** 2,
            tight=True,
            scale=lambda i, s: len(i.a) * _scale(i, s) ** 2,
        ),
        Conclusion(
            "idempotent",
            r"\Pi(\Pi(a))=\Pi(a)",
            lhs=lambda i, s: s.again.w,
            rhs=lambda i, s: s.first.w,
            relation="==",
            scale=_scale,
        ),
        Conclusion(
            "non-expansive",
            r"\|\Pi(a)-\Pi(b)\|\le\|a-b\|",
            lhs=lambda i, s: norm(s.first.w - s.second.w),
            rhs=lambda i, s: norm(i.a - i.b),
            tight=True,
            scale=_scale,
        ),
        Conclusion(
            "order",
            r"a_i\ge a_j\Rightarrow w_i\ge w_j",
            lhs=_falls,
            rhs=lambda i, s: 0.0,
            scale=lambda i, s: 1.0,
        ),
        Conclusion(
            "gaps",
            r"|w_i-w_j|\le|a_i-a_j|",
            lhs=lambda i, s: _gaps(s.first.w),
            rhs=lambda i, s: _gaps(i.a),
            tight=True,
            scale=_scale,
        ),
        Conclusion(
            "in the sum",
            r"\|\Pi_k(a)-\Pi_{k'}(a)\|\le|k-k'|",
            lhs=lambda i, s: norm(s.first.w - s.shifted.w),
            rhs=lambda i, s: jnp.abs(i.k - i.other),
            tight=True,
            scale=_scale,
        ),
    ),
    witness=lambda i, s: s.first.w,
    counterexamples=(
        Counterexample(
            "attainable sum", lambda: _points([0.0, 0.0], [1.0, 1.0], 3.0), "two coordinates of at most 1 have no sum 3"
        ),
        Counterexample(
            "a point of C", lambda: _points([2.0, 0.0], [2.0, 0.0], 1.0), "a itself is nearer, but not in C"
        ),
    ),
    obligations=proof_steps.projection,
    notes="k need not be an integer. The last conclusion makes the error in the sum a bound on the solver's error.",
)
