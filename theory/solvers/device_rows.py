"""Points split by rows over JAX's devices, and the memory that work on them needs, stated before any is allocated.

One device is the special case of a mesh of one. Every product below is one matrix product a device: rows stay where
they are, and only vectors, or blocks of rows, travel.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from theory.checks import as_float_array
from theory.numerics import require_x64
from theory.solvers.memory import physical_memory, readable, require_memory

NUMBER = 8  # bytes of a float64
SHARE = 0.8  # of the free memory that one call may take
_LEAST = 64  # rows of the smallest block proposed


class Rows(NamedTuple):
    """m points, padded with zero rows and split evenly over the devices.

    The padding, an eighth at most, makes sizes few: points in similar numbers share one compiled program.
    """

    array: Float[Array, "p d"]
    m: int

    @property
    def devices(self) -> list[Any]:
        return _mesh(self.array).devices.flatten().tolist()

    @property
    def dimension(self) -> int:
        return self.array.shape[1]

    def lengths(self) -> np.ndarray:
        """‖xᵢ‖ of each point (m,)."""
        return np.asarray(_lengths(self.array))[: self.m]

    def times(self, v: Float[Array, " d"] | Float[Array, "d k"]) -> np.ndarray:
        """X v (m,) or (m, k)."""
        return np.asarray(_times(self.array, v))[: self.m]

    def combine(self, coefficients: Float[np.ndarray, "*b m"]) -> np.ndarray:
        """Σ cᵢ xᵢ, for one vector of coefficients or a row of them each: (d,) or (b, d)."""
        padding = [(0, 0)] * (coefficients.ndim - 1) + [(0, len(self.array) - self.m)]
        return np.asarray(_combine(self.array, jnp.asarray(np.pad(coefficients, padding))))

    def take(self, index: np.ndarray, device: Any | None = None) -> Float[Array, "k d"]:
        """The points of these indices, on one device."""
        return jax.device_put(_take(self.array, jnp.asarray(index)), device or self.devices[0])


def _mesh(array: Array) -> Mesh:
    sharding = array.sharding
    assert isinstance(sharding, NamedSharding)
    assert isinstance(sharding.mesh, Mesh)
    return sharding.mesh


_lengths = jax.jit(lambda X: jnp.sqrt(jnp.sum(X * X, axis=1)))
_times = jax.jit(lambda X, v: X @ v)
_combine = jax.jit(lambda X, coefficients: coefficients @ X)
_take = jax.jit(lambda X, index: X[index])


def place(X: Any, devices: Sequence[Any] | None = None) -> Rows:
    """Check points and split them over ``devices`` (default: all that JAX has); placed points pass as they are.

    Raises:
        ValueError: not a finite real matrix, or more than the devices' free memory. RuntimeError: x64 is off.
    """
    if isinstance(X, Rows):
        return X
    require_x64()
    shape = np.shape(X)
    if len(shape) == 2 and 0 not in shape:
        # split over the devices, and padded on the way there
        require_free(2 * shape[0] * shape[1] * NUMBER, f"points of shape {shape}", "use fewer points or coordinates")
    points = np.asarray(X)
    if not _sound(points):
        points = np.asarray(as_float_array(X, "X", 2))
    chosen = list(jax.devices() if devices is None else devices)
    mesh = Mesh(np.array(chosen), ("rows",))
    coarse = max(1, 1 << max(len(points).bit_length() - 4, 0))
    padding = -len(points) % (coarse * len(chosen))
    padded = np.pad(points, ((0, padding), (0, 0))) if padding else points
    return Rows(jax.device_put(padded, NamedSharding(mesh, PartitionSpec("rows", None))), len(points))


def _sound(points: np.ndarray) -> bool:
    """Whether points need no conversion, hence no copy; looked at in parts, for the mask's sake."""
    plain = points.dtype == np.float64 and points.ndim == 2 and points.size > 0
    return plain and all(np.isfinite(points[i : i + 1024]).all() for i in range(0, len(points), 1024))


class Gram(NamedTuple):
    """What the Gram matrix of m points in R^d would take, in bytes."""

    whole: int  # G, all m² numbers
    triangle: int  # its lower half in square tiles, which a Cholesky factor overwrites
    points: int  # X
    free: int  # memory that a call may take now, over all devices
    block: int  # the most rows of G that fit beside nothing else; 0 if not one row does

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} {readable(size)}" for name, size in zip(self._fields[:4], self[:4], strict=True))
        return f"{sizes}, block {self.block} rows"


def gram_memory(m: int, d: int, devices: Sequence[Any] | None = None) -> Gram:
    """Sizes before anything is allocated.

    Raises:
        ValueError: ``m`` or ``d`` below 1.
    """
    if m < 1 or d < 1:
        raise ValueError(f"m, d: expected at least one point and one coordinate, got {m}, {d}")
    free = free_memory(devices)
    return Gram(m * m * NUMBER, m * (m + 1) // 2 * NUMBER, m * d * NUMBER, free, min(m, free // (m * NUMBER)))


def gram_blocks(X: Any, block: int | None = None) -> Iterator[tuple[int, Float[Array, "b m"]]]:
    """G by blocks of rows: (first row, G[first : first + block]), split over the devices by columns.

    Args:
        X: points (m, d), or :class:`Rows`. block: rows at a time; None takes 1024, or what fits.

    Raises:
        ValueError: bad points, a block below 1, or one that does not fit (the message tells the sizes and what does).
    """
    rows = place(X)
    stated = gram_memory(rows.m, rows.dimension, rows.devices)
    if block is None:
        block = max(1, min(1024, stated.block, rows.m))
    if block < 1:
        raise ValueError(f"block: expected at least 1 row, got {block}")
    advice = f"use block={stated.block} or less" if stated.block else "use fewer points"
    require_free(block * rows.m * NUMBER, f"{block} rows of a Gram matrix of order {rows.m}", advice, rows.devices)
    return _each_block(rows, block)


def _each_block(rows: Rows, block: int) -> Iterator[tuple[int, Float[Array, "b m"]]]:
    for first in range(0, rows.m, block):
        here = np.arange(first, min(first + block, rows.m))
        replicated = NamedSharding(_mesh(rows.array), PartitionSpec())
        part = _across(jax.device_put(_take(rows.array, jnp.asarray(here)), replicated), rows.array)
        yield first, part[:, : rows.m]


_across = jax.jit(lambda some, X: some @ X.T)


def free_memory(devices: Sequence[Any] | None = None) -> int:
    """Bytes that one call may take now: 80% of what the devices, or for CPU devices the machine, have free."""
    chosen = list(jax.devices() if devices is None else devices)
    stats = [device.memory_stats() if device.platform != "cpu" else None for device in chosen]
    if all(stat and "bytes_limit" in stat for stat in stats):
        free = sum(stat["bytes_limit"] - stat["bytes_in_use"] for stat in stats if stat)
    else:
        free = _machine_free()  # CPU devices share one memory
    return int(SHARE * free)


def _machine_free(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Linux tells what can be had without swapping; elsewhere the whole memory stands in."""
    try:
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return min(int(line.split()[1]) * 1024, physical_memory())
    except (OSError, ValueError, IndexError):
        pass
    return physical_memory()


def require_free(needed: int, what: str, advice: str, devices: Sequence[Any] | None = None) -> None:
    """:func:`theory.solvers.memory.require_memory` against what is free now."""
    require_memory(needed, what, advice, free_memory(devices))
