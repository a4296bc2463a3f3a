"""What the adversary found."""

from rich.markup import escape
from rich.table import Table

from forgetproof.screen import console as terminal
from forgetproof.screen import stated_with
from forgetproof.screen.verdicts import show_counterexample
from theory.report import Record


def show_hunts(records: list[Record]) -> None:
    """Table of the tightest instances found, a line for each conclusion, then every counterexample in full."""
    console = terminal()
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
            table.add_row(
                r["key"] + stated_with(r), escape(c["name"]), best, declared, at, *budget, escape(c["file"] or "-")
            )
        if not r["conclusions"]:
            table.add_row(r["key"], "no inequality to climb", "-", "-", "-", *budget, "-")
    console.print(table)
    for r in records:
        if r["counterexample"]:
            show_counterexample(console, r)
    unexpected = [f"{r['key']} {r['outcome']}" for r in records if not r["as_expected"]]
    if unexpected:
        console.print(f"\n[red]not as their status says[/]: {', '.join(unexpected)}", highlight=False)
