"""Two-layer ReLU networks N(W, x) = Σ_j u_j relu(⟨w_j, x⟩) with u fixed: in R^d, and in Gram coefficients.

Gradients of the loss lie in the span of the points, so W = W₀ + C X along any training, ascent or
projection. Pre-activations are then Z = X Wᵀ = G Cᵀ + Z₀ and norms follow from G, Z₀ and ‖w₀_j‖²: no
number here depends on the input dimension. Two networks are comparable when both start from the same W₀
up to a positive factor, or from none; KKT points have none.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from theory.checks import as_float_array
from theory.numerics import masked_min


class TwoLayer(NamedTuple):
    """A network in coefficients: W = W₀ + C X with n neurons, m points. Padding neurons have u_j = 0 and w_j = 0."""

    u: Float[Array, " n"]  # output weights
    C: Float[Array, "n m"]  # coefficients of the hidden weights
    Z0: Float[Array, "m n"]  # X W₀ᵀ
    sq0: Float[Array, " n"]  # ‖w₀_j‖²


def output_weights(n: int, width: Int[Array, ""] | int | None = None) -> Float[Array, " n"]:
    """u = ±1/√width, alternating, so that Σ u_j² = 1; zero from ``width`` on (padding, to vmap over widths)."""
    used = jnp.asarray(n if width is None else width)
    signs = jnp.where(jnp.arange(n) % 2 == 0, 1.0, -1.0)
    return jnp.where(jnp.arange(n) < used, signs / jnp.sqrt(used.astype(jnp.float64)), 0.0)


def initialise(
    key: Key[Array, ""],
    factor: Float[Array, "m r"],
    u: Float[Array, " n"],
    d: Float[Array, ""] | float | int,
    scale: Float[Array, ""] | float = 1.0,
) -> TwoLayer:
    """Random start W₀ ~ N(0, scale² I/d) in R^d, exact in law at the cost of m·n numbers.

    Args:
        factor: the points' coordinates in r orthonormal directions (:class:`theory.data.wishart.GramSample`).
        u: output weights. d: dimension ≥ r, any float. scale: length of a neuron on average.

    Only X W₀ᵀ and ‖w₀_j‖² matter: r Gaussian coordinates each, and χ²_{d−r} for the rest.
    """
    dtype = factor.dtype
    rank = factor.shape[1]
    inside_key, outside_key = jax.random.split(key)
    dimension = jnp.asarray(d, dtype)
    inside = jax.random.normal(inside_key, (rank, len(u)), dtype)
    rest = dimension - rank
    outside = 2.0 * jax.random.gamma(outside_key, jnp.where(rest > 0, 0.5 * rest, 1.0), (len(u),), dtype)
    square = jnp.sum(inside * inside, axis=0) + jnp.where(rest > 0, outside, 0.0)
    used = u != 0
    size = jnp.asarray(scale, dtype) / jnp.sqrt(dimension)
    return TwoLayer(
        u=u.astype(dtype),
        C=jnp.zeros((len(u), factor.shape[0]), dtype),
        Z0=jnp.where(used[None, :], size * (factor @ inside), 0.0),
        sq0=jnp.where(used, size * size * square, 0.0),
    )


def from_weights(u: Float[Array, " n"], W: Float[Array, "n d"], X: Float[Array, "m d"]) -> TwoLayer:
    """The network with hidden weights W as a start (C = 0)."""
    return TwoLayer(u, jnp.zeros((len(u), X.shape[0]), W.dtype), X @ W.T, jnp.sum(W * W, axis=1))


def spanned(u: Float[Array, " n"], C: Float[Array, "n m"]) -> TwoLayer:
    """The network W = C X, with no part from an initialisation."""
    return TwoLayer(u, C, jnp.zeros(C.shape[::-1], C.dtype), jnp.zeros(len(u), C.dtype))


def hidden_weights(net: TwoLayer, X: Float[Array, "m d"], W0: Float[Array, "n d"] | None = None) -> Float[Array, "n d"]:
    """W = W₀ + C X in R^d."""
    return net.C @ X if W0 is None else W0 + net.C @ X


def scores(u: Float[Array, " n"], W: Float[Array, "n d"], X: Float[Array, "m d"]) -> Float[Array, " m"]:
    """N(W, xᵢ) for every row, in R^d. ``jax.grad`` of it takes relu′(0) = 0."""
    return jax.nn.relu(X @ W.T) @ u


def preactivations(net: TwoLayer, G: Float[Array, "m m"]) -> Float[Array, "m n"]:
    """⟨w_j, xᵢ⟩ for every point i and neuron j."""
    return G @ net.C.T + net.Z0


def margins(net: TwoLayer, G: Float[Array, "m m"], y: Float[Array, " m"]) -> Float[Array, " m"]:
    """yᵢ N(W, xᵢ)."""
    return y * (jax.nn.relu(preactivations(net, G)) @ net.u)


def square_norms(net: TwoLayer, G: Float[Array, "m m"]) -> Float[Array, " n"]:
    """‖w_j‖² of every neuron."""
    squared = net.sq0 + jnp.sum(net.C * (2.0 * net.Z0.T + net.C @ G), axis=1)
    return jnp.maximum(squared, 0.0)


def size(net: TwoLayer, G: Float[Array, "m m"]) -> Float[Array, ""]:
    """‖W‖, the Frobenius norm."""
    return jnp.sqrt(jnp.sum(square_norms(net, G)))


def scaled(net: TwoLayer, factor: Float[Array, ""] | float) -> TwoLayer:
    """The network with hidden weights factor · W, factor ≥ 0; margins scale alike."""
    return TwoLayer(net.u, factor * net.C, factor * net.Z0, factor * factor * net.sq0)


def normalised(
    net: TwoLayer, G: Float[Array, "m m"], y: Float[Array, " m"], retained: Bool[Array, " m"] | None = None
) -> TwoLayer:
    """Scaled so that the least (retained) margin is 1: feasible for the margin problem. NaN where a margin is ≤ 0."""
    kept = jnp.ones(len(y), bool) if retained is None else retained
    least = masked_min(margins(net, G, y), kept)
    return scaled(net, jnp.where(least > 0, 1.0 / jnp.where(least > 0, least, 1.0), jnp.nan))


def difference(a: TwoLayer, b: TwoLayer) -> TwoLayer:
    """W_a − W_b of comparable networks; ``u`` is kept."""
    return TwoLayer(a.u, a.C - b.C, a.Z0 - b.Z0, (jnp.sqrt(a.sq0) - jnp.sqrt(b.sq0)) ** 2)


def distance(a: TwoLayer, b: TwoLayer, G: Float[Array, "m m"]) -> Float[Array, ""]:
    """‖W_a − W_b‖ of comparable networks, accurate when they are close."""
    return size(difference(a, b), G)


def cosine_gap(a: TwoLayer, b: TwoLayer, G: Float[Array, "m m"]) -> Float[Array, ""]:
    """1 − cos(W_a, W_b) of comparable networks, accurate near 0."""
    return 0.5 * distance(scaled(a, 1.0 / size(a, G)), scaled(b, 1.0 / size(b, G)), G) ** 2


def dead_points(net: TwoLayer, G: Float[Array, "m m"], y: Float[Array, " m"]) -> Bool[Array, " m"]:
    """Points with no active neuron of their label's sign: no scaling of W gives them a positive margin."""
    helps = (net.u[None, :] * y[:, None] > 0) & (preactivations(net, G) > 0)
    return ~jnp.any(helps, axis=1)


def as_output_weights(u: Any) -> Float[Array, " n"]:
    """Output weights as float64.

    Raises:
        ValueError: width 0, NaN or infinity, not a vector, or all zero. RuntimeError: x64 is off.
    """
    if np.ndim(u) == 1 and len(u) == 0:
        raise ValueError("u: expected at least one neuron, got width 0")
    weights = as_float_array(u, "u", 1)
    if not bool(jnp.any(weights != 0)):
        raise ValueError(
            f"u: expected at least one output weight that is not 0, got {len(weights)} zeros: a dead network"
        )
    return weights


def as_hidden_weights(u: Any, W: Any, d: int | None = None, name: str = "W") -> tuple[Array, Array]:
    """(u, W) checked together: W has one row per neuron.

    Raises:
        ValueError: as :func:`as_output_weights`; NaN weights; rows that do not match ``u``, or columns
            that do not match ``d``.
    """
    weights = as_output_weights(u)
    hidden = as_float_array(W, name, 2)
    if hidden.shape[0] != len(weights):
        raise ValueError(
            f"{name}: expected {len(weights)} rows, one per entry of u, got shape {hidden.shape}"
            + (f"; {name}.T has them" if hidden.shape[1] == len(weights) else "")
        )
    if d is not None and hidden.shape[1] != d:
        raise ValueError(f"{name}: expected {d} columns, got {hidden.shape[1]}")
    return weights, hidden


def as_network(net: TwoLayer, m: int) -> TwoLayer:
    """A network in coefficients over m points, checked.

    Raises:
        ValueError: width 0, NaN, coefficients that do not match ``u`` or the m points.
    """
    u, C = as_hidden_weights(net.u, net.C, m, "C")
    Z0, sq0 = as_float_array(net.Z0, "Z0", 2), as_float_array(net.sq0, "sq0", 1)
    if Z0.shape != (m, len(u)) or sq0.shape != u.shape:
        raise ValueError(f"Z0, sq0: expected shapes {(m, len(u))} and {u.shape}, got {Z0.shape} and {sq0.shape}")
    return TwoLayer(u, C, Z0, sq0)
