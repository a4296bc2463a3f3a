"""Paper FT's remedy in linear regression: zero the forget features of the pretrained model.

``retention_mask`` keeps what the retained data use (the paper's v2 calls the retention-side mask RBM);
``forget_mask`` zeroes every column the forget data use, overlap included.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def retention_mask(w: Float[Array, " d"], retained_columns: Bool[Array, " d"]) -> Float[Array, " d"]:
    """w with every column the retained rows do not use set to zero."""
    return jnp.where(retained_columns, w, 0.0)


def forget_mask(w: Float[Array, " d"], forget_columns: Bool[Array, " d"]) -> Float[Array, " d"]:
    """w with every column the forget rows use set to zero."""
    return jnp.where(forget_columns, 0.0, w)
