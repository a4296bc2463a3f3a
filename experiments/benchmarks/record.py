"""Measured benchmarks as one file a backend: ``cpu.json``, ``gpu.json``."""

import json
import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import jax

from experiments.benchmarks.model import BenchmarkResult
from experiments.provenance import environment

PEERS = ("clarabel", "threadpoolctl", "torch")


def load() -> list[float]:
    """The machine's load averages: how busy others kept it. Empty where the system does not tell."""
    return list(os.getloadavg()) if hasattr(os, "getloadavg") else []


def record(results: Sequence[BenchmarkResult], loads: Sequence[list[float]], folder: Path) -> Path:
    """Write ``<backend>.json`` into ``folder``.

    Args:
        loads: :func:`load` before the first benchmark and after each.
    """
    where = environment()
    for package in PEERS:
        try:
            where["versions"][package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            where["versions"][package] = "not installed"
    where["load_average_before_and_after_each"] = list(loads)
    path = folder / f"{jax.default_backend()}.json"
    folder.mkdir(parents=True, exist_ok=True)
    stated = {"environment": where, "benchmarks": [result.as_json() for result in results]}
    path.write_text(json.dumps(stated, indent=1) + "\n", encoding="utf-8")
    return path
