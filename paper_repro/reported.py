"""Reported numbers: what a paper found on its setting, beside what was measured here on another. No verdict is given.

Each paper's ``targets.toml`` lists, as ``[[reported]]``, name, measure, value, spread (may be left out), unit, source
and setting. Its ``run.py`` holds ``FROM_STUDIES``: for the key of a study, a function of the study's dataset that
returns ``Ours`` by measure. The same functions wrote the files of ``results/``, from longer runs.
"""

import importlib
import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from theory.report import number

FIELDS = {"name", "measure", "value", "unit", "source", "setting"}
HERE = Path(__file__).parent


class Ours(NamedTuple):
    """A number measured here."""

    value: float
    spread: float | None  # standard deviation over repetitions
    setting: str


class Finding(NamedTuple):
    """What a paper says of its experiments, and what happened here."""

    says: str
    outcome: str  # see graded
    here: str
    rule: str  # what makes it "held"; ours, for the papers give no limits


def graded(held: Any, in_part: Any) -> str:
    """The outcome of a finding."""
    return "held" if bool(held) else "held in part" if bool(in_part) else "did not hold"


FromStudy = Callable[[xr.Dataset], Mapping[str, Ours]]


def over_seeds(values: Any, setting: str) -> Ours:
    """Mean and sample standard deviation over repetitions; no spread of a single one."""
    flat = np.asarray(values, float).ravel()
    return Ours(float(flat.mean()), float(flat.std(ddof=1)) if flat.size > 1 else None, setting)


def load(paper: str, folder: Path | None = None) -> list[dict[str, Any]]:
    """Reported numbers of a paper, ``spread`` None where none is known; empty if it lists none.

    Raises:
        ValueError: one lacks a field, or has an unknown one.
    """
    path = (folder or HERE) / paper / "targets.toml"
    if not path.exists():
        return []
    rows = tomllib.loads(path.read_text(encoding="utf-8")).get("reported", [])
    for row in rows:
        odd = sorted((set(row) - {"spread"}) ^ FIELDS)
        if odd:
            raise ValueError(f"{path}: reported {row.get('name')!r}: expected the fields {sorted(FIELDS)}, not {odd}")
    return [{**row, "paper": paper, "spread": row.get("spread")} for row in rows]


def compare(paper: str, data: Path) -> list[dict[str, Any]]:
    """Reported numbers with ``ours``: of this run's datasets in the folder ``data``, then of kept ones elsewhere.

    Each of ``ours`` has value, spread, setting and difference (ours − reported).
    """
    rows = load(paper)
    if not rows:
        return []
    sources = [_of_run(paper, data), *(held["measures"] for held in _others(paper, data))]
    return [row | {"ours": [_beside(row, found) for found in sources if row["measure"] in found]} for row in rows]


def findings(paper: str, data: Path) -> list[dict[str, str]]:
    """What the paper says of its experiments and what happened in this run, then in kept results on other settings."""
    module = _run_of(paper)
    held = [
        finding._asdict()
        for study, judge in getattr(module, "FINDINGS", {}).items()
        for dataset in _dataset(study, data)
        for finding in judge(dataset)
    ]
    return held + [finding for result in _others(paper, data) for finding in result["findings"]]


def kept(paper: str) -> list[dict[str, Any]]:
    """The files of ``results/``: longer runs, with their device, versions and seeds."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((HERE / paper / "results").glob("*.json"))]


def _others(paper: str, data: Path) -> list[dict[str, Any]]:
    """The kept results but for those that this run has made anew."""
    results = kept(paper)
    anew = {
        (study, dataset.attrs.get("setting"))
        for study in {result["study"] for result in results}
        for dataset in _dataset(study, data)
    }
    return [result for result in results if (result["study"], result["setting"]) not in anew]


def _beside(row: dict[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    ours = found[row["measure"]]
    return ours | {"value": number(ours["value"]), "difference": number(ours["value"] - row["value"])}


def _of_run(paper: str, data: Path) -> dict[str, dict[str, Any]]:
    """Measures of the datasets that this run made."""
    return {
        name: ours._asdict()
        for study, measure in getattr(_run_of(paper), "FROM_STUDIES", {}).items()
        for dataset in _dataset(study, data)
        for name, ours in measure(dataset).items()
    }


def _run_of(paper: str) -> Any:
    return importlib.import_module(f"paper_repro.{paper}.run") if (HERE / paper / "run.py").exists() else None


def _dataset(study: str, data: Path) -> list[xr.Dataset]:
    """The study's dataset, if this run made it."""
    from experiments.store import load_dataset

    path = data / f"{study}.nc"
    return [load_dataset(path)] if path.exists() else []
