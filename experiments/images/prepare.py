"""Normalised images, and what is done to every training batch: small moves, flips, the precision of the arithmetic."""

import functools
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from experiments.images.source import ImageSet
from theory.solvers.sgd import Labelled, Prepare

Augmentation = Literal["none", "shift", "crop-flip"]
Precision = Literal["float32", "bfloat16"]
REACH = {"none": 0, "shift": 2, "crop-flip": 4}  # pixels by which an image moves, at most


class Prepared(NamedTuple):
    """Images as the networks see them, float32 on the device."""

    train: Labelled
    test: Labelled
    classes: int
    mean: np.ndarray  # (C,) of the training pixels, in [0, 1]
    std: np.ndarray
    black: tuple[float, ...]  # a black pixel after normalisation, each channel


def normalised(images: ImageSet) -> Prepared:
    """Each channel with mean 0 and standard deviation 1 over the training pixels; a constant channel becomes 0."""
    mean, std = _moments(images.train_x)
    scale = np.where(std > 0, std, 1.0)

    def ready(x: np.ndarray, y: np.ndarray) -> Labelled:
        values = x.astype(np.float32)
        values -= np.float32(255.0 * mean)
        values /= np.float32(255.0 * scale)
        return Labelled(jnp.asarray(values), jnp.asarray(y, jnp.int32))

    black = tuple(float(np.float32(value)) for value in -mean / scale)
    train, test = ready(images.train_x, images.train_y), ready(images.test_x, images.test_y)
    return Prepared(train, test, images.classes, mean, std, black)


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (C,) of pixels in [0, 1], from exact counts of the 256 values."""
    channels = range(x.shape[-1])
    counts = np.stack([np.bincount(x[..., c].ravel(), minlength=256) for c in channels])
    values = np.arange(256) / 255.0
    share = counts / counts.sum(axis=1, keepdims=True)
    mean = share @ values
    return mean, np.sqrt(np.maximum(share @ values**2 - mean**2, 0.0))


@functools.cache
def preparation(
    augmentation: Augmentation = "none", black: tuple[float, ...] = (), precision: Precision = "float32"
) -> Prepare:
    """What :func:`theory.solvers.sgd.descend` does to each batch; one object a setting, so that it compiles once.

    Every :class:`Labelled` stream of the batch is treated, each with a key of its own; anything else passes.

    Args:
        augmentation: "shift" moves each image by up to 2 pixels each way; "crop-flip" by up to 4, and mirrors half
            of them (the usual random crop with padding 4 and horizontal flip). What moves in is black.
        black: a black pixel, see :class:`Prepared`. precision: of the images, and so of the network's arithmetic;
            weights, statistics and losses stay in float32.

    Raises:
        ValueError: an unknown augmentation or precision.
    """
    if augmentation not in REACH:
        raise ValueError(f"augmentation: expected one of {', '.join(REACH)}, got {augmentation!r}")
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"precision: expected float32 or bfloat16, got {precision!r}")
    reach = REACH[augmentation]

    def prepare(key: PRNGKeyArray, batch: Mapping[str, Any]) -> dict[str, Any]:
        done = {}
        for index, name in enumerate(sorted(batch)):
            part = batch[name]
            if isinstance(part, Labelled):
                move, mirror = jax.random.split(jax.random.fold_in(key, index))
                x = moved(move, part.x, reach, black) if reach else part.x
                x = mirrored(mirror, x) if augmentation == "crop-flip" else x
                part = part._replace(x=x.astype(precision))
            done[name] = part
        return done

    return prepare


def moved(
    key: PRNGKeyArray, x: Float[Array, "B H W C"], reach: int, black: tuple[float, ...]
) -> Float[Array, "B H W C"]:
    """Each image moved by whole pixels, uniform in ±``reach`` down and across; what moves in is ``black`` (C,)."""
    down, across = jax.random.randint(key, (2, len(x)), 0, 2 * reach + 1, jnp.int32)
    level = jnp.asarray(black, x.dtype).reshape(1, 1, 1, -1)
    rows, columns = (jnp.arange(size, dtype=jnp.int32)[None, :] for size in x.shape[1:3])
    source = (rows + down[:, None] - reach, columns + across[:, None] - reach)  # (B, H), (B, W)
    inside = [(at >= 0) & (at < size) for at, size in zip(source, x.shape[1:3], strict=True)]
    high, wide = (jnp.clip(at, 0, size - 1) for at, size in zip(source, x.shape[1:3], strict=True))
    taken = x[jnp.arange(len(x), dtype=jnp.int32)[:, None, None], high[:, :, None], wide[:, None, :]]
    return jnp.where((inside[0][:, :, None] & inside[1][:, None, :])[..., None], taken, level)


def mirrored(key: PRNGKeyArray, x: Float[Array, "B H W C"]) -> Float[Array, "B H W C"]:
    """Each image mirrored left to right with probability 1/2."""
    flip = jax.random.bernoulli(key, 0.5, (len(x), 1, 1, 1))
    return jnp.where(flip, x[:, :, ::-1], x)
