"""Approximate Clarke-KKT points of two-layer networks by construction, each a map from a latent vector.

Every network is W = V + Σ u_j y_i t_ij x_i with t admissible, so that V is its stationarity error and ε₁ = ‖V‖.
Pairs on the kink are an explicit mask: the sign of a computed zero is rounding.

General points: W, the data and λ are free, and some w_j are made orthogonal to some points, their kinks.

Points close to exact ones, near-orthogonal data: within a label all inner products are ≥ 0. A neuron with u_j y_i > 0
is active at i, with t_ij = λ_i. Across labels all inner products are ≤ 0, then the neurons of the other label's sign
are inactive; or all are ≥ 0, then those neurons sit on the kink, with t = G_cc⁻¹ G_co λ_o (c the cross points, o the
own): that makes z vanish there. Either way z = u_j y (S λ)_o at the own points, S = G_oo − G_oc G_cc⁻¹ G_co or G_oo, so
that margins decouple by label, M = c_± S λ with c_± = Σ u_j² over a sign, and λ = S⁻¹ 1/c_± puts them all at 1. With
small inner products 0 ≤ t ≤ λ. An error V, orthogonal to the cross points and too short to switch an own one off,
keeps all activations; V = 0 in half of the draws.
"""

from itertools import accumulate
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.claim import Assumption, Sizes
from theory.claims.instances import last, signs
from theory.data.near_orthogonal import latent_size, points_from_gram
from theory.models import two_layer
from theory.models.two_layer import TwoLayer
from theory.numerics import norm
from theory.solvers.min_norm import RowSpace, row_space

PRIVATE = 0.5
"""Length of a general point's own coordinate where d ≥ m: no eigenvalue of the Gram matrix is below its square."""

SHORTEST = 0.01
"""A general point's least ‖w_j‖ against the terms of Σ u_j y_i t_ij x_i, which V takes off: below it rounding of the
difference hides kinks."""


class ClarkePoint(NamedTuple):
    """A network W = V + Σ u_j y_i t_ij x_i in R^d with multipliers, and the subgradient its ascent step takes."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    forget: Bool[Array, " m"]
    u: Float[Array, " n"]
    V: Float[Array, "n d"]  # stationarity error: ε₁ = ‖V‖
    lam: Float[Array, " m"]
    t: Float[Array, "m n"]
    s: Float[Array, "m n"]  # of the step: 1 where active, 0 where inactive, in [0, 1] at kinks
    kinks: Bool[Array, "m n"]


def combination(i: ClarkePoint, t: Float[Array, "m n"]) -> Float[Array, "n d"]:
    """Σ_i u_j y_i t_ij x_i, one row a neuron, in R^d."""
    return i.u[:, None] * ((i.y[:, None] * t).T @ i.X)


def hidden_weights(i: ClarkePoint) -> Float[Array, "n d"]:
    """W in R^d."""
    return i.V + combination(i, i.t)


def network(i: ClarkePoint) -> TwoLayer:
    """The same network in coefficients: V is its start."""
    return two_layer.from_weights(i.u, i.V, i.X)._replace(C=i.u[:, None] * (i.y[:, None] * i.t).T)


def margins(i: ClarkePoint) -> Float[Array, " m"]:
    """yᵢ N(W, xᵢ), in R^d."""
    return i.y * two_layer.scores(i.u, hidden_weights(i), i.X)


def magnitude(i: ClarkePoint) -> Float[Array, ""]:
    """Of the terms that make up W: what rounding is relative to."""
    return norm(i.V) + norm(i.u) * jnp.sum(jnp.abs(i.lam)) * longest(i)


def longest(i: ClarkePoint) -> Float[Array, ""]:
    """max ‖xᵢ‖."""
    return jnp.sqrt(jnp.max(jnp.sum(i.X * i.X, axis=1)))


def on_retained(i: ClarkePoint, values: Array) -> Array:
    """Values (…, m, n) with 0 at the forgotten points."""
    return jnp.where(i.forget[:, None], 0.0, values)


class Removal(NamedTuple):
    """What a step removes, in R^d, split by a projector from an SVD."""

    g: Float[Array, "n d"]
    r: Float[Array, "n d"]  # what the points of F put there
    projected: Float[Array, "n d"]  # P_R g
    outside: Float[Array, "n d"]  # (I − P_R) g
    space: RowSpace  # of the retained points


def removal(i: ClarkePoint, weights: Float[Array, "m n"]) -> Removal:
    """The step with λ s = ``weights``."""
    space = row_space(i.X, ~i.forget)
    forget = i.forget[:, None]
    g, r = combination(i, jnp.where(forget, weights, 0.0)), combination(i, jnp.where(forget, i.t, 0.0))
    outside = jax.vmap(space.reject)(g)
    return Removal(g, r, g - outside, outside, space)


def slack_1(i: ClarkePoint) -> Float[Array, ""]:
    """δ₁ = max λᵢ (Mᵢ − 1), at least 0."""
    return jnp.maximum(jnp.max(i.lam * (margins(i) - 1.0)), 0.0)


def margin_scale(i: ClarkePoint) -> Float[Array, ""]:
    """Of the numbers that enter a margin."""
    return norm(i.u) * magnitude(i) * longest(i)


def off_admissible(i: ClarkePoint, z: Float[Array, "m n"], lam: Float[Array, " m"], t: Float[Array, "m n"]) -> Array:
    """How far multipliers are from admissible at pre-activations z; kinks are those of θ, and zeros to rounding."""
    kink = i.kinks | (jnp.abs(z) <= 1e-13 * (1.0 + magnitude(i)) * (1.0 + longest(i)))
    bound = lam[:, None]
    off = jnp.where(kink, jnp.maximum(t - bound, -t), jnp.abs(t - jnp.where(z > 0, bound, 0.0)))
    return jnp.maximum(jnp.max(off), jnp.max(-lam))


def _feasible(i: ClarkePoint) -> Array:
    return jnp.min(margins(i)) - 1.0 + 1e-12


def _admissible(i: ClarkePoint) -> Array:
    z = i.X @ hidden_weights(i).T
    at_kinks = jnp.max(jnp.where(i.kinks, jnp.abs(z), 0.0)) / ((1.0 + magnitude(i)) * (1.0 + longest(i)))
    return 1e-12 - jnp.maximum(off_admissible(i, z, i.lam, i.t) / (1.0 + jnp.max(jnp.abs(i.lam))), at_kinks)


FEASIBLE = Assumption("feasible", r"M_i \ge 1", _feasible)
ADMISSIBLE = Assumption(
    "admissible",
    r"\lambda\ge0,\ t_{ij}=\lambda_i \text{ where } \langle w_j,x_i\rangle>0,\ 0 \text{ where } <0,\ "
    r"0\le t_{ij}\le\lambda_i \text{ at } 0",
    _admissible,
)


def two_points(W: list[list[float]], t: list[list[float]], lam: list[float]) -> ClarkePoint:
    """Two unit points e₁ (retained) and e₂ (forgotten), labels +1, and u = (1, 1): W and t given, no kinks."""
    X, y, u = np.eye(2), np.ones(2), np.ones(2)
    hidden, part = np.array(W), np.array(t)
    V = hidden - u[:, None] * ((y[:, None] * part).T @ X)
    s = (X @ hidden.T > 0).astype(np.float64)
    fields = (X, y, np.array([False, True]), u, V, np.array(lam), part, s, np.zeros((2, 2), bool))
    return ClarkePoint(*map(jnp.asarray, fields))


def infeasible() -> ClarkePoint:
    """The retained margin is 1/2."""
    return two_points([[0.5, 1.0], [-1.0, -1.0]], [[0.5, 0.0], [1.0, 0.0]], [0.5, 1.0])


def inadmissible() -> ClarkePoint:
    """t = 1/2 for a neuron that is inactive at the retained point."""
    return two_points([[1.0, 1.0], [-1.0, -1.0]], [[1.0, 0.5], [1.0, 0.0]], [1.0, 1.0])


def negative_share() -> ClarkePoint:
    """t = −1 for the inactive neuron of the retained point."""
    return two_points([[1.0, 1.0], [-1.0, 0.0]], [[1.0, -1.0], [1.0, 0.0]], [1.0, 1.0])


def clarke_point_latent(sizes: Sizes) -> int:
    """Latent length of :func:`clarke_point`. Sizes: m, d, n, k; with "exact" d ≥ m, n ≥ 2 and k ≤ m − 2."""
    return sum(_parts(sizes))


def _parts(sizes: Sizes) -> tuple[int, int, int, int, int, int]:
    m, d, n = sizes["m"], sizes["d"], sizes["n"]
    data, rest = (latent_size(m), 4) if sizes.get("exact") else (m * d, m * n)
    return n, n * d, m * n, m, data, rest


def clarke_point(sizes: Sizes, z: Float[Array, " latent"]) -> ClarkePoint:
    """A general point, or with ``exact`` in ``sizes`` one close to or at an exact point; least margin 1."""
    parts = jnp.split(z, list(accumulate(_parts(sizes)))[:-1])
    point = _near_exact(sizes, *parts) if sizes.get("exact") else _general(sizes, *parts)
    least = jnp.min(margins(point))
    scale = jnp.where(least > 1e-9, 1.0 / jnp.where(least > 1e-9, least, 1.0), 1.0)
    return point._replace(V=scale * point.V, lam=scale * point.lam, t=scale * point.t)


def _orthogonal_to(W: Array, X: Array, pairs: Array) -> Array:
    """Every w_j minus its projection on the points of ``pairs``[:, j], which must be independent; twice."""
    G = X @ X.T

    def reject(w: Array, mask: Array) -> Array:
        K = jnp.where(mask[:, None] & mask[None, :], G, jnp.eye(len(G)))
        for _ in range(2):
            w = w - X.T @ jnp.linalg.solve(K, jnp.where(mask, X @ w, 0.0))
        return w

    return jax.vmap(reject, in_axes=(0, 1))(W, pairs)


def _lengths(W: Array) -> Array:
    return jnp.sqrt(jnp.sum(W * W, axis=1))


def _no_shorter(W: Array, least: Array) -> Array:
    """Every w_j but 0, longer if need be; its activations and kinks stay."""
    lengths = _lengths(W)
    return W * jnp.maximum(1.0, least / jnp.where(lengths > 0, lengths, 1.0))[:, None]


def _general(
    sizes: Sizes, output: Array, hidden: Array, subgradient: Array, multipliers: Array, points: Array, kinked: Array
) -> ClarkePoint:
    """Free network and data, any correlations; a point that no neuron is active at is replaced by −x."""
    m, d, n = sizes["m"], sizes["d"], sizes["n"]
    B = points.reshape(m, d)
    B = B.at[:, :m].set(0.0) if d >= m else B
    B = B / jnp.sqrt(1.0 + jnp.sum(B * B, axis=1))[:, None]
    X = B + PRIVATE * jnp.eye(m, d) if d >= m else B
    chance = kinked.reshape(m, n)
    kinks = (chance > 0.5) & (jnp.arange(m)[:, None] % n != jnp.arange(n)[None, :])
    if d < m:  # dependent points: one kink a neuron
        kinks = kinks & (jnp.arange(m)[:, None] == jnp.argmax(chance, axis=0)[None, :])
    free = hidden.reshape(n, d)
    free = jnp.where(_lengths(free)[:, None] > 0, free, 0.0)  # lengths that underflow
    W = _orthogonal_to(free, X, kinks)
    nothing_left = _lengths(W) <= 1e-6 * _lengths(free)
    W = jnp.where(nothing_left[:, None], free, W)
    kinks = kinks & ~nothing_left[None, :]
    X = jnp.where(jnp.any((X @ W.T > 0) & ~kinks, axis=1)[:, None], X, -X)
    active = (X @ W.T > 0) & ~kinks
    u = signs(output) * jnp.exp(jnp.tanh(output)) / jnp.sqrt(n)
    lam = jnp.maximum(jax.nn.softplus(multipliers) - 0.5, 0.0)
    share = jnp.clip(chance + subgradient.reshape(m, n), 0.0, 1.0)
    t = lam[:, None] * jnp.where(kinks, share, jnp.where(active, 1.0, 0.0))
    W = _no_shorter(W, SHORTEST * jnp.abs(u) * (_lengths(X) @ t))
    y = signs(jnp.where(active, X @ W.T, 0.0) @ u)
    s = _only_at(kinks, active, subgradient.reshape(m, n))
    point = ClarkePoint(X, y, last(sizes["k"], m), u, W, lam, t, s, kinks)
    return point._replace(V=W - combination(point, t))


def _only_at(kinks: Array, active: Array, z: Array) -> Array:
    """A step's subgradient from latents: clipped to [0, 1] at kinks, so that both ends occur."""
    return jnp.where(kinks, jnp.clip(0.5 + z, 0.0, 1.0), jnp.where(active, 1.0, 0.0))


def _near_exact(
    sizes: Sizes, output: Array, error: Array, subgradient: Array, labels: Array, gram: Array, bounds: Array
) -> ClarkePoint:
    """Near-orthogonal data, both labels retained; ψ < ¼ and (m − 1)φ < ¼ c_min/c_max keep 0 ≤ t ≤ λ."""
    m, d, n = sizes["m"], sizes["d"], sizes["n"]
    inner, (cross_sign, closeness, spread, length) = gram[m:], bounds
    u = jnp.where(jnp.arange(n) % 2 == 0, 1.0, -1.0) * jnp.exp(0.5 * jnp.tanh(output)) / jnp.sqrt(n)
    y = signs(labels).at[:2].set(jnp.array([1.0, -1.0]))
    forward, backward = jnp.sum(jnp.where(u > 0, u * u, 0.0)), jnp.sum(jnp.where(u < 0, u * u, 0.0))
    kinked = cross_sign > 0
    ratio = jnp.minimum(forward, backward) / jnp.maximum(forward, backward)
    psi = 0.25 * jax.nn.sigmoid(spread)
    phi = 0.25 * ratio * jax.nn.sigmoid(closeness) / max(m - 1, 1)
    rows, columns = jnp.triu_indices(m, 1)
    size = 0.5 + 0.5 * jax.nn.sigmoid(inner)
    across = jnp.where(kinked, size, -jnp.abs(jnp.tanh(inner)))
    entries = phi * jnp.where(y[rows] == y[columns], jnp.abs(jnp.tanh(inner)), across)
    upper = jnp.zeros((m, m)).at[rows, columns].set(entries)
    G = upper + upper.T + jnp.diag(1.0 + psi * jnp.tanh(gram[:m]))
    X = points_from_gram(G, d)

    def one_sign(own: Array, share: Array) -> tuple[Array, Array]:
        """λ of the own points, and t of the cross points at the neurons of this sign."""
        cross = ~own
        K = jnp.where(cross[:, None] & cross[None, :], G, jnp.eye(m))
        back = jnp.linalg.solve(K, jnp.where(cross[:, None] & own[None, :] & kinked, G, 0.0))
        S = G - jnp.where(own[:, None] & cross[None, :], G, 0.0) @ back
        lam = jnp.linalg.solve(jnp.where(own[:, None] & own[None, :], S, jnp.eye(m)), jnp.where(own, 1.0 / share, 0.0))
        return lam, back @ lam

    lam_forward, t_forward = one_sign(y > 0, forward)
    lam_backward, t_backward = one_sign(y < 0, backward)
    lam = lam_forward + lam_backward
    active = u[None, :] * y[:, None] > 0
    at_cross = jnp.where(u[None, :] > 0, t_forward[:, None], t_backward[:, None])
    t = jnp.where(active, lam[:, None], at_cross)
    kinks = ~active & kinked
    direction = _orthogonal_to(error.reshape(n, d), X, ~active)
    # at the own points z = |u_j|/c_±: an error of half of that over ‖x‖ keeps them active
    reach = 0.5 * jnp.abs(u) / jnp.where(u > 0, forward, backward) / jnp.sqrt(1.0 + psi)
    sized = jnp.maximum(jnp.tanh(length), 0.0) * reach / (1e-9 + _lengths(direction))
    s = _only_at(kinks, active, subgradient.reshape(m, n))
    return ClarkePoint(X, y, last(sizes["k"], m), u, sized[:, None] * direction, lam, t, s, kinks)
