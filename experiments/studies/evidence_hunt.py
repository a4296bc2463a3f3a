"""How much of every inequality an adversary leaves on the table, once its budget is spent."""

import time
from collections.abc import Callable

import numpy as np
import xarray as xr

from experiments.study import Parameters, Study, labelled
from theory.claims import select
from theory.evidence.hunt import climbable, hunt


def run(p: Parameters) -> xr.Dataset:
    """Hunts of the chosen claims (all if none are named), each until its evaluations or its seconds are spent."""
    rows = []
    for claim in select(p["claims"]):
        if any(climbable(c) for c in claim.conclusions):
            found = hunt(claim, _budget(p), p["seed"])
            rows += [(claim, c, found) for c in found.conclusions]
    claims, best, hunts = zip(*rows, strict=True)
    ratio = np.array([c.tightness if c.tightness > 0 and np.isfinite(c.tightness) else np.nan for c in best])
    evaluations = np.array([h.evaluations for h in hunts])
    return xr.Dataset(
        {
            "tightness": labelled("inequality", ratio, "tightest ratio found, less rounding; NaN: compared with 0"),
            "tight": labelled("inequality", [c.tight for c in best], "declared tight"),
            "refuted": labelled("inequality", [h.refutation is not None for h in hunts], "the hunt refuted the claim"),
            "evaluations": labelled("inequality", evaluations, "instances evaluated for the claim"),
        },
        {
            "claim": labelled("inequality", [c.key for c in claims], "claim"),
            "conclusion": labelled("inequality", [c.name for c in best], "inequality of the claim"),
        },
        {"seed": p["seed"]},
    )


def _budget(p: Parameters) -> Callable[[int], bool]:
    began = time.perf_counter()

    def proceed(done: int) -> bool:
        if p["evaluations"] is not None:
            return done < p["evaluations"]
        return time.perf_counter() - began < p["seconds"]

    return proceed


STUDY = Study(
    key="evidence_hunt",
    paper="ga",
    title="What an adversary leaves on the table",
    question="How near does a directed search come to violating each inequality, and which bounds could be sharper?",
    quick={
        "claims": ("ga.linear.multiplier_bounds", "ga.two_layer.certificate_size"),
        "evaluations": 8_000,
        "seconds": None,
        "seed": 0,
    },
    full={"claims": (), "evaluations": None, "seconds": 20.0, "seed": 0},
    tiny={"claims": ("ga.linear.multiplier_bounds",), "evaluations": 600, "seconds": None, "seed": 0},
    run=run,
)
