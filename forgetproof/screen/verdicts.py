"""Verdicts of checks and of the main job, with every counterexample in full."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from forgetproof.screen import console as terminal
from forgetproof.screen import stated_with
from theory.report import Record, tightness_text

_COLOURS = {"HOLDS": "green", "REFUTED": "red", "VACUOUS": "yellow", "INCONCLUSIVE": "yellow"}


def show_verdicts(records: list[Record]) -> None:
    """Table of verdicts, then every counterexample in full."""
    console = terminal()
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
        table.add_row(r["key"] + stated_with(r), r["status"], outcome, tightness_text(r), *counts)
    console.print(table)
    for r in records:
        if r["counterexample"]:
            show_counterexample(console, r)
    _show_unexpected(console, records)


def show_counterexample(console: Console, r: Record) -> None:
    """One counterexample in full, with the command that replays it."""
    found = r["counterexample"]
    relation = next(c["relation"] for c in r["conclusions"] if c["name"] == found["conclusion"])
    at = ", ".join(f"{k} = {v}" for k, v in found["sizes"].items())
    console.print(f"\ncounterexample to [bold]{r['key']}[/]{stated_with(r)}" + (f" at {at}" if at else ""))
    console.print(
        f"  {escape(found['conclusion'])}: {found['lhs']:.6g} {relation} {found['rhs']:.6g} fails "
        f"(rounding allows {found['allowed']:.1e})"
    )
    for name, value in found["instance"].items():
        text = str(_rounded(value))
        console.print(f"  {escape(name)} = {escape(text if len(text) < 600 else text[:600] + ' ...')}", highlight=False)
    if "replay" in found:
        console.print(f"  replay: {escape(found['replay'])}", highlight=False, soft_wrap=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _show_unexpected(console: Console, records: list[Record]) -> None:
    bad = [r for r in records if not r["as_expected"]]
    if bad:
        console.print(f"\n[red]{len(bad)} of {len(records)} claims are not verified[/]: ", end="")
        console.print(", ".join(f"{r['key']} {r['outcome']}" for r in bad), highlight=False)


def _show_reported(console: Console, rows: list[dict[str, Any]]) -> None:
    """Reported numbers beside ours."""
    if not rows:
        return
    table = Table()
    for column in ("paper", "quantity", "reported", "ours", "difference", "setting here"):
        table.add_column(column, justify="right" if column in ("reported", "ours", "difference") else "left")
    for row in rows:
        for entry in row["ours"] or [{"value": None, "spread": None, "difference": None, "setting": "not in this run"}]:
            name = escape(f"{row['name']} ({row['unit']})")
            reported = f"{row['value']:g}{_spread(row)}"
            ours, difference = _three_digits(entry["value"]) + _spread(entry), _three_digits(entry["difference"])
            table.add_row(row["paper"], name, reported, ours, difference, escape(entry["setting"]))
    console.print(table)


def _spread(entry: dict[str, Any]) -> str:
    return "" if entry["spread"] is None else f" ± {entry['spread']:.3g}"


def _three_digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def show_reproduction(summary: dict[str, Any]) -> None:
    """Verdicts and where the report is."""
    show_verdicts([{**r, "counterexample": None} for r in summary["claims"]])
    console = terminal()
    for target in summary["targets"]:
        mark = "[green]met[/]" if target["met"] else "[red]MISSED[/]"
        console.print(f"{mark} {escape(target['name'])}: {target['ours']:.3g} ({escape(target['source'])})")
    _show_reported(console, summary["reported"])
    if summary["left_out"]:
        papers = " ".join(sorted({left["paper"] for left in summary["left_out"]}))
        names = ", ".join(left["study"] for left in summary["left_out"])
        console.print(f"left out, for they take minutes: {names} (forgetproof reproduce {papers})", highlight=False)
    console.print(f"\nreport: {summary['report']}  ({summary['seconds']:.0f} s)", highlight=False)
