"""Metrics of networks by hand, and against deliberately broken versions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.unlearning.networks.tiny import CLASSES, fresh, part, problem, same
from theory.metrics import average_gap
from theory.models.networks import BatchNorm, Chain, Dense, Network
from theory.network_metrics import (
    Sets,
    accuracies,
    anamnesis_index,
    membership,
    prediction_distribution,
    probabilities,
    relearn_epochs,
    sets_without,
    weight_distance,
)
from theory.solvers.sgd import Labelled, accuracy


def always(label: int) -> Network:
    """Says the same class of every image."""
    zero = jax.tree.map(lambda leaf: 0.0 * leaf, fresh(jax.random.key(0)))
    layers = (*zero.layers[:-1], zero.layers[-1])
    last = jax.tree.map(lambda leaf: leaf, layers[-1])
    last.__dict__.update(bias=jnp.asarray([4.0 * (c == label) for c in range(CLASSES)], jnp.float32))
    return Network((*layers[:-1], last), zero.stats)


def sets() -> Sets:
    return Sets(part(forgotten=True), part(forgotten=False), problem().train)


def test_the_test_set_loses_what_is_forgotten_whole():
    """Labels 0, 0, 1, 2: forgetting a 0 and the 2 leaves 0 and 1 to be tested."""
    train, test = (Labelled(jnp.arange(len(y))[:, None], jnp.asarray(y)) for y in ([0, 0, 1, 2], [2, 1, 0, 2]))
    found = sets_without(train, test, np.array([True, False, False, True]))
    assert [data.x[:, 0].tolist() for data in found] == [[0, 3], [1, 2], [1, 2]]
    assert [data.y.tolist() for data in found] == [[0, 2], [0, 1], [1, 0]]


def test_accuracies_by_hand():
    """Class 2 is forgotten; of the retained 16 half are 0; the test set here is all 24."""
    assert accuracies(always(2), sets()) == (0.0, 0.0, pytest.approx(100 / 3))
    assert accuracies(always(0), sets()) == (100.0, 50.0, pytest.approx(100 / 3))
    assert average_gap(accuracies(always(2), sets()), accuracies(always(0), sets())) == 50.0
    assert np.isnan(accuracy(always(0), Labelled(problem().train.x[:0], problem().train.y[:0])))


def test_the_prediction_distribution_sums_to_100():
    np.testing.assert_array_equal(prediction_distribution(always(1), problem().train, CLASSES), [0.0, 100.0, 0.0])
    shares = prediction_distribution(problem().network, problem().train, CLASSES)
    assert shares.sum() == pytest.approx(100.0)
    assert len(prediction_distribution(always(1), problem().train, 7)) == 7


def test_weight_distance_by_hand():
    """3 and 4 away in two weights: 5. Statistics of batch norm do not count."""
    own = problem().network
    first, last = own.layers[0], own.layers[-1]
    moved = jax.tree.map(lambda leaf: leaf, (first, last))
    moved[0].parts[0].__dict__["bias"] = first.parts[0].bias.at[0].add(3.0)
    moved[1].__dict__["weight"] = last.weight.at[0, 0].add(-4.0)
    other = Network((moved[0], *own.layers[1:-1], moved[1]), own.stats)
    assert weight_distance(own, other) == pytest.approx(5.0, rel=1e-6)
    assert weight_distance(own, own) == 0.0
    layers = (Chain(Dense(2, 2, key=jax.random.key(0)), BatchNorm(2)),)
    stats = tuple(layer.stats() for layer in layers)
    shifted = jax.tree.map(lambda leaf: leaf + jnp.float32(1.0), stats)
    assert weight_distance(Network(layers, stats), Network(layers, shifted)) == 0.0


def test_probabilities_and_membership_of_a_network():
    p, y = probabilities(problem().network, sets().forget)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)
    assert p.dtype == np.float64
    np.testing.assert_array_equal(y, np.full(8, 2))
    found = membership(problem().network, sets())
    assert set(found) == {"correctness", "confidence", "entropy", "modified_entropy", "probabilities"}
    assert all(0.0 <= share <= 100.0 for share in found.values())


def relearn(network: Network, target: float = 100.0) -> int:
    return relearn_epochs(network, sets().forget, target, jax.random.key(1), rate=0.05, batch=8)


def test_a_network_that_knows_relearns_in_no_epoch():
    assert relearn(always(2)) == 0
    assert relearn(always(0), target=0.0) == 0
    assert relearn(always(0)) > 0
    assert relearn(always(0), target=101.0) == 50  # never


def test_relearning_leaves_the_network_alone():
    network = always(0)
    before = jax.tree.map(np.array, network)
    first = relearn(network)
    assert same(network, before)
    assert relearn(network) == first


class Mutable:
    """A model as in frameworks where training changes it in place."""

    def __init__(self, needs: int):
        self.needs = needs

    def train_until_relearnt(self) -> int:
        taken, self.needs = self.needs, 0
        return taken


def test_the_anamnesis_index_by_hand_and_repeatable():
    """Relearn epochs 0 and r: (0 + s)/(r + s), its inverse, and 1 against itself; asked twice the answer stays.

    The broken index of public code trains the evaluated model in place, so a second look finds another value.
    """
    key, data = jax.random.key(1), sets().forget
    knows, forgot = always(2), always(0)
    before = jax.tree.map(np.array, (knows, forgot))
    epochs = relearn_epochs(forgot, data, 95.0, key)
    assert epochs > 0
    assert anamnesis_index(knows, forgot, 100.0, data, key) == pytest.approx(1 / (epochs + 1))
    assert anamnesis_index(forgot, knows, 100.0, data, key) == pytest.approx(epochs + 1)
    assert anamnesis_index(forgot, forgot, 100.0, data, key) == 1.0
    assert anamnesis_index(forgot, knows, 100.0, data, key, shift=0.5) == pytest.approx((epochs + 0.5) / 0.5)
    assert anamnesis_index(forgot, knows, 5.0, data, key) == 1.0  # both are within the tolerance of 0 at once
    assert same((knows, forgot), before)
    model = Mutable(4)
    broken = [(model.train_until_relearnt() + 1.0) / (2 + 1.0) for _ in range(2)]
    assert broken[0] != broken[1]
