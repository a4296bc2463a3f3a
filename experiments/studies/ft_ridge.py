"""Beyond interpolation fine-tuning does move: ridge pretraining, and fewer columns than rows with noisy labels.

w_o = argmin ‖Xw − y‖² + μ‖w‖² leaves the residual r = y − X w_o = μ(G + μI)⁻¹ y, and fine-tuning to
zero retained loss turns it into w_t = w_o + X_R⁺ r_R, so that (derived here, X_R of full row rank)

    UL(w_t) = ‖r_F − G_FR G_RR⁻¹ r_R‖²/|F|:  0 at μ = 0 (no forgetting), UL(w_g) at μ = ∞.
"""

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
from theory.unlearning.fine_tune import fine_tune_regression


def _ridge(data: Regression, strengths: Array) -> tuple[Array, Array, Array, Array]:
    """UL of w_t, w_o, its closed form over UL(w_g), and the movement, at each μ (in units of ‖X‖²_F/m)."""
    X, y, forget = data.X, data.y, data.forget
    G = X @ X.T
    golden = regression_losses(min_norm(X, y, ~forget).w, X, y, forget)[1]
    kept = ~forget[:, None] & ~forget[None, :]
    inner = jnp.where(kept, G, jnp.eye(len(y)))  # G_RR beside an identity

    def at(mu: Array) -> tuple[Array, Array, Array, Array]:
        mu = mu * jnp.trace(G) / len(y)
        residual = mu * jnp.linalg.solve(G + mu * jnp.eye(len(y)), y)
        pretrained = X.T @ (residual / mu)
        tuned = fine_tune_regression(pretrained, X, y, ~forget)
        correction = jnp.linalg.solve(inner, jnp.where(forget, 0.0, residual))
        left = jnp.where(forget, residual - G @ jnp.where(forget, 0.0, correction), 0.0)
        closed = jnp.sum(left**2) / jnp.sum(jnp.where(forget, 1.0, 0.0))
        losses = [regression_losses(w, X, y, forget)[1] / golden for w in (tuned, pretrained)]
        return losses[0], losses[1], closed / golden, norm(tuned - pretrained) / norm(tuned)

    return jax.vmap(at)(strengths)


def _plain(data: Regression) -> Array:
    """‖w_t − w_o‖/‖w_o‖ from least squares without ridge."""
    pretrained = min_norm(data.X, data.y).w
    tuned = fine_tune_regression(pretrained, data.X, data.y, ~data.forget)
    return norm(tuned - pretrained) / norm(pretrained)


_ridges = jax.jit(jax.vmap(_ridge, in_axes=(0, None)))
_plains = jax.jit(jax.vmap(_plain))


def run(p: Parameters) -> xr.Dataset:
    """Gaussian rows that all use every column (full overlap)."""
    r, f, widest = p["retained_rows"], p["forget_rows"], max(*p["d"], p["columns"])
    keys = jax.random.split(jax.random.key(p["seed"]), p["seeds"])
    strengths = np.geomspace(p["ridge"][0], p["ridge"][1], p["ridges"])
    data = jax.vmap(lambda key: sample_feature_overlap(key, r, f, 0, p["columns"], 0))(keys)
    found = [np.asarray(a) for a in _ridges(data, jnp.asarray(strengths))]
    base = jax.vmap(lambda key: sample_feature_overlap(key, r, f, 0, widest, 0))(keys)
    noise = jax.random.normal(jax.random.key(p["seed"] + 1), base.y.shape)
    movement = np.empty((len(p["noise"]), len(p["d"]), p["seeds"]))
    for j, d in enumerate(p["d"]):
        X = jnp.where(jnp.arange(widest) < d, base.X, 0.0)  # columns past d are gone; one shape for all d
        signal = jnp.einsum("nmd,nd->nm", X, base.w_star)
        size = jnp.sqrt(jnp.mean(signal**2, axis=1, keepdims=True))
        for i, share in enumerate(p["noise"]):
            movement[i, j] = _plains(base._replace(X=X, y=signal + share * size * noise))
    dims = ("seed", "ridge")
    golden = "UL of the golden model"
    return xr.Dataset(
        {
            "tuned": labelled(dims, found[0], "UL of the fine-tuned model", golden),
            "pretrained": labelled(dims, found[1], "UL of the pretrained model", golden),
            "closed_form": labelled(dims, found[2], "closed form of UL(w_t)", golden),
            "ridge_movement": labelled(dims, found[3], "‖w_t − w_o‖/‖w_t‖"),
            "movement": labelled(("noise", "d", "seed"), movement, "‖w_t − w_o‖/‖w_o‖"),
        },
        {
            "seed": labelled("seed", np.arange(p["seeds"]), "repetition"),
            "ridge": labelled("ridge", strengths, "ridge strength μ", "mean squared row norm"),
            "noise": labelled("noise", np.asarray(p["noise"], float), "label noise", "root mean square signal"),
            "d": labelled("d", np.asarray(p["d"], float), "columns d", "columns"),
        },
        {"retained_rows": r, "forget_rows": f, "columns": p["columns"]},
    )


STUDY = Study(
    key="ft_ridge",
    paper="ft",
    title="Where fine-tuning does move: ridge, and fewer columns than rows",
    question="How much regularisation or misfit does it take before fine-tuning forgets anything?",
    quick={
        "seed": 0,
        "retained_rows": 20,
        "forget_rows": 10,
        "columns": 60,
        "ridge": (1e-6, 1e4),
        "ridges": 31,
        "d": (5, 10, 15, 19, 20, 21, 25, 28, 29, 30, 31, 35, 40, 60),
        "noise": (0.0, 0.1, 1.0),
        "seeds": 12,
    },
    full={
        "seed": 0,
        "retained_rows": 80,
        "forget_rows": 40,
        "columns": 240,
        "ridge": (1e-8, 1e6),
        "ridges": 101,
        "d": (10, 20, 40, 60, 75, 79, 80, 81, 90, 100, 110, 118, 119, 120, 121, 130, 160, 240),
        "noise": (0.0, 0.1, 1.0),
        "seeds": 50,
    },
    tiny={
        "seed": 0,
        "retained_rows": 3,
        "forget_rows": 2,
        "columns": 8,
        "ridge": (1e-3, 1e3),
        "ridges": 4,
        "d": (2, 4, 8),
        "noise": (0.0, 0.5),
        "seeds": 2,
    },
    run=run,
)
