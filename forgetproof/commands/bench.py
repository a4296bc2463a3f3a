"""``forgetproof bench``: speed against named peers."""

from pathlib import Path
from typing import Annotated

import typer

from forgetproof.options import Json, UserError, emit
from forgetproof.runtime import start_jax


def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Benchmarks; all if left out.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Smaller sizes, for a first look.")] = False,
    save: Annotated[
        Path | None,
        typer.Option("--save", help="Folder for the numbers, in cpu.json or gpu.json, with earlier ones."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure speed as a ratio against named peers in the same run."""
    start_jax(compile_fast=names == ["falsehoods"])  # many small programs, as in a check
    from experiments.benchmarks import all_benchmarks
    from experiments.benchmarks.record import load, record
    from forgetproof.screen import stages
    from forgetproof.screen.benchmarks import show_benchmarks

    known = all_benchmarks()
    unknown = [name for name in names or [] if name not in known]
    if unknown:
        raise UserError(f"no benchmark named {unknown[0]!r}; expected one of {', '.join(known)}")
    results = []
    with stages(as_json) as add:
        advance = add("benchmarks", len(names or known))
        for name in names or known:
            shown = (add,) if known[name].staged else ()
            before = load()
            results.append(known[name].run(quick, *shown))
            if save is not None:
                record(results[-1], before, save)
            advance(name)
    if as_json:
        emit([result.as_json() for result in results])
    else:
        show_benchmarks(results)
    raise typer.Exit(0 if all(result.passed for result in results) else 1)
