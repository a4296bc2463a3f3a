"""The engine of sweeps: its overhead, chunks against single cells, resuming, and two workers against one."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from experiments.benchmarks.measure import median_of
from experiments.benchmarks.model import Benchmark, BenchmarkResult, Growth
from experiments.engine.chunk import chunk_arguments, compute_chunk
from experiments.engine.dataset import load_sweep
from experiments.engine.grid import make_chunks, make_grid
from experiments.engine.model import all_sweeps
from experiments.engine.runner import Ran, run_sweep

TARGETS = {"a tenth of the run, overhead": 1.0, "a task a cell, a cell": 20.0, "2 s, resume": 1.0, "one worker": 1.6}
LIMIT = (
    "start-up of the workers (imports of JAX, a compilation each) and, for every chunk, some 5 ms of scheduling and of "
    "waiting for the disk; both shrink with the size of a chunk. Two workers on two cores share them with the runner"
)
KEY = "ga_linear"


def grid(quick: bool) -> dict[str, tuple[float, ...]]:
    """2000 cells of equal shape."""
    if quick:
        return {"d": (1e4,), "m": (6,), "k": (1, 2), "seed": tuple(range(20))}
    return {"d": (1e4, 1e5, 1e6, 1e8), "m": (300,), "k": (1, 4, 16, 32, 50), "seed": tuple(range(100))}


def swept(folder: Path, values: dict[str, tuple[float, ...]], count: int, width: int) -> Ran:
    """A fresh store."""
    return run_sweep(all_sweeps()[KEY], folder, values, count=count, width=width)


def task_a_cell(folder: Path, values: dict[str, tuple[float, ...]]) -> float:
    """Wall seconds of a cell that is a task of its own, from the first result to the last: no start-up in it."""
    times: list[float] = []

    def begin(dashboard: str, done: int, total: int) -> Callable[[int], None]:
        return lambda cells: times.append(time.perf_counter())

    run_sweep(all_sweeps()[KEY], folder, values, count=1, width=1, begin=begin)
    return (times[-1] - times[0]) / (len(times) - 1)


def resumed(folder: Path) -> float:
    """Wall seconds to find that nothing is left."""
    began = time.perf_counter()
    ran = run_sweep(all_sweeps()[KEY], folder, resume=True)
    assert ran.computed == 0
    return time.perf_counter() - began


def per_cell(values: dict[str, tuple[float, ...]], width: int) -> float:
    """Processor seconds of one cell in compiled chunks of ``width`` in this process, without the engine."""
    sweep = all_sweeps()[KEY]
    made = make_grid(sweep, values, {})
    chunks = make_chunks(sweep, made, width)
    arguments = [chunk_arguments(sweep, made, chunk.shape, chunk.cells, width) for chunk in chunks]

    def everything() -> None:
        for each in arguments:
            compute_chunk(*each)

    return median_of(everything, 3) / sum(len(chunk.cells) for chunk in chunks)


def equal(a: Path, b: Path) -> float:
    """Largest difference of two stores of one grid, NaN in the same places; inf where not."""
    first, second = load_sweep(a), load_sweep(b)
    worst = 0.0
    for name in first.data_vars:
        x, y = np.asarray(first[name], float), np.asarray(second[name], float)
        if (np.isnan(x) != np.isnan(y)).any():
            return float("inf")
        worst = max(worst, float(np.nanmax(np.abs(x - y), initial=0.0)))
    return worst


def run(quick: bool) -> BenchmarkResult:
    """Wall clock, of fresh stores in a temporary folder; start-up and compilation of the workers included."""
    values, width = grid(quick), 4 if quick else 10
    small = {"d": (1e4,), "m": (6 if quick else 20,), "k": (1, 2), "seed": tuple(range(4 if quick else 64))}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        two, one = (swept(folder / str(count), values, count, width) for count in (2, 1))
        overhead = two.seconds - two.compute_seconds / 2
        resume = resumed(folder / "2")
        single = task_a_cell(folder / "single", small)
        residuals = {"two workers and one": equal(folder / "1", folder / "2")}
    cells = len(small["k"]) * len(small["seed"])
    inside = {label: per_cell(small, size) for label, size in (("chunk", cells), ("call a cell", 1))}
    seconds = {
        "ours": two.seconds,
        "one worker": one.seconds,
        "ours, overhead": overhead,
        "a tenth of the run, overhead": 0.1 * two.seconds,
        "ours, resume": resume,
        "2 s, resume": 2.0,
        "ours, a cell": inside["chunk"],
        "a task a cell, a cell": single,
        "a compiled call a cell, a cell": inside["call a cell"],
    }
    peers = [name for name in seconds if ", " in name and not name.startswith("ours")]
    ratios = {peer: seconds[peer] / seconds[f"ours, {peer.partition(', ')[2]}"] for peer in peers}
    return BenchmarkResult(
        name="sweep",
        ratios={**ratios, "one worker": one.seconds / two.seconds},
        targets=TARGETS,
        seconds=seconds,
        residuals=residuals,
        sizes={"cells": two.cells, "cells a chunk": width, "small cells": cells},
        limit=LIMIT,
        growth=Growth((), {}),
        seed=0,
        solved=residuals["two workers and one"] == 0.0 and not two.failed,
        notes=(
            f"wall seconds: {two.seconds:.1f} with two workers, of which each computed {two.compute_seconds / 2:.1f}: "
            f"overhead {overhead / two.seconds:.1%}, the start of the workers included",
            "a task a cell is the engine with --chunk 1, from its first result to its last; a compiled "
            "call a cell is the same program called in this process without engine or store, in processor seconds",
            f"resuming {two.cells} finished cells took {resume:.2f} s, every region's digest checked",
        ),
    )


BENCHMARK = Benchmark("sweep", "The engine of sweeps", 20.0, LIMIT, run)
