"""What the studies of networks share: images, a network trained on them, and one method's outcome judged."""

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.images.prepare import normalised
from experiments.images.source import ImageSet, load_images
from experiments.study import Parameters
from theory.models.networks import NETWORKS, Network
from theory.network_metrics import Sets, membership, sets_without
from theory.solvers.sgd import Labelled, as_given, classify, descend
from theory.unlearning.networks import all_methods
from theory.unlearning.networks.method import Outcome, Problem, Task, unlearn_network
from theory.unlearning.networks.unsir import error_maximising_noise, scaled

BASE = {"seed": 0, "source": "digits", "network": "small_cnn", "rate": 0.05, "sliced": False}
"""Parameters of a study that trains networks; ``rate`` is the largest learning rate of training and retraining."""
QUICK = {**BASE, "seeds": 5, "per_class": 120, "width": 8, "batch": 32}
FULL = {**BASE, "network": "auto", "seeds": 5, "per_class": 640, "width": 16, "batch": 64, "sliced": True}
TINY = {**BASE, "seeds": 1, "per_class": 12, "width": 2, "epochs": 1, "batch": 32}

METRICS = ("forget accuracy", "retained accuracy", "forget test accuracy", "retained test accuracy")


class Bench(NamedTuple):
    """A trained network with its images, for one seed."""

    name: str
    train: Labelled
    test: Labelled
    classes: int
    network: Network
    training: dict[str, Any]  # hyper-parameters of training, and so of retraining
    fresh: Any


class Judged(NamedTuple):
    """What a network makes of the samples, in percent."""

    accuracy: list[float]  # METRICS
    predictions: np.ndarray  # (classes,) of the forgotten training samples, put into each class


def images_of(p: Parameters, seed: int) -> ImageSet:
    """The study's images, at most ``per_class`` for training of each class, as many of each."""
    images = load_images(p["source"], seed=seed)
    return images.per_class(min(p["per_class"], int(np.bincount(images.train_y).min())), seed)


def prepare(p: Parameters, seed: int) -> Bench:
    """Images and a network trained on them; ``p`` has BASE, per_class, width, epochs and batch.

    The network "auto" is a ResNet-18 of its usual width for colour images on a GPU, and a small CNN otherwise.
    """
    images = images_of(p, seed)
    data = normalised(images)
    network, width = _architecture(p, images.shape)
    fresh = functools.partial(_fresh, network, images.shape, images.classes, width)
    training = {name: p[name] for name in ("epochs", "batch", "rate")}
    method, key = all_methods()["retrain"], jax.random.key(seed)
    values, streams = {**method.defaults, **training}, {"retained": data.train}
    task = Task(fresh(key), streams, images.classes, (), fresh, as_given, values, key)
    return Bench(images.name, data.train, data.test, images.classes, method.run(task).network, training, fresh)


def _architecture(p: Parameters, shape: tuple[int, int, int]) -> tuple[str, int]:
    """Name and width."""
    if p["network"] != "auto":
        return p["network"], p["width"]
    large = shape[2] == 3 and jax.default_backend() == "gpu"
    return ("resnet18", 64) if large else ("small_cnn", p["width"])


def _fresh(network: str, shape: tuple[int, int, int], classes: int, width: int, key: Any) -> Network:
    return NETWORKS[network](shape, classes, width, key=key)


def setting(p: Parameters) -> dict[str, Any]:
    """Attributes of a dataset: what was trained on what."""
    images = images_of(p, p["seed"])
    per_class = len(images.train_y) // images.classes
    network, width = _architecture(p, images.shape)
    names = {"small_cnn": "small CNN", "resnet18": "ResNet-18", "all_cnn": "All-CNN"}
    text = f"{images.name}, {per_class} images a class, {names[network]} of width {width}"
    return {"source": images.name, "setting": f"{text}, {p['epochs']} epochs"}


def settings(bench: Bench, method: str, share: float) -> dict[str, Any]:
    """Hyper-parameters that depend on the data: retraining is as long as training, UNSIR is scaled to its sample.

    UNSIR's batches are those for one class whatever the number of classes, so that steps can be compared.

    Args:
        share: of each retained class that UNSIR reads; the public notebook's is 1000 of 5000.
    """
    if method == "retrain":
        return bench.training
    if method == "unsir":
        per_class = max(1, round(share * len(bench.train.y) / bench.classes))
        return {"per_class": per_class, **scaled(per_class * (bench.classes - 1))}
    return {}


def unlearn(bench: Bench, method: str, forgotten: tuple[int, ...], seed: int, **hyper: Any) -> Outcome:
    """Outcome of a method on whole classes."""
    rows = np.isin(np.asarray(bench.train.y), forgotten)
    problem = Problem(bench.network, bench.train, jnp.asarray(rows), bench.classes, bench.fresh)
    return unlearn_network(all_methods()[method], problem, jax.random.key(seed + 1000), **hyper)


def timed(bench: Bench, method: str, forgotten: tuple[int, ...], seed: int, **hyper: Any) -> tuple[Outcome, float]:
    """The same with its seconds, without compilation: those of a second run where the first one compiled.

    Processor seconds on a CPU, which other work on the machine does not change; else those of the clock.
    """
    clock = time.process_time if jax.default_backend() == "cpu" else time.perf_counter
    while True:
        compiled, began = _programs(), clock()
        outcome = unlearn(bench, method, forgotten, seed, **hyper)
        jax.block_until_ready(outcome.network)
        seconds = clock() - began
        if _programs() == compiled:
            return outcome, seconds


def _programs() -> int:
    """How many programs of training and of noise this process has compiled."""
    return sum(program._cache_size() for program in (descend, error_maximising_noise))


def sets_of(bench: Bench, forgotten: tuple[int, ...]) -> Sets:
    """Forgotten and retained training samples; test samples of the retained classes."""
    return sets_without(bench.train, bench.test, np.isin(np.asarray(bench.train.y), forgotten))


def judged(network: Network, bench: Bench, forgotten: tuple[int, ...]) -> Judged:
    """METRICS and predictions."""
    shares = []
    for data in (bench.train, bench.test):
        labels, found = np.asarray(data.y), classify(network, data.x)
        gone = np.isin(labels, forgotten)
        shares += [100.0 * float(np.mean(found[rows] == labels[rows])) for rows in (gone, ~gone)]
        if data is bench.train:
            put = np.bincount(found[gone], minlength=bench.classes) * (100.0 / gone.sum())
    return Judged(shares, put)


def attacked(network: Network, sets: Sets, seed: int) -> float:
    """Efficacy of the confidence attack, in percent."""
    return membership(network, sets, seed, attacks=("confidence",))["confidence"]
