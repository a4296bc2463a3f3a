r"""Test error of a two-layer ReLU network on the Gaussian mixture, without R^d.

For a fresh point x = yμ + ξ, ξ ~ N(0, I/d), the pre-activations are jointly normal: (⟨w_j, x⟩)_j ~ N(y Wμ, W Wᵀ/d).
With W = C X and X = factor · (orthonormal directions), Wμ = C (Xμ) and W Wᵀ/d = A Aᵀ with A = C factor/√d, so a
test point costs r ≤ m + 1 normal numbers, whatever d is (derived here).

A part W₀ from the initialisation has coordinates of its own. Of them :class:`theory.models.two_layer.TwoLayer` keeps
what training sees, Z₀ = X W₀ᵀ and ‖w₀_j‖². The rest is Gaussian given these and never influences training: inside
the directions of the points and μ, the coordinates that Z₀ leaves open; outside, n Gaussian vectors in R^{d−r}.
Given ‖w₀_j‖² both together have a uniform direction, so drawing them as they come and scaling each neuron to its
length is exact in law, jointly with the trained network.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from theory.data.wishart import GramSample, wishart_factor
from theory.models.two_layer import TwoLayer, as_network
from theory.numerics import CONFIDENCE, clopper_pearson

BATCH = 4096  # test points at a time: bounds the memory


class PreactivationLaw(NamedTuple):
    """Pre-activations of a fresh point with label y are N(y · mean, factor factorᵀ)."""

    mean: Float[Array, " n"]  # W μ
    factor: Float[Array, "n r"]  # A with A Aᵀ = W Wᵀ/d


class ErrorEstimate(NamedTuple):
    """Errors counted on independent test points, and an exact confidence interval of their probability."""

    errors: int
    samples: int
    rate: float
    interval: tuple[float, float]


def in_coordinates(X: Float[Array, "m d"], y: Float[Array, " m"], mu: Float[Array, " d"]) -> GramSample:
    """Points of R^d as a mixture sample: coordinates in r ≤ m + 1 orthonormal directions, the first along μ."""
    triangle = jnp.linalg.qr(jnp.concatenate([mu[:, None], X.T], axis=1), mode="r")
    factor = triangle[:, 1:].T
    along = factor[:, 0] * jnp.where(triangle[0, 0] < 0, -1.0, 1.0)
    return GramSample(X @ X.T, y, factor.at[:, 0].set(along), X @ mu)


def initial_coordinates(
    key: Key[Array, ""], net: TwoLayer, sample: GramSample, d: Float[Array, ""] | float | int
) -> Float[Array, "n s"]:
    """W₀ in the r directions of ``sample.factor`` and n more, drawn given Z₀ and ‖w₀_j‖²; d ≥ r + n."""
    m, r = sample.factor.shape
    n = len(net.u)
    open_key, outside_key = jax.random.split(key)
    basis = jnp.linalg.qr(sample.factor.T, mode="complete")[0]
    known = (sample.factor.T @ jnp.linalg.solve(sample.G, net.Z0)).T  # what Z₀ fixes: the part in the points' span
    dimension = jnp.asarray(d, sample.G.dtype)
    free = jax.random.normal(open_key, (n, r - m), sample.G.dtype) @ basis[:, m:].T
    outside = wishart_factor(outside_key, n, dimension - r, sample.G.dtype) * jnp.sqrt(dimension - r)
    left = jnp.maximum(net.sq0 - jnp.sum(known * known, axis=1), 0.0)
    drawn = jnp.concatenate([free, outside], axis=1)
    drawn = drawn * jnp.sqrt(left / jnp.sum(drawn * drawn, axis=1))[:, None]
    return drawn.at[:, :r].add(known)


def preactivation_law(
    net: TwoLayer, sample: GramSample, d: Float[Array, ""] | float | int, initial: Float[Array, "n s"] | None = None
) -> PreactivationLaw:
    """Law of a fresh point's pre-activations; for use inside ``jit`` and ``vmap``.

    Args:
        sample: the mixture sample that ``net`` was built on, μ along its first direction. d: dimension.
        initial: W₀ from :func:`initial_coordinates`; None for networks W = C X (KKT points and what is made of
            them): the part from an initialisation is then *ignored*.
    """
    root = jnp.sqrt(jnp.asarray(d, sample.G.dtype))
    mean, W = net.C @ sample.x_mu, net.C @ sample.factor
    if initial is not None:
        along = sample.factor[:, 0]
        rho = (sample.x_mu @ along) / (along @ along)
        mean = mean + rho * initial[:, 0]
        W = jnp.pad(W, ((0, 0), (0, initial.shape[1] - W.shape[1]))) + initial
    return PreactivationLaw(mean, W / root)


def count_errors(
    key: Key[Array, ""], u: Float[Array, " n"], law: PreactivationLaw, samples: int, batch: int = BATCH
) -> Int[Array, ""]:
    """Wrong predictions (y N ≤ 0) on ``samples`` fresh points; for ``jit`` and ``vmap``.

    Networks with laws over the same directions see the same test points under the same key.
    """
    batch = min(batch, samples)

    def add(count: Array, begin: Array) -> tuple[Array, None]:
        label_key, noise_key = jax.random.split(jax.random.fold_in(key, begin))
        y = jnp.where(jax.random.bernoulli(label_key, shape=(batch,)), 1.0, -1.0).astype(law.mean.dtype)
        noise = jax.random.normal(noise_key, (batch, law.factor.shape[1]), law.mean.dtype)
        Z = y[:, None] * law.mean[None, :] + noise @ law.factor.T
        wrong = y * (jax.nn.relu(Z) @ u) <= 0
        return count + jnp.sum(wrong & (begin + jnp.arange(batch) < samples)), None

    return jax.lax.scan(add, jnp.array(0), jnp.arange(0, samples, batch))[0]


_count = jax.jit(count_errors, static_argnames=("samples", "batch"))
_draw = jax.jit(initial_coordinates)


def mixture_test_error(
    net: TwoLayer,
    sample: GramSample,
    d: float | int,
    key: Key[Array, ""],
    samples: int = 100_000,
    confidence: float = CONFIDENCE,
    initial_key: Any = None,
) -> ErrorEstimate:
    """Test error of a network on the mixture its training points came from, by Monte Carlo in coefficients.

    Args:
        net: network over the sample's m points. sample: from :func:`theory.data.wishart.sample_gram` with ``rho``.
        d: dimension, any float up to 1e12. key: of the test points. samples: how many, ≥ 1; memory is bounded.
        confidence: of the Clopper–Pearson interval, in (0, 1).
        initial_key: for a network that keeps a part of its initialisation: key of that part's unseen coordinates.
            Use the same one for every network from one start. Only for starts from
            :func:`theory.models.two_layer.initialise`, and d ≥ r + n.

    Returns:
        :class:`ErrorEstimate`; a score of 0 counts as an error.

    Raises:
        ValueError: a network that does not match the sample, has a part from an initialisation without
            ``initial_key``, or arguments out of range. RuntimeError: x64 is off.

    Source: derived here.
    """
    m, r = sample.factor.shape
    network = as_network(net, m)
    if samples < 1 or not 0.0 < confidence < 1.0:
        raise ValueError(f"samples, confidence: expected >= 1 and in (0, 1), got {samples}, {confidence}")
    started = bool(np.any(np.asarray(network.Z0) != 0) or np.any(np.asarray(network.sq0) != 0))
    if started and initial_key is None:
        raise ValueError(
            "net: expected W = C X, got a part from the initialisation, whose coordinates outside the points are not "
            "kept: pass initial_key to draw them, or use the KKT point the network leads to"
        )
    least = r + len(network.u) if started else 1
    if not least <= d < float("inf"):
        raise ValueError(f"d: expected a dimension >= {least}, got {d}")
    initial = _draw(initial_key, network, sample, float(d)) if started else None
    errors = int(_count(key, network.u, preactivation_law(network, sample, float(d), initial), samples))
    return ErrorEstimate(errors, samples, errors / samples, clopper_pearson(errors, samples, confidence))
