"""What paper FT's targets compare with: over-parameterised regression, distinct and overlapping features."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from theory.data.feature_overlap import sample_feature_overlap
from theory.metrics import regression_losses
from theory.numerics import norm
from theory.solvers.min_norm import min_norm
from theory.unlearning.fine_tune import fine_tune_regression
from theory.unlearning.masks import retention_mask

SEEDS = 20
RETAINED_ROWS, FORGET_ROWS = 20, 10
DISTINCT, OVERLAP = (40, 0, 30), (30, 10, 20)  # columns: retained-only, overlap, forget-only


def _one(key: Key[Array, ""], columns: tuple[int, int, int]) -> dict[str, Array]:
    data = sample_feature_overlap(key, RETAINED_ROWS, FORGET_ROWS, *columns)
    pretrained = min_norm(data.X, data.y).w
    golden = min_norm(data.X, data.y, ~data.forget).w
    tuned = fine_tune_regression(pretrained, data.X, data.y, ~data.forget)
    masked = retention_mask(pretrained, data.retained_columns)
    remaining, unlearning = regression_losses(tuned, data.X, data.y, data.forget)
    golden_loss = regression_losses(golden, data.X, data.y, data.forget)[1]
    plain = jnp.sum(jnp.where(data.forget, data.y**2, 0.0)) / FORGET_ROWS
    return {
        "movement": norm(tuned - pretrained) / norm(pretrained),
        "remaining_loss": remaining,
        "unlearning_loss": unlearning,
        "golden_gap": jnp.abs(golden_loss - plain),
        "mask_gap": jnp.abs(regression_losses(masked, data.X, data.y, data.forget)[1] - golden_loss),
    }


def measure(seed: int) -> dict[str, float]:
    """Largest value over 20 seeds of every quantity."""
    keys = jax.random.split(jax.random.key(seed), SEEDS)
    distinct = jax.jit(jax.vmap(lambda key: _one(key, DISTINCT)))(keys)
    overlap = jax.jit(jax.vmap(lambda key: _one(key, OVERLAP)))(keys)
    found = {f"distinct_{name}": values for name, values in distinct.items()}
    found |= {f"overlap_{name}": values for name, values in overlap.items()}
    found["golden_gap"] = distinct["golden_gap"]
    return {name: float(jnp.max(values)) for name, values in found.items()}
