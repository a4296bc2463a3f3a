"""Forget points correlated with retained ones: where the plain ascent step is worse than doing nothing."""

import jax
import numpy as np
import xarray as xr

from experiments.studies.gram_problems import METHODS, masked, solve, unlearn
from experiments.study import Parameters, Study, labelled
from theory.data.correlated import sample_correlated

_SHOWN = ("nothing", "plain ascent", "projected ascent")


def run(p: Parameters) -> xr.Dataset:
    """Relative distance and 1 − cos to retraining; the same noise at every correlation."""
    size, m, k = p["size"], p["m"], p["k"]
    keys = jax.random.split(jax.random.key(p["seed"]), p["seeds"])
    factors, labels = [], []
    for c in p["correlation"]:
        data = jax.vmap(lambda key, c=c: sample_correlated(key, m, p["d"], k, c))(keys)
        # coordinates in the points' span: all that the methods depend on
        triangle = np.linalg.qr(np.swapaxes(np.asarray(data.X), 1, 2), mode="r")
        factors.append(np.pad(np.swapaxes(triangle, 1, 2), ((0, 0), (0, size - m), (0, size - m))))
        labels.append(np.pad(np.asarray(data.y), ((0, 0), (0, size - m)), constant_values=1.0))
    count = len(p["correlation"]) * p["seeds"]
    problems = masked(np.concatenate(factors), np.concatenate(labels), np.full(count, m), np.full(count, k))
    trained, retrained = solve(problems, problems.present), solve(problems, problems.retained)
    found = unlearn(problems, trained, retrained, p["steps"])
    rows = [METHODS.index(name) for name in _SHOWN]
    dims, shape = ("correlation", "seed", "model"), (len(p["correlation"]), p["seeds"], len(_SHOWN))
    return xr.Dataset(
        {
            "distance": labelled(dims, found.distance[:, rows].reshape(shape), "distance to retraining / its norm"),
            "gap": labelled(dims, found.gap[:, rows].reshape(shape), "1 − cos to the retrained model"),
            "least_multiplier": labelled(
                dims[:2],
                found.least_multiplier.reshape(shape[:2]),
                "least retained multiplier after the projected step",
            ),
        },
        {
            "correlation": labelled("correlation", np.asarray(p["correlation"], float), "correlation c"),
            "seed": labelled("seed", np.arange(p["seeds"]), "repetition"),
            "model": labelled("model", list(_SHOWN), "unlearning method"),
        },
        {"m": m, "d": p["d"], "k": k},
    )


_GRID = (*(round(0.05 * i, 2) for i in range(20)), 0.99)
STUDY = Study(
    key="ga_counter_regime",
    paper="ga",
    title="Where gradient ascent is worse than doing nothing",
    question="How correlated may forget and retained points be before the plain step hurts, and does projecting help?",
    quick={"seed": 0, "m": 12, "d": 1000, "k": 4, "correlation": _GRID, "seeds": 8, "size": 40, "steps": 400},
    full={
        "seed": 0,
        "m": 40,
        "d": 5000,
        "k": 10,
        "correlation": (*(round(0.02 * i, 2) for i in range(50)), 0.99),
        "seeds": 50,
        "size": 40,
        "steps": 400,
    },
    tiny={"seed": 0, "m": 4, "d": 30, "k": 1, "correlation": (0.0, 0.5, 0.9), "seeds": 2, "size": 8, "steps": 20},
    run=run,
)
