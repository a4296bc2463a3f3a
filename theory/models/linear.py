"""Linear models N(w, x) = ⟨w, x⟩: predictions and margins, nothing else."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def scores(w: Float[Array, " d"], X: Float[Array, "m d"]) -> Float[Array, " m"]:
    """⟨w, xᵢ⟩ for every row."""
    return X @ w


def margins(w: Float[Array, " d"], X: Float[Array, "m d"], y: Float[Array, " m"]) -> Float[Array, " m"]:
    """yᵢ ⟨w, xᵢ⟩ for every row; positive where the label is right."""
    return y * (X @ w)


def predict(w: Float[Array, " d"], X: Float[Array, "m d"]) -> Float[Array, " m"]:
    """Labels ±1; a score of exactly 0 counts as +1."""
    return jnp.where(X @ w >= 0, 1.0, -1.0)
