"""What the commands show in a terminal: tables on standard output, progress on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from theory.report import Record, evidence_text, tightness_text

_COLOURS = {"HOLDS": "green", "REFUTED": "red", "VACUOUS": "yellow", "INCONCLUSIVE": "yellow"}
_PIPE_WIDTH = 160


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)


def _bars(quiet: bool) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[now]}"),
        console=Console(stderr=True),
        disable=quiet or not sys.stderr.isatty(),
        transient=True,
    )


@contextmanager
def progress(title: str, total: int, quiet: bool) -> Iterator[Callable[[str], None]]:
    """One bar; the yielded function advances it by one and names what was done."""
    with _bars(quiet) as bars:
        task = bars.add_task(title, total=total, now="")
        yield lambda now: bars.update(task, advance=1, now=now)


@contextmanager
def stages(quiet: bool) -> Iterator[Callable[[str, int], Callable[[str], None]]]:
    """Several bars: calling the yielded function with a title and total adds one and returns its advance."""
    with _bars(quiet) as bars:

        def add(title: str, total: int) -> Callable[[str], None]:
            task = bars.add_task(title, total=total, now="")
            return lambda now: bars.update(task, advance=1, now=now)

        yield add


def show_claims(records: list[Record]) -> None:
    """Table of the claims."""
    table = Table(title=f"{len(records)} claims", title_justify="left")
    for column in ("claim", "status", "says", "conclusions", "evidence"):
        table.add_column(column, no_wrap=column in ("claim", "status"), overflow="fold")
    for r in records:
        concluded = ", ".join(c["name"] for c in r["conclusions"])
        table.add_row(r["key"], r["status"], escape(r["title"]), escape(concluded), evidence_text(r))
    _console().print(table)


def show_verdicts(records: list[Record]) -> None:
    """Table of verdicts, then every counterexample in full."""
    console = _console()
    table = Table()
    for column in ("claim", "status", "outcome", "tightness", "instances", "vacuous", "residual", "exact", "seconds"):
        right = column in ("tightness", "instances", "vacuous", "residual", "seconds")
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    for r in records:
        residual = "-" if r["residual"] is None else f"{r['residual']:.0e}"
        exact = "-" if not r["exact"] else f"{r['exact']['instances']} hold" if r["exact"]["held"] else "FAILS"
        colour = _COLOURS[r["outcome"]] if r["outcome"] != "REFUTED" or not r["as_expected"] else "green"
        expected = " (as it should)" if r["outcome"] == "REFUTED" and r["as_expected"] else ""
        outcome = f"[{colour}]{r['outcome']}{expected}[/]"
        counts = (f"{r['instances']:,}", f"{r['vacuous']:,}", residual, exact, f"{r['seconds']:.1f}")
        table.add_row(r["key"], r["status"], outcome, tightness_text(r), *counts)
    console.print(table)
    for r in records:
        if r["counterexample"]:
            _show_counterexample(console, r)
    _show_unexpected(console, records)


def _show_counterexample(console: Console, r: Record) -> None:
    found = r["counterexample"]
    relation = next(c["relation"] for c in r["conclusions"] if c["name"] == found["conclusion"])
    at = ", ".join(f"{k} = {v}" for k, v in found["sizes"].items())
    console.print(f"\ncounterexample to [bold]{r['key']}[/]" + (f" at {at}" if at else ""))
    console.print(
        f"  {escape(found['conclusion'])}: {found['lhs']:.6g} {relation} {found['rhs']:.6g} fails "
        f"(rounding allows {found['allowed']:.1e})"
    )
    for name, value in found["instance"].items():
        text = str(_rounded(value))
        console.print(f"  {escape(name)} = {escape(text if len(text) < 600 else text[:600] + ' ...')}", highlight=False)
    if "replay" in found:
        console.print(f"  replay: {escape(found['replay'])}", highlight=False, soft_wrap=True)


def show_hunts(records: list[Record]) -> None:
    """Table of the tightest instances found, a line for each conclusion, then every counterexample in full."""
    console = _console()
    table = Table()
    for column in ("claim", "conclusion", "tightness", "declared", "sizes", "evaluations", "seconds", "instance"):
        right = column in ("tightness", "evaluations", "seconds")
        table.add_column(column, justify="right" if right else "left", no_wrap=column == "claim", overflow="fold")
    for r in records:
        budget = (f"{r['evaluations']:,}", f"{r['seconds']:.1f}")
        for c in r["conclusions"]:
            declared = "-" if not c["tight"] else "[green]tight[/]" if c["reached"] else "[yellow]tight, not reached[/]"
            best = "-" if c["tightness"] is None else f"{c['tightness']:.4f}"
            at = ", ".join(f"{k} = {v}" for k, v in c["sizes"].items())
            table.add_row(r["key"], escape(c["name"]), best, declared, at, *budget, escape(c["file"] or "-"))
        if not r["conclusions"]:
            table.add_row(r["key"], "no inequality to climb", "-", "-", "-", *budget, "-")
    console.print(table)
    for r in records:
        if r["counterexample"]:
            _show_counterexample(console, r)
    unexpected = [f"{r['key']} {r['outcome']}" for r in records if not r["as_expected"]]
    if unexpected:
        console.print(f"\n[red]not as their status says[/]: {', '.join(unexpected)}", highlight=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _show_unexpected(console: Console, records: list[Record]) -> None:
    bad = [r for r in records if not r["as_expected"]]
    if bad:
        console.print(f"\n[red]{len(bad)} of {len(records)} claims are not verified[/]: ", end="")
        console.print(", ".join(f"{r['key']} {r['outcome']}" for r in bad), highlight=False)


_PROOF_COLOURS = {"proved": "green", "refuted": "red", "unknown": "yellow", "uncovered": "yellow"}


def show_proofs(records: list[Record]) -> None:
    """Every step of every proof with its status; models and sharper constants below it."""
    console = _console()
    for r in records:
        table = Table(title=f"{r['key']}: {r['proved']} of {len(r['steps'])} steps proved", title_justify="left")
        for column in ("step", "says", "status", "by"):
            table.add_column(column, overflow="fold")
        for step in r["steps"]:
            status = f"[{_PROOF_COLOURS[step['status']]}]{step['status']}[/]"
            table.add_row(escape(step["name"]), escape(step["why"]), status, step["by"])
        console.print(table)
        for step in r["steps"]:
            name = escape(step["name"])
            if step["model"]:
                at = ", ".join(f"{symbol} = {value}" for symbol, value in step["model"].items())
                console.print(f"  {name}: {step['status']} at {escape(at)} {escape(step['detail'])}", highlight=False)
            if step["sharpest"]:
                found = step["sharpest"]
                end = "no end found" if found["not_beyond"] is None else f"not provable at {found['not_beyond']:.6g}"
                values = f"stated {found['stated']:.6g}, provable {found['value']:.6g}, {end}"
                console.print(f"  {name}: {escape(found['name'])} {values}", highlight=False)


def show_reproduction(summary: dict[str, Any]) -> None:
    """Verdicts and where the report is."""
    show_verdicts([{**r, "counterexample": None} for r in summary["claims"]])
    console = _console()
    for target in summary["targets"]:
        mark = "[green]met[/]" if target["met"] else "[red]MISSED[/]"
        console.print(f"{mark} {escape(target['name'])}: {target['ours']:.3g} ({escape(target['source'])})")
    console.print(f"\nreport: {summary['report']}  ({summary['seconds']:.0f} s)", highlight=False)


def show_benchmarks(results: list[Any]) -> None:
    """Ratios against peers, what was reached, and what limits each."""
    console = _console()
    table = Table()
    for column in ("benchmark", "peer", "ratio", "target", "ours (s)", "peer (s)"):
        table.add_column(column, justify="left" if column in ("benchmark", "peer") else "right")
    for result in results:
        data = result.as_json()
        for peer, ratio in data["ratios"].items():
            target = data["targets"].get(peer)
            colour = "" if target is None else "[green]" if ratio >= target else "[red]"
            peer_seconds = data["seconds"].get(peer)
            variant = peer.partition(", ")[2]  # the same peer on other problems has its own time of ours beside it
            ours = data["seconds"].get(f"ours, {variant}" if variant else "ours", data["seconds"].get("ours"))
            table.add_row(
                data["name"],
                peer,
                f"{colour}{ratio:.1f}x",
                "-" if target is None else f"{target:g}x",
                "-" if ours is None else f"{ours:.4g}",
                "-" if peer_seconds is None else f"{peer_seconds:.4g}",
            )
    console.print(table)
    for result in results:
        data = result.as_json()
        console.print(f"[bold]{data['name']}[/]: {escape(data['limit'])}", highlight=False)
        for note in data["notes"]:
            console.print(f"  {escape(note)}", highlight=False)
