"""Image classifiers: multilayer perceptron, small CNN, All-CNN and ResNet-18, with batch norm's statistics explicit.

A network is a tuple of layers, in order, so that "the last k layers" of a method has a meaning. Layers work on whole
batches (N, H, W, C), since batch norm needs them, and compute in the precision of the batch that they are given. What
training keeps beside the weights, the running means and variances, is a pytree of its own: a forward pass takes it and
returns it, and a gradient never sees it.
"""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from theory.models.convolution import convolve, convolve_pooled

Images = Float[Array, "N H W C"]
Stats = Any  # one entry a layer: (), (mean, variance) of a batch norm, or a tuple of such

_MOMENTUM = 0.9  # of the running statistics
_FLOOR = 1e-5  # added to the variance
_WIDTHS = (64, 128, 256, 512)


class Layer(eqx.Module):
    """A part of a network: ``layer(x, stats, train)`` gives its output and its statistics afterwards."""

    def stats(self) -> Stats:
        """The statistics before training."""
        return ()

    @abc.abstractmethod
    def __call__(self, x: Array, stats: Stats, train: bool) -> tuple[Array, Stats]:
        """Output for a batch, and the statistics afterwards."""


class Conv(Layer):
    """Convolution, padded so that stride 1 keeps the size, and where asked the largest of each 2 × 2 patch of it.

    The bias comes last, to a quarter of the entries: max z + b is max (z + b).
    """

    weight: Float[Array, "k k c_in c_out"]
    bias: Float[Array, " c_out"] | None
    stride: int = eqx.field(static=True)
    pool: bool = eqx.field(static=True)

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        stride: int = 1,
        bias: bool = True,
        pool: bool = False,
        *,
        key: PRNGKeyArray,
    ):
        if pool and stride != 1:
            raise ValueError(f"stride: expected 1 with pool, got {stride}")
        self.weight = _he(key, (size, size, inputs, outputs), size * size * inputs)
        self.bias = jnp.zeros(outputs, jnp.float32) if bias else None
        self.stride, self.pool = stride, pool

    def __call__(self, x: Array, stats: Stats, train: bool) -> tuple[Array, Stats]:
        weight = self.weight.astype(x.dtype)
        out = convolve_pooled(x, weight) if self.pool else convolve(x, weight, self.stride)
        return (out if self.bias is None else out + _channels(self.bias, x)), stats


class BatchNorm(Layer):
    """Normalises each channel over the batch while training, by the running statistics otherwise."""

    scale: Float[Array, " c"]
    shift: Float[Array, " c"]

    def __init__(self, channels: int):
        self.scale, self.shift = jnp.ones(channels, jnp.float32), jnp.zeros(channels, jnp.float32)

    def stats(self) -> Stats:
        return jnp.zeros_like(self.shift), jnp.ones_like(self.scale)

    def __call__(self, x: Array, stats: Stats, train: bool) -> tuple[Array, Stats]:
        mean, variance = stats
        if train:
            wide = x.astype(jnp.float32)  # the statistics are summed in float32 whatever the batch's precision
            axes = tuple(range(x.ndim - 1))
            mean, variance = jnp.mean(wide, axes), jnp.var(wide, axes)
            count = x.size // x.shape[-1]
            unbiased = variance * (count / max(count - 1, 1))
            stats = tuple(
                _MOMENTUM * old + (1.0 - _MOMENTUM) * jax.lax.stop_gradient(new)
                for old, new in zip(stats, (mean, unbiased), strict=True)
            )
        factor = self.scale * jax.lax.rsqrt(variance + _FLOOR)
        return x * _channels(factor, x) + _channels(self.shift - mean * factor, x), stats


class Dense(Layer):
    """Affine map of what is left of the axes after the first, flattened."""

    weight: Float[Array, "c_in c_out"]
    bias: Float[Array, " c_out"]

    def __init__(self, inputs: int, outputs: int, *, key: PRNGKeyArray):
        self.weight, self.bias = _he(key, (inputs, outputs), inputs), jnp.zeros(outputs, jnp.float32)

    def __call__(self, x: Array, stats: Stats, train: bool) -> tuple[Array, Stats]:
        return x.reshape(len(x), -1) @ self.weight.astype(x.dtype) + self.bias.astype(x.dtype)[None, :], stats


class Apply(Layer):
    """A function without weights."""

    function: Callable[[Array], Array] = eqx.field(static=True)

    def __call__(self, x: Array, stats: Stats, train: bool) -> tuple[Array, Stats]:
        return self.function(x), stats


class Chain(Layer):
    """Layers and functions in a row, as one layer."""

    parts: tuple[Layer, ...]

    def __init__(self, *parts: Layer | Callable[[Array], Array]):
        self.parts = tuple(part if isinstance(part, Layer) else Apply(part) for part in parts)

    def stats(self) -> Stats:
        return tuple(part.stats() for part in self.parts)

    def __call__(self, x: Array, stats: Stats, train: bool) -> tuple[Array, Stats]:
        return _in_turn(self.parts, stats, x, train)


class Residual(Layer):
    """relu(body(x) + shortcut(x)): a basic block of ResNet."""

    body: Chain
    shortcut: Chain

    def __init__(self, inputs: int, outputs: int, stride: int, *, key: PRNGKeyArray):
        one, two, three = jax.random.split(key, 3)
        self.body = Chain(
            Conv(inputs, outputs, 3, stride, bias=False, key=one),
            BatchNorm(outputs),
            jax.nn.relu,
            Conv(outputs, outputs, 3, bias=False, key=two),
            BatchNorm(outputs),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = (
            Chain() if same else Chain(Conv(inputs, outputs, 1, stride, bias=False, key=three), BatchNorm(outputs))
        )

    def stats(self) -> Stats:
        return self.body.stats(), self.shortcut.stats()

    def __call__(self, x: Array, stats: Stats, train: bool) -> tuple[Array, Stats]:
        main, body = self.body(x, stats[0], train)
        side, shortcut = self.shortcut(x, stats[1], train)
        return jax.nn.relu(main + side), (body, shortcut)


class Network(NamedTuple):
    """A classifier: layers with their weights, and the statistics that batch norm keeps beside them."""

    layers: tuple[Layer, ...]
    stats: Stats

    def logits(self, x: Images) -> Float[Array, "N classes"]:
        """Scores of a batch, by the running statistics."""
        return forward(self.layers, self.stats, x, train=False)[0]


def forward(layers: tuple[Layer, ...], stats: Stats, x: Images, train: bool) -> tuple[Float[Array, "N classes"], Stats]:
    """Logits (float32) of a batch and the statistics afterwards; computed in the batch's precision."""
    x, stats = _in_turn(layers, stats, x, train)
    return x.astype(jnp.float32), stats


def _in_turn(layers: tuple[Layer, ...], stats: Stats, x: Array, train: bool) -> tuple[Array, Stats]:
    after = []
    for layer, held in zip(layers, stats, strict=True):
        x, kept = layer(x, held, train)
        after.append(kept)
    return x, tuple(after)


def features(network: Network, x: Images) -> Array:
    """Input of the last layer, flattened (N, ·)."""
    return _in_turn(network.layers[:-1], network.stats[:-1], x, train=False)[0].reshape(len(x), -1)


def mlp(
    shape: tuple[int, int, int], classes: int, widths: tuple[int, ...] = (128, 64), *, key: PRNGKeyArray
) -> Network:
    """Multilayer perceptron on images of ``shape`` (H, W, C)."""
    sizes = (shape[0] * shape[1] * shape[2], *widths)
    keys = jax.random.split(key, len(sizes))
    hidden = [Chain(Dense(a, b, key=k), jax.nn.relu) for a, b, k in zip(sizes[:-1], sizes[1:], keys[:-1], strict=True)]
    return _network(*hidden, Dense(sizes[-1], classes, key=keys[-1]))


def small_cnn(shape: tuple[int, int, int], classes: int, width: int = 16, *, key: PRNGKeyArray) -> Network:
    """Two convolutions with pooling and one hidden dense layer; no batch norm. Sides must be multiples of 4."""
    _need_sides(shape, 4, "small_cnn")
    one, two, three, four = jax.random.split(key, 4)
    flat = (shape[0] // 4) * (shape[1] // 4) * 2 * width
    return _network(
        Chain(Conv(shape[2], width, 3, pool=True, key=one), jax.nn.relu),  # relu and max commute
        Chain(Conv(width, 2 * width, 3, pool=True, key=two), jax.nn.relu),
        Chain(Dense(flat, 4 * width, key=three), jax.nn.relu),
        Dense(4 * width, classes, key=four),
    )


def all_cnn(shape: tuple[int, int, int], classes: int, width: int = 96, *, key: PRNGKeyArray) -> Network:
    """All-CNN-C with batch norm (Springenberg et al. 2015, arXiv 1412.6806): strides instead of pooling."""
    w = width
    plan = [(shape[2], w, 3, 1), (w, w, 3, 1), (w, w, 3, 2), (w, 2 * w, 3, 1), (2 * w, 2 * w, 3, 1)]
    plan += [(2 * w, 2 * w, 3, 2), (2 * w, 2 * w, 3, 1), (2 * w, 2 * w, 1, 1)]
    keys = jax.random.split(key, len(plan) + 1)
    blocks = [
        Chain(Conv(*entry, bias=False, key=k), BatchNorm(entry[1]), jax.nn.relu)
        for entry, k in zip(plan, keys[:-1], strict=True)
    ]
    return _network(*blocks, Chain(mean_pool, Dense(2 * w, classes, key=keys[-1])))


def resnet18(shape: tuple[int, int, int], classes: int, width: int = 64, *, key: PRNGKeyArray) -> Network:
    """ResNet-18 (He et al. 2016, arXiv 1512.03385) with the stem for small images: one 3 × 3 convolution."""
    widths = [width * w // _WIDTHS[0] for w in _WIDTHS]
    keys = iter(jax.random.split(key, 10))
    stem = Chain(Conv(shape[2], width, 3, bias=False, key=next(keys)), BatchNorm(width), jax.nn.relu)
    blocks = []
    before = width
    for stage, w in enumerate(widths):
        for index in range(2):
            blocks.append(Residual(before, w, 2 if stage and not index else 1, key=next(keys)))
            before = w
    return _network(stem, *blocks, Chain(mean_pool, Dense(before, classes, key=next(keys))))


NETWORKS: dict[str, Callable[..., Network]] = {
    "mlp": mlp,
    "small_cnn": small_cnn,
    "all_cnn": all_cnn,
    "resnet18": resnet18,
}


def mean_pool(x: Images) -> Float[Array, "N C"]:
    """Mean over the image."""
    return jnp.mean(x, axis=(1, 2))


def _network(*layers: Layer) -> Network:
    return Network(layers, tuple(layer.stats() for layer in layers))


def _channels(values: Array, x: Array) -> Array:
    """One value a channel, shaped and typed to meet a batch."""
    return values.astype(x.dtype).reshape((1,) * (x.ndim - 1) + (-1,))


def _he(key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int) -> Array:
    return jax.random.normal(key, shape, jnp.float32) * jnp.float32((2.0 / fan_in) ** 0.5)


def _need_sides(shape: tuple[int, int, int], multiple: int, name: str) -> None:
    if len(shape) != 3 or min(shape) < 1 or shape[0] % multiple or shape[1] % multiple:
        raise ValueError(f"shape: {name} expected (H, W, C) with H and W multiples of {multiple}, got {shape}")
