"""Cholesky factor of a matrix too large for one array: square tiles of the lower half, spread over devices by rows.

Left-looking: tile (i, j) becomes K_ij − Σ_{k<j} L_ik L_jkᵀ, then a factor (i = j) or a triangular solve. Row i lives on
device i mod N, so only L_jk travels, once to each device. The kernels have one shape, hence compile once a tile size;
the matrix is never held: each tile is asked for when its turn comes, and half the numbers of K are kept.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from theory.numerics import EPS

Tile = Float[Array, "b b"]

SMALLEST, LARGEST = 64, 1024  # rows of a tile


class TiledFactor(NamedTuple):
    """L with L Lᵀ = K of order ``size``; rows and columns past it are those of the identity."""

    tiles: dict[tuple[int, int], Tile]  # (i, j) with i ≥ j
    size: int
    block: int
    devices: Sequence[Any]

    @property
    def side(self) -> int:
        """Tiles along each side of K."""
        return -(-self.size // self.block)

    def home(self, i: int) -> Any:
        """The device of row i."""
        return self.devices[i % len(self.devices)]

    @property
    def sound(self) -> bool:
        """Whether K was positive definite beyond rounding: every pivot above what rounding leaves of its row."""
        return all(bool(_sound(self.tiles[j, j])) for j in range(self.side))

    def solve(self, rhs: Float[np.ndarray, "n r"], first: int = 0) -> np.ndarray:
        """K⁻¹ rhs, for a right-hand side whose rows before tile ``first`` are 0 (they are not read)."""
        return self._unsplit(self._backward(self._forward(self._split(rhs), first)))

    def inverse_columns(self, j: int) -> np.ndarray:
        """The columns of K⁻¹ that belong to tile j (n, at most b)."""
        width = min(self.block, self.size - j * self.block)
        unit = np.zeros((self.size, self.block))  # one width, so that nothing compiles anew
        unit[j * self.block + np.arange(width), np.arange(width)] = 1.0
        return self.solve(unit, j)[:, :width]

    def _split(self, rhs: np.ndarray) -> list[Array]:
        padded = np.zeros((self.side * self.block, rhs.shape[1]))
        padded[: self.size] = rhs
        return [jax.device_put(part, self.home(i)) for i, part in enumerate(np.split(padded, self.side))]

    def _unsplit(self, parts: list[Array]) -> np.ndarray:
        return np.concatenate([np.asarray(part) for part in parts])[: self.size]

    def _forward(self, parts: list[Array], first: int) -> list[Array]:
        for i in range(first, self.side):
            for k in range(first, i):
                moved = jax.device_put(parts[k], self.home(i))
                parts[i] = _less(parts[i], self.tiles[i, k], moved)
            parts[i] = _down(self.tiles[i, i], parts[i])
        return parts

    def _backward(self, parts: list[Array]) -> list[Array]:
        for i in reversed(range(self.side)):
            parts[i] = _up(self.tiles[i, i], parts[i])
            for k in range(i):  # the product is made where L_ik is, and travels
                change = _across(self.tiles[i, k], parts[i])
                parts[k] = parts[k] - jax.device_put(change, self.home(k))
        return parts


def tile_size(n: int) -> int:
    """Rows of a tile for a matrix of order n: a power of two, so that few sizes compile."""
    return min(LARGEST, max(SMALLEST, 1 << max(n - 1, 1).bit_length()))


def tile_count(n: int) -> int:
    """Tiles of the lower half of a matrix of order n."""
    side = -(-n // tile_size(n))
    return side * (side + 1) // 2


def tiled_cholesky(tile: Callable[[int, int, Any], Tile], size: int, devices: Sequence[Any]) -> TiledFactor:
    """Factor K.

    Args:
        tile: gives K's tile (i, j) on a device; it must be that of the identity in rows and columns past ``size``.
        size: order of K. devices: what the tiles are spread over.

    Returns:
        :class:`TiledFactor`; NaN from the first pivot on that is not positive: read ``sound``.

    Source: standard (tiled left-looking factorisation).
    """
    factor = TiledFactor({}, size, tile_size(size), devices)
    tiles = factor.tiles
    for j in range(factor.side):
        sent: dict[Any, list[Tile]] = {}  # row j, once on each device
        for i in range(j, factor.side):
            home = factor.home(i)
            if home not in sent:
                sent[home] = [jax.device_put(tiles[j, k], home) for k in range(j)]
            value = tile(i, j, home)
            for k in range(j):
                value = _less_transposed(value, tiles[i, k], sent[home][k])
            if i == j:
                tiles[j, j] = _factor(value)
                pivots = {home: tiles[j, j]}
            else:
                if home not in pivots:
                    pivots[home] = jax.device_put(tiles[j, j], home)
                tiles[i, j] = _right(pivots[home], value)
    return factor


_less_transposed = jax.jit(lambda value, a, b: value - a @ b.T, donate_argnums=0)
_less = jax.jit(lambda value, a, b: value - a @ b)
_across = jax.jit(lambda a, b: a.T @ b)
_factor = jax.jit(lambda value: jnp.linalg.cholesky(value, symmetrize_input=False))
_right = jax.jit(lambda L, value: solve_triangular(L, value.T, lower=True).T)
_down = jax.jit(lambda L, value: solve_triangular(L, value, lower=True))
_up = jax.jit(lambda L, value: solve_triangular(L, value, lower=True, trans=1))
_sound = jax.jit(lambda L: jnp.all(jnp.diagonal(L) ** 2 > 64 * EPS * jnp.sum(L * L, axis=1)))
