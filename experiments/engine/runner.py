"""Runs a sweep: the chunks that its store lacks go to the workers, and each result to the store as it comes."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.engine.chunk import chunk_arguments, compute_chunk, device_memory, number_count, whereabouts
from experiments.engine.cluster import LOST, ClusterError, workers
from experiments.engine.grid import Chunk, Grid, chunk_width, make_chunks, make_grid
from experiments.engine.model import Sweep
from experiments.engine.store import Finished, Store, StoreError, create_store, held, open_store

SAME = ("forgetproof", "jax", "jaxlib", "numpy")
"""Packages of one version throughout a store: another version may round differently."""

_IMPORT = "a worker cannot import what it needs ({}); install forgetproof there"
_NO_WORKERS = "the workers were lost and do not come back; what is finished is kept, go on with --resume"

Begin = Callable[[str, int, int], Callable[[int], None]]
"""Called with the dashboard's address, the cells finished before and all cells; returns what counts cells."""


class Ran(NamedTuple):
    """What a run did."""

    store: Store
    grid: Grid
    cells: int  # with a meaning, in all
    computed: int  # cells, in this run
    repaired: int  # chunks whose regions were damaged
    failed: dict[int, str]  # flat index of a cell: its error, whenever it was computed
    seconds: float  # wall clock of this run
    compute_seconds: float  # sum over this run's chunks


def run_sweep(
    sweep: Sweep,
    folder: Path,
    base: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    *,
    resume: bool = False,
    retry: bool = False,
    width: int | None = None,
    count: int | None = None,
    scheduler: str | None = None,
    begin: Begin = lambda dashboard, done, total: lambda cells: None,
) -> Ran:
    """Compute a grid into a store, or what a store still lacks.

    Args:
        folder: the store's. base: the grid, the sweep's own by default. changes: other values for some of its names.
        resume: go on with the store; its own grid is then the ``base``.
        retry: of a store, chunks with failed cells are computed again.
        width: cells a chunk; by default as the device allows. count, scheduler: as
            :func:`experiments.engine.cluster.workers`.

    Raises:
        experiments.engine.grid.GridError, StoreError, experiments.engine.lock.StoreLocked, ClusterError: one line.
        OSError: the store cannot be written; what is finished stays.
    """
    began = time.perf_counter()
    with ExitStack() as stack:
        client = None
        if resume:
            store = open_store(folder)
            grid = make_grid(sweep, base or _own_grid(sweep, store), changes or {})
            _check_same(store, sweep, grid, width)
        else:
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise StoreError(f"{folder}: exists; go on with it by --resume, or name another --store")
            grid = make_grid(sweep, base or sweep.grid, changes or {})
            client = stack.enter_context(workers(count, scheduler))
            store = _create(client, sweep, grid, folder, width)
        stack.enter_context(held(store))
        chunks = make_chunks(sweep, grid, store.about["width"])
        markers = store.markers()
        todo = [i for i in range(len(chunks)) if i not in markers or (retry and markers[i]["failed"])]
        repaired, total = len(store.damaged()), sum(len(chunk.cells) for chunk in chunks)
        computed = sum(len(chunks[i].cells) for i in todo)
        spent = 0.0
        if todo:
            client = client or stack.enter_context(workers(count, scheduler))
            advance = begin(client.dashboard_link, total - computed, total)
            for index, finished in _results(client, sweep, grid, chunks, todo, store.about["width"]):
                if finished.worker:
                    _check_worker(store, finished.worker)
                store.write(index, finished)
                markers[index] = {"failed": finished.failed}
                spent += finished.seconds
                advance(len(chunks[index].cells))
    failed = {int(cell): error for marker in markers.values() for cell, error in marker["failed"].items()}
    return Ran(store, grid, total, computed, repaired, failed, time.perf_counter() - began, spent)


def _device() -> tuple[dict[str, Any], float]:
    return whereabouts(), device_memory()


def _create(client: Any, sweep: Sweep, grid: Grid, folder: Path, width: int | None) -> Store:
    try:
        where, memory = client.submit(_device, pure=False).result()
    except ImportError as fault:
        raise ClusterError(_IMPORT.format(fault)) from fault
    except CancelledError as fault:
        raise ClusterError(_NO_WORKERS) from fault
    accelerator = not where["device"].startswith("cpu")
    width = width or chunk_width(sweep, grid, accelerator, memory)
    chunks = make_chunks(sweep, grid, width)
    about = {
        **describe(sweep, grid),
        "versions": _identity(where),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return create_store(folder, about, chunks, _largest(chunks), number_count(sweep, grid.axes))


def _results(client: Any, sweep: Sweep, grid: Grid, chunks: Sequence[Chunk], todo: Sequence[int], width: int) -> Any:
    """(chunk, what came of it) as they come. A chunk that kills its workers is tried cell by cell."""
    from distributed import KilledWorker, as_completed

    def submit(index: int, cells: np.ndarray, width: int) -> Any:
        arguments = chunk_arguments(sweep, grid, chunks[index].shape, cells, width)
        return client.submit(compute_chunk, *arguments, pure=False, retries=2)

    asked = {submit(index, chunks[index].cells, width): (index, -1) for index in todo}
    parts: dict[int, list[Finished | None]] = {}
    coming = as_completed(asked, loop=client.loop)
    for future in coming:
        index, row = asked.pop(future)
        cells = chunks[index].cells
        try:
            finished = future.result()
        except KilledWorker:
            if row < 0 and len(cells) > 1:
                parts[index] = [None] * len(cells)
                again = {submit(index, cells[i : i + 1], 1): (index, i) for i in range(len(cells))}
                asked |= again
                coming.update(again)
                continue
            finished = _deadly(int(cells[max(row, 0)]), number_count(sweep, grid.axes))
        except ImportError as fault:
            raise ClusterError(_IMPORT.format(fault)) from fault
        except CancelledError as fault:
            raise ClusterError(_NO_WORKERS) from fault
        if row < 0:
            yield index, finished
            continue
        parts[index][row] = finished
        if all(part is not None for part in parts[index]):
            yield index, _joined(parts.pop(index))
    if asked:
        raise ClusterError(_NO_WORKERS)


def _deadly(cell: int, numbers: int) -> Finished:
    """A cell that kills its workers."""
    error = f"KilledWorker: {LOST + 1} workers were lost while they computed it (out of memory?)"
    return Finished(np.full((1, numbers), np.nan), {cell: error}, 0.0, {})


def _joined(parts: Sequence[Any]) -> Finished:
    return Finished(
        np.concatenate([part.values for part in parts]),
        {cell: error for part in parts for cell, error in part.failed.items()},
        sum(part.seconds for part in parts),
        next((part.worker for part in parts if part.worker), {}),
    )


def describe(sweep: Sweep, grid: Grid) -> dict[str, Any]:
    """What a store says of its sweep; equal, versions aside, for a run that may go on with it."""
    axes = {
        name: {**_described(axis), "role": axis.role, "whole": axis.whole, "values": list(grid.axes[name])}
        for name, axis in sweep.axes.items()
    }
    return {
        "sweep": sweep.key,
        "paper": sweep.paper,
        "title": sweep.title,
        "question": sweep.question,
        "axes": axes,
        "results": {name: {**_described(r), "over": list(r.over)} for name, r in sweep.results.items()},
        "labels": {name: list(values) for name, values in sweep.labels.items()},
        "settings": grid.settings,
    }


def _described(part: Any) -> dict[str, str]:
    return {"long_name": part.long_name, "units": part.units}


def _own_grid(sweep: Sweep, store: Store) -> dict[str, Any]:
    if store.about["sweep"] != sweep.key:
        raise StoreError(f"{store.folder}: a store of the sweep {store.about['sweep']}, not of {sweep.key}")
    return {name: axis["values"] for name, axis in store.about["axes"].items()} | store.about["settings"]


def _check_same(store: Store, sweep: Sweep, grid: Grid, width: int | None) -> None:
    """Refuse a store of another sweep, grid or chunk width."""
    if store.about["sweep"] != sweep.key:
        raise StoreError(f"{store.folder}: a store of the sweep {store.about['sweep']}, not of {sweep.key}")
    there, here = store.about, describe(sweep, grid)
    for name in (*sweep.axes, *grid.settings):
        old, new = (
            about["axes"][name]["values"] if name in about["axes"] else about["settings"].get(name)
            for about in (there, here)
        )
        if old != new:
            raise StoreError(
                f"{store.folder}: its grid has {name} = {_short(old)}, not {_short(new)}; name another --store"
            )
    for name, value in here.items():
        if there[name] != value:
            raise StoreError(f"{store.folder}: the sweep's {name} changed since; name another --store")
    if width is not None and _largest(make_chunks(sweep, grid, width)) != store.about["width"]:
        raise StoreError(f"{store.folder}: its chunks have {store.about['width']} cells, not {width}")


def _largest(chunks: Sequence[Chunk]) -> int:
    return max(len(chunk.cells) for chunk in chunks)


def _short(values: Any) -> str:
    text = str(values)
    return text if len(text) < 60 else f"{text[:40]} ... {text[-15:]}"


def _identity(where: Mapping[str, Any]) -> dict[str, str]:
    return {name: where["versions"][name] for name in SAME} | {"platform": where["device"].partition(":")[0]}


def _check_worker(store: Store, where: Mapping[str, Any]) -> None:
    for name, version in _identity(where).items():
        if version != store.about["versions"][name]:
            raise StoreError(
                f"{store.folder}: computed with {name} {store.about['versions'][name]}, but the worker on "
                f"{where['host']} has {version}; use the same, or name another --store"
            )
