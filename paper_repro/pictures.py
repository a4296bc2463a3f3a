"""Studies and their pictures, each a job of its own that writes into a folder of the run."""

from pathlib import Path
from typing import Any


def run_study(key: str, profile: str, seed: int, folder: Path, source: str | None = None) -> str:
    """Run a study of that key with the parameters of "quick" or "full" and save ``folder/KEY.nc``; returns the key.

    A ``source`` takes the place of the study's own, if it has one.
    """
    from experiments.store import save_dataset
    from experiments.study import all_studies, stamped

    study = all_studies()[key]
    parameters = {**(study.quick if profile == "quick" else study.full), "seed": seed}
    if source is not None and "source" in parameters:
        parameters["source"] = source
    save_dataset(stamped(study, parameters), folder / f"{key}.nc")
    return key


def draw(name: str, folder: Path) -> dict[str, Any]:
    """Draw the figure of that name from ``folder/data`` into ``folder/figures``.

    Returns:
        What the report says of it: ``name``, ``study``, ``paper``, ``title``, ``question``, ``caption``,
        ``findings``, ``table``, and the paths ``files`` and ``data`` from ``folder``.
    """
    from experiments.store import load_dataset
    from experiments.study import all_studies
    from figures import all_figures
    from figures.style import save

    figure = all_figures()[name]
    study = all_studies()[figure.STUDY]
    dataset = load_dataset(folder / "data" / f"{study.key}.nc")
    files = save(figure.plot(dataset), folder / "figures", name)
    return {
        "name": name,
        "study": study.key,
        "paper": study.paper,
        "title": study.title,
        "question": study.question,
        "caption": figure.CAPTION,
        "findings": list(figure.findings(dataset)) if hasattr(figure, "findings") else [],
        "table": figure.table(dataset) if hasattr(figure, "table") else None,
        "files": sorted(str(Path(file).relative_to(folder)) for file in files),
        "data": f"data/{study.key}.nc",
    }
