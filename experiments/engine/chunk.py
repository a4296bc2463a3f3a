"""One chunk of cells on a worker: vmapped as one compiled program, and cell by cell where it fails."""

import functools
import os
import platform
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.engine.grid import Grid, cell_values
from experiments.engine.model import Sweep, find_sweep
from experiments.engine.store import Finished
from experiments.provenance import environment
from theory.solvers.memory import physical_memory


def compute_chunk(
    module: str,
    shape: Mapping[str, int],
    columns: Mapping[str, np.ndarray],
    inner: Mapping[str, tuple[float, ...]],
    settings: Mapping[str, float],
    cells: np.ndarray,
    width: int,
) -> Finished:
    """Results of every cell; a cell that fails is NaN with its error, and sinks no other.

    Args:
        module: of the sweep. shape: the values of its shape axes. columns: (cells,) of each batch axis.
        inner: all values of its inner axes. cells: flat indices. width: cells of a full chunk: a shorter one is filled
            up with copies, so that nothing compiles twice.
    """
    sweep = find_sweep(module)
    began = time.perf_counter()
    several = _program(module, _frozen(shape), _frozen(inner), _frozen(settings), width)
    failed: dict[int, str] = {}
    try:
        values = several(columns)
    except Exception:  # of any kind: to find the cells that fail, each is tried alone
        alone = _program(module, _frozen(shape), _frozen(inner), _frozen(settings), 1)
        values = np.full((len(cells), number_count(sweep, inner)), np.nan)
        for row, cell in enumerate(cells):
            try:
                values[row] = alone({name: column[row : row + 1] for name, column in columns.items()})[0]
            except Exception as fault:
                failed[int(cell)] = f"{type(fault).__name__}: {' '.join(str(fault).split())[:300]}"
    return Finished(values, failed, round(time.perf_counter() - began, 6), whereabouts())


def chunk_arguments(
    sweep: Sweep, grid: Grid, shape: Mapping[str, int], cells: np.ndarray, width: int
) -> tuple[Any, ...]:
    """What :func:`compute_chunk` takes for these cells of a grid, all of one shape."""
    values = cell_values(sweep, grid, cells)
    columns = {name: values[name] for name in sweep.axes_of("batch")}
    inner = {name: grid.axes[name] for name in sweep.axes_of("inner")}
    return sweep.module, shape, columns, inner, grid.settings, cells, width


def number_count(sweep: Sweep, inner: Mapping[str, Any]) -> int:
    """Numbers of a cell: its results laid end to end."""
    return sum(int(np.prod(_result_shape(sweep, name, inner), dtype=int)) for name in sweep.results)


@functools.cache
def whereabouts() -> dict[str, Any]:
    """This process for the record: machine, device, versions."""
    return {"host": platform.node(), **environment()}


def device_memory() -> float:
    """Bytes that one worker's device offers: an accelerator's own, else a core's share of the machine's."""
    device = jax.devices()[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats:
        return float(stats["bytes_limit"])
    return physical_memory() / (os.cpu_count() or 1)


def _result_shape(sweep: Sweep, name: str, inner: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(len(inner[axis] if axis in inner else sweep.labels[axis]) for axis in sweep.results[name].over)


def _frozen(values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in values.items())


@functools.lru_cache(maxsize=64)
def _program(
    module: str, shape: tuple[Any, ...], inner: tuple[Any, ...], settings: tuple[Any, ...], width: int
) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """From columns of at most ``width`` cells to their numbers."""
    sweep, fixed, values = find_sweep(module), dict(settings), dict(inner)

    def one(batch: Mapping[str, Any]) -> Any:
        measured = sweep.cell({**dict(shape), **{n: np.asarray(v, float) for n, v in inner}, **batch}, fixed)
        return [_flat(sweep, name, measured[name], values) for name in sweep.results]

    if not sweep.vmapped:
        return lambda columns: np.stack(
            [
                np.concatenate([np.asarray(part, float) for part in one(dict(zip(columns, row, strict=True)))])
                for row in zip(*(column.tolist() for column in columns.values()), strict=True)
            ]
        )
    program = jax.jit(jax.vmap(lambda batch: jnp.concatenate(one(batch))), compiler_options=_compiler_options())

    def run(columns: Mapping[str, np.ndarray]) -> np.ndarray:
        count = len(next(iter(columns.values())))
        rows = np.minimum(np.arange(width), count - 1)
        return np.asarray(program({name: column[rows] for name, column in columns.items()}))[:count]

    return run


def _compiler_options() -> dict[str, Any] | None:
    """On a CPU every worker compiles for itself, and that is most of a short sweep: a quarter less time.

    The programs run as fast as with the defaults. A lower level of optimisation would take half the time, but then the
    last bit of a cell depends on its place in the chunk. Other versions of XLA may not know the name.
    """
    if jax.default_backend() != "cpu" or not metadata.version("jaxlib").startswith("0.10."):
        return None
    return {"xla_cpu_use_fusion_emitters": False}


def _flat(sweep: Sweep, name: str, values: Any, inner: Mapping[str, Any]) -> Any:
    expected = _result_shape(sweep, name, inner)
    if np.shape(values) != expected:
        raise ValueError(f"{sweep.key}: expected {name} of shape {expected}, got {np.shape(values)}")
    return (jnp if sweep.vmapped else np).asarray(values, float).reshape(-1)
