"""Descent against a hand-written loop with optax; batches, frozen layers, predictions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from theory.models.networks import Network, forward, mlp
from theory.solvers.sgd import (
    Labelled,
    accuracy,
    begin,
    classify,
    cross_entropy,
    descend,
    optimiser,
    predict,
    shuffled,
)

STEPS = 6


@pytest.fixture(scope="module")
def network():
    return mlp((4, 4, 1), 3, (8,), key=jax.random.key(0))


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return Labelled(
        jnp.asarray(rng.normal(size=(20, 4, 4, 1)), jnp.float32), jnp.asarray(rng.integers(0, 3, 20), jnp.int32)
    )


@pytest.fixture(scope="module")
def order():
    return {"retained": shuffled(jax.random.key(1), 20, 7, STEPS)}


RATES = jnp.asarray(np.linspace(0.2, 0.01, STEPS), jnp.float32)
KEY = jax.random.key(2)


def loop(network, data, order, rule, prepare=lambda key, x: x):
    """The same training in plain Python; ``rule`` holds the learning rates."""
    layers, memory, losses = network.layers, rule.init(network.layers), []

    @jax.jit
    def grade(layers, x, y):
        return jax.value_and_grad(
            lambda layers: -jnp.mean(jnp.take_along_axis(
                jax.nn.log_softmax(forward(layers, network.stats, x, True)[0]), y[:, None], 1
            ))
        )(layers)  # fmt: skip

    for rows, key in zip(order["retained"], jax.random.split(KEY, STEPS), strict=True):
        loss, gradient = grade(layers, prepare(key, data.x[rows]), data.y[rows])
        with jax.numpy_dtype_promotion("standard"):  # optax.adam promotes its step count
            moves, memory = rule.update(gradient, memory, layers)
        layers = optax.apply_updates(layers, moves)
        losses.append(float(loss))
    return layers, losses


def gap(one, other) -> float:
    """Largest difference, relative to the largest entry."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(float(jnp.max(jnp.abs(a - b)) / jnp.max(jnp.abs(b))) for a, b in pairs)


def schedule(step):
    return RATES[step]


PEERS = {
    "momentum": (optimiser("sgd", 0.9), optax.sgd(schedule, momentum=0.9)),
    "weight decay": (
        optimiser("sgd", 0.9, 0.05),
        optax.chain(optax.add_decayed_weights(0.05), optax.sgd(schedule, momentum=0.9)),
    ),
    "plain": (optimiser("sgd", 0.0), optax.sgd(schedule)),
    "adam": (optimiser("adam"), optax.adam(schedule)),
    "signsgd": (optimiser("signsgd"), optax.sign_sgd(schedule)),
}


@pytest.mark.parametrize("case", PEERS)
def test_descend_is_a_plain_loop(case, network, data, order):
    ours, theirs = PEERS[case]
    state, losses = descend(begin(network, ours), {"retained": data}, order, RATES, KEY, rule=ours)
    layers, wanted = loop(network, data, order, theirs)
    assert gap(state.network.layers, layers) < 2e-6  # float32, another order of sums
    np.testing.assert_allclose(losses, wanted, rtol=2e-6)
    assert int(state.steps) == STEPS


def noisy(key, batch):
    part = batch["retained"]
    return {"retained": part._replace(x=part.x + jax.random.normal(key, part.x.shape, jnp.float32))}


def half(key, batch):
    part = batch["retained"]
    return {"retained": part._replace(x=part.x.astype(jnp.bfloat16))}


def test_prepare_has_a_key_of_its_own_at_each_step(network, data, order):
    ours, theirs = PEERS["momentum"]
    state, _ = descend(begin(network, ours), {"retained": data}, order, RATES, KEY, rule=ours, prepare=noisy)
    noise = lambda key, x: x + jax.random.normal(key, x.shape, jnp.float32)  # noqa: E731
    layers, _ = loop(network, data, order, theirs, noise)
    assert gap(state.network.layers, layers) < 2e-6


def test_bfloat16_trains_float32_weights(network, data, order):
    rule = optimiser("sgd", 0.9)
    run = functools.partial(descend, begin(network, rule), {"retained": data}, order, RATES, KEY, rule=rule)
    state, losses = run(prepare=half)
    _, wanted = run()
    assert {leaf.dtype for leaf in jax.tree.leaves(state.network)} == {jnp.dtype("float32")}
    assert 0 < gap(losses, wanted) < 0.02  # 2^-8 a layer


def test_frozen_layers_keep_every_bit(network, data, order):
    rule = optimiser("sgd", 0.9, 0.05)
    free = (jnp.float32(0.0), jnp.float32(1.0))
    state, _ = descend(begin(network, rule), {"retained": data}, order, RATES, KEY, None, free, rule=rule)
    for before, after in zip(*(jax.tree.leaves(n.layers[0]) for n in (network, state.network)), strict=True):
        assert np.array_equal(before, after)
    assert gap(network.layers[1], state.network.layers[1]) > 0.01


def test_within_a_compiled_program_it_is_a_part_of_that(network, data, order):
    """JAX takes compiler options, which a run on its own has, for whole programs only."""
    own = functools.partial(descend, rule=optimiser("sgd"))
    run = jax.jit(lambda x: own(begin(network, optimiser("sgd")), {"retained": data._replace(x=x)}, order, RATES, KEY))
    alone = own(begin(network, optimiser("sgd")), {"retained": data}, order, RATES, KEY)
    np.testing.assert_allclose(run(data.x)[1], alone[1], rtol=1e-5)


def test_no_second_compilation(network, data, order):
    rule = optimiser("sgd", 0.9)
    state, _ = descend(begin(network, rule), {"retained": data}, order, RATES, KEY, rule=rule)
    compiled = descend._cache_size()
    again = {"retained": shuffled(jax.random.key(7), 20, 7, STEPS)}
    descend(state, {"retained": data}, again, 0.5 * RATES, jax.random.key(8), rule=optimiser("sgd", 0.9))
    assert descend._cache_size() == compiled


# --- batches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "batch"), [(20, 5), (20, 7), (5, 64), (1, 1)], ids=str)
def test_an_epoch_covers_every_sample(count, batch):
    order = np.asarray(shuffled(jax.random.key(0), count, batch))
    assert order.shape == (-(-count // min(batch, count)), min(batch, count))
    assert sorted(order.ravel()[:count].tolist()) == list(range(count))
    assert order.max() < count


def test_every_epoch_of_a_long_run_covers_every_sample():
    order = np.asarray(shuffled(jax.random.key(0), 20, 7, 9)).ravel()  # 63: three epochs and 3 more
    epochs = [order[start : start + 20] for start in (0, 20, 40)]
    assert all(sorted(epoch.tolist()) == list(range(20)) for epoch in epochs)
    assert not np.array_equal(epochs[0], epochs[1])


def test_the_order_follows_the_key():
    first, same, other = (np.asarray(shuffled(jax.random.key(seed), 30, 7)) for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


# --- predictions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 3, 500, 501])
def test_predictions_come_in_chunks_of_any_number(network, count):
    x = jnp.asarray(np.random.default_rng(1).normal(size=(count, 4, 4, 1)), jnp.float32)
    got = predict(network, x)
    assert got.shape == (count, 3)
    if count:
        np.testing.assert_allclose(got, network.logits(x), rtol=1e-5, atol=1e-6)


def test_accuracy_counts_in_percent(network):
    x = jnp.asarray(np.random.default_rng(1).normal(size=(8, 4, 4, 1)), jnp.float32)
    labels = classify(network, x)
    labels[:2] = (labels[:2] + 1) % 3
    assert accuracy(network, Labelled(x, jnp.asarray(labels, jnp.int32))) == 75.0
    assert np.isnan(accuracy(network, Labelled(x[:0], jnp.zeros(0, jnp.int32))))


def test_cross_entropy_is_minus_the_log_probability():
    logits = jnp.log(jnp.asarray([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]))
    np.testing.assert_allclose(cross_entropy(logits, jnp.asarray([0, 1])), -np.log([0.7, 0.1]), rtol=1e-12)


def test_descent_leaves_its_start_alone(network, data, order):
    rule = optimiser("sgd", 0.9)
    before = [np.array(leaf) for leaf in jax.tree.leaves(network)]
    descend(begin(network, rule), {"retained": data}, order, RATES, KEY, rule=rule)
    assert isinstance(network, Network)
    assert all(np.array_equal(a, b) for a, b in zip(before, jax.tree.leaves(network), strict=True))
