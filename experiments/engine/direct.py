"""A small grid of a sweep computed in this process, chunk by chunk and without a store."""

import json
import math
from collections.abc import Iterator

import numpy as np
import xarray as xr

from experiments.engine.chunk import chunk_arguments, compute_chunk, number_count
from experiments.engine.dataset import label_results
from experiments.engine.grid import Grid, make_chunks
from experiments.engine.model import Sweep
from experiments.engine.runner import describe


def compute_parts(sweep: Sweep, grid: Grid, width: int) -> Iterator[tuple[int, int, xr.Dataset | None]]:
    """Compute a grid: yields (cells done, cells in all, None) after each chunk, and the dataset with the last.

    Args:
        width: cells a chunk; a narrower chunk is filled up, so that equal widths share a program.

    Returns:
        A variable for every result, float64, NaN where there is none. Attributes: ``sweep``, ``title``, ``question``;
        as JSON ``settings`` and ``failures`` (flat cell to error).

    Raises:
        experiments.engine.grid.GridError: no cell has a meaning.
    """
    chunks = make_chunks(sweep, grid, width)
    count = math.prod(len(grid.axes[name]) for name in sweep.axes_of("batch", "shape"))
    done, total = 0, sum(len(chunk.cells) for chunk in chunks)
    numbers = np.full((count, number_count(sweep, grid.axes)), np.nan)
    failures: dict[int, str] = {}
    for chunk in chunks:
        found = compute_chunk(*chunk_arguments(sweep, grid, chunk.shape, chunk.cells, width))
        numbers[chunk.cells] = found.values
        failures |= found.failed
        done += len(chunk.cells)
        yield done, total, None
    about = describe(sweep, grid)
    attributes = {name: about[name] for name in ("sweep", "title", "question")} | {
        name: json.dumps(value, sort_keys=True) for name, value in (("settings", grid.settings), ("failures", failures))
    }
    yield total, total, label_results(about, numbers).assign_attrs(attributes)


def compute_directly(sweep: Sweep, grid: Grid, width: int) -> xr.Dataset:
    """What :func:`compute_parts` ends with."""
    for _, _, dataset in compute_parts(sweep, grid, width):
        if dataset is not None:
            return dataset
    raise RuntimeError("the grid ended without a dataset")


def cell_numbers(cell: xr.Dataset) -> dict[str, float]:
    """Every number of one cell by its result's name and labels, such as ``distance, plain ascent``."""
    found = {}
    for name, variable in cell.data_vars.items():
        for place in np.ndindex(variable.shape):
            labels = [str(variable[dim].values[at]) for dim, at in zip(variable.dims, place, strict=True)]
            found[", ".join([str(name), *labels])] = float(variable.values[place])
    return found
