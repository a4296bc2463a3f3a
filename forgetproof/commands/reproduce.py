"""``forgetproof reproduce``: the main job."""

from pathlib import Path
from typing import Annotated

import typer

from forgetproof.options import Json, Seed, UserError, emit
from forgetproof.runtime import start_jax


def reproduce(
    papers: Annotated[
        list[str] | None, typer.Argument(metavar="[PAPER]...", help="ga, ft, unsir, wc; all if left out.")
    ] = None,
    profile: Annotated[str, typer.Option("--profile", help="quick (minutes) or full (larger and finer).")] = "quick",
    out: Annotated[Path, typer.Option("--out", help="Folder for the report, made if missing.")] = Path("report"),
    data: Annotated[
        str | None,
        typer.Option("--data", help="Images for studies of networks: a folder of Parquet files; digits if left out."),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """The main job: run every claim and study, and write report.html, report.json and the pictures."""
    start_jax()
    from forgetproof.screen import stages
    from forgetproof.screen.verdicts import show_reproduction
    from paper_repro.reproduce import ReproduceError
    from paper_repro.reproduce import reproduce as run

    try:
        with stages(as_json) as progress:
            summary = run(papers or [], profile, out, seed, progress, data)
    except ReproduceError as fault:
        raise UserError(str(fault)) from fault
    if as_json:
        emit(summary["claims"])
    else:
        show_reproduction(summary)
    raise typer.Exit(0 if summary["good"] else 1)
