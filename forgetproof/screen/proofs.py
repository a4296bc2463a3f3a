"""The steps of the proofs."""

from rich.markup import escape
from rich.table import Table

from forgetproof.screen import console as terminal
from theory.report import Record

_PROOF_COLOURS = {"proved": "green", "refuted": "red", "unknown": "yellow", "uncovered": "yellow"}


def show_proofs(records: list[Record]) -> None:
    """Every step of every proof with its status; models and sharper constants below it."""
    console = terminal()
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
