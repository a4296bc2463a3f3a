"""``forgetproof sweep``: a grid of cells on this machine's cores or a cluster, into a store that can be resumed."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from forgetproof.options import Json, UserError, emit
from forgetproof.runtime import start_jax


def sweep(
    key: Annotated[str | None, typer.Argument(metavar="[SWEEP]", help="Which one; left out, they are listed.")] = None,
    grid: Annotated[
        Path | None, typer.Option("--grid", help="TOML file with values for axes and settings, by name.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUES",
            help="Other values, as 1,2,5 or 0..9 or lin:0:1:11 or log:1e2:1e12:11; repeatable.",
        ),
    ] = None,
    store: Annotated[
        Path | None, typer.Option("--store", help="Folder of the results; .forgetproof/sweeps/SWEEP if left out.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="tcp://HOST:PORT", help="A running dask scheduler.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes on this machine; one a core if left out.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the store.")] = False,
    retry: Annotated[
        bool, typer.Option("--retry-failed", help="With --resume: compute chunks with failed cells again.")
    ] = False,
    chunk: Annotated[
        int | None, typer.Option("--chunk", min=1, help="Cells a task; as the device allows if left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute a sweep over its grid; killed at any moment, --resume goes on. Exit code 1 if a cell failed."""
    start_jax()
    from experiments.engine.cluster import ClusterError
    from experiments.engine.grid import GridError, cell_at
    from experiments.engine.lock import StoreLocked
    from experiments.engine.model import all_sweeps, sweep_of
    from experiments.engine.runner import run_sweep
    from experiments.engine.store import StoreError, kept
    from forgetproof.screen.sweeps import show_sweeps, show_swept, sweeping

    if key is None:
        known = all_sweeps()
        if as_json:
            emit(
                [
                    {"sweep": s.key, "title": s.title, "question": s.question, "axes": list(s.axes)}
                    for s in known.values()
                ]
            )
        else:
            show_sweeps(list(known.values()))
        return
    chosen = sweep_of(key)
    if chosen is None:
        raise UserError(f"no sweep named {key!r}; expected one of {', '.join(all_sweeps())}")
    if scheduler and workers:
        raise UserError("--workers: the processes are those of --scheduler; give one of the two")
    folder = store or _home() / "sweeps" / key
    try:
        own = _changes(grid, changes or [])
        with sweeping(as_json) as begin:
            ran = run_sweep(
                chosen,
                folder,
                changes=own,
                resume=resume,
                retry=retry,
                width=chunk,
                count=workers,
                scheduler=scheduler,
                begin=begin,
            )
    except (GridError, StoreError, StoreLocked, ClusterError) as fault:
        raise UserError(str(fault)) from fault
    except OSError as fault:
        raise UserError(f"{fault.filename or folder}: {fault.strerror or fault}; {kept(folder)}") from fault
    except KeyboardInterrupt:
        typer.echo(kept(folder), err=True)
        raise
    record = {
        "sweep": key,
        "store": str(folder),
        "cells": ran.cells,
        "computed": ran.computed,
        "repaired": ran.repaired,
        "failures": [{"cell": cell_at(chosen, ran.grid, cell), "error": error} for cell, error in ran.failed.items()],
        "seconds": round(ran.seconds, 3),
        "compute_seconds": round(ran.compute_seconds, 3),
    }
    if as_json:
        emit([record])
    else:
        show_swept(record)
    raise typer.Exit(1 if ran.failed else 0)


def _home() -> Path:
    from experiments import ledger

    return ledger.home()


def _changes(grid: Path | None, given: list[str]) -> dict[str, Any]:
    """Values by name: of the file, and over them those of --set."""
    from experiments.engine.grid import GridError, parse_values

    values: dict[str, Any] = {}
    if grid is not None:
        try:
            values = tomllib.loads(grid.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
            raise UserError(f"{grid}: expected TOML such as d = [100, 1000]: {fault}") from fault
    seen = set()
    for text in given:
        name, equals, numbers = (part.strip() for part in text.partition("="))
        if not (name and equals and numbers):
            raise UserError(f"--set: expected NAME=VALUES such as d=100,1000, got {text!r}")
        if name in seen:
            raise UserError(f"--set: {name} is given twice")
        seen.add(name)
        try:
            values[name] = parse_values(numbers)
        except GridError as fault:
            raise UserError(f"--set {name}: {fault}") from fault
    return values
