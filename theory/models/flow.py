"""A conditional generator of images: the velocity of a flow from noise to data, given a prompt.

A prompt is one whole number an attribute, such as (class, style). Each attribute has a table of embeddings with a last
row for "not given", so that one network holds the conditional and the unconditional flow.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

_WAVES = 8  # sines and cosines of the time, each


class Flow(eqx.Module):
    """Velocity field v(x, t | prompt): residual blocks on the sum of the embeddings of x, t and the prompt."""

    enter: eqx.nn.Linear
    time: eqx.nn.Linear
    tables: tuple[Float[Array, "_ width"], ...]  # one an attribute; the last row is "not given"
    blocks: tuple[tuple[eqx.nn.Linear, eqx.nn.Linear], ...]
    leave: eqx.nn.Linear

    def __init__(
        self, pixels: int, attributes: tuple[int, ...], width: int = 128, depth: int = 2, *, key: PRNGKeyArray
    ):
        """An untrained field.

        Args:
            pixels: length of a flattened image. attributes: number of values of each attribute of a prompt.
            width: of the residual stream. depth: residual blocks. key: seed of the weights.

        Raises:
            ValueError: a size below 1, or no attribute.
        """
        sizes = {"pixels": pixels, "width": width, "depth": depth, "attributes": min(attributes, default=0)}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name}: expected at least 1, got {size}")
        keys = iter(jax.random.split(key, 3 + len(attributes) + 2 * depth))

        def linear(inputs: int, outputs: int) -> eqx.nn.Linear:
            return eqx.nn.Linear(inputs, outputs, dtype=jnp.float32, key=next(keys))

        self.enter, self.time, self.leave = linear(pixels, width), linear(2 * _WAVES, width), linear(width, pixels)
        self.tables = tuple(jax.random.normal(next(keys), (n + 1, width), jnp.float32) for n in attributes)
        self.blocks = tuple((linear(width, 2 * width), linear(2 * width, width)) for _ in range(depth))

    def __call__(
        self, x: Float[Array, "N pixels"], t: Float[Array, " N"], prompt: Int[Array, "N attributes"]
    ) -> Float[Array, "N pixels"]:
        """Velocities of a batch; t from 0 (noise) to 1 (data)."""
        frequencies = jnp.asarray(np.pi * 2.0 ** np.arange(_WAVES - 1, -1, -1) / 8, jnp.float32)
        angles = t[:, None] * frequencies[None, :]
        h = jax.vmap(self.enter)(x) + jax.vmap(self.time)(jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=1))
        for index, table in enumerate(self.tables):
            h = h + table[prompt[:, index]]
        for inside, outside in self.blocks:
            h = h + jax.vmap(outside)(jax.nn.silu(jax.vmap(inside)(jax.nn.silu(h))))
        return jax.vmap(self.leave)(jax.nn.silu(h))

    @property
    def nothing(self) -> Int[Array, " attributes"]:
        """The prompt that gives no attribute."""
        return jnp.asarray([len(table) - 1 for table in self.tables], jnp.int32)
