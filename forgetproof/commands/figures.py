"""``forgetproof figures``: pictures drawn again from stores and saved datasets alone."""

from pathlib import Path
from typing import Annotated, Any

import typer

from forgetproof.options import Json, UserError, emit
from forgetproof.runtime import start_jax


def figures(
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY|SWEEP|STORE...", help="Keys of studies or sweeps, or stores' folders.")
    ],
    report: Annotated[
        Path, typer.Option("--report", help="Folder of a report; its data/ has the studies' datasets.")
    ] = Path("report"),
    out: Annotated[Path, typer.Option("--out", help="Folder for the pictures.")] = Path("figures"),
    as_json: Json = False,
) -> None:
    """Draw pictures again (PNG and SVG) from what was measured; nothing is computed."""
    start_jax()
    from figures.style import save

    drawn = []
    for name in studies:
        dataset, modules = _measured(name, report)
        for picture, module in modules.items():
            files = save(module.plot(dataset), out, picture)
            findings = list(module.findings(dataset)) if hasattr(module, "findings") else []
            drawn.append({"figure": picture, "files": [str(file) for file in files], "findings": findings})
    if as_json:
        emit(drawn)
        return
    for record in drawn:
        typer.echo("\n  ".join([record["files"][0], *record["findings"]]))


def _measured(name: str, report: Path) -> tuple[Any, dict[str, Any]]:
    """The dataset, and the modules that draw it by name."""
    from experiments import ledger
    from experiments.engine.dataset import load_sweep
    from experiments.engine.model import all_sweeps
    from experiments.engine.store import StoreError
    from experiments.store import load_dataset
    from experiments.study import all_studies
    from figures import all_figures
    from figures.sweeps import all_sweep_figures

    try:
        if name in all_studies():
            path = report / "data" / f"{name}.nc"
            if not path.exists():
                raise UserError(f"{path}: no such file; 'forgetproof reproduce' writes it, --report names its folder")
            return load_dataset(path), {n: m for n, m in all_figures().items() if name == m.STUDY}
        if name not in all_sweeps() and not Path(name).is_dir():
            raise UserError(f"no study, sweep or store {name!r}; sweeps are {', '.join(all_sweeps())}")
        folder = ledger.home() / "sweeps" / name if name in all_sweeps() else Path(name)
        dataset = load_sweep(folder)
    except (StoreError, ValueError) as fault:
        raise UserError(str(fault)) from fault
    if not (dataset.status == 1).any():
        raise UserError(f"{folder}: nothing to draw yet; no cell is computed")
    return dataset, {f"sweep_{n}": m for n, m in all_sweep_figures().items() if dataset.attrs["sweep"] == m.SWEEP}
