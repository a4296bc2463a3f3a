"""Keep what a long run measured: ``python -m paper_repro.results REPORT_FOLDER``.

Writes ``paper_repro/PAPER/results/STUDY-SOURCE.json`` for every dataset of the report that a paper's numbers or
findings are taken from: measures, findings, tables, parameters, device, versions. Later reports show them too.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import xarray as xr

from experiments.files import write_atomically
from experiments.study import Study, all_studies
from paper_repro.reported import HERE


def keep(report: Path, root: Path = HERE) -> list[Path]:
    """Write the results of a finished report's datasets; returns the files."""
    from experiments.store import load_dataset

    written = []
    for path in sorted((report / "data").glob("*.nc")):
        study = all_studies()[path.stem]
        if _judged(study, root):
            dataset = load_dataset(path)
            folder = root / study.paper / "results"
            folder.mkdir(exist_ok=True)
            file = folder / f"{study.key}-{dataset.attrs['source']}.json"
            found = result(study.paper, dataset)
            write_atomically(file, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())
            written.append(file)
    return written


def _judged(study: Study, root: Path) -> bool:
    """Whether a paper's numbers or findings are taken from the study."""
    if not (root / study.paper / "run.py").exists():
        return False
    module = importlib.import_module(f"paper_repro.{study.paper}.run")
    return any(study.key in getattr(module, name, {}) for name in ("FROM_STUDIES", "FINDINGS"))


def result(paper: str, dataset: xr.Dataset) -> dict[str, Any]:
    """What is kept of one dataset."""
    from figures import all_figures

    module, key = importlib.import_module(f"paper_repro.{paper}.run"), dataset.attrs["study"]
    measures, judge = getattr(module, "FROM_STUDIES", {}).get(key), getattr(module, "FINDINGS", {}).get(key)
    drawn = [figure for figure in all_figures().values() if key == figure.STUDY]
    return {
        "study": key,
        "setting": dataset.attrs.get("setting", ""),
        "measures": {name: ours._asdict() for name, ours in measures(dataset).items()} if measures else {},
        "findings": [finding._asdict() for finding in judge(dataset)] if judge else [],
        "pictures": [text for figure in drawn if hasattr(figure, "findings") for text in figure.findings(dataset)],
        "tables": [figure.table(dataset) for figure in drawn if hasattr(figure, "table")],
        "parameters": json.loads(dataset.attrs["parameters"]) | {"source": dataset.attrs["source"]},
        "seconds": float(dataset.attrs["seconds"]),
        "environment": json.loads(dataset.attrs["environment"]),
    }


if __name__ == "__main__":
    for name in keep(Path(sys.argv[1] if len(sys.argv) > 1 else "report")):
        print(name)
