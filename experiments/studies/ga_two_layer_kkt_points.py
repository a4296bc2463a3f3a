"""How often, how exactly and in how many iterations the flow's end leads to an exact Clarke-KKT point."""

import jax
import numpy as np
import xarray as xr

from experiments.studies.network_problems import solved, train, worst_residual
from experiments.study import Parameters, Study, labelled
from theory.models import two_layer


def run(p: Parameters) -> xr.Dataset:
    """Every size (m, n) at d = 20 m², 15 m and 3 m."""
    keys = jax.random.split(jax.random.key(p["seed"]), p["seeds"])
    dimensions = {"20 m²": lambda m: 20.0 * m * m, "15 m": lambda m: 15.0 * m, "3 m": lambda m: 3.0 * m}
    rows = []
    for m, n in p["sizes"]:
        for dimension in dimensions.values():
            problems = train(keys, m, n, dimension(m), p["steps"], p["scale"])
            point = problems.point
            separated = np.min(_margins(problems.end, problems.sample.G, problems.sample.y), axis=1) > 0
            rows.append(
                {
                    "solved": solved(point) & separated,
                    "separated": separated,
                    "status": point.status,
                    "stationarity": point.residuals.stationarity,
                    "complementarity": point.residuals.complementarity,
                    "primal": point.residuals.primal,
                    "kink_error": point.kink_error,
                    "range_error": point.range_error,
                    "worst": worst_residual(point),
                    "kink_gap": point.kink_gap,
                    "flips": point.flips,
                    "rises": point.rises,
                    "iterations": point.iterations,
                    "kinks": point.kinks.sum((1, 2)),
                }
            )
    shape = (len(p["sizes"]), len(dimensions), p["seeds"])
    found = {key: np.stack([row[key] for row in rows]).reshape(shape) for key in rows[0]}
    dims = ("size", "dimension", "seed")
    text = {
        "solved": ("KKT point with every residual at most 1e-12", "1"),
        "separated": ("every margin positive at the flow's end", "1"),
        "status": ("solver's status, 0 = solved", "1"),
        "stationarity": ("stationarity residual", "1"),
        "complementarity": ("complementarity residual", "1"),
        "primal": ("primal residual", "1"),
        "kink_error": ("largest |⟨w, x⟩| at a kink", "1"),
        "range_error": ("how far t would leave [0, λ]", "1"),
        "worst": ("largest of all residuals", "1"),
        "kink_gap": ("least cosine to the kink of the other pairs", "1"),
        "flips": ("entries of the pattern flipped", "pairs"),
        "rises": ("flips after which the objective rose", "flips"),
        "iterations": ("Newton steps", "steps"),
        "kinks": ("pairs on the kink", "pairs"),
    }
    return xr.Dataset(
        {key: labelled(dims, values, *text[key]) for key, values in found.items()},
        {
            "size": labelled("size", [f"m = {m}, n = {n}" for m, n in p["sizes"]], "points and neurons"),
            "dimension": labelled("dimension", list(dimensions), "dimension"),
            "seed": labelled("seed", np.arange(p["seeds"]), "random problem"),
        },
        {"steps": p["steps"], "scale": p["scale"]},
    )


_margins = jax.jit(jax.vmap(two_layer.margins))


STUDY = Study(
    key="ga_two_layer_kkt_points",
    paper="ga",
    title="Two-layer network: exact KKT points from the flow's end",
    question="How often is an exact Clarke-KKT point reached, and how exactly?",
    quick={"seed": 0, "seeds": 16, "sizes": ((10, 50), (20, 50)), "steps": 2000, "scale": 1.0},
    full={"seed": 0, "seeds": 200, "sizes": ((10, 100), (20, 100), (50, 100)), "steps": 5000, "scale": 1.0},
    tiny={"seed": 1, "seeds": 2, "sizes": ((5, 16),), "steps": 300, "scale": 1.0},
    run=run,
)
