"""(0, 0, τ) certificates: how far every unlearned network is from the exact KKT points of the retained problem."""

import jax
import numpy as np
import xarray as xr

from experiments.studies.network_problems import METHODS, last, solved, train, unlearn
from experiments.study import Parameters, Study, labelled

_MEASURES = {
    "tau": "τ = 1 − cos to the exact KKT point of the network's own pattern",
    "nearest": "1 − cos to the nearest exact KKT point found from any method's pattern",
    "retrained_gap": "1 − cos to the network retrained from the same start",
}


def _grid(p: Parameters, ds: list[float], ks: list[int]) -> dict[str, np.ndarray]:
    """Measures (values, seed, model) over pairs (d, k)."""
    m, seeds = p["m"], p["seeds"]
    keys = jax.random.split(jax.random.key(p["seed"]), seeds)
    by_dimension = {d: train(keys, m, p["n"], d, p["steps"], p["scale"]) for d in dict.fromkeys(ds)}
    found = []
    for d, k in zip(ds, ks, strict=True):
        result = unlearn(by_dimension[d], last(k, m, seeds), p["steps"], p["tuning"])
        ok = np.asarray(solved(by_dimension[d].point))[:, None]
        found.append({key: np.where(ok, getattr(result, key), np.nan) for key in _MEASURES})
    return {key: np.stack([each[key] for each in found]) for key in _MEASURES}


def run(p: Parameters) -> xr.Dataset:
    """Against k at the base dimension, and against d at the base k."""
    base_d, base_k = p["base_d"], p["base_k"]
    ks, ds = list(p["k"]), [float(d) for d in p["d"]]
    axes = {"k": _grid(p, [base_d] * len(ks), ks), "d": _grid(p, ds, [base_k] * len(ds))}
    variables = {
        f"{key}_{axis}": labelled((axis, "seed", "model"), found[key], text)
        for axis, found in axes.items()
        for key, text in _MEASURES.items()
    }
    return xr.Dataset(
        variables,
        {
            "k": labelled("k", ks, "points forgotten", "points"),
            "d": labelled("d", np.asarray(ds), "dimension"),
            "seed": labelled("seed", np.arange(p["seeds"]), "random problem"),
            "model": labelled("model", list(METHODS), "network"),
        },
        {key: p[key] for key in ("m", "n", "steps", "tuning", "scale", "base_d", "base_k")},
    )


STUDY = Study(
    key="ga_two_layer_exact_certificate",
    paper="ga",
    title="Two-layer network: distance to exact KKT points of the retained problem",
    question="How near is each unlearned network to an exact KKT point, and to the retrained network?",
    quick={"seed": 0, "m": 20, "n": 50, "d": (60.0, 300.0, 8000.0, 1e6), "k": (1, 2, 5, 10), "base_d": 8000.0,
           "base_k": 1, "seeds": 16, "steps": 2000, "tuning": 200, "scale": 1.0},
    full={"seed": 0, "m": 50, "n": 100, "d": (150.0, 750.0, 50000.0, 1e7, 1e10), "k": (1, 2, 5, 10, 20),
          "base_d": 50000.0, "base_k": 1, "seeds": 16, "steps": 5000, "tuning": 500, "scale": 1.0},
    tiny={"seed": 1, "m": 5, "n": 16, "d": (15.0, 100.0), "k": (1, 2), "base_d": 100.0, "base_k": 1, "seeds": 2,
          "steps": 300, "tuning": 50, "scale": 1.0},
    run=run,
)  # fmt: skip
