"""Instances that several claims share, each a map from an unconstrained latent vector.

The forget set is always the last k points: the theorems do not depend on the order.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, UInt

from theory.claim import Sizes
from theory.data.correlated import correlate
from theory.data.dataset import ForgetSplit
from theory.data.near_orthogonal import latent_size, near_orthogonal_gram, points_from_gram
from theory.numerics import norm
from theory.solvers.margin import MarginSolution


class ApproximateKKT(NamedTuple):
    """A linear model that is an (ε, δ)-KKT point by construction, with its multipliers."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    forget: Bool[Array, " m"]
    w: Float[Array, " d"]
    lam: Float[Array, " m"]
    psi: Float[Array, ""]
    phi: Float[Array, ""]


def signs(z: Float[Array, " m"]) -> Float[Array, " m"]:
    """Labels ±1 from latents."""
    return jnp.where(z >= 0, 1.0, -1.0)


def last(k: int, m: int) -> Bool[Array, " m"]:
    """Mask of the last k of m points."""
    return jnp.arange(m) >= m - k


def near_orthogonal_latent(sizes: Sizes) -> int:
    """Latent length of :func:`near_orthogonal_problem`: Gram entries, labels, ψ and φ."""
    return latent_size(sizes["m"]) + sizes["m"] + 2


def near_orthogonal_problem(
    sizes: Sizes, z: Float[Array, " n"], share: float = 0.95
) -> tuple[ForgetSplit, Float[Array, ""], Float[Array, ""]]:
    """Points that meet A(ψ, φ) with (m − 1)φ < share · (1 − ψ), and that ψ and φ. Sizes: m, d ≥ m, k."""
    m = sizes["m"]
    entries, labels, bounds = z[: latent_size(m)], z[latent_size(m) : latent_size(m) + m], z[latent_size(m) + m :]
    psi = 0.5 * jax.nn.sigmoid(bounds[0])
    phi = share * jax.nn.sigmoid(bounds[1]) * (1.0 - psi) / max(m - 1, 1)
    X = points_from_gram(near_orthogonal_gram(entries, m, psi, phi), sizes["d"])
    return ForgetSplit(X, signs(labels), last(sizes["k"], m)), psi, phi


def approximate_kkt_latent(sizes: Sizes) -> int:
    """Latent length of :func:`approximate_kkt`: the problem, m multipliers, d + 1 for the error."""
    return near_orthogonal_latent(sizes) + sizes["m"] + sizes["d"] + 1


def approximate_kkt(sizes: Sizes, z: Float[Array, " n"]) -> ApproximateKKT:
    """w = Σ λᵢ yᵢ xᵢ + v with free λ > 0 and v, scaled so that the least margin is 1 (needs it positive)."""
    m = sizes["m"]
    size = near_orthogonal_latent(sizes)
    problem, psi, phi = near_orthogonal_problem(sizes, z[:size])
    lam = jnp.exp(jnp.tanh(z[size : size + m]))
    error = jnp.tanh(z[-1]) * z[size + m : -1] / (1.0 + norm(z[size + m : -1]))
    w = problem.X.T @ (lam * problem.y) + error
    least = jnp.min(problem.y * (problem.X @ w))
    scale = jnp.where(least > 0, 1.0 / jnp.where(least > 0, least, 1.0), 1.0)
    return ApproximateKKT(problem.X, problem.y, problem.forget, scale * w, scale * lam, psi, phi)


def margins(i: ApproximateKKT) -> Float[Array, " m"]:
    """yᵢ⟨w, xᵢ⟩."""
    return i.y * (i.X @ i.w)


def stationarity(i: ApproximateKKT) -> Float[Array, ""]:
    """ε of the instance's point: ‖w − Σ λᵢ yᵢ xᵢ‖."""
    return norm(i.w - i.X.T @ (i.lam * i.y))


def complementarity(i: ApproximateKKT) -> Float[Array, ""]:
    """δ of the instance's point: max λᵢ (Mᵢ − 1), at least 0."""
    return jnp.maximum(jnp.max(i.lam * (margins(i) - 1.0)), 0.0)


def feasibility(i: ApproximateKKT) -> Float[Array, ""]:
    """min Mᵢ − 1 up to rounding: ≥ 0 where w is feasible for (P)."""
    return jnp.min(margins(i)) - 1.0 + 1e-12


class TrainedModel(NamedTuple):
    """A linear model with multipliers, and the points to forget."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    forget: Bool[Array, " m"]
    w: Float[Array, " d"]
    lam: Float[Array, " m"]


def planted_latent(n: int, d: int) -> int:
    """Latent length of :func:`planted`: a multiplier, a slack and d − 1 coordinates a point."""
    return n * (d + 1)


def planted(z: Float[Array, " latent"], n: int, d: int) -> tuple[Float[Array, "n d"], Float[Array, " d"], Array]:
    """Rows yᵢxᵢ, separable in any dimension d ≥ 2, with their max-margin model w* and multipliers λ*.

    w* = ρe₁ with ρ² = Σλ*, rows ((1 + gapᵢ)/ρ, tᵢ), λ*ᵢ gapᵢ = 0, and t₁ chosen so that Σ λ*ᵢ tᵢ = 0.
    Points off the margin and points on it with multiplier 0 both occur; the first is always a support
    vector.
    """
    a, b, t = z[:n], z[n : 2 * n], jnp.tanh(z[2 * n :]).reshape(n, d - 1)
    first = jnp.arange(n) == 0
    lam = jnp.where(first, jnp.exp(jnp.tanh(a)), jax.nn.relu(jnp.tanh(a)))
    gap = jnp.where(lam > 0, 0.0, jax.nn.relu(b))
    t = t.at[0].set(-(jnp.where(first, 0.0, lam) @ t) / lam[0])
    rho = jnp.sqrt(jnp.sum(lam))
    rows = jnp.concatenate([((1.0 + gap) / rho)[:, None], t], axis=1)
    return rows, jnp.zeros(d).at[0].set(rho), lam


def correlated_latent(sizes: Sizes) -> int:
    """Latent length of :func:`correlated_model`: nearly orthogonal points and a correlation."""
    return near_orthogonal_latent(sizes) + 1


def correlated_model(sizes: Sizes, z: Float[Array, " n"]) -> TrainedModel:
    """Forget points correlated (c < 1) with a retained one of the same label; w interpolates the labels.

    w is the max-margin model wherever ``lam`` ≥ 0. The retained points are nearly orthogonal, so the
    retrained model interpolates their labels too, see :func:`retrained_multipliers`. Sizes: m, d ≥ m, k.
    """
    problem, _, _ = near_orthogonal_problem(sizes, z[:-1], share=0.3)
    X, y = correlate(problem.X, problem.y, sizes["k"], 0.99 * jax.nn.sigmoid(z[-1]))
    rows = y[:, None] * X
    lam = jnp.linalg.solve(rows @ rows.T, jnp.ones_like(y))
    return TrainedModel(X, y, problem.forget, rows.T @ lam, lam)


def retrained_multipliers(i: TrainedModel) -> Float[Array, " m"]:
    """λ* of the retained points' interpolator, 0 on F; the max-margin model on R wherever λ* ≥ 0."""
    rows = jnp.where(i.forget[:, None], 0.0, i.y[:, None] * i.X)
    kept = jnp.where(i.forget, 0.0, 1.0)
    return kept * jnp.linalg.solve(rows @ rows.T + jnp.diag(1.0 - kept), kept)


def retraining_error(s: MarginSolution, retained: Bool[Array, " m"], gram: Float[Array, "m m"]) -> Float[Array, ""]:
    """‖w − w*‖ that the margins of a found max-margin solution allow; independent retained points.

    The found w solves the problem with right-hand sides 1 + eᵢ, e being the margins' errors at the support
    and their shortfall elsewhere, and the solution moves by at most ‖e‖ over the least singular value.
    """
    off = jnp.where(s.support, s.margins - 1.0, jnp.maximum(1.0 - s.margins, 0.0))
    both = retained[:, None] & retained[None, :]
    least = jnp.linalg.eigvalsh(jnp.where(both, gram, jnp.trace(gram) * jnp.eye(len(gram))))[0]
    return norm(jnp.where(retained, off, 0.0)) / jnp.sqrt(least)


def seed_of(z: Float[Array, " n"]) -> UInt[Array, ""]:
    """A seed that any change of the latent vector changes, for instances that hold random draws of their own."""
    bits = jax.lax.bitcast_convert_type(z, jnp.uint32)
    return jnp.sum(bits * (2 * jnp.arange(bits.size, dtype=jnp.uint32).reshape(bits.shape) + 1), dtype=jnp.uint32)
