"""Measured benchmarks as one file a backend: ``cpu.json``, ``gpu.json``."""

import json
import os
from importlib import metadata
from pathlib import Path

import jax

from experiments.benchmarks.model import BenchmarkResult
from experiments.files import read_json, write_atomically
from experiments.provenance import environment

PEERS = ("clarabel", "threadpoolctl", "torch")


def load() -> list[float]:
    """The machine's load averages: how busy others kept it. Empty where the system does not tell."""
    return list(os.getloadavg()) if hasattr(os, "getloadavg") else []


def record(result: BenchmarkResult, before: list[float], folder: Path) -> Path:
    """Put one benchmark's numbers into ``<backend>.json`` of ``folder``, in place of earlier ones of its name.

    Each benchmark keeps the environment it was measured in: versions, device, revision and load averages.

    Args:
        before: :func:`load` before the benchmark.

    Raises:
        ValueError: the file is damaged.
    """
    where = environment()
    for package in PEERS:
        try:
            where["versions"][package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            where["versions"][package] = "not installed"
    where["load averages before and after"] = [before, load()]
    path = folder / f"{jax.default_backend()}.json"
    folder.mkdir(parents=True, exist_ok=True)
    kept = {each["name"]: each for each in (read_json(path) or {"benchmarks": []})["benchmarks"]}
    kept[result.name] = {**result.as_json(), "environment": where}
    stated = {"benchmarks": [kept[name] for name in sorted(kept)]}
    write_atomically(path, (json.dumps(stated, indent=1) + "\n").encode())
    return path
