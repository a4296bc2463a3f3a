"""1 − cos to the retrained model against dimension, number of points and number of forgotten points."""

import numpy as np
import xarray as xr

from experiments.studies.gram_problems import METHODS, sample, solve, unlearn
from experiments.study import Parameters, Study, labelled

_AXES = {"d": ("dimension", "coordinates"), "m": ("training points", "points"), "k": ("points forgotten", "points")}


def run(p: Parameters) -> xr.Dataset:
    """Every method around the base problem, one of d, m and k varied at a time, over seeds."""
    base = {name: p["base"][name] for name in _AXES}
    cases = [{**base, name: value} for name in _AXES for value in p[name] for _ in range(p["seeds"])]
    d, m, k = (np.asarray([case[name] for case in cases]) for name in _AXES)
    problems = sample(p["seed"], d, m, k, p["size"])
    trained, retrained = solve(problems, problems.present), solve(problems, problems.retained)
    found = unlearn(problems, trained, retrained, p["steps"])
    counts = [len(p[name]) * p["seeds"] for name in _AXES]
    variables, coordinates = {}, {}
    for name, gaps, least in zip(
        _AXES,
        np.split(found.gap, np.cumsum(counts)[:-1]),
        np.split(found.least_multiplier, np.cumsum(counts)[:-1]),
        strict=True,
    ):
        shape = (len(p[name]), p["seeds"])
        long_name, units = _AXES[name]
        coordinates[name] = labelled(name, np.asarray(p[name], float), long_name, units)
        variables[f"gap_{name}"] = labelled(
            (name, "seed", "model"), gaps.reshape(*shape, -1), "1 − cos to the retrained model"
        )
        variables[f"least_multiplier_{name}"] = labelled(
            (name, "seed"), least.reshape(shape), "least retained multiplier after the projected step"
        )
    coordinates["seed"] = labelled("seed", np.arange(p["seeds"]), "repetition")
    coordinates["model"] = labelled("model", list(METHODS), "unlearning method")
    return xr.Dataset(
        variables, coordinates, {f"base_{name}": value for name, value in base.items()} | {"steps": p["steps"]}
    )


STUDY = Study(
    key="ga_distance_to_retraining",
    paper="ga",
    title="How close unlearning comes to retraining",
    question="How does the angle to the retrained model change with dimension, data size and forget size?",
    quick={
        "seed": 0,
        "base": {"d": 1000, "m": 20, "k": 1},
        "d": (50, 100, 300, 1000, 10_000, 10**6),
        "m": (5, 10, 20, 40),
        "k": (1, 3, 8, 15),
        "seeds": 8,
        "size": 40,
        "steps": 400,
    },
    full={
        "seed": 0,
        "base": {"d": 3000, "m": 50, "k": 1},
        "d": (100, 300, 1000, 3000, 10_000, 10**5, 10**6, 10**9),
        "m": (5, 10, 20, 50, 100),
        "k": (1, 2, 5, 10, 20, 40),
        "seeds": 50,
        "size": 100,
        "steps": 2000,
    },
    tiny={
        "seed": 0,
        "base": {"d": 30, "m": 5, "k": 1},
        "d": (20, 50),
        "m": (3, 5),
        "k": (1, 2),
        "seeds": 2,
        "size": 8,
        "steps": 20,
    },
    run=run,
)
