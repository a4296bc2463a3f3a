"""Fine-tuning in linear regression over the share of common columns, ridge pretraining, rows and label noise."""

import jax
import jax.numpy as jnp

from experiments.engine.model import Axis, Cell, Result, Sweep
from theory.metrics import regression_losses
from theory.numerics import norm
from theory.solvers.min_norm import min_norm
from theory.unlearning.fine_tune import fine_tune_regression
from theory.unlearning.masks import forget_mask, retention_mask

MODELS = ("pretrained w_o", "fine-tuned w_t", "golden w_g", "retention mask", "forget mask")


def cell(at: Cell, settings: Cell) -> dict[str, jax.Array]:
    """Gaussian rows; ``overlap`` of the columns are common, the rest private in equal parts.

    The law of :func:`theory.data.feature_overlap.sample_feature_overlap`, with column counts that are traced.
    """
    m, columns = at["m"], int(settings["columns"])
    row_key, weight_key, noise_key = jax.random.split(jax.random.key(at["seed"]), 3)
    shared = jnp.round(at["overlap"] * columns)
    private = jnp.floor((columns - shared) / 2)
    column = jnp.arange(float(columns))
    retained_columns, forget_columns = column < private + shared, column >= private
    forget = jnp.arange(m) >= m - int(settings["forget_rows"])
    used = jnp.where(forget[:, None], forget_columns[None, :], retained_columns[None, :])
    X = jnp.where(used, jax.random.normal(row_key, (m, columns)), 0.0)
    clean = X @ jax.random.normal(weight_key, (columns,))
    size = norm(clean) / jnp.sqrt(float(m))
    y = clean + at["noise"] * size * jax.random.normal(noise_key, (m,))
    G = X @ X.T
    mu = at["ridge"] * jnp.trace(G) / m
    interpolating = min_norm(X, y).w
    ridge = X.T @ jnp.linalg.solve(G + mu * jnp.eye(m), y)
    pretrained = jnp.where(at["ridge"] > 0, ridge, interpolating)
    tuned = fine_tune_regression(pretrained, X, y, ~forget)
    golden = min_norm(X, y, ~forget).w
    models = [
        pretrained,
        tuned,
        golden,
        retention_mask(pretrained, retained_columns),
        forget_mask(pretrained, forget_columns),
    ]
    mean_square = jnp.sum(jnp.where(forget, y**2, 0.0)) / int(settings["forget_rows"])
    losses = [regression_losses(w, X, y, forget) for w in models]
    return {
        "remaining": jnp.stack([loss[0] for loss in losses]) / mean_square,
        "unlearning": jnp.stack([loss[1] for loss in losses]) / mean_square,
        "distance": jnp.stack([norm(w - golden) for w in models]) / norm(golden),
        "movement": norm(tuned - pretrained) / norm(pretrained),
    }


SWEEP = Sweep(
    key="ft_ridge_overlap",
    paper="ft",
    title="Fine-tuning over feature overlap and ridge",
    question="Where in overlap and ridge does fine-tuning move the model, and how far from retraining is it?",
    axes={
        "overlap": Axis("share of columns both sides use", least=0.0, most=1.0),
        "ridge": Axis("ridge strength μ", "mean squared row norm", least=0.0, most=1e6),
        "m": Axis("rows m", role="shape", whole=True, least=3, most=2000),
        "noise": Axis("label noise", "signal", least=0.0, most=100.0),
        "seed": Axis("seed", whole=True, least=0, most=2**31 - 1),
    },
    results={
        "remaining": Result("remaining loss RL", "mean square forget label", ("model",)),
        "unlearning": Result("unlearning loss UL", "mean square forget label", ("model",)),
        "distance": Result("distance to the golden model", "‖w_g‖", ("model",)),
        "movement": Result("‖w_t − w_o‖/‖w_o‖"),
    },
    labels={"model": MODELS},
    grid={
        "overlap": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        "ridge": (0.0, 1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
        "m": (20, 40),
        "noise": (0.0, 0.3),
        "seed": tuple(range(16)),
        "columns": 120,
        "forget_rows": 5,
    },
    tiny={"overlap": (0.0, 1.0), "ridge": (0.0, 0.1), "m": (6,), "noise": (0.0,), "seed": (0, 1), "columns": 20,
          "forget_rows": 2},
    cell=cell,
    chunk=128,
    cell_bytes=lambda shape: 40.0 * 8 * shape["m"] * 200,
)  # fmt: skip
