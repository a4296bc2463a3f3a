"""Random against worst-case forget sets of an image classifier: retraining, and how near every method comes to it."""

import jax
import numpy as np
import xarray as xr

from experiments.slices import Part, Slices
from experiments.studies.network_unlearning import FULL, QUICK, TINY, prepare, setting
from experiments.studies.worst_sets import (
    LOWER_LEVELS,
    METRICS,
    SIGN,
    forgotten_count,
    measured,
    selected,
    unlearned,
)
from experiments.study import Parameters, Study, labelled
from theory.metrics import average_gap
from theory.network_metrics import part
from theory.unlearning.worst_case import random_start, sample_losses

SETS = ("random", "lowest loss", *(f"worst, {name}" for name in LOWER_LEVELS))
COMPARED = ("random", "worst, sign descent")


def _seed(p: Parameters, seed: int) -> Part:
    """Everything of one repetition; a training set has the same size in each."""
    bench = prepare(p, seed)
    count = len(bench.train.y)
    k = forgotten_count(bench, p["share"])
    start = random_start(jax.random.key(seed + 2000), count, k)
    lowest = np.argsort(np.asarray(sample_losses(bench.network, bench.train)), kind="stable")[:k]
    found = [selected(bench, name, p, k, seed, start=start) for name in LOWER_LEVELS]
    masks = [start.astype(bool), np.isin(np.arange(count), lowest), *(each.forget for each in found)]
    retrained, losses = np.empty((len(SETS), len(METRICS))), np.empty(len(SETS))
    quality = np.empty((len(COMPARED), len(p["methods"]), len(METRICS)))
    for i, forget in enumerate(masks):
        network = unlearned(bench, "retrain", forget, seed).network
        retrained[i] = measured(network, bench, forget, seed)
        losses[i] = float(sample_losses(network, part(bench.train, forget)).mean())
    for i, name in enumerate(COMPARED):
        forget = masks[SETS.index(name)]
        for m, method in enumerate(p["methods"]):
            quality[i, m] = measured(unlearned(bench, method, forget, seed).network, bench, forget, seed)
    labels = np.asarray(bench.train.y)
    return {
        "retrained": retrained,
        "loss": losses,
        "quality": quality,
        "w": np.stack([each.w for each in found]),
        "classes": np.stack([np.bincount(labels[forget], minlength=bench.classes) / k for forget in masks]),
        "kept": np.array([[np.mean(forget[masks[j]]) for j in (0, 1)] for forget in masks]),
        "reach": np.array([[each.alpha, each.reach.reach] for each in found]),
    }


def run(p: Parameters) -> xr.Dataset:
    """Per seed: four choices of the forget set retrained, and every method on a random and on the worst set."""
    slices, seeds = Slices("wc_selection", p), range(p["seed"], p["seed"] + p["seeds"])
    parts = [slices(f"seed-{seed}", lambda seed=seed: _seed(p, seed)) for seed in seeds]  # type: ignore[misc]
    every = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    golden = every["retrained"][:, [SETS.index(name) for name in COMPARED]]
    gap = average_gap(every["quality"], golden[:, :, None])
    w = every["w"]
    return xr.Dataset(
        {
            "retrained": labelled(("seed", "set", "metric"), every["retrained"], "retrained network", "percent"),
            "loss": labelled(("seed", "set"), every["loss"], "retrained network's mean loss on the forget set", "nats"),
            "quality": labelled(("seed", "compared", "method", "metric"), every["quality"], "metric", "percent"),
            "gap": labelled(("seed", "compared", "method"), gap, "average gap to retraining", "percent"),
            "w": labelled(("seed", "lower", "sample"), w, "weight of a training sample after selection"),
            "composition": labelled(("seed", "set", "class"), every["classes"], "share of a class in the forget set"),
            "kept": labelled(("seed", "set", "other"), every["kept"], "share of the set in the other one"),
            "alpha": labelled(("seed", "lower"), every["reach"][..., 0], "step α of the weights", "1/nats"),
            "reach": labelled(("seed", "lower"), every["reach"][..., 1], "reach α Σ (max g − min g)"),
        },
        {
            "seed": labelled("seed", np.asarray(list(seeds)), "repetition"),
            "set": labelled("set", list(SETS), "forget set"),
            "compared": labelled("compared", list(COMPARED), "forget set"),
            "metric": labelled("metric", list(METRICS), "metric"),
            "method": labelled("method", list(p["methods"]), "method"),
            "lower": labelled("lower", list(LOWER_LEVELS), "lower level"),
            "sample": labelled("sample", np.arange(w.shape[-1]), "training sample"),
            "class": labelled("class", np.arange(every["classes"].shape[-1]), "class"),
            "other": labelled("other", list(SETS[:2]), "forget set compared with"),
        },
        {**setting(p), "share": p["share"], "samples": w.shape[-1]},
    )


_METHODS = (
    "fine_tune",
    "cf_k",
    "scrub",
    "l1_sparse",
    "random_labels",
    "boundary_shrink",
    "boundary_expand",
    "salun",
)
STUDY = Study(
    key="wc_selection",
    paper="wc",
    title="Worst-case forget sets of an image classifier",
    question="Is a worst-case forget set harder to forget than a random one, and for which methods?",
    quick={
        **QUICK,
        **SIGN,
        "share": 0.1,
        "methods": _METHODS,
        "epochs": 20,
        "iterations": 20,
        "retrainings": 6,
    },
    full={
        **FULL,
        **SIGN,
        "share": 0.1,
        "methods": _METHODS,
        "epochs": 15,
        "iterations": 20,
        "retrainings": 8,
    },
    tiny={
        **TINY,
        **SIGN,
        "share": 0.1,
        "methods": ("fine_tune", "random_labels"),
        "iterations": 3,
        "retrainings": 2,
    },
    run=run,
    long=True,
)
