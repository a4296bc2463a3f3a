"""A census of kinks at exact KKT points, and what the kink tolerance does to the Clarke residual."""

from typing import Any

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.studies.gram_problems import in_chunks
from experiments.studies.network_problems import CHUNK, Trained, solved, train
from experiments.study import Parameters, Study, labelled
from theory.models import two_layer
from theory.solvers.clarke import best_clarke_multipliers

INSIDE = 1e-6  # t_ij / λᵢ this far from 0 and 1 is strictly between
_AXES = {
    "m": "points m",
    "d_over_m": "dimension over points d/m",
    "n": "neurons n",
    "scale": "length of a start neuron",
}


def _shares(problems: Trained) -> tuple[np.ndarray, np.ndarray]:
    """Shares (problems,) of all pairs that sit on the kink, and that have 0 < t_ij < λᵢ there; NaN unsolved."""
    point = problems.point
    lam = np.maximum(point.lam, 1e-300)[:, :, None]
    ratio = point.t / lam
    inside = point.kinks & (ratio > INSIDE) & (ratio < 1.0 - INSIDE)
    ok = np.asarray(solved(point))
    return tuple(np.where(ok, mask.mean((1, 2)), np.nan) for mask in (point.kinks, inside))  # type: ignore[return-value]


def _tolerance(problem: Trained, tolerances: Array) -> dict[str, Array]:
    """Relative Clarke residual of the flow's end and of the exact point at each kink tolerance."""
    G, y = problem.sample.G, problem.sample.y

    def at(net: Any, tolerance: Array) -> Array:
        scaled = two_layer.normalised(net, G, y)
        best = best_clarke_multipliers(scaled, G, y, None, tolerance)
        return best.residuals.stationarity / two_layer.size(scaled, G)

    return {
        "flow": jax.lax.map(lambda e: at(problem.end, e), tolerances),
        "exact": jax.lax.map(lambda e: at(problem.point.net, e), tolerances),
    }


_tolerances = jax.jit(jax.vmap(_tolerance, in_axes=(0, None)))


def run(p: Parameters) -> xr.Dataset:
    """One axis varies at a time, the others stay at ``base``."""
    keys = jax.random.split(jax.random.key(p["seed"]), p["seeds"])
    base = p["base"]
    variables = {}
    coordinates = {"seed": labelled("seed", np.arange(p["seeds"]), "random problem")}
    for axis, text in _AXES.items():
        rows = []
        for value in p[axis]:
            at = {**base, axis: value}
            problems = train(keys, int(at["m"]), int(at["n"]), at["d_over_m"] * at["m"], p["steps"], at["scale"])
            rows.append(_shares(problems))
        kinks, inside = (np.stack(part) for part in zip(*rows, strict=True))
        variables[f"kinks_{axis}"] = labelled((axis, "seed"), kinks, "share of pairs on the kink")
        variables[f"inside_{axis}"] = labelled((axis, "seed"), inside, "share of pairs with 0 < t < λ")
        coordinates[axis] = labelled(axis, np.asarray(p[axis], float), text)
    problems = train(keys, int(base["m"]), int(base["n"]), base["d_over_m"] * base["m"], p["steps"], base["scale"])
    tolerances = np.asarray(p["tolerances"])
    found = in_chunks(lambda batch: _tolerances(batch, tolerances), problems, chunk=CHUNK)
    coordinates["kink_tolerance"] = labelled("kink_tolerance", tolerances, "kink tolerance (a cosine)")
    for key, text in (("flow", "the flow's end"), ("exact", "the exact KKT point")):
        variables[f"residual_{key}"] = labelled(
            ("seed", "kink_tolerance"), found[key], f"Clarke residual / ‖θ‖ of {text}"
        )
    return xr.Dataset(
        variables, coordinates, {"steps": p["steps"], **{f"base_{key}": value for key, value in base.items()}}
    )


STUDY = Study(
    key="ga_two_layer_kinks",
    paper="ga",
    title="Two-layer network: how many pairs sit on the kink",
    question="How common are kinks at KKT points, and how does the kink tolerance change the residual?",
    quick={
        "seed": 0,
        "seeds": 8,
        "steps": 2000,
        "base": {"m": 20, "n": 50, "d_over_m": 400.0, "scale": 0.01},
        "m": (5, 20),
        "d_over_m": (2.0, 3.0, 15.0, 400.0, 1e5),
        "n": (10, 50),
        "scale": (0.01, 0.1, 1.0, 10.0),
        "tolerances": tuple(10.0 ** np.arange(-16, 0.0, 1.0)),
    },
    full={
        "seed": 0,
        "seeds": 32,
        "steps": 5000,
        "base": {"m": 20, "n": 100, "d_over_m": 400.0, "scale": 0.01},
        "m": (5, 10, 20, 40, 80),
        "d_over_m": (1.5, 2.0, 3.0, 15.0, 100.0, 400.0, 1e5, 1e10),
        "n": (10, 20, 50, 100, 200),
        "scale": (1e-3, 0.01, 0.1, 1.0, 3.0, 10.0),
        "tolerances": tuple(10.0 ** np.arange(-16, 0.0, 0.5)),
    },
    tiny={
        "seed": 1,
        "seeds": 2,
        "steps": 300,
        "base": {"m": 5, "n": 16, "d_over_m": 20.0, "scale": 1.0},
        "m": (5,),
        "d_over_m": (3.0, 20.0),
        "n": (16,),
        "scale": (0.1, 1.0),
        "tolerances": (1e-12, 1e-6, 1e-1),
    },
    run=run,
)
