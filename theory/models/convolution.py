"""Convolution and pooling of batches of images (N, H, W, C), as XLA's CPU backend runs them fast.

XLA has a fast kernel on the CPU for a convolution in the order NHWC, HWIO, NHWC, and inside a compiled loop for no
other (jaxlib 0.10.2): the derivative with respect to the weights that automatic differentiation writes takes 70 times
as long there. So both derivatives are written out here: the one with respect to the images is a convolution in that
order with the flipped kernel, the one with respect to the weights a matrix product over patches. Other devices use
their library's kernels and automatic differentiation.

Few channels, with pooling afterwards, are one product with an entry for each output of a 2 × 2 block: output
(2h + p, 2w + q) reads entries (p + i, q + j) of the 4 × 4 patch that begins at (2h, 2w) of the padded image, so its
kernel is the given one, moved by (p, q) in a 4 × 4 frame of zeros. These are 16/9 of the multiplications, in a product
of 4 c_out columns in place of c_out, over 4 c_in entries a pixel in place of 9 c_in.
"""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Images = Float[Array, "N H W C"]
Kernel = Float[Array, "k k c_in c_out"]

_FEW = 4  # channels up to which blocks win: the fast kernel works along the channels


def convolve(x: Images, weight: Kernel, stride: int = 1) -> Float[Array, "N h w c_out"]:
    """Convolution by a kernel of odd size, padded with zeros so that stride 1 keeps the size."""
    return _by_platform(functools.partial(direct, stride=stride), functools.partial(library, stride=stride), x, weight)


def convolve_pooled(x: Images, weight: Kernel) -> Float[Array, "N h w c_out"]:
    """Convolution with stride 1, then the largest of each 2 × 2 patch. Sides must be even."""
    few = weight.shape[0] == 3 and weight.shape[2] <= _FEW
    return _by_platform(_pooled_blocks if few else _pooled_direct, _pooled_library, x, weight)


def max_pool(x: Images) -> Float[Array, "N h w C"]:
    """Largest of each 2 × 2 patch. Entries that are equally large share its derivative."""
    return _largest(x.reshape(x.shape[0], x.shape[1] // 2, 2, x.shape[2] // 2, 2, x.shape[3]), (2, 4))


def library(x: Images, weight: Kernel, stride: int = 1) -> Float[Array, "N h w c_out"]:
    """XLA's convolution, with the derivatives of automatic differentiation."""
    pad = (weight.shape[0] - 1) // 2
    return _convolution(x, weight, stride, ((pad, pad), (pad, pad)))


def direct(x: Images, weight: Kernel, stride: int = 1) -> Float[Array, "N h w c_out"]:
    """XLA's convolution, with derivatives that are fast on a CPU."""
    return _direct(x, weight, stride)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _direct(x: Array, weight: Array, stride: int) -> Array:
    return library(x, weight, stride)


def _direct_forward(x: Array, weight: Array, stride: int) -> tuple[Array, tuple[Array, Array]]:
    return library(x, weight, stride), (x, weight)


def _direct_backward(stride: int, given: tuple[Array, Array], slope: Array) -> tuple[Array, Array]:
    x, weight = given
    k = weight.shape[0]
    pad = (k - 1) // 2
    sides = zip(x.shape[1:3], slope.shape[1:3], strict=True)
    around = [(k - 1 - pad, side + pad - (out - 1) * stride - 1) for side, out in sides]
    to_x = _convolution(slope, weight[::-1, ::-1].swapaxes(2, 3), 1, around, dilation=stride)
    to_weight = _patches(x, k, stride).T @ slope.reshape(-1, slope.shape[3])
    return to_x, to_weight.reshape(weight.shape)


_direct.defvjp(_direct_forward, _direct_backward)


def blocks(x: Images, weight: Float[Array, "3 3 c_in c_out"]) -> Float[Array, "N h w 2 2 c_out"]:
    """Convolution with stride 1 by 2 × 2 blocks of outputs. Sides must be even."""
    n, c = x.shape[0], x.shape[3]
    h, w = x.shape[1] // 2, x.shape[2] // 2
    around = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    cells = around.reshape(n, h + 1, 2, w + 1, 2, c).swapaxes(2, 3).reshape(n, h + 1, w + 1, 4 * c)
    patches = jnp.concatenate([cells[:, i : i + h, j : j + w] for i in (0, 1) for j in (0, 1)], axis=-1)
    moved = [jnp.pad(weight, ((p, 1 - p), (q, 1 - q), (0, 0), (0, 0))) for p in (0, 1) for q in (0, 1)]
    kernel = jnp.stack(moved, axis=-2).reshape(2, 2, 2, 2, c, -1).swapaxes(1, 2)  # patches are in the order of cells
    return (patches.reshape(-1, 16 * c) @ kernel.reshape(16 * c, -1)).reshape(n, h, w, 2, 2, -1)


def _pooled_blocks(x: Array, weight: Array) -> Array:
    return _largest(blocks(x, weight), (3, 4))


def _pooled_direct(x: Array, weight: Array) -> Array:
    return max_pool(direct(x, weight))


def _pooled_library(x: Array, weight: Array) -> Array:
    return max_pool(library(x, weight))


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _largest(x: Array, axes: tuple[int, int]) -> Array:
    """Largest over two axes of length 2."""
    return jnp.max(x, axes)


def _largest_forward(x: Array, axes: tuple[int, int]) -> tuple[Array, tuple[Array, Array]]:
    best = jnp.max(x, axes)
    return best, (x, best)


def _largest_backward(axes: tuple[int, int], given: tuple[Array, Array], slope: Array) -> tuple[Array]:
    x, best = given
    first, second = axes
    quarters = [jax.lax.index_in_dim(x, q, second, keepdims=False) for q in (0, 1)]
    quarters = [jax.lax.index_in_dim(part, p, first, keepdims=False) for part in quarters for p in (0, 1)]
    share = slope / sum((quarter == best).astype(x.dtype) for quarter in quarters)  # one pass, nothing of x's size kept
    best, share = jnp.expand_dims(best, axes), jnp.expand_dims(share, axes)
    return (jnp.where(x == best, share, jnp.zeros((), x.dtype)),)


_largest.defvjp(_largest_forward, _largest_backward)


def _by_platform(cpu: Callable[..., Array], default: Callable[..., Array], *given: Array) -> Array:
    return jax.lax.platform_dependent(*given, cpu=cpu, default=default)


def _patches(x: Array, k: int, stride: int) -> Array:
    """What each output reads, one row an output."""
    pad = (k - 1) // 2
    around = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    high, wide = x.shape[1] + 2 * pad - k + 1, x.shape[2] + 2 * pad - k + 1
    views = [around[:, i : i + high : stride, j : j + wide : stride] for i in range(k) for j in range(k)]
    return jnp.concatenate(views, axis=-1).reshape(-1, k * k * x.shape[3])


def _convolution(x: Array, weight: Array, stride: int, around: Sequence[tuple[int, int]], dilation: int = 1) -> Array:
    axes = ("NHWC", "HWIO", "NHWC")
    steps, gaps = (stride, stride), (dilation, dilation)
    return jax.lax.conv_general_dilated(x, weight, steps, around, lhs_dilation=gaps, dimension_numbers=axes)
