"""``forgetproof audit``: a user's own model before and after forgetting some of its points."""

from pathlib import Path
from typing import Annotated

import typer

from forgetproof.options import Json, UserError, emit
from forgetproof.runtime import start_jax

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Weights (.npz, .safetensors), linear or two-layer ReLU.")]
Data = Annotated[Path, typer.Option("--data", help="Training points: .npz (X, y), .csv with a header, or .parquet.")]
Forget = Annotated[
    str, typer.Option("--forget", help="Rows to forget, from 0: 3,17,20-25 or a .txt, .csv, .npy, .npz, .json file.")
]
Label = Annotated[str | None, typer.Option("--label", help="Column of the labels; y, else the last.")]
MaxBytes = Annotated[int, typer.Option("--max-bytes", min=1, help="Largest file, and largest array made of it.")]
Step = Annotated[float, typer.Option("--step", help="Share of the theorem's ascent step.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of a retrained network's start and the attack's choice.")]
Kinks = Annotated[float, typer.Option("--kink-tolerance", help="Cosine below which a neuron is on a point's kink.")]
LIMIT = 2**31


def audit(
    model: Model,
    data: Data,
    forget: Forget,
    test: Annotated[Path | None, typer.Option("--test", help="Test points, in the same form.")] = None,
    unlearned: Annotated[
        Path | None, typer.Option("--unlearned", help="Weights of your own after unlearning, to be judged as well.")
    ] = None,
    label: Label = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the page and pictures.")] = Path("audit"),
    step: Step = 1.0,
    seed: Seed = 0,
    kink_tolerance: Kinks = 1e-9,
    max_bytes: MaxBytes = LIMIT,
    as_json: Json = False,
) -> None:
    """Audit a model: KKT residuals, certificates of every method, distances, accuracies, and which theorems apply."""
    start_jax()
    from experiments.audit import METHODS
    from experiments.audit import audit as run
    from experiments.readers.indices import read_indices
    from experiments.readers.models import read_model
    from experiments.readers.tables import read_table
    from forgetproof.screen import progress
    from forgetproof.screen.audit import show_audit
    from paper_repro.audit_page import write_audit

    if out.exists() and not out.is_dir():
        raise UserError(f"--out: expected a folder, but {out} is a file")
    try:
        given = read_model(model, max_bytes)
        own = None if unlearned is None else read_model(unlearned, max_bytes)
        table = read_table(data, label, max_bytes)
        unseen = None if test is None else read_table(test, label, max_bytes)
        chosen = read_indices(forget, len(table.y))
        with progress("auditing", len(METHODS[given.kind]) + (own is not None), as_json) as advance:
            found = run(
                given,
                table.X,
                table.y,
                chosen,
                None if unseen is None else (unseen.X, unseen.y),
                own,
                fraction=step,
                seed=seed,
                kink_tolerance=kink_tolerance,
                progress=advance,
            )
    except ValueError as fault:
        raise UserError(str(fault)) from fault
    record = found.record
    record["model"]["notes"] = [*table.notes, *(unseen.notes if unseen else ()), *record["model"]["notes"]]
    record["files"] = {"model": str(model), "data": str(data), "test": str(test) if test else None, "forget": forget}
    page = write_audit(record, out)
    if as_json:
        emit([record])
    else:
        show_audit(record, str(page))
