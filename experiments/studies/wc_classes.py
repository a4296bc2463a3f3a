"""Worst-case forget sets of whole classes: few enough that every set can be tried, so that the selection is judged.

The lower level is sign descent. The loss of a set is the mean loss of its classes at the unlearned network.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.slices import Part, Slices
from experiments.studies.network_unlearning import FULL, QUICK, TINY, Bench, prepare, setting
from experiments.studies.worst_sets import METRICS, SIGN, lower_level, measured, selected, unlearned
from experiments.study import Parameters, Study, labelled
from theory.metrics import average_gap
from theory.network_metrics import part
from theory.unlearning.worst_case import Lower, sample_losses, unit_means

METHODS = ("retrain", "fine_tune", "random_labels")


def _set_loss(bench: Bench, lower: Lower, chosen: tuple[int, ...], seed: int) -> float:
    """Mean loss of the chosen classes at the network that sign descent leaves without them."""
    labels = np.asarray(bench.train.y)
    gone = np.isin(labels, chosen)
    network = lower(jnp.asarray(~gone, jnp.float32), gone, jax.random.key(seed + 3000))
    means = unit_means(sample_losses(network, bench.train), jnp.asarray(labels), bench.classes)
    return float(np.asarray(means)[list(chosen)].mean())


def _seed(p: Parameters, seed: int) -> Part:
    bench = prepare(p, seed)
    labels, lower = np.asarray(bench.train.y), lower_level(bench, "sign descent", p)
    singles = np.array([_set_loss(bench, lower, (c,), seed) for c in range(bench.classes)])
    found = {}
    for k in (1, 2):
        chosen = selected(bench, "sign descent", p, k, seed, groups=labels)
        sets = list(itertools.combinations(range(bench.classes), k))
        every = singles if k == 1 else np.array([_set_loss(bench, lower, pair, seed) for pair in sets])
        own = every[sets.index(tuple(chosen.units.tolist()))]
        found[k] = (chosen, 1 + np.sum(every < own), own, every.min(), every.mean(), len(sets))
    retrained = np.empty(bench.classes)
    quality = np.empty((bench.classes, len(METHODS), len(METRICS)))
    for c in range(bench.classes):
        forget = labels == c
        for m, method in enumerate(METHODS):
            network = unlearned(bench, method, forget, seed).network
            quality[c, m] = measured(network, bench, forget, seed)
            if method == "retrain":
                retrained[c] = float(sample_losses(network, part(bench.train, forget)).mean())
    return {
        "singles": singles,
        "retrained": retrained,
        "quality": quality,
        "w": np.stack([found[k][0].w for k in (1, 2)]),
        "judged": np.array([found[k][1:] for k in (1, 2)], float),
        "chosen": found[1][0].units,
    }


def run(p: Parameters) -> xr.Dataset:
    """Per seed: the loss of every class and pair after sign descent, where the selected ones rank, and retraining."""
    slices, seeds = Slices("wc_classes", p), range(p["seed"], p["seed"] + p["seeds"])
    parts = [slices(f"seed-{seed}", lambda seed=seed: _seed(p, seed)) for seed in seeds]  # type: ignore[misc]
    every = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    rank, own, least, mean, sets = np.moveaxis(every["judged"], -1, 0)
    gap = average_gap(every["quality"][:, :, 1:], every["quality"][:, :, :1])
    grid, axes = ("seed", "k"), ("seed", "class")
    text = "mean loss of the set after sign descent"
    return xr.Dataset(
        {
            "singles": labelled(axes, every["singles"], "mean loss of the class after sign descent without it", "nats"),
            "retrained": labelled(axes, every["retrained"], "mean loss of the class after retraining", "nats"),
            "quality": labelled((*axes, "model", "metric"), every["quality"], "metric", "percent"),
            "gap": labelled((*axes, "method"), gap, "average gap to retraining", "percent"),
            "chosen": labelled("seed", every["chosen"][:, 0], "selected class"),
            "w": labelled(("seed", "k", "class"), every["w"], "weight of the class after selection"),
            "rank": labelled(grid, rank, "sets with a lower loss than the selected one, and itself", "sets"),
            "own": labelled(grid, own, f"{text}, selected", "nats"),
            "least": labelled(grid, least, f"{text}, least of all sets", "nats"),
            "mean": labelled(grid, mean, f"{text}, mean of all sets", "nats"),
            "sets": labelled("k", sets[0], "sets of k classes", "sets"),
        },
        {
            "seed": labelled("seed", np.asarray(list(seeds)), "repetition"),
            "class": labelled("class", np.arange(every["singles"].shape[1]), "class"),
            "k": labelled("k", np.array([1, 2]), "forgotten classes", "classes"),
            "model": labelled("model", list(METHODS), "method"),
            "method": labelled("method", list(METHODS[1:]), "method"),
            "metric": labelled("metric", list(METRICS), "metric"),
        },
        setting(p),
    )


STUDY = Study(
    key="wc_classes",
    paper="wc",
    title="Worst-case classes to forget",
    question="Does selection find the class, and the pair of classes, that is hardest to forget among all?",
    quick={
        **QUICK,
        **SIGN,
        "per_class": 40,
        "epochs": 20,
        "iterations": 20,
    },
    full={
        **FULL,
        **SIGN,
        "epochs": 15,
        "iterations": 20,
    },
    tiny={
        **TINY,
        **SIGN,
        "iterations": 3,
    },
    run=run,
    long=True,
)
