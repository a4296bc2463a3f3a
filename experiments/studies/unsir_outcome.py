"""UNSIR on real images: before and after impair and repair, against every other method, and for several classes.

Each seed forgets another class, and the pair of the public notebook, classes 0 and 2.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.slices import Part, Slices
from experiments.studies.network_unlearning import (
    FULL,
    METRICS,
    QUICK,
    TINY,
    Bench,
    images_of,
    judged,
    prepare,
    setting,
    settings,
    timed,
    unlearn,
)
from experiments.study import Parameters, Study, labelled
from theory.models.networks import Network
from theory.network_metrics import part, relearn_epochs, weight_distance
from theory.solvers.sgd import accuracy
from theory.unlearning.networks import all_methods
from theory.unlearning.networks.unsir import METHOD, error_maximising_noise

STAGES = ("trained", "impaired", "repaired", "label 0, impaired", "label 0, repaired")
PAIR = (0, 2)  # of the public notebook


def run(p: Parameters) -> xr.Dataset:
    """Every part of every seed, put together."""
    kept = Slices("unsir_outcome", p)
    found: list[Part] = []
    classes = images_of(p, p["seed"]).classes
    for index in range(p["seeds"]):
        seed = p["seed"] + index
        bench: list[Bench] = []

        def ready(own: int = seed, held: list[Bench] = bench) -> Bench:
            if not held:
                held.append(prepare(p, own))
            return held[0]

        gone = (index + 1) % classes
        jobs = {
            "stages": lambda own=seed, at=ready, c=gone: _stages(at(), own, c, p["share"]),
            "methods": lambda own=seed, at=ready, c=gone: _methods(at(), own, c, p["share"], _names(p)),
            "several": lambda own=seed, at=ready, c=gone: _several(at(), own, c, p["share"], p["class_counts"]),
        }
        parts = {name: kept(f"seed {seed} {name}", job) for name, job in jobs.items()}
        found.append({name: value for part_found in parts.values() for name, value in part_found.items()})
    return _dataset(p, found)


def _names(p: Parameters) -> tuple[str, ...]:
    return ("nothing", *(p["methods"] or all_methods()))


def _stages(bench: Bench, seed: int, gone: int, share: float) -> Part:
    """One class and the notebook's pair, before and after impair and repair, with its label and without; the noise."""
    hyper = settings(bench, "unsir", share)
    found: dict[str, np.ndarray] = {}
    for name, classes in (("one", (gone,)), ("pair", PAIR)):
        networks = [bench.network]
        for slip in (False, True):
            outcome = unlearn(bench, "unsir", classes, seed, **hyper, label_zero=slip)
            networks += [outcome.stages["impaired"], outcome.network]
        found[name] = np.asarray([judged(network, bench, classes).accuracy for network in networks])
        if name == "one":
            found["blind"] = np.asarray(_alike(networks[2], _blindly(bench, seed, gone, hyper)))
    return found | {"noise": _pictures(bench.network, bench.train.x.shape[1:], bench.classes, seed)}


def _blindly(bench: Bench, seed: int, gone: int, hyper: Mapping[str, Any]) -> Network:
    """UNSIR's network where every pixel of the forgotten samples is NaN."""
    lost = (bench.train.y == gone)[:, None, None, None]
    poisoned = bench.train._replace(x=jnp.where(lost, jnp.float32(jnp.nan), bench.train.x))
    return unlearn(bench._replace(train=poisoned), "unsir", (gone,), seed, **hyper).network


def _alike(a: Network, b: Network) -> bool:
    """Whether two networks agree in every bit."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in pairs)


def _methods(bench: Bench, seed: int, gone: int, share: float, names: Sequence[str]) -> Part:
    """Every method on one class."""
    forget = part(bench.train, np.asarray(bench.train.y) == gone)
    before, key = accuracy(bench.network, forget), jax.random.key(seed + 2000)
    networks, effort = {"nothing": bench.network}, [(0.0, 0.0)]
    for name in names[1:]:
        outcome, seconds = timed(bench, name, (gone,), seed, **settings(bench, name, share))
        networks[name] = outcome.network
        effort.append((outcome.steps, seconds))
    seen = [judged(network, bench, (gone,)) for network in networks.values()]
    distances = [
        (weight_distance(network, bench.network), weight_distance(network, networks["retrain"]))
        for network in networks.values()
    ]
    return {
        "quality": np.asarray([one.accuracy for one in seen]),
        "predictions": np.stack([one.predictions for one in seen]),
        "effort": np.asarray(effort),
        "distance": np.asarray(distances),
        "relearn": np.asarray([relearn_epochs(network, forget, before, key) for network in networks.values()], float),
    }


def _several(bench: Bench, seed: int, gone: int, share: float, counts: Sequence[int]) -> Part:
    """UNSIR and retraining on k classes from ``gone`` on."""
    several, cost = np.empty((2, len(counts), len(METRICS))), np.empty((2, len(counts), 2))
    for j, k in enumerate(counts):
        many = tuple((gone + i) % bench.classes for i in range(k))
        for i, method in enumerate(("unsir", "retrain")):
            outcome, seconds = timed(bench, method, many, seed, **settings(bench, method, share))
            several[i, j] = judged(outcome.network, bench, many).accuracy
            cost[i, j] = outcome.steps, seconds
    return {"several": several, "cost": cost}


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


def _dataset(p: Parameters, found: Sequence[Part]) -> xr.Dataset:
    joined = {name: np.stack([one[name] for one in found], axis=-1) for name in found[0] if name != "noise"}
    noise, seeds = found[0]["noise"], np.arange(p["seed"], p["seed"] + p["seeds"])
    quality, axes = ("model", "metric", "seed"), ("procedure", "k", "seed")
    return xr.Dataset(
        {
            "quality": labelled(quality, joined["quality"], "accuracy", "percent"),
            "predictions": labelled(("model", "class", "seed"), joined["predictions"], "forgotten samples", "percent"),
            "steps": labelled(("model", "seed"), joined["effort"][:, 0], "update steps", "steps"),
            "seconds": labelled(("model", "seed"), joined["effort"][:, 1], "time to unlearn", "s"),
            "from_trained": labelled(("model", "seed"), joined["distance"][:, 0], "distance to trained weights"),
            "from_retrained": labelled(("model", "seed"), joined["distance"][:, 1], "distance to retrained weights"),
            "relearn": labelled(("model", "seed"), joined["relearn"], "time to relearn", "epochs"),
            "stages": labelled(("stage", "metric", "seed"), joined["one"], "accuracy", "percent"),
            "pair_stages": labelled(("stage", "metric", "seed"), joined["pair"], "accuracy, two classes", "percent"),
            "blind": labelled("seed", joined["blind"], "same bits without the forgotten images"),
            "several": labelled(("procedure", "k", "metric", "seed"), joined["several"], "accuracy", "percent"),
            "several_steps": labelled(axes, joined["cost"][..., 0, :], "update steps", "steps"),
            "several_seconds": labelled(axes, joined["cost"][..., 1, :], "time to unlearn", "s"),
            "noise": labelled(("class", "row", "column"), noise, "noise, mean over its batch", "pixel deviations"),
        },
        {
            "model": labelled("model", list(_names(p)), "method"),
            "metric": labelled("metric", list(METRICS), "samples judged"),
            "seed": labelled("seed", seeds, "repetition"),
            "forgotten": labelled("seed", (np.arange(p["seeds"]) + 1) % len(noise), "forgotten class"),
            "stage": labelled("stage", list(STAGES), "stage of UNSIR"),
            "procedure": labelled("procedure", ["unsir", "retrain"], "procedure"),
            "k": labelled("k", np.asarray(p["class_counts"]), "forgotten classes", "classes"),
            "class": labelled("class", np.arange(len(noise)), "class"),
            "row": labelled("row", np.arange(noise.shape[1]), "pixel row"),
            "column": labelled("column", np.arange(noise.shape[2]), "pixel column"),
        },
        setting(p) | {"share": p["share"]},
    )


_TWELVE = (
    "retrain",
    "fine_tune",
    "gradient_ascent",
    "cf_k",
    "eu_k",
    "random_labels",
    "boundary_shrink",
    "scrub",
    "salun",
    "kl_ft",
    "forget_mask",
    "unsir",
)

STUDY = Study(
    key="unsir_outcome",
    paper="unsir",
    title="UNSIR on real images: impair, repair, and what the others do",
    question="Does UNSIR forget a class and keep the others, at how many steps, for one class and for several?",
    quick={
        **QUICK,
        "class_counts": (1, 2, 4, 7),
        "methods": _TWELVE,
        "epochs": 10,
        "share": 0.5,
    },
    full={
        **FULL,
        "class_counts": (1, 2, 4, 7),
        "methods": (),  # all
        "epochs": 10,
        "share": 0.2,
    },
    tiny={
        **TINY,
        "methods": ("retrain", "unsir"),
        "share": 0.5,
        "class_counts": (1, 2),
    },
    run=run,
    timed=True,
    long=True,
)
