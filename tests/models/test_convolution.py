"""Convolution and pooling against XLA's own convolution and its automatic derivatives, in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.models.convolution import blocks, convolve, convolve_pooled, direct, library, max_pool


def normal(seed: int, *shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def agree(one, other, *given, allowed=1e-12):
    """The values and the derivatives with respect to all that is given, for one random slope."""

    def values(function):
        out, pull = jax.vjp(function, *given)
        return out, *pull(jnp.cos(jnp.arange(out.size, dtype=out.dtype)).reshape(out.shape))

    got, wanted = jax.jit(lambda: (values(one), values(other)))()
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape
        error = float(jnp.max(jnp.abs(a - b)) / jnp.max(jnp.abs(b)))
        assert error <= allowed, f"relative error {error:.1e}, allowed {allowed:.1e}"


@pytest.mark.parametrize(("size", "stride"), [(1, 2), (3, 1), (3, 2), (5, 3)])
def test_derivatives_are_the_automatic_ones(size, stride):
    """On sides that the stride divides and that it does not."""
    x, weight = normal(1, 2, 7, 6, 3), normal(2, size, size, 3, 4)
    agree(functools.partial(direct, stride=stride), functools.partial(library, stride=stride), x, weight)


def test_on_a_cpu_the_written_derivatives_are_used():
    x, weight = normal(1, 1, 4, 4, 1), normal(2, 3, 3, 1, 1)
    steps = str(jax.make_jaxpr(convolve)(x, weight))
    assert steps.count("custom_vjp_call") == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_blocks_are_the_convolution(channels):
    def whole(x, weight):
        out = blocks(x, weight)
        return out.swapaxes(2, 3).reshape(out.shape[0], x.shape[1], x.shape[2], -1)

    agree(whole, library, normal(1, 2, 6, 4, channels), normal(2, 3, 3, channels, 5))


@pytest.mark.parametrize("channels", [1, 5], ids=["few", "many"])
def test_pooled_convolution_is_convolution_and_pooling(channels):
    def plain(x, weight):
        out = library(x, weight)
        return jnp.max(out.reshape(2, 3, 2, 2, 2, -1), axis=(2, 4))

    agree(convolve_pooled, plain, normal(1, 2, 6, 4, channels), normal(2, 3, 3, channels, 5))


def test_max_pool_takes_the_largest_of_each_patch():
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    assert max_pool(x)[0, :, :, 0].tolist() == [[5.0, 7.0], [13.0, 15.0]]


def test_equals_share_the_derivative_of_pooling():
    x = jnp.asarray([[1.0, 1.0, 2.0, 2.0], [0.0, 1.0, 2.0, 2.0]]).reshape(1, 2, 4, 1)
    slope = jax.grad(lambda x: jnp.sum(max_pool(x) * jnp.asarray([3.0, 8.0]).reshape(1, 1, 2, 1)))(x)
    np.testing.assert_allclose(slope[0, :, :, 0], [[1.0, 1.0, 2.0, 2.0], [0.0, 1.0, 2.0, 2.0]], rtol=1e-15)


@pytest.mark.parametrize("stride", [1, 2])
def test_every_convolution_is_in_the_order_with_a_fast_kernel(stride):
    """In a compiled loop XLA leaves any other order to a generic kernel, 70 times as slow."""

    def all_three(x, weight):
        out, pull = jax.vjp(functools.partial(direct, stride=stride), x, weight)
        return pull(out)

    steps = str(jax.make_jaxpr(all_three)(normal(1, 1, 4, 4, 2), normal(2, 3, 3, 2, 2)))
    assert steps.count("conv_general_dilated[") == 2
    order = "lhs_spec=(0, 3, 1, 2), rhs_spec=(3, 2, 0, 1), out_spec=(0, 3, 1, 2)"
    assert steps.count(order) == 2, steps
