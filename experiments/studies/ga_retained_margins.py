"""Retained margins before and after one ascent step, plain and projected."""

import numpy as np
import xarray as xr

from experiments.studies.gram_problems import METHODS, sample, solve, unlearn
from experiments.study import Parameters, Study, labelled

_SHOWN = ("nothing", "plain ascent", "projected ascent")


def run(p: Parameters) -> xr.Dataset:
    """Margins of every retained point on Gaussian data, over dimensions, forget counts and seeds."""
    grid = [(d, k) for k in p["k"] for d in p["d"] for _ in range(p["seeds"])]
    d, k = (np.asarray(axis) for axis in zip(*grid, strict=True))
    problems = sample(p["seed"], d, np.full(len(grid), p["m"]), k, p["size"])
    trained, retrained = solve(problems, problems.present), solve(problems, problems.retained)
    found = unlearn(problems, trained, retrained, p["steps"])
    rows = [METHODS.index(name) for name in _SHOWN]
    margins = np.where(problems.retained[:, None, :], found.margins[:, rows], np.nan)[..., : p["m"]]
    shape = (len(p["k"]), len(p["d"]), p["seeds"], len(_SHOWN), p["m"])
    return xr.Dataset(
        {
            "margin": labelled(
                ("k", "d", "seed", "model", "point"), margins.reshape(shape), "margin of a retained point"
            ),
        },
        {
            "k": labelled("k", p["k"], "points forgotten", "points"),
            "d": labelled("d", np.asarray(p["d"], float), "dimension", "coordinates"),
            "seed": labelled("seed", np.arange(p["seeds"]), "repetition"),
            "model": labelled("model", ["trained", *_SHOWN[1:]], "model"),
            "point": labelled("point", np.arange(p["m"]), "training point"),
        },
        {"m": p["m"]},
    )


STUDY = Study(
    key="ga_retained_margins",
    paper="ga",
    title="Retained margins before and after the ascent step",
    question="How far does forgetting move the points that should stay, with and without the projection?",
    quick={
        "seed": 0,
        "m": 30,
        "k": (1, 5),
        "d": (100, 300, 1000, 10_000, 100_000),
        "seeds": 6,
        "size": 40,
        "steps": 400,
    },
    full={
        "seed": 0,
        "m": 100,
        "k": (1, 20),
        "d": (300, 1000, 3000, 10_000, 10**6),
        "seeds": 50,
        "size": 100,
        "steps": 400,
    },
    tiny={"seed": 0, "m": 5, "k": (1, 2), "d": (20, 50), "seeds": 2, "size": 8, "steps": 20},
    run=run,
)
