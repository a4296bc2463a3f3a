"""Stores of the quick sweep that are filled in this process, without workers."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from experiments.engine.chunk import chunk_arguments, compute_chunk, number_count
from experiments.engine.grid import Chunk, Grid, make_chunks, make_grid
from experiments.engine.model import Sweep
from experiments.engine.runner import describe
from experiments.engine.store import Finished, Store, create_store
from tests.experiments.quick_sweep import SWEEP

WIDTH = 4
_VERSIONS = dict.fromkeys(("forgetproof", "jax", "jaxlib", "numpy"), "1")
_WORKER = {"host": "here", "device": "cpu: cpu", "versions": _VERSIONS}


def empty(folder: Path, sweep: Sweep = SWEEP, base: Any = None, width: int = WIDTH) -> tuple[Store, Grid, list[Chunk]]:
    """A new store of the sweep's tiny grid."""
    grid = make_grid(sweep, base or sweep.tiny, {})
    chunks = make_chunks(sweep, grid, width)
    own = {"versions": {**_VERSIONS, "platform": "cpu"}, "made": datetime.now(UTC).isoformat()}
    about = {**describe(sweep, grid), **own}
    return create_store(folder, about, chunks, width, number_count(sweep, grid.axes)), grid, chunks


def computed(sweep: Sweep, grid: Grid, chunk: Chunk, width: int = WIDTH) -> Finished:
    """A chunk's results."""
    return compute_chunk(*chunk_arguments(sweep, grid, chunk.shape, chunk.cells, width))


def invented(sweep: Sweep, grid: Grid, chunk: Chunk, seed: int = 0) -> Finished:
    """Positive numbers in place of a chunk's results."""
    shape = (len(chunk.cells), number_count(sweep, grid.axes))
    return Finished(np.random.default_rng(seed).lognormal(size=shape), {}, 0.5, _WORKER)


def filled(folder: Path, which: Iterable[int] | None = None) -> tuple[Store, Grid, list[Chunk]]:
    """The quick sweep's tiny grid computed, all of it or some chunks."""
    store, grid, chunks = empty(folder)
    for index in range(len(chunks)) if which is None else which:
        store.write(index, computed(SWEEP, grid, chunks[index]))
    return store, grid, chunks
