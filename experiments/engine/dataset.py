"""A sweep's store as one labelled dataset."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from experiments.engine.store import Store, StoreError, open_store
from experiments.study import labelled

STATUS = ("pending", "computed", "failed", "no meaning")
"""Values 0 to 3 of the variable ``status``. Cells without a meaning are those the sweep leaves out, such as k >= m."""


def load_sweep(path: Path | str) -> xr.Dataset:
    """Read a store, finished or not, while a runner writes to it or not.

    Args:
        path: folder that ``forgetproof sweep`` wrote.

    Returns:
        A variable for every result over the grid's axes (and inner axes and labels), float64, NaN where there is
        none; ``status`` of every cell, see STATUS. Attributes: ``sweep``, ``title``, ``question``; as JSON
        ``settings``, ``environment`` (every kind of worker), ``failures`` (cell to error); ``chunks_finished``,
        ``chunks``, ``compute_seconds`` (sum over workers).

    Raises:
        experiments.engine.store.StoreError: no store there, or damaged (one line that names it).
    """
    store = open_store(Path(path))
    damaged = store.damaged()
    if damaged:
        raise StoreError(f"{path}: chunk {damaged[0]} is damaged; 'forgetproof sweep --resume' computes it again")
    return _dataset(store)


def _dataset(store: Store) -> xr.Dataset:
    about, markers = store.about, store.markers()
    axes = about["axes"]
    outer = [name for name, axis in axes.items() if axis["role"] != "inner"]
    shape = [len(axes[name]["values"]) for name in outer]
    cells, results = store.read()
    finished = np.zeros(len(cells), bool)
    finished[list(markers)] = True
    failures = {int(cell): error for marker in markers.values() for cell, error in marker["failed"].items()}
    status = np.full(int(np.prod(shape)), STATUS.index("no meaning"), np.int32)
    used = cells >= 0
    status[cells[used]] = np.broadcast_to(finished[:, None], cells.shape)[used]
    status[list(failures)] = STATUS.index("failed")
    numbers = np.full((len(status), results.shape[2]), np.nan)
    done = used & finished[:, None]
    numbers[cells[done]] = results[done]
    dataset = label_results(about, numbers)
    dataset["status"] = labelled(outer, status.reshape(shape), f"status of the cell: {_flags()}")
    return dataset.assign_attrs(_attributes(about, markers, failures))


def label_results(about: dict[str, Any], numbers: np.ndarray) -> xr.Dataset:
    """The results of a grid under their names.

    Args:
        about: what :func:`experiments.engine.runner.describe` says of the grid.
        numbers: (cells, numbers of a cell) over the outer axes, the last one fastest.
    """
    axes = about["axes"]
    outer = [name for name, axis in axes.items() if axis["role"] != "inner"]
    shape = [len(axes[name]["values"]) for name in outer]
    variables, begin = {}, 0
    for name, result in about["results"].items():
        over = [_size(about, inner) for inner in result["over"]]
        end = begin + int(np.prod(over))
        values = numbers[:, begin:end].reshape(*shape, *over)
        variables[name] = labelled((*outer, *result["over"]), values, result["long_name"], result["units"])
        begin = end
    coordinates = {
        name: labelled(name, _coordinate(axis), axis["long_name"], axis["units"]) for name, axis in axes.items()
    }
    coordinates |= {name: labelled(name, list(values), name) for name, values in about["labels"].items()}
    return xr.Dataset(variables, coordinates)


def _attributes(about: dict[str, Any], markers: dict[int, Any], failures: dict[int, str]) -> dict[str, Any]:
    where = Counter(json.dumps(marker["worker"], sort_keys=True) for marker in markers.values())
    workers = [{**json.loads(text), "chunks": count} for text, count in sorted(where.items())]
    return {
        **{name: about[name] for name in ("sweep", "paper", "title", "question", "made")},
        "settings": json.dumps(about["settings"], sort_keys=True),
        "environment": json.dumps(workers, sort_keys=True),
        "failures": json.dumps(failures, sort_keys=True),
        "chunks_finished": len(markers),
        "chunks": about["chunks"],
        "compute_seconds": round(sum(marker["seconds"] for marker in markers.values()), 3),
    }


def _size(about: dict[str, Any], name: str) -> int:
    return len(about["axes"][name]["values"] if name in about["axes"] else about["labels"][name])


def _coordinate(axis: dict[str, Any]) -> np.ndarray:
    return np.asarray(axis["values"], np.int32 if axis["whole"] else np.float64)


def _flags() -> str:
    return ", ".join(f"{code} {name}" for code, name in enumerate(STATUS))
