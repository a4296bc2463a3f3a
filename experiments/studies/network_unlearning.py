"""What the studies of networks share: images, a network trained on them, and one method's outcome judged."""

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.images.prepare import normalised
from experiments.images.source import load_images
from experiments.study import Parameters
from theory.models.networks import Network, small_cnn
from theory.network_metrics import Sets, accuracies, membership
from theory.solvers.sgd import Labelled, as_given
from theory.unlearning.networks import all_methods
from theory.unlearning.networks.method import Outcome, Problem, Task, unlearn_network
from theory.unlearning.networks.unsir import scaled

METRICS = ("forget accuracy", "retained accuracy", "test accuracy")


class Bench(NamedTuple):
    """A trained network with its images, for one seed."""

    train: Labelled
    test: Labelled
    classes: int
    network: Network
    training: dict[str, Any]  # hyper-parameters of training, and so of retraining
    fresh: Any


def prepare(p: Parameters, seed: int) -> Bench:
    """Images and a small CNN trained on them; ``p`` has source, per_class (0: all), width, epochs and batch."""
    images = load_images(p["source"], seed=seed)
    if p["per_class"]:
        images = images.per_class(p["per_class"], seed)
    data = normalised(images)
    fresh = functools.partial(_fresh, images.shape, images.classes, p["width"])
    training = {"epochs": p["epochs"], "batch": p["batch"]}
    method, key = all_methods()["retrain"], jax.random.key(seed)
    values, streams = {**method.defaults, **training}, {"retained": data.train}
    task = Task(fresh(key), streams, images.classes, (), fresh, as_given, values, key)
    return Bench(data.train, data.test, images.classes, method.run(task).network, training, fresh)


def _fresh(shape: tuple[int, int, int], classes: int, width: int, key: Any) -> Network:
    return small_cnn(shape, classes, width, key=key)


def settings(bench: Bench, method: str, per_class: int) -> dict[str, Any]:
    """Hyper-parameters that depend on the data: retraining is as long as training, UNSIR is scaled to its sample.

    UNSIR's batches are those for one class whatever the number of classes, so that steps can be compared.
    """
    if method == "retrain":
        return bench.training
    if method == "unsir":
        return {"per_class": per_class, **scaled(per_class * (bench.classes - 1))}
    return {}


def unlearn(bench: Bench, method: str, forgotten: tuple[int, ...], seed: int, **hyper: Any) -> Outcome:
    """Outcome of a method on whole classes."""
    rows = np.isin(np.asarray(bench.train.y), forgotten)
    problem = Problem(bench.network, bench.train, jnp.asarray(rows), bench.classes, bench.fresh)
    return unlearn_network(all_methods()[method], problem, jax.random.key(seed + 1000), **hyper)


def timed(bench: Bench, method: str, forgotten: tuple[int, ...], seed: int, **hyper: Any) -> tuple[Outcome, float]:
    """The same with its seconds, without compilation: those of the second of two runs."""
    jax.block_until_ready(unlearn(bench, method, forgotten, seed, **hyper).network)
    began = time.perf_counter()
    outcome = unlearn(bench, method, forgotten, seed, **hyper)
    jax.block_until_ready(outcome.network)
    return outcome, time.perf_counter() - began


def sets_of(bench: Bench, forgotten: tuple[int, ...]) -> Sets:
    """Forgotten and retained training samples; test samples of the retained classes."""
    train, test = (np.isin(np.asarray(data.y), forgotten) for data in (bench.train, bench.test))
    return Sets(_rows(bench.train, train), _rows(bench.train, ~train), _rows(bench.test, ~test))


def _rows(data: Labelled, chosen: np.ndarray) -> Labelled:
    return Labelled(data.x[np.flatnonzero(chosen)], data.y[np.flatnonzero(chosen)])


def judged(network: Network, sets: Sets) -> list[float]:
    """METRICS, in percent."""
    found = accuracies(network, sets)
    return [100.0 - found.unlearning_accuracy, found.retained_accuracy, found.test_accuracy]


def attacked(network: Network, sets: Sets, seed: int) -> float:
    """Efficacy of the confidence attack, in percent."""
    return membership(network, sets, seed)["confidence"]
