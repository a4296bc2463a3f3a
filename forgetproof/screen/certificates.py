"""What the balls decided."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from forgetproof.screen import console as terminal

_COLOURS = {"CERTIFIED": "green", "REFUTED": "red", "VACUOUS": "yellow", "UNDECIDED": "yellow"}


def show_certificates(records: list[dict[str, Any]]) -> None:
    """A table of every model's numbers, a table of the claims' conclusions, and why what is open is open."""
    console = terminal()
    for r in records:
        if "findings" in r:
            _show_model(console, r)
    claims = [r for r in records if "conclusions" in r]
    if claims:
        _show_claims(console, claims)


def _show_model(console: Console, r: dict[str, Any]) -> None:
    title = f"{r['key']}: {r['kind']}, {r['bits']} bits, {r['seconds']:.1f} s"
    table = Table(title=escape(title), title_justify="left")
    for column in ("what", "at least", "at most", "proved", "says"):
        table.add_column(column, overflow="fold")
    for f in r["findings"]:
        ends = ("-", "-") if f["interval"] is None else ("-" if end is None else repr(end) for end in f["interval"])
        proved = {True: "[green]yes[/]", False: "[red]no[/]", None: "-"}[f["holds"]]
        table.add_row(f["name"], *ends, proved, escape(f["says"]))
    console.print(table)


def _show_claims(console: Console, records: list[dict[str, Any]]) -> None:
    table = Table()
    for column in (
        "claim",
        "conclusion",
        "certified",
        "within",
        "refuted",
        "undecided",
        "widest",
        "r",
        "bits",
        "seconds",
    ):
        table.add_column(column, justify="left" if column in ("claim", "conclusion") else "right", overflow="fold")
    for r in records:
        head = f"{r['key']} [{_COLOURS[r['outcome']]}]{r['outcome']}[/]"
        for c in r["conclusions"]:
            counts = [str(c[name]) for name in ("certified", "within", "refuted", "undecided")]
            sizes = ["-" if c[name] is None else f"{c[name]:.0e}" for name in ("width", "radius")]
            last = f"{r['seconds']:.1f}" if head else ""
            table.add_row(head, escape(c["name"]), *counts, *sizes, str(c["bits"] or "-"), last)
            head = ""
        table.add_section()
    console.print(table)
    console.print(
        "within: the sides are equal, or the inequality holds, to within r; a float cannot say more of equals"
    )
    for r in records:
        notes = [c for c in r["conclusions"] if c["undecided"]]
        about = [f"{r['vacuous']} of {r['instances']} instances miss an assumption"] if r["vacuous"] else []
        if r["assumption_undecided"]:
            about.append(f"{r['assumption_undecided']} with an assumption that stays open")
        if about:
            console.print(f"{r['key']}: {', '.join(about)}", highlight=False)
        for c in notes:
            console.print(f"{r['key']}, {escape(c['name'])}: {escape(c['reason'])}", highlight=False)
        if r["counterexample"]:
            console.print(f"[red]{r['key']} is refuted[/]: {escape(r['counterexample']['replay'])}", highlight=False)
