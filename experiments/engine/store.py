"""The store of a sweep: a folder that holds every finished chunk, whatever was killed and whenever.

::

    sweep.json           what it is: axes, results, settings, versions; written once
    data.zarr/results    float64 (chunk, cell, number): one region a chunk
    data.zarr/cells      int64 (chunk, cell): which cell of the grid, −1 where a chunk is not full
    chunks/000012.json   chunk 12 is finished: digest of its region, failures, seconds, where it was computed
    lock                 the runner that writes

A region counts only once its marker is there, and the marker is renamed into place after the region is on the disk. So
a kill at any moment leaves finished chunks and nothing else, and a region that changed later is found by its digest.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from experiments.engine.grid import Chunk
from experiments.engine.lock import locked
from experiments.files import read_json, write_atomically

FORMAT = "forgetproof sweep 1"


class StoreError(ValueError):
    """A store that cannot be used as asked; one line that names it."""


@dataclass(frozen=True)
class Finished:
    """What a worker returns of a chunk."""

    values: np.ndarray  # (cells, numbers)
    failed: dict[int, str]  # flat index of a cell: its error
    seconds: float
    worker: dict[str, Any]  # host, device, versions, revision


@dataclass(frozen=True)
class Store:
    """A store on the disk. Write to it under :func:`held` alone; reading needs no lock."""

    folder: Path
    about: dict[str, Any]  # sweep.json

    def markers(self) -> dict[int, dict[str, Any]]:
        """Markers of the finished chunks whose regions are whole, by chunk."""
        found = {index: self._marker(index) for index in range(self.about["chunks"])}
        return {i: marker for i, marker in found.items() if marker and marker.get("digest") == self._digest(i)}

    def damaged(self) -> list[int]:
        """Chunks that have a marker, but not the region that it speaks of."""
        whole = self.markers()
        return [i for i in range(self.about["chunks"]) if i not in whole and self._marker_path(i).exists()]

    def write(self, index: int, finished: Finished) -> None:
        """Put a chunk's region and then its marker on the disk.

        Raises:
            OSError: the disk is full or read-only; finished chunks stay as they are.
        """
        block = np.full(self._results.shape[1:], np.nan)
        block[: len(finished.values)] = finished.values
        region = self._region(index)
        try:
            self._results[index] = block
            for path in (region, region.parent, region.parent.parent, region.parent.parent.parent):
                _sync(path)
            marker = {
                "digest": self._digest(index),
                "failed": {str(cell): error for cell, error in finished.failed.items()},
                "seconds": finished.seconds,
                "worker": finished.worker,
            }
            path = self._marker_path(index)
            write_atomically(path, json.dumps(marker, sort_keys=True).encode(), durable=True)
            _sync(path.parent)
        except OSError as fault:
            raise OSError(fault.errno, fault.strerror, str(self.folder)) from fault

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """``cells`` (chunk, cell) and ``results`` (chunk, cell, number) as they are on the disk."""
        import zarr

        cells = zarr.open_array(self.folder / "data.zarr" / "cells", mode="r", zarr_format=3)
        return np.asarray(cells[:]), np.asarray(self._results[:])

    @cached_property
    def _results(self) -> Any:
        import zarr

        where = self.folder / "data.zarr" / "results"
        # a region of nothing but NaN is a file too: its digest is of what the file holds
        return zarr.open_array(where, mode="r+", zarr_format=3, config={"write_empty_chunks": True})

    def _region(self, index: int) -> Path:
        return self.folder / "data.zarr" / "results" / "c" / str(index) / "0" / "0"

    def _digest(self, index: int) -> str:
        try:
            return hashlib.sha256(self._region(index).read_bytes()).hexdigest()
        except FileNotFoundError:
            return "missing"

    def _marker_path(self, index: int) -> Path:
        return self.folder / "chunks" / f"{index:06d}.json"

    def _marker(self, index: int) -> dict[str, Any] | None:
        try:
            found = read_json(self._marker_path(index))
        except ValueError:
            return None
        return found if isinstance(found, dict) else None


def open_store(folder: Path) -> Store:
    """A store that exists.

    Raises:
        StoreError: there is none, or its description is damaged or of another format.
    """
    if not folder.is_dir():
        raise StoreError(f"{folder}: no such store; 'forgetproof sweep' makes one")
    try:
        about = read_json(folder / "sweep.json")
    except ValueError as fault:
        raise StoreError(str(fault)) from None
    if not isinstance(about, dict):
        raise StoreError(f"{folder}: not a store of a sweep (it has no sweep.json)")
    content = {name: value for name, value in about.items() if name != "digest"}
    if about.get("format") != FORMAT:
        raise StoreError(f"{folder}: expected a store of format {FORMAT!r}, got {about.get('format')!r}")
    if about.get("digest") != _digest_of(content):
        raise StoreError(f"{folder / 'sweep.json'}: damaged (its content does not match its digest)")
    return Store(folder, content)


def create_store(folder: Path, about: dict[str, Any], chunks: Sequence[Chunk], width: int, numbers: int) -> Store:
    """A new, empty store: complete or not there.

    Raises:
        StoreError: the folder exists and is not empty. OSError: it cannot be made.
    """
    import zarr

    content = {"format": FORMAT, **about, "width": width, "chunks": len(chunks)}
    cells = np.full((len(chunks), width), -1, np.int64)
    for row, chunk in zip(cells, chunks, strict=True):
        row[: len(chunk.cells)] = chunk.cells
    partial = folder.absolute().parent / f".{folder.name}.partial-{os.getpid()}"
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        (partial / "chunks").mkdir(parents=True)
        group = zarr.create_group(partial / "data.zarr", zarr_format=3)
        group.create_array("cells", data=cells)
        shape = (len(chunks), width, numbers)
        group.create_array("results", shape=shape, chunks=(1, *shape[1:]), dtype="f8", fill_value=float("nan"))
        text = json.dumps({**content, "digest": _digest_of(content)}, indent=1)
        write_atomically(partial / "sweep.json", text.encode(), durable=True)
        for path in sorted(partial.rglob("*")):
            _sync(path)
        try:
            os.rename(partial, folder)
        except OSError as fault:
            if folder.exists():
                raise StoreError(f"{folder}: expected a new or empty folder, or a store to --resume") from fault
            raise
        _sync(folder.absolute().parent)
    except OSError as fault:
        raise OSError(fault.errno, fault.strerror, str(folder)) from fault
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return open_store(folder)


@contextmanager
def held(store: Store) -> Iterator[None]:
    """The right to write to the store.

    Raises:
        experiments.engine.lock.StoreLocked: another runner has it. OSError: the store is read-only or its disk full.
    """
    with locked(store.folder / "lock"):
        yield


def kept(folder: Path) -> str:
    """For a run that ended early: what the store holds."""
    try:
        store = open_store(folder)
        return f"{len(store.markers())} of {store.about['chunks']} chunks are kept, go on with --resume"
    except (StoreError, OSError):
        return "no store was made"


def _clear(folder: Path) -> None:
    """What killed runners left of stores that they were making."""
    for stale in folder.absolute().parent.glob(f".{folder.name}.partial-*"):
        pid = stale.name.rpartition("-")[2]
        if not (pid.isdigit() and Path(f"/proc/{pid}").exists()):
            shutil.rmtree(stale, ignore_errors=True)


def _digest_of(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()  # the order of axes and results counts


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
