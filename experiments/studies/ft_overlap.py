"""Unlearning loss of the golden and the masked models against the share of columns both sides use."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.studies.ft_fine_tuning import MODELS, starts
from experiments.study import Parameters, Study, labelled
from theory.data.dataset import Regression
from theory.data.feature_overlap import sample_feature_overlap
from theory.metrics import regression_losses
from theory.solvers.min_norm import row_space


def _losses(data: Regression) -> tuple[Array, Array, Array]:
    """(RL, UL of MODELS and the closed form of UL(w_g)), over the mean square label of their rows."""
    count = jnp.sum(jnp.where(data.forget, 1.0, 0.0))
    labels = jnp.sum(jnp.where(data.forget, data.y**2, 0.0)) / count
    kept = jnp.sum(jnp.where(data.forget, 0.0, data.y**2)) / (len(data.y) - count)
    remaining, unlearning = jax.vmap(lambda w: regression_losses(w, data.X, data.y, data.forget))(starts(data))
    retained_weights = jnp.where(data.retained_columns, data.w_star, 0.0)
    forget_weights = jnp.where(data.forget_columns, data.w_star, 0.0)
    gap = row_space(data.X, ~data.forget).project(retained_weights) - forget_weights
    closed = jnp.sum(jnp.where(data.forget, data.X @ gap, 0.0) ** 2) / count
    return remaining / kept, unlearning / labels, closed / labels


_evaluate = jax.jit(jax.vmap(_losses))


def run(p: Parameters) -> xr.Dataset:
    """The number of columns is fixed; ``overlap`` of them are shared, the others private in equal parts."""
    r, f, columns = p["retained_rows"], p["forget_rows"], p["columns"]
    keys = jax.random.split(jax.random.key(p["seed"]), p["seeds"])
    found = []
    for shared in p["overlap"]:
        first = (columns - shared) // 2
        counts = (first, shared, columns - shared - first)
        data = jax.vmap(lambda key, c=counts: sample_feature_overlap(key, r, f, *c))(keys)
        found.append([np.asarray(a) for a in _evaluate(data)])
    remaining, unlearning, closed = (np.stack(a) for a in zip(*found, strict=True))
    dims = ("overlap", "seed", "model")
    return xr.Dataset(
        {
            "remaining": labelled(dims, remaining, "remaining loss RL", "mean square label"),
            "unlearning": labelled(dims, unlearning, "unlearning loss UL", "mean square label"),
            "closed_form": labelled(dims[:2], closed, "closed form of UL(w_g)", "mean square label"),
        },
        {
            "overlap": labelled("overlap", np.asarray(p["overlap"]) / columns, "share of columns both sides use"),
            "seed": labelled("seed", np.arange(p["seeds"]), "repetition"),
            "model": labelled("model", list(MODELS), "model"),
        },
        {"retained_rows": r, "forget_rows": f, "columns": columns},
    )


STUDY = Study(
    key="ft_overlap",
    paper="ft",
    title="Unlearning loss against the overlap of features",
    question="Do the masks imitate the golden model once retained and forget data share features?",
    quick={
        "seed": 0,
        "retained_rows": 20,
        "forget_rows": 10,
        "columns": 80,
        "overlap": tuple(range(0, 81, 8)),
        "seeds": 12,
    },
    full={
        "seed": 0,
        "retained_rows": 80,
        "forget_rows": 40,
        "columns": 320,
        "overlap": tuple(range(0, 321, 16)),
        "seeds": 50,
    },
    tiny={"seed": 0, "retained_rows": 3, "forget_rows": 2, "columns": 10, "overlap": (0, 4, 10), "seeds": 2},
    run=run,
)
