"""Floating-point bookkeeping shared by every solver and claim.

One helper, :func:`tolerance`, turns the magnitude of the numbers that entered a
computation and its conditioning into the absolute error that rounding can cause.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

EPS = 2.0**-52
"""Unit of float64 rounding: the toolkit verifies theory in float64 only."""

ROUNDINGS = 256.0
"""How many roundings of the full magnitude :func:`tolerance` allows for.

A length-n dot product errs by about sqrt(n) eps; 256 covers n up to the sizes the
claims use with a factor to spare, and is still 5e-14 relative."""

CONFIDENCE = 0.99
"""Of every interval of a share that was counted."""


def require_x64() -> None:
    """Refuse to verify theory in float32.

    Raises:
        RuntimeError: JAX runs with 64-bit types off. The library changes no global
            setting; the command line and the tests switch them on.
    """
    if not jax.config.read("jax_enable_x64"):
        raise RuntimeError(
            "x64 is off: JAX would round to float32, far above the residuals checked here; "
            "call jax.config.update('jax_enable_x64', True) before the first array, "
            "or set the environment variable JAX_ENABLE_X64=1"
        )


_FLUSHED = 1e-300


def tolerance(scale: Float[Array, "..."] | float, condition: Float[Array, "..."] | float = 1.0) -> Array:
    """Absolute error that rounding may cause.

    Args:
        scale: magnitude of the largest intermediate quantity, in the unit of the result.
        condition: amplification by the computation (a condition number; 1 for sums).

    Returns:
        ``ROUNDINGS * eps * condition * scale``, same unit as ``scale``, and what flushing subnormal numbers to 0 may
        add: compiled code loses up to 2e-308 an operation, whatever the scale.
    """
    return jnp.asarray(ROUNDINGS * EPS) * jnp.asarray(condition) * jnp.abs(jnp.asarray(scale)) + _FLUSHED


def norm(v: Float[Array, "..."]) -> Float[Array, ""]:
    """Euclidean norm of all entries, with gradient 0 (not NaN) at 0."""
    return _root(jnp.sum(v * v))


def _root(squared: Float[Array, ""]) -> Float[Array, ""]:
    """√, with gradient 0 at 0. A compiler may compute ``squared`` once for each use and round it apart, 0 here and
    1e-33 there: the stand-in for 0 is therefore tiny, so that the root is too where it alone gets through."""
    none = squared <= 0  # false for NaN, which stays NaN
    safe = jnp.where(none, jnp.finfo(squared.dtype).tiny, squared)
    return jnp.where(none, 0.0, jnp.sqrt(safe))


def gram_norm(coefficients: Float[Array, " m"], gram: Float[Array, "m m"]) -> Float[Array, ""]:
    """‖Σ cᵢ xᵢ‖ from the Gram matrix alone."""
    return _root(jnp.maximum(coefficients @ gram @ coefficients, 0.0))


def cosine_gap(a: Float[Array, " d"], b: Float[Array, " d"]) -> Float[Array, ""]:
    """1 − cos(a, b), accurate near 0 (no cancellation of 1 − 1)."""
    difference = a / norm(a) - b / norm(b)
    return 0.5 * jnp.sum(difference * difference)


def tangent_gap(q: Float[Array, "..."]) -> Float[Array, "..."]:
    """1 − √(1 − q²) without cancellation; 2 where q ≥ 1, any angle: the most 1 − cos can be between a vector
    and another at q times its length."""
    beyond = q >= 1.0
    square = jnp.where(beyond, 0.0, q) ** 2
    return jnp.where(beyond, 2.0, square / (1.0 + jnp.sqrt(1.0 - square)))


def masked_max(values: Float[Array, " m"], mask: Bool[Array, " m"], empty: float = 0.0) -> Float[Array, ""]:
    """Maximum over the entries where ``mask`` is true; ``empty`` if there are none."""
    return jnp.where(jnp.any(mask), jnp.max(jnp.where(mask, values, -jnp.inf)), empty)


def masked_min(values: Float[Array, " m"], mask: Bool[Array, " m"], empty: float = 0.0) -> Float[Array, ""]:
    """Minimum over the entries where ``mask`` is true; ``empty`` if there are none."""
    return -masked_max(-values, mask, -empty)


def clopper_pearson(successes: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Exact two-sided confidence interval of a binomial share; (0, 1) without trials."""
    from scipy.special import betaincinv  # SciPy takes a while to import

    tail = (1.0 - confidence) / 2.0
    lower = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, tail))
    upper = 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1.0 - tail))
    return lower, upper
