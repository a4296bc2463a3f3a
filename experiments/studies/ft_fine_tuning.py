"""Remaining and unlearning loss along fine-tuning on the retained rows, from five starting models."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.study import Parameters, Study, labelled
from theory.data.dataset import Regression
from theory.data.feature_overlap import sample_feature_overlap
from theory.metrics import regression_losses
from theory.numerics import norm
from theory.solvers.min_norm import min_norm
from theory.unlearning.fine_tune import descend_regression, fine_tune_regression
from theory.unlearning.masks import forget_mask, retention_mask

MODELS = ("pretrained w_o", "fine-tuned w_t", "golden w_g", "retention mask", "forget mask")


def starts(data: Regression) -> Array:
    """The five models before fine-tuning, in the order of MODELS."""
    pretrained = min_norm(data.X, data.y).w
    return jnp.stack(
        [
            pretrained,
            fine_tune_regression(pretrained, data.X, data.y, ~data.forget),
            min_norm(data.X, data.y, ~data.forget).w,
            retention_mask(pretrained, data.retained_columns),
            forget_mask(pretrained, data.forget_columns),
        ]
    )


def _paths(data: Regression, steps: int) -> tuple[Array, Array, Array]:
    """(RL, UL, movement) of each model at each step."""

    def one(w: Array) -> tuple[Array, Array, Array]:
        path = descend_regression(w, data.X, data.y, ~data.forget, steps).weights
        remaining, unlearning = jax.vmap(lambda v: regression_losses(v, data.X, data.y, data.forget))(path)
        return remaining, unlearning, jax.vmap(lambda v: norm(v - w))(path) / norm(w)

    return jax.vmap(one)(starts(data))


_all_paths = jax.jit(jax.vmap(_paths, in_axes=(0, None)), static_argnums=1)


def run(p: Parameters) -> xr.Dataset:
    """Distinct and overlapping features with equal sizes, over seeds; losses over the mean square label."""
    r, f, private, overlap = p["retained_rows"], p["forget_rows"], p["private"], p["overlap"]
    keys = jax.random.split(jax.random.key(p["seed"]), p["seeds"])
    found, spare = [], []
    for shared in (0, overlap):
        columns = (private - shared // 2, shared, private - (shared - shared // 2))
        data = jax.vmap(lambda key, c=columns: sample_feature_overlap(key, r, f, *c))(keys)
        losses = [np.asarray(a) for a in _all_paths(data, p["steps"])]
        squared = np.where(np.asarray(data.forget), np.asarray(data.y) ** 2, 0.0).sum(1) / f
        kept = np.where(np.asarray(data.forget), 0.0, np.asarray(data.y) ** 2).sum(1) / r
        found.append([losses[0] / kept[:, None, None], losses[1] / squared[:, None, None], losses[2]])
        spare.append(columns)
    dims = ("features", "seed", "model", "step")
    remaining, unlearning, movement = (np.stack(a) for a in zip(*found, strict=True))
    return xr.Dataset(
        {
            "remaining": labelled(dims, remaining, "remaining loss RL", "mean square label"),
            "unlearning": labelled(dims, unlearning, "unlearning loss UL", "mean square label"),
            "movement": labelled(dims, movement, "distance moved by fine-tuning / norm of the start"),
        },
        {
            "features": labelled("features", ["distinct features", "overlapping features"], "column supports"),
            "seed": labelled("seed", np.arange(p["seeds"]), "repetition"),
            "model": labelled("model", list(MODELS), "start of fine-tuning"),
            "step": labelled("step", np.arange(p["steps"] + 1), "fine-tuning step", "gradient steps"),
        },
        {"retained_rows": r, "forget_rows": f, "columns": 2 * private, "overlap": overlap},
    )


STUDY = Study(
    key="ft_fine_tuning",
    paper="ft",
    title="Fine-tuning on the retained data forgets nothing",
    question="What do remaining and unlearning loss do while each model is fine-tuned?",
    quick={"seed": 0, "retained_rows": 20, "forget_rows": 10, "private": 40, "overlap": 20, "steps": 200, "seeds": 6},
    full={"seed": 0, "retained_rows": 80, "forget_rows": 40, "private": 160, "overlap": 80, "steps": 2000, "seeds": 30},
    tiny={"seed": 0, "retained_rows": 3, "forget_rows": 2, "private": 6, "overlap": 2, "steps": 4, "seeds": 2},
    run=run,
)
