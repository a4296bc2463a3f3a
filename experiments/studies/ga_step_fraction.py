"""Stationarity ε against the step as a fraction of the theorem's: a V with its tip at the full step."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.studies.gram_problems import sample, solve
from experiments.study import Parameters, Study, labelled
from theory.numerics import norm
from theory.solvers.kkt import best_multipliers
from theory.solvers.min_norm import row_space
from theory.unlearning.ascent import remove_terms

_STARTS = ("exact KKT point", "approximate KKT point")
_best_multipliers = jax.jit(best_multipliers)


def _path(X: Array, y: Array, forget: Array, lam: Array, error: Array, fractions: Array) -> dict[str, Array]:
    """w = Σ λᵢ yᵢ xᵢ + v, stepped: residual with λ as it was, the formula for it, the lower bound."""
    w = X.T @ (lam * y) + error
    kept = X.T @ jnp.where(forget, 0.0, lam * y)
    term = X.T @ jnp.where(forget, lam * y, 0.0)
    left = norm(row_space(X, ~forget).reject(term))
    models = jax.vmap(lambda c: remove_terms(w, X, y, lam, forget, c))(fractions)
    return {
        "models": models,
        "fixed": jax.vmap(lambda v: norm(v - kept))(models),
        "formula": jax.vmap(lambda c: norm(error + (1.0 - c) * term))(fractions),
        "lower": jnp.abs(1.0 - fractions) * left,
    }


_paths = jax.jit(jax.vmap(_path, in_axes=(0, 0, 0, 0, 0, None)))


def run(p: Parameters) -> xr.Dataset:
    """From the max-margin model, and from it with an added error v of a given share of the step."""
    m, size = p["m"], p["size"]
    problems = sample(p["seed"], [p["d"]] * 2, [m] * 2, [1] * 2, size)
    X, y, forget = (np.stack([a[0], a[0]]) for a in (problems.X, problems.y, problems.forget))  # one problem twice
    problems = problems._replace(X=X, y=y, forget=forget)
    lam = solve(problems, problems.present).lam
    direction = np.random.default_rng(p["seed"]).standard_normal(size)
    l = int(np.flatnonzero(forget[0])[0])
    step = lam[0, l] * np.linalg.norm(X[0, l])
    error = np.stack([np.zeros(size), p["error"] * step * direction / np.linalg.norm(direction)])
    fractions = np.linspace(0.0, 2.0, p["fractions"])
    found = {key: np.asarray(v) for key, v in _paths(X, y, forget, lam, error, fractions).items()}
    refitted = [
        [_best_multipliers(w, X[s], y[s], problems.retained[s]).residuals.stationarity for w in found["models"][s]]
        for s in range(len(_STARTS))
    ]
    lower = found["lower"].copy()
    lower[1] = np.nan  # stated for v = 0 only
    dims = ("start", "fraction")
    return xr.Dataset(
        {
            "fixed": labelled(dims, found["fixed"], "ε with the trained multipliers"),
            "formula": labelled(dims, found["formula"], "‖v + (1 − c) λ y x‖"),
            "refitted": labelled(dims, refitted, "ε with the best multipliers"),
            "lower": labelled(dims, lower, "|1 − c| λ ‖(I − P_R) x‖"),
        },
        {
            "start": labelled("start", list(_STARTS), "model before the step"),
            "fraction": labelled("fraction", fractions, "step c", "theorem's step"),
        },
        {"m": m, "d": p["d"], "error": p["error"]},
    )


STUDY = Study(
    key="ga_step_fraction",
    paper="ga",
    title="ε against the size of the ascent step",
    question="Is the theorem's step the best one, and how much is lost by a shorter or longer step?",
    quick={"seed": 0, "m": 20, "d": 60, "size": 40, "error": 0.3, "fractions": 41},
    full={"seed": 0, "m": 50, "d": 150, "size": 100, "error": 0.3, "fractions": 201},
    tiny={"seed": 0, "m": 4, "d": 10, "size": 8, "error": 0.3, "fractions": 5},
    run=run,
)
