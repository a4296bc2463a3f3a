"""Training of image classifiers: one compiled call an epoch, checkpoints between, and exact resumption.

Everything random comes from the seed and the number of the epoch, so a run that goes on from a checkpoint draws what
the uninterrupted run would have drawn.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PRNGKeyArray

from experiments import checkpoint
from experiments.checkpoint import CheckpointFault
from experiments.images.prepare import Prepared, normalised, preparation
from experiments.images.source import ImageSet
from experiments.recipes import Recipe, rates_of
from theory.models.networks import NETWORKS, Network, Stats, forward
from theory.solvers.sgd import Descent, accuracy, begin, descend, optimiser, predict, shuffled, supervised

FILE = "checkpoint.safetensors"


class Progress(NamedTuple):
    """Where a run stands after an epoch."""

    epoch: int  # epochs done
    epochs: int
    loss: float  # mean over the epoch
    images_per_second: float
    seconds_left: float


class Trained(NamedTuple):
    """A trained network and how it came about."""

    network: Network
    recipe: Recipe
    data: Prepared
    losses: tuple[float, ...]  # mean of each epoch
    test_accuracy: float  # percent
    seconds: float  # of this call's training
    resumed: int  # epochs that a checkpoint brought


def resolved(recipe: Recipe) -> Recipe:
    """With "auto" replaced by the precision that this machine gets."""
    if recipe.precision != "auto":
        return recipe
    return recipe._replace(precision="bfloat16" if jax.default_backend() == "gpu" else "float32")


def train(
    images: ImageSet,
    recipe: Recipe,
    seed: int = 0,
    *,
    folder: Path | None = None,
    fresh: bool = False,
    save_every: float = 5.0,
    progress: Callable[[Progress], None] = lambda state: None,
) -> Trained:
    """Train a network; with a folder, go on from the checkpoint there, if there is one.

    Args:
        images: from :func:`experiments.images.source.load_images`. recipe: from
            :func:`experiments.recipes.recipe_for`. seed: of the first weights, the batches and the augmentation.
        folder: for checkpoints, made if it is missing. fresh: start over in it.
        save_every: seconds between checkpoints; one more is written at the end.
        progress: called after each epoch.

    Raises:
        CheckpointFault: the checkpoint there is damaged or of another run. ValueError: the network does not fit the
            images, the loss is no longer finite, or another process trains in this folder.
        OSError: a checkpoint cannot be written.
    """
    recipe = resolved(recipe.checked())
    about = _about(images, recipe, seed)
    with _locked(folder):
        path = None if folder is None else folder / FILE
        held = None if path is None or fresh or not path.exists() else resume(path, about)
        state, losses = held or (_start(about), ())
        return _go_on(images, recipe, seed, state, losses, about, path, save_every, progress)


def _go_on(
    images: ImageSet,
    recipe: Recipe,
    seed: int,
    state: Descent,
    losses: tuple[float, ...],
    about: dict[str, Any],
    path: Path | None,
    save_every: float,
    progress: Callable[[Progress], None],
) -> Trained:
    data, count = normalised(images), len(images.train_y)
    batch = min(recipe.batch, count)
    epoch_steps = -(-count // batch)
    rates = rates_of(recipe, recipe.epochs * epoch_steps).reshape(recipe.epochs, epoch_steps)
    prepare = preparation(recipe.augmentation, data.black, recipe.precision)
    streams, hyper = {"retained": data.train}, jnp.float32(recipe.smoothing)
    resumed, began, saved, took = len(losses), time.perf_counter(), time.perf_counter(), 0.0
    for epoch in range(resumed, recipe.epochs):
        started = time.perf_counter()
        draw, move = jax.random.split(jax.random.fold_in(_keys(seed)[1], epoch))
        state, loss = descend(
            state,
            streams,
            {"retained": shuffled(draw, count, batch)},
            jnp.asarray(rates[epoch]),
            move,
            hyper,
            objective=smoothed if recipe.smoothing else supervised,
            rule=_rule(recipe),
            prepare=prepare,
        )
        losses = (*losses, float(jnp.mean(loss)))
        if not math.isfinite(losses[-1]):
            raise ValueError(f"the loss is {losses[-1]} in epoch {epoch + 1}; lower --rate, now {recipe.rate:g}")
        if epoch + 1 == recipe.epochs and not bool(jnp.isfinite(predict(state.network, data.test.x)).all()):
            raise ValueError(f"the network's outputs are not finite after training; lower --rate, now {recipe.rate:g}")
        now = time.perf_counter()
        if path is not None and (epoch + 1 == recipe.epochs or now - saved >= save_every):
            checkpoint.save(path, state, {**about, "losses": losses})
            saved = now
        took = now - started if epoch == resumed + 1 or not took else 0.7 * took + 0.3 * (now - started)
        progress(Progress(epoch + 1, recipe.epochs, losses[-1], count / took, took * (recipe.epochs - epoch - 1)))
    seconds = time.perf_counter() - began
    return Trained(state.network, recipe, data, losses, accuracy(state.network, data.test), seconds, resumed)


def resume(path: Path, about: dict[str, Any]) -> tuple[Descent, tuple[float, ...]]:
    """The state that a checkpoint holds, and the losses so far.

    Args:
        about: the run that it must belong to.

    Raises:
        CheckpointFault: damaged, or of another run; the message names the first difference.
    """
    held = checkpoint.describe(path)
    for name, value in about.items():
        if held.get(name) != value:
            what, theirs, ours = _difference(name, held.get(name), value)
            raise CheckpointFault(
                f"{path}: a run with {what} {theirs}, not {ours}; choose another --out, or remove this one"
            )
    state, _ = checkpoint.load(path, jax.eval_shape(lambda: _start(about)))
    losses = held.get("losses")
    epochs = about["recipe"]["epochs"]
    if not isinstance(losses, list) or len(losses) > epochs or not all(isinstance(loss, float) for loss in losses):
        raise CheckpointFault(f"{path}: damaged (its losses); remove it or start afresh")
    return state, tuple(losses)


def read_trained(folder: Path) -> tuple[Network, dict[str, Any]]:
    """The network of a folder that :func:`train` wrote, and the run that it belongs to: recipe, seed, data, losses.

    Raises:
        CheckpointFault: damaged. FileNotFoundError: no checkpoint.
    """
    path = folder / FILE
    about = checkpoint.describe(path)
    try:
        Recipe(**about["recipe"]).checked()
        like = jax.eval_shape(lambda: _start(about))
    except (KeyError, TypeError, ValueError) as fault:
        raise CheckpointFault(f"{path}: not a checkpoint of this version ({type(fault).__name__})") from None
    state, about = checkpoint.load(path, like)
    return state.network, about


def smoothed(layers: Any, stats: Stats, batch: Any, hyper: Any) -> tuple[Array, Stats]:
    """As :func:`theory.solvers.sgd.supervised`, with the share ``hyper`` of each label spread over the classes."""
    data = batch["retained"]
    logits, stats = forward(layers, stats, data.x, train=True)
    targets = optax.smooth_labels(jax.nn.one_hot(data.y, logits.shape[1], dtype=logits.dtype), hyper)
    return jnp.mean(optax.softmax_cross_entropy(logits, targets)), stats


def _about(images: ImageSet, recipe: Recipe, seed: int) -> dict[str, Any]:
    """What makes two runs the same."""
    return {
        "version": 1,
        "recipe": recipe._asdict(),
        "seed": seed,
        "shape": list(images.shape),
        "classes": images.classes,
        "data": images.name,
        "fingerprint": images.fingerprint(),
    }


def _difference(name: str, theirs: Any, ours: Any) -> tuple[str, Any, Any]:
    if name == "recipe" and isinstance(theirs, dict):
        field = next((key for key in ours if theirs.get(key) != ours[key]), name)
        return field, theirs.get(field), ours.get(field)
    return ("other images:", str(theirs)[:12], str(ours)[:12]) if name == "fingerprint" else (name, theirs, ours)


def _start(about: dict[str, Any]) -> Descent:
    """Before the first epoch."""
    recipe = Recipe(**about["recipe"])
    build = NETWORKS[recipe.network]
    network = build(tuple(about["shape"]), about["classes"], key=_keys(about["seed"])[0])
    return begin(network, _rule(recipe))


def _rule(recipe: Recipe) -> optax.GradientTransformation:
    return optimiser("sgd", 0.9, recipe.weight_decay)


def _keys(seed: int) -> tuple[PRNGKeyArray, PRNGKeyArray]:
    """Keys of the first weights and of the epochs."""
    first, epochs = jax.random.split(jax.random.key(seed))
    return first, epochs


@contextlib.contextmanager
def _locked(folder: Path | None) -> Iterator[None]:
    """One process a folder; the lock goes with the process, however it ends."""
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # not on Windows
            pass
        except OSError:
            raise ValueError(f"{folder}: another process trains here; choose another --out") from None
        for left in folder.glob(f".{FILE}.*"):  # of a process that was killed while it wrote
            left.unlink(missing_ok=True)
        yield
