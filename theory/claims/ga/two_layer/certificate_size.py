r"""How large the certificate of one ascent step is on nearly orthogonal points.

Proof (derived here), under A(ψ, φ) with N = |R| retained points and a = 1 − ψ − (N − 1)φ > 0, b = 1 + ψ + (N − 1)φ. By
diagonal dominance the retained Gram matrix G_RR has its eigenvalues in [a, b]. The vector of inner products of a
forgotten x_l with R has length at most √N φ, so

    ‖P_R x_l‖² = g_lᵀ G_RR⁻¹ g_l ≤ N φ² / a.

The blocks of P_R g are u_j Σ_F y_l λ_l s_lj P_R x_l with 0 ≤ s ≤ 1, so ‖P_R g‖ ≤ ‖u‖ Σ_F λ_l ‖P_R x_l‖. A feasible
network is not short. Only the neurons W_± of the label's sign raise a margin: M_i ≤ Σ |u_j| |⟨w_j, x_i⟩| is at most
√c_± ‖W_± x_i‖ with c_± = Σ u_j² over a sign, and Σ_i ‖W_± x_i‖² ≤ b ‖W_±‖² over that label's N_± retained points, so

    ‖W‖² ≥ (N_+/c_+ + N_−/c_−)/b ≥ N/(‖u‖² b).

So with Λ_F = Σ_F λ_l and the model's subgradient (λ s = t on F) the certificate of ga.two_layer.ascent_certificate has

    ε − ε₁ ≤ ‖u‖ Λ_F φ √(N/a),    q = ‖P_R g‖/‖W̃‖ ≤ ‖u‖² Λ_F φ √(b/a),    τ ≤ 1 − √(1 − q²),    δ ≤ δ₁.

The bound on τ is approached as q → 0: one neuron u = 1 on two retained points of length 1, label +1 and product φ is
W̃ = (x_1 + x_2)/b, along the eigenvector of b; x_l with products φ and −φ has P_R x_l along that of a, orthogonal to W̃,
and τ = 1 − 1/√(1 + q²).

N cancels in q, and the width appears in ‖u‖ alone. With φ = ε_d/(4m) the first reads ‖P_R x_l‖² ≤
ε_d²/(16 m (1 − ψ − ε_d/4)), for N ≤ m: then ε − ε₁ = O(ε_d/√m) and τ = O(ε_d²/m²).
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ga.two_layer import certificate_size_steps
from theory.claims.instances import near_orthogonal_latent, near_orthogonal_problem, signs
from theory.models import two_layer
from theory.numerics import cosine_gap, masked_min, norm, tangent_gap
from theory.solvers.min_norm import row_space


class NearOrthogonal(NamedTuple):
    """A network on nearly orthogonal points, feasible on the retained ones, with a step's λ and s."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    forget: Bool[Array, " m"]
    u: Float[Array, " n"]
    W: Float[Array, "n d"]
    lam: Float[Array, " m"]
    s: Float[Array, "m n"]
    psi: Float[Array, ""]
    phi: Float[Array, ""]


class Sized(NamedTuple):
    """What the bounds speak of, from an SVD of the retained points."""

    projections: Float[Array, " m"]  # ‖P_R x_l‖ of forgotten points, 0 of the others
    moved: Float[Array, ""]  # ‖P_R g‖
    witness: Float[Array, ""]  # ‖W̃‖
    tau: Float[Array, ""]
    low: Float[Array, ""]  # a
    high: Float[Array, ""]  # b


def latent(sizes: Sizes) -> int:
    """Data, output weights, a free part of W, and for every pair a subgradient of W's and of the step."""
    m, d, n = sizes["m"], sizes["d"], sizes["n"]
    return near_orthogonal_latent(sizes) + n + n * d + 1 + 2 * m + m * n


def build(sizes: Sizes, z: Float[Array, " latent"]) -> NearOrthogonal:
    """W = Σ u_j λ_i s_ij y_i x_i plus a free part, 0 in half of the draws; its own labels; least retained margin 1."""
    m, d, n = sizes["m"], sizes["d"], sizes["n"]
    size = near_orthogonal_latent(sizes)
    problem, psi, phi = near_orthogonal_problem(sizes, z[:size], share=0.45)
    output, free, rest = jnp.split(z[size:], [n, n + n * d])
    share, weights, multipliers, subgradient = rest[0], rest[1 : 1 + m], rest[1 + m : 1 + 2 * m], rest[1 + 2 * m :]
    u = jnp.where(jnp.arange(n) % 2 == 0, 1.0, -1.0) * jnp.exp(jnp.tanh(output)) / jnp.sqrt(n)
    y = signs(problem.y) if n > 1 else jnp.ones(m)
    s = jnp.clip(0.5 + subgradient.reshape(m, n), 0.0, 1.0)
    direction = jnp.exp(jnp.tanh(weights)) * y
    W = u[:, None] * ((jnp.where(u[None, :] * y[:, None] > 0, 1.0, 0.0) * direction[:, None]).T @ problem.X)
    W = W + jnp.maximum(jnp.tanh(share), 0.0) * free.reshape(n, d) / jnp.sqrt(n * d)
    score = two_layer.scores(u, W, problem.X)
    y = signs(score)
    least = masked_min(jnp.abs(score), ~problem.forget)
    W = W / jnp.where(least > 1e-9, least, 1.0)
    return NearOrthogonal(problem.X, y, problem.forget, u, W, jax.nn.softplus(multipliers), s, psi, phi)


def solve(i: NearOrthogonal) -> Sized:
    """Take the step in R^d."""
    space = row_space(i.X, ~i.forget)
    terms = jnp.where(i.forget[:, None], i.y[:, None] * i.lam[:, None] * i.s, 0.0)
    g = i.u[:, None] * (terms.T @ i.X)
    outside = jax.vmap(space.reject)(g)
    witness = i.W - outside
    low, high = gram_range(i.psi, i.phi, _retained_count(i))
    return Sized(
        projections=jnp.where(i.forget, jax.vmap(lambda x: norm(space.project(x)))(i.X), 0.0),
        moved=norm(g - outside),
        witness=norm(witness),
        tau=cosine_gap((i.W - g).ravel(), witness.ravel()),
        low=low,
        high=high,
    )


def _retained_count(i: NearOrthogonal) -> Array:
    return jnp.sum(~i.forget).astype(i.X.dtype)


def gram_range(psi: Array, phi: Array, count: Array) -> tuple[Array, Array]:
    """(a, b): the eigenvalues of a Gram matrix of ``count`` points in A(ψ, φ) lie in between (Gershgorin)."""
    others = (count - 1.0) * phi
    return 1.0 - psi - others, 1.0 + psi + others


def projection_bound(phi: Array, count: Array, low: Array) -> Array:
    """φ √(N/a), on ‖P_R x_l‖."""
    return phi * jnp.sqrt(count / low)


def ratio_bound(length: Array, total: Array, phi: Array, low: Array, high: Array) -> Array:
    """q = ‖u‖² Λ_F φ √(b/a), on ‖P_R g‖/‖W̃‖; ``length`` is ‖u‖ and ``total`` Λ_F."""
    return length**2 * total * phi * jnp.sqrt(high / low)


def _projection_bound(i: NearOrthogonal, s: Sized) -> Array:
    return projection_bound(i.phi, _retained_count(i), s.low)


def _projection_bound_in_eps(i: NearOrthogonal, s: Sized, *, k: float, c: float) -> Array:
    """k ε_d²/(m(1 − ψ − ε_d/4)) at ε_d = cmφ."""
    m, eps_d = len(i.y), c * len(i.y) * i.phi
    return k * eps_d**2 / (m * (1.0 - i.psi - eps_d / 4.0))


def _length_bound(i: NearOrthogonal, s: Sized) -> Array:
    """√((N_+/c_+ + N_−/c_−)/b)."""

    def one_label(label: float) -> Array:
        share = jnp.sum(jnp.where(i.u * label > 0, i.u**2, 0.0))
        count = jnp.sum(~i.forget & (i.y == label)).astype(i.X.dtype)
        return count / jnp.where(share > 0, share, 1.0)

    return jnp.sqrt((one_label(1.0) + one_label(-1.0)) / s.high)


def _total(i: NearOrthogonal) -> Array:
    return jnp.sum(jnp.where(i.forget, i.lam, 0.0))


def _ratio_bound(i: NearOrthogonal, s: Sized) -> Array:
    return ratio_bound(norm(i.u), _total(i), i.phi, s.low, s.high)


def _step_size(i: NearOrthogonal, s: Sized) -> Array:
    """Of the numbers that enter g."""
    return norm(i.u) * _total(i) * jnp.sqrt(1.0 + i.psi)


def _relative(i: NearOrthogonal, s: Sized) -> Array:
    """Rounding in a direction: the terms of W̃ and W′ over the shorter of them."""
    shorter = jnp.maximum(s.witness - s.moved, 1e-3 * s.witness)
    return ((norm(i.W) + _step_size(i, s)) / shorter) ** 2


def _near_orthogonality(i: NearOrthogonal) -> Array:
    G = i.X @ i.X.T
    lengths = i.psi - jnp.max(jnp.abs(jnp.diagonal(G) - 1.0))
    products = i.phi - jnp.max(jnp.abs(G - jnp.diag(jnp.diagonal(G))))
    return jnp.minimum(lengths, products) + 1e-14


def _feasible(i: NearOrthogonal) -> Array:
    return masked_min(i.y * two_layer.scores(i.u, i.W, i.X), ~i.forget) - 1.0 + 1e-12


def _one_neuron(product: float, length: float) -> NearOrthogonal:
    """One neuron w = length · e₁, retained e₁, forgotten (c, √(1 − c²)), λ = 1/10 and s = 1; A(0, 1/10) is stated."""
    X = np.array([[1.0, 0.0], [product, np.sqrt(1.0 - product**2)]])
    W = np.array([[length, 0.0]])
    fields = (X, np.ones(2), np.array([False, True]), np.ones(1), W, np.full(2, 0.1), np.ones((2, 1)), 0.0, 0.1)
    return NearOrthogonal(*map(jnp.asarray, fields))


def dimension_needed(phi: float, m: int, failure: float = 0.01) -> float:
    """A dimension from which m points x ~ N(0, I/d) have all |⟨x_i, x_j⟩| ≤ φ, with probability 1 − ``failure``.

    Chernoff: E exp(s d⟨x_i, x_j⟩) = (1 − s²)^(−d/2), so one product exceeds φ with probability at most exp(−d I(φ)),
    I(φ) = max_s [sφ + ½ log(1 − s²)] ≈ φ²/2, attained at s = 2φ/(1 + √(1 + 4φ²)); then a union over the m(m − 1) signed
    pairs. The hypothesis φ ≤ ε_d/(4mn) needs d ≈ 3·10¹² at m = 10, n = 100, ε_d = 0.01; φ ≤ ε_d/(4m) needs 3·10⁸.
    """
    s = 2.0 * phi / (1.0 + math.sqrt(1.0 + 4.0 * phi * phi))
    rate = s * phi + 0.5 * math.log1p(-s * s)
    return math.log(m * (m - 1) / failure) / rate


CLAIM = Claim(
    key="ga.two_layer.certificate_size",
    title="On nearly orthogonal points the certificate of one ascent step is small, whatever the width",
    statement=r"A(\psi,\phi),\ a=1-\psi-(|R|-1)\phi>0,\ b=1+\psi+(|R|-1)\phi \Rightarrow "
    r"\|P_Rx_l\|^2\le|R|\phi^2/a,\quad \|P_Rg\|\le\|u\|\Lambda_F\phi\sqrt{|R|/a},\quad "
    r"\|\tilde W\|^2\ge\frac{|R|}{\|u\|^2b},\quad \tau\le1-\sqrt{1-q^2},\ q=\|u\|^2\Lambda_F\phi\sqrt{b/a}",
    source="derived here, after the criterion of GA (arXiv 2510.14844, abstract)",
    status="proved",
    sizes=({"m": 2, "d": 2, "n": 1, "k": 1}, {"m": 4, "d": 5, "n": 4, "k": 1}, {"m": 10, "d": 12, "n": 12, "k": 3}),
    latent=latent,
    build=build,
    assumptions=(
        Assumption("near-orthogonal", r"A(\psi,\phi)", _near_orthogonality),
        Assumption("feasible", r"M_i\ge1,\ i\in R", _feasible),
    ),
    solve=solve,
    conclusions=(
        Conclusion(
            "projection",
            r"\|P_Rx_l\|\le\phi\sqrt{|R|/a},\ l\in F",
            lhs=lambda i, s: s.projections,
            rhs=_projection_bound,
            tight=True,
            scale=lambda i, s: 1.0 + i.psi,
        ),
        Conclusion(
            "projection at φ = ε_d/(4m)",
            r"\|P_Rx_l\|^2\le\varepsilon_d^2/(16m(1-\psi-\varepsilon_d/4)),\ \varepsilon_d=4m\phi",
            lhs=lambda i, s: s.projections**2,
            rhs=_projection_bound_in_eps,
            scale=lambda i, s: 1.0 + i.psi,
        ),
        Conclusion(
            "removed part",
            r"\|P_Rg\|\le\|u\|\sum_F\lambda_l\|P_Rx_l\|",
            lhs=lambda i, s: s.moved,
            rhs=lambda i, s: norm(i.u) * jnp.sum(jnp.where(i.forget, i.lam * s.projections, 0.0)),
            tight=True,
            scale=_step_size,
        ),
        Conclusion(
            "stationarity",
            r"\varepsilon-\varepsilon_1\le\|P_Rg\|\le\|u\|\Lambda_F\phi\sqrt{|R|/a}",
            lhs=lambda i, s: s.moved,
            rhs=lambda i, s: norm(i.u) * _total(i) * _projection_bound(i, s),
            tight=True,
            scale=_step_size,
        ),
        Conclusion(
            "length",
            r"\|\tilde W\|^2\ge(|R_+|/c_++|R_-|/c_-)/b",
            lhs=lambda i, s: s.witness,
            rhs=_length_bound,
            relation=">=",
            tight=True,
            scale=lambda i, s: norm(i.W) + _step_size(i, s),
        ),
        Conclusion(
            "length, both labels",
            r"(|R_+|/c_++|R_-|/c_-)/b\ge|R|/(\|u\|^2b)",
            lhs=_length_bound,
            rhs=lambda i, s: jnp.sqrt(_retained_count(i) / s.high) / norm(i.u),
            relation=">=",
            tight=True,
        ),
        Conclusion(
            "direction",
            r"\tau\le1-\sqrt{1-q^2},\ q=\|u\|^2\Lambda_F\phi\sqrt{b/a}<1",
            lhs=lambda i, s: s.tau,
            rhs=lambda i, s: tangent_gap(_ratio_bound(i, s)),
            tight=True,
            scale=_relative,
        ),
    ),
    counterexamples=(
        Counterexample("near-orthogonal", lambda: _one_neuron(0.5, 1.0), "⟨x_1, x_2⟩ = 1/2 where φ = 1/10 is stated"),
        Counterexample("feasible", lambda: _one_neuron(0.1, 0.5), "margin 1/2: the network is only half as long"),
    ),
    obligations=certificate_size_steps.certificate_size,
    constants={"k": 1 / 16, "c": 4.0},  # ‖P_R x_l‖² ≤ kε_d²/(m(1 − ψ − ε_d/4)) at φ = ε_d/(cm)
    notes="With neurons of both signs in balance c_± = ‖u‖²/2, and the network is at least √2 times as long as "
    "√(|R|/b)/‖u‖. How large d must be for φ is dimension_needed: for x ~ N(0, I/d), m = 10, n = 100, ε_d = 0.01 and "
    "probability 0.99 the hypothesis φ ≤ ε_d/(4mn) needs d = 2.9e12; φ ≤ ε_d/(4m), all that is used here, d = 2.9e8.",
)
