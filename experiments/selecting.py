"""The worst-case forget set of one's own images and network, and what retraining without it gives.

Every network that the search comes to is kept in the output folder until the end, named by all that it depends on. A
run that is killed and called again reads them back, and ends with the same set.
"""

import functools
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments import checkpoint
from experiments.files import write_atomically
from experiments.images.prepare import Prepared, normalised, preparation
from experiments.images.source import ImageSet
from experiments.recipes import Recipe
from experiments.training import resolved
from theory.models.networks import NETWORKS, Network
from theory.network_metrics import accuracies, membership, sets_without
from theory.unlearning.networks import all_methods
from theory.unlearning.networks.method import Problem
from theory.unlearning.worst_case import (
    Lower,
    Selection,
    by_method,
    by_sign_descent,
    random_start,
    select_worst_case,
)

SIGN_DESCENT = "sign_descent"
METRICS = ("UA", "RA", "TA", "MIA")
PARTS = ".parts"  # folder of the networks that are kept until the end


class Wanted(NamedTuple):
    """What to select and how."""

    unit: str  # "sample" or "class"
    k: int  # units to forget
    method: str = SIGN_DESCENT  # of the lower level: this, or a key of theory.unlearning.networks.all_methods
    alpha: float | None = None  # step of the weights; None takes one that can move the set
    iterations: int = 20
    seed: int = 0
    hyper: Mapping[str, Any] = {}  # of the method


class Subject(NamedTuple):
    """A network with the images that it was trained on, and the settings of its training."""

    problem: Problem  # its forget set is empty
    data: Prepared
    training: dict[str, Any]  # hyper-parameters of retraining
    about: str  # digest of the images and the weights


class Selected(NamedTuple):
    """The set and the search for it, in the words of :mod:`theory.unlearning.worst_case`."""

    found: Selection
    labels: np.ndarray  # (N,)
    units: np.ndarray  # (N,) unit of each sample: itself, or the place of its class among those that have images
    random: np.ndarray  # (N,) mask of a random set of the same kind
    tried: np.ndarray  # (n, N) masks of the sets that the iterations' networks forgot


def wanted_units(images: ImageSet, share: float | None, count: int | None, classes: int | None) -> tuple[str, int]:
    """The kind of unit and how many of them; a tenth of the samples if nothing is given.

    Raises:
        ValueError: more than one of the three, or a number that leaves nothing to forget or to keep.
    """
    given = {name: v for name, v in (("share", share), ("count", count), ("classes", classes)) if v is not None}
    if len(given) > 1:
        raise ValueError(f"--{' and --'.join(given)}: expected only one of --share, --count and --classes")
    samples = len(images.train_y)
    if classes is not None:
        present = len(np.unique(images.train_y))
        if not 1 <= classes < present:
            whole = f"{present} classes with training images"
            raise ValueError(f"--classes: expected 1 to {present - 1}, fewer than the {whole}, got {classes}")
        return "class", classes
    if count is not None:
        if not 1 <= count < samples:
            raise ValueError(f"--count: expected 1 to {samples - 1} of {samples} training images, got {count}")
        return "sample", count
    share = 0.1 if share is None else share
    if not 0.0 < share < 1.0 or round(share * samples) >= samples:
        raise ValueError(f"--share: expected a fraction between 0 and 1 that leaves images to keep, got {share:g}")
    return "sample", max(1, round(share * samples))


def subject_of(images: ImageSet, network: Network, recipe: Recipe) -> Subject:
    """The images as the network sees them, and the problem without a forget set.

    Retraining takes the recipe's epochs, batch, largest rate, weight decay and augmentation, with a cosine schedule and
    without label smoothing.
    """
    data, recipe = normalised(images), resolved(recipe)
    fresh = functools.partial(_fresh, recipe.network, images.shape, images.classes)
    prepare = preparation(recipe.augmentation, data.black, recipe.precision)
    nothing = jnp.zeros(len(data.train.y), bool)
    problem = Problem(network, data.train, nothing, images.classes, fresh, prepare)
    training = {name: getattr(recipe, name) for name in ("epochs", "batch", "rate", "weight_decay")}
    digest = hashlib.sha256(f"{images.fingerprint()} {training} {recipe.augmentation} {recipe.precision}".encode())
    for leaf in jax.tree.leaves(network):
        digest.update(np.ascontiguousarray(leaf).data)
    return Subject(problem, data, training, digest.hexdigest())


def _fresh(kind: str, shape: tuple[int, int, int], classes: int, key: Any) -> Network:
    return NETWORKS[kind](shape, classes, key=key)


def lower_level(subject: Subject, wanted: Wanted) -> Lower:
    """The unlearning method that the search answers to.

    Raises:
        ValueError: an unknown method.
    """
    rate = wanted.hyper.get("rate", 1.0)
    if not 0.0 < rate < float("inf"):
        raise ValueError(f"--rate: expected a positive number, got {rate:g}")
    if wanted.method == SIGN_DESCENT:
        return by_sign_descent(subject.problem, **wanted.hyper)
    methods = all_methods()
    if wanted.method not in methods:
        raise ValueError(f"--method: expected one of {', '.join((SIGN_DESCENT, *methods))}, got {wanted.method!r}")
    hyper = {**subject.training, **wanted.hyper} if wanted.method == "retrain" else wanted.hyper
    return by_method(methods[wanted.method], subject.problem, **hyper)


def select(
    subject: Subject, wanted: Wanted, folder: Path | None = None, on_iteration: Callable[[int], Any] = lambda done: None
) -> Selected:
    """Search for the worst-case set.

    Args:
        folder: where networks are kept, see :func:`kept`; None keeps none. on_iteration: called with those done.

    Raises:
        ValueError: an unknown method or hyper-parameter, or a step that cannot move the set: the message names the
            least that can.
    """
    units = units_of(subject, wanted)
    lower = lower_level(subject, wanted)
    if folder is not None:
        lower = kept(lower, folder, f"{subject.about} {wanted.method} {wanted.hyper}", subject.problem.network)
    key, tried = jax.random.key(wanted.seed), []

    def noted(weights: Any, forget: np.ndarray, own: Any) -> Network:
        tried.append(forget)
        return lower(weights, forget, own)

    found = select_worst_case(
        subject.data.train,
        noted,
        wanted.k,
        key,
        groups=units if wanted.unit == "class" else None,
        alpha=wanted.alpha,
        iterations=wanted.iterations,
        on_iteration=on_iteration,
    )
    labels = np.asarray(subject.data.train.y)
    return Selected(found, labels, units, random_set(subject, wanted, 0), np.stack(tried))


def units_of(subject: Subject, wanted: Wanted) -> np.ndarray:
    """Unit of each sample, as in :class:`Selected`."""
    labels = np.asarray(subject.data.train.y)
    return np.unique(labels, return_inverse=True)[1] if wanted.unit == "class" else np.arange(len(labels))


def random_set(subject: Subject, wanted: Wanted, index: int) -> np.ndarray:
    """Mask of a random set of as many samples, or of as many classes; not the one that the search starts from."""
    units, key = units_of(subject, wanted), jax.random.fold_in(jax.random.key(wanted.seed), 2 + index)
    return np.isin(units, np.flatnonzero(random_start(key, int(units.max()) + 1, wanted.k)))


def kept(lower: Lower, folder: Path, about: str, like: Network) -> Lower:
    """The same lower level, its networks written to ``folder`` and read back where they are there already.

    Args:
        about: what a network depends on beside what the lower level is called with. like: of the same structure.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def again(weights: Any, forget: np.ndarray, key: Any) -> Network:
        digest = hashlib.sha256(about.encode())
        for part in (weights, forget, jax.random.key_data(key)):
            digest.update(np.ascontiguousarray(part).data)
        path = folder / f"{digest.hexdigest()[:40]}.safetensors"
        try:
            return checkpoint.load(path, like)[0]
        except (FileNotFoundError, checkpoint.CheckpointFault):
            network = lower(weights, forget, key)
        checkpoint.save(path, network, {})
        return network

    return again


def evaluate(
    subject: Subject,
    wanted: Wanted,
    found: Selection,
    count: int,
    folder: Path | None = None,
    on_set: Callable[[str], Any] = lambda name: None,
) -> dict[str, Any]:
    """Networks retrained without the worst set and without ``count`` random ones: METRICS of each, in percent.

    A class that is forgotten as a whole is left out of the test images.
    """
    retrain = by_method(all_methods()["retrain"], subject.problem, **subject.training)
    if folder is not None:
        retrain = kept(retrain, folder, f"{subject.about} evaluation", subject.problem.network)
    rows = []
    for index in range(count + 1):
        forget = found.forget if index == 0 else random_set(subject, wanted, index - 1)
        key = jax.random.fold_in(jax.random.key(wanted.seed), 10**6 + index)
        network = retrain(jnp.asarray(~forget, jnp.float32), forget, key)
        sets = sets_without(subject.data.train, subject.data.test, forget)
        attack = membership(network, sets, wanted.seed, attacks=("confidence",))["confidence"]
        rows.append([*map(float, accuracies(network, sets)), attack])
        on_set("the worst set" if index == 0 else f"random set {index}")
    return {"metrics": list(METRICS), "worst": rows[0], "random": rows[1:]}


def recorded(selected: Selected, wanted: Wanted) -> dict[str, Any]:
    """What the search found, as JSON holds it.

    Iteration by iteration: ``overlap`` with the start, and the unlearned network's mean loss on the units that it
    forgot (``loss_forgotten``, what the search lowers) and on all. ``settled`` is the share of the chosen units that
    the last network forgot.
    """
    found, labels = selected.found, selected.labels
    tried = [np.unique(selected.units[forget]) for forget in selected.tried]
    chosen = np.unique(labels[found.forget]) if wanted.unit == "class" else found.units
    return {
        "unit": wanted.unit,
        "k": wanted.k,
        "chosen": chosen.tolist(),
        "forgotten": int(found.forget.sum()),
        "of_each_class": np.bincount(labels[found.forget], minlength=int(labels.max()) + 1).tolist(),
        "method": wanted.method,
        "hyper": dict(wanted.hyper),
        "iterations": wanted.iterations,
        "seed": wanted.seed,
        "alpha": found.alpha,
        "reach": found.reach.reach,
        "least_alpha": found.reach.least_alpha,
        "overlap": found.overlap.tolist(),
        "settled": float(np.isin(found.units, tried[-1]).mean()),
        "loss_forgotten": [float(row[units].mean()) for row, units in zip(found.losses, tried, strict=True)],
        "loss_all": found.losses.mean(axis=1).tolist(),
    }


def write(record: dict[str, Any], selected: Selected, out: Path) -> dict[str, str]:
    """Write ``forget.json`` (indices of the training images), ``selection.json`` and ``selection.npz`` into ``out``."""
    found, buffer = selected.found, io.BytesIO()
    np.savez_compressed(
        buffer, allow_pickle=False, w=found.w, losses=found.losses, overlap=found.overlap, forget=found.forget
    )
    files = {name: str(out / name) for name in ("forget.json", "selection.json", "selection.npz")}
    indices = np.flatnonzero(found.forget).tolist()
    write_atomically(out / "forget.json", json.dumps(indices).encode())
    write_atomically(out / "selection.npz", buffer.getvalue())
    write_atomically(out / "selection.json", json.dumps({**record, "files": files}, indent=1).encode())
    return files


def clear(out: Path) -> None:
    """Remove the networks kept in ``out``: everything is done."""
    shutil.rmtree(out / PARTS, ignore_errors=True)
