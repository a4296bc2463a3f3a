"""What the samplers return. Rows are samples; forget sets are boolean masks, so that batches can be vmapped."""

from typing import NamedTuple

from jaxtyping import Array, Bool, Float


class Classification(NamedTuple):
    """Points with labels ±1."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]


class Mixture(NamedTuple):
    """Points x = y μ + ξ, ξ ~ N(0, I/d)."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    mu: Float[Array, " d"]


class ForgetSplit(NamedTuple):
    """Points with labels ±1 and the set to forget."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    forget: Bool[Array, " m"]


class Regression(NamedTuple):
    """Linear regression y = X w* + noise with a forget set and the columns each side uses."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    w_star: Float[Array, " d"]
    forget: Bool[Array, " m"]
    retained_columns: Bool[Array, " d"]  # columns the retained rows use (retained-only and overlap)
    forget_columns: Bool[Array, " d"]  # columns the forget rows use (overlap and forget-only)
