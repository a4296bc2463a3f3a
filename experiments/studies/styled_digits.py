"""Handwritten digits in six styles made by fixed transforms, and the classifiers that judge images of them.

Pixels run from −1 (paper) to 1 (ink). A prompt is (class, style), its number class · styles + style.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.images.source import load_images
from theory.models.networks import Network, mlp
from theory.solvers.flow_matching import Prompted
from theory.solvers.sgd import Labelled, begin, classify, descend, optimiser, shuffled
from theory.unlearning.networks.method import cosine

SIDE, CLASSES = 8, 10
_CHECK = (np.indices((SIDE, SIDE)).sum(axis=0) % 2).astype(np.float32)
_BARS = (np.indices((SIDE, SIDE))[0] % 2).astype(np.float32)


def _outlined(ink: np.ndarray) -> np.ndarray:
    """The pixels beside ink: the largest of the 3 × 3 around each, less its own."""
    wide = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    around = [wide[:, i : i + SIDE, j : j + SIDE] for i in range(3) for j in range(3)]
    return np.max(around, axis=0) - ink


STYLES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "plain": lambda ink: ink,
    "inverted": lambda ink: 1.0 - ink,
    "rotated": lambda ink: np.rot90(ink, axes=(1, 2)),
    "outlined": _outlined,
    "chequered": lambda ink: np.maximum(ink, 0.5 * _CHECK),
    "striped": lambda ink: np.maximum(ink, 0.5 * _BARS),
}
"""Images (N, side, side) with ink from 0 to 1, to such images."""
PROMPTS = CLASSES * len(STYLES)
EVERY = np.stack(np.divmod(np.arange(PROMPTS), len(STYLES)), axis=1).astype(np.int32)
"""Prompt of each number."""


def styled(ink: np.ndarray, labels: np.ndarray) -> Prompted:
    """Every image in every style."""
    x = np.stack([transform(ink) for transform in STYLES.values()]).reshape(len(STYLES), len(ink), -1)
    number = (labels[None, :] * len(STYLES) + np.arange(len(STYLES))[:, None]).ravel().astype(np.int32)
    flat = (2.0 * x - 1.0).reshape(-1, SIDE * SIDE).astype(np.float32)
    return Prompted(jnp.asarray(flat), jnp.asarray(EVERY[number]), jnp.asarray(number))


def load(per_class: int, seed: int) -> tuple[Prompted, Prompted]:
    """Training and test digits in every style; ``per_class`` training digits of each class, 0 for all."""
    images = load_images(seed=seed)
    if per_class:
        images = images.per_class(per_class, seed)
    sides = ((images.train_x, images.train_y), (images.test_x, images.test_y))
    train, test = (styled(x.reshape(-1, SIDE, SIDE).astype(np.float32) / 255.0, np.asarray(y)) for x, y in sides)
    return train, test


class Judge(NamedTuple):
    """Two classifiers, of the digit and of the style, trained on real images alone."""

    networks: tuple[Network, Network]

    def sees(self, x: jax.Array) -> np.ndarray:
        """Number of the prompt seen in each image."""
        images = x.reshape(-1, SIDE, SIDE, 1)
        found = [classify(network, images) for network in self.networks]
        return found[0] * len(STYLES) + found[1]


def train_judge(data: Prompted, epochs: int, seed: int, batch: int = 128) -> Judge:
    """Train both classifiers."""
    rule, images, networks = optimiser("adam"), data.x.reshape(-1, SIDE, SIDE, 1), []
    steps = epochs * -(-len(images) // batch)
    for index, count in enumerate((CLASSES, len(STYLES))):
        of_weights, of_order = jax.random.split(jax.random.key(10_000 + 2 * seed + index))
        network = mlp((SIDE, SIDE, 1), count, (128, 64), key=of_weights)
        order = {"retained": shuffled(of_order, len(images), batch, steps)}
        stream = {"retained": Labelled(images, data.prompt[:, index])}
        rates = cosine(2e-3, steps)
        networks.append(descend(begin(network, rule), stream, order, rates, of_order, rule=rule)[0].network)
    return Judge((networks[0], networks[1]))
