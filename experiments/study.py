"""What a study is: a question, its parameters for three sizes of run, and a pure function of them.

One study is one file, ``experiments/studies/<name>.py``, that holds ``STUDY``; nothing is listed by hand.
"""

import functools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from experiments.discovery import modules_with
from experiments.provenance import environment

Parameters = Mapping[str, Any]
Labelled = tuple[tuple[str, ...], np.ndarray, dict[str, str]]


@dataclass(frozen=True)
class Study:
    """A measurement over a grid. ``run`` depends on nothing but its parameters, ``seed`` among them."""

    key: str  # also the name of its file and of the dataset
    paper: str  # a key of theory.claims.PAPERS
    title: str
    question: str
    quick: Parameters  # seconds
    full: Parameters  # minutes: larger and finer
    tiny: Parameters  # for tests: the smallest grid that has every axis
    run: Callable[[Parameters], xr.Dataset]
    timed: bool = False  # it measures seconds, so nothing else may run beside it
    long: bool = False  # a minute or more in the quick profile: run only where its paper is asked for by name


@functools.cache
def all_studies() -> dict[str, Study]:
    """Every study by key, in key order."""
    found = {module.STUDY.key: module.STUDY for module in modules_with("experiments.studies", "STUDY").values()}
    return dict(sorted(found.items()))


def labelled(dims: str | Sequence[str], values: Any, long_name: str, units: str = "1") -> Labelled:
    """A dataset's variable with what it is and its unit ("1" for a pure number).

    Integers become int32, which is the widest that the file format keeps.
    """
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        array = array.astype(np.int32, casting="same_kind") if array.dtype.kind == "i" else array.astype(np.int32)
    names = (dims,) if isinstance(dims, str) else tuple(dims)
    return names, array, {"units": units, "long_name": long_name}


def stamped(study: Study, parameters: Parameters) -> xr.Dataset:
    """Run a study and write its provenance into the dataset's attributes."""
    began = time.perf_counter()
    dataset = study.run(parameters)
    return dataset.assign_attrs(
        study=study.key,
        title=study.title,
        parameters=json.dumps(dict(parameters), sort_keys=True, default=list),
        seconds=round(time.perf_counter() - began, 3),
        environment=json.dumps(environment(), sort_keys=True),
    )
