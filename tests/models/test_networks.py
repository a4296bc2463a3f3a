"""Layers against XLA's convolution, equinox and hand computation; networks against their published sizes."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.models.convolution import max_pool
from theory.models.networks import (
    NETWORKS,
    BatchNorm,
    Chain,
    Conv,
    Dense,
    Network,
    Residual,
    features,
    forward,
    mean_pool,
    small_cnn,
)


def normal(seed: int, *shape: int, dtype: type = np.float64) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def close(got, wanted, rtol=1e-12):
    scale = float(np.max(np.abs(wanted)))
    error = float(np.max(np.abs(np.asarray(got) - np.asarray(wanted)))) / scale
    assert error <= rtol, f"relative error {error:.1e}, allowed {rtol:.1e}"


def both(one, other, *given):
    """The value of each function and its gradients with respect to all that is given, in one compiled call."""

    def values(function, given):
        out, pull = jax.vjp(function, *given)
        return out, *pull(jnp.cos(jnp.arange(out.size, dtype=out.dtype)).reshape(out.shape))

    return jax.jit(lambda given: (values(one, given), values(other, given)))(given)


@functools.cache
def shapes(name: str, shape: tuple[int, int, int], classes: int) -> Network:
    """A network's shapes, without its weights."""
    return jax.eval_shape(lambda: NETWORKS[name](shape, classes, key=jax.random.key(0)))


# --- convolution ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 3])
def test_conv_is_equinox_conv(size, stride):
    """In float64, values and both gradients, on images whose sides are odd and even."""
    conv = Conv(3, 5, size, stride, key=jax.random.key(size))
    weight, bias = normal(1, size, size, 3, 5), normal(2, 5)
    conv = eqx.tree_at(lambda c: (c.weight, c.bias), conv, (weight, bias))
    x = normal(3, 2, 7, 6, 3)
    peer = eqx.nn.Conv2d(3, 5, size, stride, padding=(size - 1) // 2, key=jax.random.key(0))

    def reference(weight, bias, x):
        own = (weight.transpose(3, 2, 0, 1), bias[:, None, None])
        layer = eqx.tree_at(lambda c: (c.weight, c.bias), peer, own)
        return jax.vmap(layer)(x.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)

    def ours(weight, bias, x):
        layer = eqx.tree_at(lambda c: (c.weight, c.bias), conv, (weight, bias))
        return layer(x, (), True)[0]

    for own, other in zip(*both(ours, reference, weight, bias, x), strict=True):
        close(own, other)


def test_pooling_in_a_convolution_is_pooling_after_its_bias():
    conv = Conv(1, 3, 3, pool=True, key=jax.random.key(0))
    conv = eqx.tree_at(lambda c: c.bias, conv, jnp.float32([0.5, -1.0, 2.0]))
    plain = Conv(1, 3, 3, key=jax.random.key(0))
    plain = eqx.tree_at(lambda c: c.bias, plain, conv.bias)
    x = normal(1, 2, 4, 6, 1, dtype=np.float32)
    close(conv(x, (), True)[0], max_pool(plain(x, (), True)[0]), 1e-6)


def test_pooling_refuses_a_stride():
    with pytest.raises(ValueError, match="stride: expected 1 with pool, got 2"):
        Conv(1, 3, 3, 2, pool=True, key=jax.random.key(0))


# --- batch norm ----------------------------------------------------------------------------------------------------


def by_hand(x, scale, shift):
    mean = x.mean((0, 1, 2), keepdims=True)
    variance = ((x - mean) ** 2).mean((0, 1, 2), keepdims=True)
    return (x - mean) / jnp.sqrt(variance + 1e-5) * scale.reshape(1, 1, 1, -1) + shift.reshape(1, 1, 1, -1)


@pytest.fixture(scope="module")
def norm():
    layer = BatchNorm(2)
    own = (jnp.float32([1.5, -0.5]), jnp.float32([0.25, 2.0]))
    return eqx.tree_at(lambda n: (n.scale, n.shift), layer, own)


def test_batch_norm_is_the_formula_with_its_gradient(norm):
    x = normal(1, 4, 3, 3, 2, dtype=np.float32) * jnp.float32(2) + jnp.float32(1)
    ours, hand = both(lambda x: norm(x, norm.stats(), True)[0], lambda x: by_hand(x, norm.scale, norm.shift), x)
    for got, wanted in zip(ours, hand, strict=True):
        close(got, wanted, 1e-5)


def test_batch_norm_is_equinox_batch_norm(norm):
    x = normal(1, 4, 3, 3, 2, dtype=np.float32)
    peer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(2, "batch", mode="batch", momentum=0.9, dtype=jnp.float32)
    peer = eqx.tree_at(lambda n: (n.weight, n.bias), peer, (norm.scale, norm.shift))
    run = jax.vmap(peer, axis_name="batch", in_axes=(0, None), out_axes=(0, None))
    wanted, state = run(x.transpose(0, 3, 1, 2), state)
    close(norm(x, norm.stats(), True)[0], wanted.transpose(0, 2, 3, 1), 2e-6)


def test_running_statistics_are_the_average_with_the_unbiased_variance(norm):
    x = normal(3, 4, 3, 3, 2, dtype=np.float32)
    values = np.asarray(x).reshape(-1, 2)
    _, (mean, variance) = norm(x, (jnp.float32([1.0, 2.0]), jnp.float32([3.0, 4.0])), True)
    close(mean, 0.9 * np.array([1.0, 2.0]) + 0.1 * values.mean(0), 1e-6)
    close(variance, 0.9 * np.array([3.0, 4.0]) + 0.1 * values.var(0, ddof=1), 1e-6)


def test_evaluation_uses_and_keeps_the_running_statistics(norm):
    x = normal(3, 4, 3, 3, 2, dtype=np.float32)
    stats = (jnp.float32([1.0, 2.0]), jnp.float32([3.0, 4.0]))
    got, after = norm(x, stats, False)
    wanted = (x - stats[0].reshape(1, 1, 1, 2)) / jnp.sqrt(stats[1] + 1e-5).reshape(1, 1, 1, 2)
    wanted = wanted * norm.scale.reshape(1, 1, 1, 2) + norm.shift.reshape(1, 1, 1, 2)
    close(got, wanted, 2e-6)
    assert after is stats


def test_no_gradient_reaches_through_the_statistics(norm):
    x = normal(3, 4, 3, 3, 2, dtype=np.float32)
    gradient = jax.grad(lambda x: sum(jnp.sum(part) for part in norm(x, norm.stats(), True)[1]))(x)
    assert not np.asarray(gradient).any()


# --- networks ------------------------------------------------------------------------------------------------------


def test_resnet18_has_its_published_size_and_shapes():
    network = shapes("resnet18", (32, 32, 3), 10)
    assert sum(leaf.size for leaf in jax.tree.leaves(network.layers)) == 11_173_962
    sides, x, stats = [], jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.float32), network.stats
    for layer, held in zip(network.layers, stats, strict=True):
        x, after = jax.eval_shape(lambda layer, x, held: layer(x, held, True), layer, x, held)
        assert jax.tree.map(lambda leaf: leaf.shape, after) == jax.tree.map(lambda leaf: leaf.shape, held)
        sides.append(x.shape[1:])
    assert sides == [
        *3 * [(32, 32, 64)], *2 * [(16, 16, 128)], *2 * [(8, 8, 256)], *2 * [(4, 4, 512)], (10,)
    ]  # fmt: skip


def test_all_cnn_has_its_published_layers():
    """Convolutions of All-CNN-C: 96 channels thrice, 192 five times; sides 32, 16, 8."""
    network = shapes("all_cnn", (32, 32, 3), 10)
    kernels = [layer.parts[0].weight.shape for layer in network.layers[:-1]]
    assert [kernel[3] for kernel in kernels] == 3 * [96] + 5 * [192]
    assert [kernel[0] for kernel in kernels] == 7 * [3] + [1]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_gives_float32_logits_and_keeps_its_structure(name):
    network = shapes(name, (8, 8, 1), 3)
    for dtype in (jnp.float32, jnp.bfloat16):
        x = jax.ShapeDtypeStruct((5, 8, 8, 1), dtype)
        logits, stats = jax.eval_shape(functools.partial(forward, train=True), network.layers, network.stats, x)
        assert (logits.shape, logits.dtype) == ((5, 3), jnp.float32)
        assert stats == network.stats
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(network))


@pytest.fixture(scope="module")
def residual():
    """A small network with every kind of layer, whose statistics have seen one batch."""
    one, two, three = jax.random.split(jax.random.key(0), 3)
    stem = Chain(Conv(1, 4, 3, bias=False, key=one), BatchNorm(4), jax.nn.relu)
    layers = (stem, Residual(4, 8, 2, key=two), Chain(mean_pool, Dense(8, 3, key=three)))
    network = Network(layers, tuple(layer.stats() for layer in layers))
    x = normal(5, 6, 4, 4, 1, dtype=np.float32)
    run = jax.jit(forward, static_argnames="train")
    _, stats = run(network.layers, network.stats, x, train=True)
    return Network(network.layers, stats), x, run


def test_training_and_evaluation_differ_where_batch_norm_does(residual):
    network, x, run = residual
    trained, _ = run(network.layers, network.stats, x, train=True)
    judged, after = run(network.layers, network.stats, x, train=False)
    assert float(jnp.max(jnp.abs(trained - judged))) > 0.1
    assert all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (after, network.stats)), strict=True))
    alone, _ = run(network.layers, network.stats, x.at[1:].set(0.0), train=False)
    close(alone[0], judged[0], 1e-5)  # an image's score does not depend on the others


def test_bfloat16_is_float32_rounded(residual):
    network, x, run = residual
    for train in (False, True):
        allowed = 0.03  # 2^-8 at each of 5 layers
        wanted, stats = run(network.layers, network.stats, x, train=train)
        got, rounded = run(network.layers, network.stats, x.astype(jnp.bfloat16), train=train)
        close(got, wanted, allowed)
        assert {leaf.dtype for leaf in jax.tree.leaves(rounded)} == {jnp.dtype("float32")}
        for a, b in zip(jax.tree.leaves(rounded), jax.tree.leaves(stats), strict=True):
            close(a, b, allowed)


def test_features_are_what_the_last_layer_sees():
    network = small_cnn((8, 8, 1), 3, width=4, key=jax.random.key(0))
    x = normal(5, 2, 8, 8, 1, dtype=np.float32)
    last = network.layers[-1]
    close(features(network, x) @ last.weight + last.bias[None, :], network.logits(x), 1e-6)


@pytest.mark.parametrize("shape", [(6, 8, 1), (8, 0, 1)], ids=str)
def test_small_cnn_refuses_sides_that_it_cannot_pool(shape):
    with pytest.raises(ValueError, match="multiples of 4"):
        small_cnn(shape, 3, key=jax.random.key(0))
