"""What an unlearned network is judged by, against the retrained one. Accuracies and shares are percentages."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, PRNGKeyArray

from theory.membership import ATTACKS, membership_efficacy
from theory.metrics import UnlearningMetrics
from theory.models.networks import Network
from theory.solvers.sgd import Labelled, accuracy, begin, classify, descend, optimiser, predict, shuffled

_EPOCHS = 50


class Sets(NamedTuple):
    """The samples that metrics look at."""

    forget: Labelled
    retained: Labelled
    test: Labelled


def part(data: Labelled, chosen: Bool[np.ndarray, " N"]) -> Labelled:
    """The chosen samples."""
    rows = np.flatnonzero(chosen)
    return Labelled(data.x[rows], data.y[rows])


def sets_without(train: Labelled, test: Labelled, forget: Bool[np.ndarray, " N"]) -> Sets:
    """The sets of a forgotten part of ``train``; a class that is forgotten as a whole is left out of ``test`` too."""
    labels = np.asarray(train.y)
    gone = np.setdiff1d(labels[forget], labels[~forget])
    return Sets(part(train, forget), part(train, ~forget), part(test, ~np.isin(np.asarray(test.y), gone)))


def accuracies(network: Network, sets: Sets) -> UnlearningMetrics:
    """UA = 100 − accuracy on the forgotten samples; RA, TA = accuracy on the retained and the test samples."""
    return UnlearningMetrics(
        100.0 - accuracy(network, sets.forget), accuracy(network, sets.retained), accuracy(network, sets.test)
    )


def probabilities(network: Network, data: Labelled) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, classes) in float64, and the labels."""
    p = np.asarray(jax.nn.softmax(predict(network, data.x)), np.float64)
    return p / p.sum(axis=1, keepdims=True), np.asarray(data.y)


def membership(
    network: Network, sets: Sets, seed: int = 0, attacks: Sequence[str] = tuple(ATTACKS)
) -> dict[str, float]:
    """Each attack's efficacy, see :mod:`theory.membership`."""
    retained, test, forgotten = (probabilities(network, data) for data in (sets.retained, sets.test, sets.forget))
    return membership_efficacy(retained, test, forgotten, seed, attacks=attacks)


def weight_distance(a: Network, b: Network) -> float:
    """‖θ_a − θ_b‖ over all weights; running statistics do not count."""
    squares = [
        float(jnp.sum((x.astype(jnp.float32) - y.astype(jnp.float32)) ** 2))
        for x, y in zip(jax.tree.leaves(a.layers), jax.tree.leaves(b.layers), strict=True)
    ]
    return float(np.sqrt(sum(squares)))


def prediction_distribution(network: Network, data: Labelled, classes: int) -> Float[np.ndarray, " classes"]:
    """Share of the samples put into each class, in percent."""
    return 100.0 * np.bincount(classify(network, data.x), minlength=classes) / len(data.y)


def relearn_epochs(
    network: Network, data: Labelled, target: float, key: PRNGKeyArray, rate: float = 0.01, batch: int = 128
) -> int:
    """Epochs of training on ``data`` alone until its accuracy reaches ``target`` percent; 50 if it does not.

    A copy is trained: networks are values, and the one given is never changed.
    """
    rule = optimiser("sgd", 0.9)
    state = begin(network, rule)
    for epoch, own in enumerate(jax.random.split(key, _EPOCHS)):
        if accuracy(state.network, data) >= target:
            return epoch
        order = shuffled(own, len(data.y), batch)
        state, _ = descend(
            state, {"retained": data}, {"retained": order}, jnp.full(len(order), rate, jnp.float32), own, rule=rule
        )
    return _EPOCHS


def anamnesis_index(
    unlearned: Network,
    retrained: Network,
    original_accuracy: float,
    data: Labelled,
    key: PRNGKeyArray,
    tolerance: float = 5.0,
    shift: float = 1.0,
) -> float:
    """AIN = (r_u + s)/(r_gold + s): relearn epochs of the unlearned over those of the retrained network.

    Relearnt means within ``tolerance`` percentage points of ``original_accuracy`` on ``data``, the forgotten samples;
    ``shift`` is s, which keeps the ratio finite where the retrained network needs no epoch. 1 is as good as retraining.

    Source: Chundawat et al. 2023, Zero-Shot Machine Unlearning (arXiv 2201.05629); the shift s: ours.
    """
    target = original_accuracy - tolerance
    ours, gold = (relearn_epochs(network, data, target, key) for network in (unlearned, retrained))
    return (ours + shift) / (gold + shift)
