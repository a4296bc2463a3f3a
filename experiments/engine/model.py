"""What a sweep is: axes, named results, and a pure function from one cell of the grid to its results.

A study (:mod:`experiments.study`) is one question with one dataset, made in one call for the report. A sweep is a
grid of independent cells, seeds among its axes: cells are computed in chunks, by any number of workers, into a store
that can be resumed. One sweep is one file, ``experiments/sweeps/<key>.py``, that holds ``SWEEP``; none is listed by
hand.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal

Role = Literal["batch", "shape", "inner"]
Number = int | float
Cell = Mapping[str, Any]


@dataclass(frozen=True)
class Axis:
    """One parameter of the grid.

    ``batch``: its values are numbers of one compiled program, so that cells are vmapped over them. ``shape``: a Python
    int that decides the arrays' sizes; each value compiles once. ``inner``: a cell gets all values at once, and its
    results run along them (measuring one trained network at many step sizes, say).
    """

    long_name: str
    units: str = "1"
    role: Role = "batch"
    whole: bool = False
    least: float = float("-inf")
    most: float = float("inf")


@dataclass(frozen=True)
class Result:
    """One named number of a cell, or an array of them along inner axes and labels. NaN where it does not exist."""

    long_name: str
    units: str = "1"
    over: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sweep:
    """A grid of cells. ``cell`` depends on nothing but its arguments, ``seed`` among them.

    ``cell(cell, settings)`` gets a value for every axis and every setting, and returns an array for every result. With
    ``vmapped`` it is traced by JAX, once a shape; else it is called cell by cell and may be any function.
    """

    key: str  # also the name of its file and of its store
    paper: str  # a key of theory.claims.PAPERS
    title: str
    question: str
    axes: Mapping[str, Axis]
    results: Mapping[str, Result]
    grid: Mapping[str, Any]  # a minute or two: a tuple for every axis, a number for every setting
    tiny: Mapping[str, Any]  # for tests
    cell: Callable[[Cell, Cell], Mapping[str, Any]]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    undefined: Callable[[Cell], bool] = lambda cell: False  # cells without a meaning, such as k >= m
    chunk: int = 64  # cells a task on a CPU core; an accelerator takes up to ACCELERATED times as many
    cell_bytes: Callable[[Cell], float] = lambda shape: 1e6  # memory of one cell in a chunk, roughly
    vmapped: bool = True

    @property
    def module(self) -> str:
        """Where a worker finds this sweep."""
        return self.cell.__module__

    def axes_of(self, *roles: Role) -> list[str]:
        """Names of the axes with one of these roles, in order."""
        return [name for name, axis in self.axes.items() if axis.role in roles]


@functools.cache
def all_sweeps() -> dict[str, Sweep]:
    """Every sweep by key, in key order."""
    found = {key: sweep for key in _modules() if (sweep := getattr(_imported(key), "SWEEP", None)) is not None}
    return dict(sorted(found.items()))


def sweep_of(key: str) -> Sweep | None:
    """The sweep of that key, None where there is none; no other is imported."""
    return getattr(_imported(key), "SWEEP", None) if key in _modules() else None


def find_sweep(module: str) -> Sweep:
    """``SWEEP`` of a module."""
    return importlib.import_module(module).SWEEP


def _modules() -> list[str]:
    from experiments import sweeps

    return [info.name for info in pkgutil.iter_modules(sweeps.__path__)]


def _imported(key: str) -> ModuleType:
    return importlib.import_module(f"experiments.sweeps.{key}")
