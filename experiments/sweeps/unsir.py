"""UNSIR on digits over forgotten classes, the noise penalty λ, the retained sample and the learning rates."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.engine.model import Axis, Cell, Result, Sweep
from experiments.images.prepare import normalised
from experiments.images.source import load_images
from theory.models.networks import Network, small_cnn
from theory.network_metrics import accuracies, sets_without
from theory.solvers.sgd import Labelled, as_given
from theory.unlearning.networks import all_methods
from theory.unlearning.networks.method import Problem, Task, unlearn_network
from theory.unlearning.networks.unsir import scaled

STAGES = ("trained", "impaired", "repaired")
METRICS = ("forget accuracy", "retained accuracy", "test accuracy")
_BATCH = 32


class _Trained(NamedTuple):
    train: Labelled
    test: Labelled
    classes: int
    network: Network
    fresh: Any


@functools.lru_cache(maxsize=4)
def _trained(seed: int, per_class: int, width: int, epochs: int) -> _Trained:
    """Digits and a small CNN trained on them."""
    images = load_images("digits", seed=seed).per_class(per_class, seed)
    data = normalised(images)
    fresh = functools.partial(_fresh, images.shape, images.classes, width)
    method, key = all_methods()["retrain"], jax.random.key(seed)
    values = {**method.defaults, "epochs": epochs, "batch": _BATCH}
    task = Task(fresh(key), {"retained": data.train}, images.classes, (), fresh, as_given, values, key)
    return _Trained(data.train, data.test, images.classes, method.run(task).network, fresh)


def _fresh(shape: tuple[int, int, int], classes: int, width: int, key: Any) -> Network:
    return small_cnn(shape, classes, width, key=key)


def cell(at: Cell, settings: Cell) -> dict[str, Any]:
    """One small CNN a seed; the first ``classes`` classes from class ``seed`` on are forgotten together.

    Test accuracy is that on the classes that are kept.
    """
    seed, sample = int(at["seed"]), int(at["sample"])
    known = _trained(seed, *(int(settings[name]) for name in ("per_class", "width", "epochs")))
    gone = [(seed + i) % known.classes for i in range(int(at["classes"]))]
    forget = np.isin(np.asarray(known.train.y), gone)
    sets = sets_without(known.train, known.test, forget)
    method, rate = all_methods()["unsir"], float(at["rate"])
    rates = {name: rate * float(method.defaults[name]) for name in ("impair_rate", "repair_rate")}
    hyper = {"per_class": sample, **scaled(sample * (known.classes - 1)), "penalty": float(at["penalty"]), **rates}
    problem = Problem(known.network, known.train, jnp.asarray(forget), known.classes, known.fresh)
    found = unlearn_network(method, problem, jax.random.key(seed + 1000), **hyper)
    judged = [accuracies(n, sets) for n in (known.network, found.stages["impaired"], found.network)]
    return {
        "accuracy": np.array([[100.0 - a.unlearning_accuracy, a.retained_accuracy, a.test_accuracy] for a in judged]),
        "steps": np.array(float(found.steps)),
    }


SWEEP = Sweep(
    key="unsir",
    paper="unsir",
    title="UNSIR on digits: forgotten classes, noise penalty, retained sample and rates",
    question="Over which penalties, samples and rates does UNSIR forget 1 to 7 classes and keep the others?",
    axes={
        "classes": Axis("forgotten classes", "classes", whole=True, least=1, most=9),
        "penalty": Axis("noise penalty λ", least=1e-6, most=1e3),
        "sample": Axis("retained samples of each class", "samples", whole=True, least=2, most=120),
        "rate": Axis("rates of impair and repair / published", least=1e-3, most=1e2),
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
        "rate": (0.1, 0.3, 1.0),
        "seed": (0, 1, 2),
        "per_class": 120,
        "width": 8,
        "epochs": 10,
    },
    tiny={
        "classes": (1, 2),
        "penalty": (0.1,),
        "sample": (6,),
        "rate": (1.0,),
        "seed": (0,),
        "per_class": 12,
        "width": 2,
        "epochs": 1,
    },
    cell=cell,
    vmapped=False,
    chunk=6,
)
