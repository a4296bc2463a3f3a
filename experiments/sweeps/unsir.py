"""UNSIR on digits over forgotten classes, the noise penalty λ and the retained sample."""

import functools
from typing import Any

import numpy as np

from experiments.engine.model import Axis, Cell, Result, Sweep
from experiments.studies.network_unlearning import METRICS, Bench, judged, prepare, sets_of, settings, unlearn

STAGES = ("trained", "impaired", "repaired")


@functools.lru_cache(maxsize=4)
def _bench(seed: int, per_class: int, width: int, epochs: int) -> Bench:
    return prepare({"source": "digits", "per_class": per_class, "width": width, "epochs": epochs, "batch": 32}, seed)


def cell(at: Cell, settled: Cell) -> dict[str, Any]:
    """One small CNN a seed, trained on digits; the first classes from ``seed`` on are forgotten together."""
    seed = int(at["seed"])
    bench = _bench(seed, *(int(settled[name]) for name in ("per_class", "width", "epochs")))
    gone = tuple((seed + i) % bench.classes for i in range(int(at["classes"])))
    sets = sets_of(bench, gone)
    hyper = settings(bench, "unsir", int(at["sample"])) | {"penalty": float(at["penalty"])}
    found = unlearn(bench, "unsir", gone, seed, **hyper)
    networks = (bench.network, found.stages["impaired"], found.network)
    return {
        "accuracy": np.array([judged(network, sets) for network in networks]),
        "steps": np.array(float(found.steps)),
    }


SWEEP = Sweep(
    key="unsir",
    paper="unsir",
    title="UNSIR on digits: forgotten classes, noise penalty and retained sample",
    question="Over which penalties and samples does UNSIR forget 1 to 7 classes and keep the others?",
    axes={
        "classes": Axis("forgotten classes", "classes", whole=True, least=1, most=9),
        "penalty": Axis("noise penalty λ", least=1e-6, most=1e3),
        "sample": Axis("retained samples of each class", "samples", whole=True, least=2, most=120),
        "seed": Axis("seed", whole=True, least=0, most=2**31 - 1001),
    },
    results={
        "accuracy": Result("accuracy", "percent", ("stage", "metric")),
        "steps": Result("update steps", "steps"),
    },
    labels={"stage": STAGES, "metric": METRICS},
    grid={
        "classes": (1, 2, 4, 7),
        "penalty": (0.01, 0.1, 1.0),
        "sample": (15, 60),
        "seed": (0, 1, 2),
        "per_class": 120,
        "width": 8,
        "epochs": 10,
    },
    tiny={
        "classes": (1, 2),
        "penalty": (0.1,),
        "sample": (6,),
        "seed": (0,),
        "per_class": 12,
        "width": 2,
        "epochs": 1,
    },
    cell=cell,
    vmapped=False,
    chunk=6,
)
