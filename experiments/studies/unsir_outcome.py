"""UNSIR on real images: before and after impair and repair, against every other method, and for several classes."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.studies.network_unlearning import METRICS, judged, prepare, sets_of, settings, timed, unlearn
from experiments.study import Parameters, Study, labelled
from theory.models.networks import Network
from theory.unlearning.networks import all_methods
from theory.unlearning.networks.unsir import METHOD, error_maximising_noise

STAGES = ("trained", "impaired", "repaired", "label 0, impaired", "label 0, repaired")


def run(p: Parameters) -> xr.Dataset:
    """Per seed: one class forgotten by every method; UNSIR's stages; UNSIR and retraining on 1 to 7 classes."""
    methods = ("nothing", *(p["methods"] or all_methods()))
    seeds, ks = range(p["seed"], p["seed"] + p["seeds"]), p["class_counts"]
    quality = np.empty((len(methods), len(seeds), len(METRICS)))
    stages = np.empty((len(STAGES), len(seeds), len(METRICS)))
    effort = np.zeros((len(methods), len(seeds), 2))
    several = np.empty((2, len(ks), len(seeds), len(METRICS)))
    cost = np.empty((2, len(ks), len(seeds), 2))
    pictures = None
    for s, seed in enumerate(seeds):
        bench = prepare(p, seed)
        gone = ((seed - p["seed"]) % bench.classes,)
        sets = sets_of(bench, gone)
        quality[0, s] = stages[0, s] = judged(bench.network, sets)
        for m, method in enumerate(methods[1:], 1):
            hyper = settings(bench, method, p["sample"])
            outcome, seconds = timed(bench, method, gone, seed, **hyper)
            quality[m, s], effort[m, s] = judged(outcome.network, sets), (outcome.steps, seconds)
            if method == "unsir":
                slipped = unlearn(bench, method, gone, seed, **hyper, label_zero=True)
                for row, found in ((1, outcome), (3, slipped)):
                    stages[row, s] = judged(found.stages["impaired"], sets)
                    stages[row + 1, s] = judged(found.network, sets)
        for j, k in enumerate(ks):
            many = tuple((gone[0] + i) % bench.classes for i in range(k))
            for i, method in enumerate(("unsir", "retrain")):
                outcome, seconds = timed(bench, method, many, seed, **settings(bench, method, p["sample"]))
                several[i, j, s] = judged(outcome.network, sets_of(bench, many))
                cost[i, j, s] = outcome.steps, seconds
        if pictures is None:
            pictures = _pictures(bench.network, bench.train.x.shape[1:], bench.classes, seed)
    assert pictures is not None
    dims, axes = ("model", "seed", "metric"), ("procedure", "k", "seed")
    return xr.Dataset(
        {
            "quality": labelled(dims, quality, "accuracy", "percent"),
            "steps": labelled(dims[:2], effort[..., 0], "update steps", "steps"),
            "seconds": labelled(dims[:2], effort[..., 1], "time to unlearn", "s"),
            "stages": labelled(("stage", "seed", "metric"), stages, "accuracy", "percent"),
            "several": labelled((*axes, "metric"), several, "accuracy", "percent"),
            "several_steps": labelled(axes, cost[..., 0], "update steps", "steps"),
            "several_seconds": labelled(axes, cost[..., 1], "time to unlearn", "s"),
            "noise": labelled(("class", "row", "column"), pictures, "noise, mean over its batch", "pixel deviations"),
        },
        {
            "model": labelled("model", list(methods), "method"),
            "seed": labelled("seed", np.asarray(list(seeds)), "repetition"),
            "metric": labelled("metric", list(METRICS), "samples judged"),
            "stage": labelled("stage", list(STAGES), "stage of UNSIR"),
            "procedure": labelled("procedure", ["unsir", "retrain"], "procedure"),
            "k": labelled("k", np.asarray(ks), "forgotten classes", "classes"),
            "class": labelled("class", np.arange(len(pictures)), "class"),
            "row": labelled("row", np.arange(pictures.shape[1]), "pixel row"),
            "column": labelled("column", np.arange(pictures.shape[2]), "pixel column"),
        },
        {"source": p["source"], "width": p["width"]},
    )


def _pictures(network: Network, shape: tuple[int, ...], classes: int, seed: int) -> np.ndarray:
    """Noise of each class, mean over its batch and the channels."""
    start = jax.random.normal(jax.random.key(seed), (32, *shape), jnp.float32)
    values = METHOD.defaults
    rate, penalty = jnp.float32(values["noise_rate"]), jnp.float32(values["penalty"])
    found = [
        error_maximising_noise(network, start, jnp.asarray(c, jnp.int32), rate, penalty, values["noise_steps"])[0]
        for c in range(classes)
    ]
    return np.stack([np.asarray(noise.mean(axis=(0, 3)), np.float64) for noise in found])


STUDY = Study(
    key="unsir_outcome",
    paper="unsir",
    title="UNSIR on real images: impair, repair, and what the others do",
    question="Does UNSIR forget a class and keep the others, at how many steps, for one class and for several?",
    quick={
        "seed": 0,
        "seeds": 5,
        "methods": (),
        "source": "digits",
        "per_class": 120,
        "width": 8,
        "epochs": 10,
        "batch": 32,
        "sample": 60,
        "class_counts": (1, 2, 4, 7),
    },
    full={
        "seed": 0,
        "seeds": 10,
        "methods": (),
        "source": "digits",
        "per_class": 120,
        "width": 16,
        "epochs": 30,
        "batch": 32,
        "sample": 60,
        "class_counts": (1, 2, 4, 7),
    },
    tiny={
        "seed": 0,
        "seeds": 1,
        "methods": ("retrain", "unsir"),
        "source": "digits",
        "per_class": 12,
        "width": 2,
        "epochs": 1,
        "batch": 32,
        "sample": 6,
        "class_counts": (1, 2),
    },
    run=run,
    timed=True,
    long=True,
)
