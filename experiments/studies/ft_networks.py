"""FT's remedies on a network: what the weight α of the second loss buys and costs, and what a mask removes."""

from typing import Any

import numpy as np
import xarray as xr

from experiments.slices import Part, Slices
from experiments.studies.network_unlearning import (
    FULL,
    QUICK,
    TINY,
    Bench,
    attacked,
    judged,
    prepare,
    sets_of,
    setting,
    settings,
    timed,
)
from experiments.study import Parameters, Study, labelled

LOSSES = ("ce_ft", "ice_ft", "kl_ft")
MASKS = ("retention_mask", "forget_mask")
LINES = ("retrain", "fine_tune")
METRICS = ("UA", "RA", "TA", "MIA", "seconds")


def run(p: Parameters) -> xr.Dataset:
    """METRICS of each loss and α, of each mask and share, and of retraining and fine-tuning, per class and seed."""
    kept, found = Slices("ft_networks", p), []
    for seed in range(p["seed"], p["seed"] + p["seeds"]):
        held: list[Bench] = []
        for label in p["classes"]:

            def one(own: int = seed, which: int = label, benches: list[Bench] = held) -> Part:
                if not benches:
                    benches.append(prepare(p, own))
                return _class(benches[0], own, which, p)

            found.append(kept(f"seed {seed} class {label}", one))
    shape = (p["seeds"], len(p["classes"]))
    joined = {
        name: np.moveaxis(np.reshape([one[name] for one in found], (*shape, *found[0][name].shape)), (0, 1), (-1, -2))
        for name in found[0]
    }
    axes = ("metric", "class", "seed")
    return xr.Dataset(
        {
            "curves": labelled(("loss", "alpha", *axes), joined["curves"], "metric", "percent or s"),
            "masks": labelled(("mask", "used", *axes), joined["masks"], "metric", "percent or s"),
            "lines": labelled(("model", *axes), joined["lines"], "metric", "percent or s"),
        },
        {
            "loss": labelled("loss", list(LOSSES), "loss"),
            "alpha": labelled("alpha", np.asarray(p["alphas"], float), "weight α"),
            "mask": labelled("mask", list(MASKS), "mask"),
            "used": labelled("used", np.asarray(p["used"], float), "share that counts as used"),
            "model": labelled("model", list(LINES), "method"),
            "class": labelled("class", np.asarray(p["classes"]), "forgotten class"),
            "seed": labelled("seed", np.arange(p["seed"], p["seed"] + p["seeds"]), "repetition"),
            "metric": labelled("metric", list(METRICS), "metric"),
        },
        setting(p),
    )


def _class(bench: Bench, seed: int, label: int, p: Parameters) -> Part:
    """One class forgotten in every way."""
    sets = sets_of(bench, (label,))

    def metrics(method: str, **hyper: Any) -> list[float]:
        outcome, seconds = timed(bench, method, (label,), seed, **settings(bench, method, 1.0), **hyper)
        forgotten, retained, _, test = judged(outcome.network, bench, (label,)).accuracy
        return [100.0 - forgotten, retained, test, attacked(outcome.network, sets, seed), seconds]

    return {
        "lines": np.asarray([metrics(method) for method in LINES]),
        "curves": np.asarray([[metrics(loss, alpha=float(alpha)) for alpha in p["alphas"]] for loss in LOSSES]),
        "masks": np.asarray([[metrics(mask, used=float(used)) for used in p["used"]] for mask in MASKS]),
    }


STUDY = Study(
    key="ft_networks",
    paper="ft",
    title="Discriminative losses and masks on a network",
    question="How do the weight of CE-FT, ICE-FT and KL-FT, and the share that a mask removes, trade forgetting for "
    "retained accuracy?",
    quick={
        **QUICK,
        "classes": (3, 6, 9),
        "seeds": 2,
        "epochs": 10,
        "alphas": (0.01, 0.1, 1.0, 10.0),
        "used": (0.1, 0.2, 0.5),
    },
    full={
        **FULL,
        "classes": (3, 6, 9),
        "epochs": 10,
        "alphas": (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
        "used": (0.05, 0.1, 0.2, 0.35, 0.5),
    },
    tiny={
        **TINY,
        "classes": (3,),
        "alphas": (0.1, 1.0),
        "used": (0.2, 0.5),
    },
    run=run,
    long=True,
)
