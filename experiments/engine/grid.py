"""The grid of a sweep: its values checked, cells in order, and the chunks that are computed at once."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.engine.model import Number, Sweep

MOST_CELLS = 10_000_000


class GridError(ValueError):
    """A grid that the sweep cannot have; the message says what would be right."""


@dataclass(frozen=True)
class Grid:
    """Values of every axis and setting; every combination of the outer axes (all but the inner ones) is a cell."""

    axes: dict[str, tuple[Number, ...]]
    settings: dict[str, Number]


@dataclass(frozen=True)
class Chunk:
    """Cells of one shape that are computed at once."""

    shape: dict[str, int]
    cells: np.ndarray  # flat indices of the grid's outer axes


def make_grid(sweep: Sweep, base: Mapping[str, Any], changes: Mapping[str, Any]) -> Grid:
    """The sweep's ``base`` with other values for some axes and settings.

    Args:
        changes: by name, a number or a sequence of numbers; for a setting one number.

    Raises:
        GridError: an unknown name, or values that are no numbers, out of range, or given twice.
    """
    settings = [name for name in base if name not in sweep.axes]
    for name in changes:
        if name not in base:
            raise GridError(f"{name}: no axis or setting of {sweep.key}; expected one of {', '.join(base)}")
    found = {name: changes.get(name, value) for name, value in base.items()}
    axes = {name: _checked(sweep, name, found[name]) for name in sweep.axes}
    grid = Grid(axes, {name: _one(name, found[name], base[name]) for name in settings})
    count = math.prod(len(values) for values in axes.values())
    if count > MOST_CELLS:
        raise GridError(f"grid: {count:,} cells, more than {MOST_CELLS:,}; give fewer values")
    return grid


def _checked(sweep: Sweep, name: str, given: Any) -> tuple[Number, ...]:
    axis = sweep.axes[name]
    values = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    numbers: list[Number] = []
    for value in values:
        number = _number(name, value)
        if axis.whole and number != int(number):
            raise GridError(f"{name}: expected whole numbers, got {value!r}")
        if not axis.least <= number <= axis.most:
            raise GridError(f"{name}: expected {_range(axis.least, axis.most)}, got {value!r}")
        numbers.append(int(number) if axis.whole else float(number))
    if not numbers:
        raise GridError(f"{name}: expected at least one value, got none")
    if len(set(numbers)) < len(numbers):
        raise GridError(f"{name}: the value {max(numbers, key=numbers.count)} is given twice")
    return tuple(numbers)


def _one(name: str, given: Any, usual: Number) -> Number:
    if isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 1:
        given = given[0]
    number = _number(name, given)
    if isinstance(usual, int):
        if number != int(number) or number < 1:
            raise GridError(f"{name}: expected one whole number >= 1, got {given!r}")
        return int(number)
    return float(number)


def _number(name: str, value: Any) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise GridError(f"{name}: expected finite numbers, got {value!r}")
    return value


def _range(least: float, most: float) -> str:
    if math.isinf(most):
        return f"at least {least:g}"
    return f"at most {most:g}" if math.isinf(least) else f"values from {least:g} to {most:g}"


def parse_values(text: str) -> list[Number]:
    """Numbers as a user writes them: ``1,2,5`` or ``0..9``, ``lin:0:1:11`` or ``log:1e2:1e12:11`` (from, to, count).

    Raises:
        GridError: anything else.
    """
    kind, colon, rest = text.partition(":")
    try:
        if colon and kind in ("lin", "log"):
            first, last, count = rest.split(":")
            low, high, number = float(first), float(last), int(count)
            if not 1 <= number <= MOST_CELLS or not (math.isfinite(low) and math.isfinite(high)):
                raise ValueError
            if kind == "log" and not (low > 0 and high > 0):
                raise ValueError
            spaced = np.linspace(low, high, number) if kind == "lin" else np.geomspace(low, high, number)
            return [float(value) for value in spaced]
        if ".." in text:
            begin, end = (int(part) for part in text.split(".."))
            if not 0 <= end - begin < MOST_CELLS:
                raise ValueError
            return list(range(begin, end + 1))
        return [_parse_number(part) for part in text.split(",")]
    except ValueError:
        raise GridError(
            f"expected numbers such as 1,2,5 or 0..9, lin:0:1:11 or log:1e2:1e12:11, got {text!r}"
        ) from None


def _parse_number(text: str) -> Number:
    try:
        return int(text)
    except ValueError:
        return float(text)


def cell_values(sweep: Sweep, grid: Grid, flat: np.ndarray) -> dict[str, np.ndarray]:
    """Values (len(flat),) of every outer axis at these cells, int64 or float64."""
    names = sweep.axes_of("batch", "shape")
    places = np.unravel_index(flat, [len(grid.axes[name]) for name in names])
    kinds = [np.int64 if sweep.axes[name].whole else np.float64 for name in names]
    return {name: np.asarray(grid.axes[name], kind)[at] for name, kind, at in zip(names, kinds, places, strict=True)}


def cell_at(sweep: Sweep, grid: Grid, flat: int) -> dict[str, Number]:
    """Values of the outer axes at one cell, by name."""
    return {name: values[0].item() for name, values in cell_values(sweep, grid, np.array([flat])).items()}


def make_chunks(sweep: Sweep, grid: Grid, width: int) -> list[Chunk]:
    """Chunks of at most ``width`` cells of equal shape; cells without a meaning are in none.

    Raises:
        GridError: no cell has a meaning.
    """
    outer = sweep.axes_of("batch", "shape")
    sizes = [len(grid.axes[name]) for name in outer]
    values = cell_values(sweep, grid, np.arange(math.prod(sizes)))
    rows = [dict(zip(outer, row, strict=True)) for row in itertools.product(*(grid.axes[name] for name in outer))]
    defined = np.array([not sweep.undefined(row) for row in rows])
    shapes = sweep.axes_of("shape")
    chunks = []
    for shape in itertools.product(*(grid.axes[name] for name in shapes)):
        here = defined.copy()
        for name, value in zip(shapes, shape, strict=True):
            here &= values[name] == value
        cells = np.flatnonzero(here)
        parts = [cells[begin : begin + width] for begin in range(0, len(cells), width)]
        chunks += [Chunk({name: int(v) for name, v in zip(shapes, shape, strict=True)}, part) for part in parts]
    if not chunks:
        raise GridError(f"grid: no cell of {sweep.key} has a meaning at these values")
    return chunks


def chunk_width(sweep: Sweep, grid: Grid, accelerator: bool, memory: float) -> int:
    """Cells a task: the sweep's own number on a CPU core, up to ACCELERATED times it on an accelerator.

    Args:
        memory: bytes of the smallest device; a chunk takes no more than a quarter of it.
    """
    shapes = sweep.axes_of("shape")
    largest = max(
        sweep.cell_bytes(dict(zip(shapes, shape, strict=True)))
        for shape in itertools.product(*(grid.axes[name] for name in shapes))
    )
    most = sweep.chunk * (ACCELERATED if accelerator and sweep.vmapped else 1)
    return max(1, min(most, int(memory / 4 / largest)))


ACCELERATED = 64
"""An accelerator needs many cells to be busy: so many times those of a CPU core."""
