"""What an audit found, and a certificate after unlearning."""

from typing import Any

from rich.markup import escape
from rich.table import Table

from forgetproof.screen import console as terminal


def show_audit(record: dict[str, Any], page: str) -> None:
    """The state before, a row for each method, a row for each hypothesis, and where the page is."""
    from paper_repro.audit_page import sentence, state

    console = terminal()
    console.print(f"[bold]{escape(sentence(record))}[/]", highlight=False)
    for note in record["model"]["notes"]:
        console.print(f"  {escape(note)}", highlight=False)
    console.print(f"\n{escape(record['before']['says'])}", highlight=False)
    for name, value in state(record["before"]):
        console.print(f"  {escape(name)}: {value}", highlight=False)
    show_methods(record["methods"])
    _show_hypotheses(record["hypotheses"])
    console.print(f"page: {escape(page)}  ({record['seconds']:.1f} s)", highlight=False)


def show_methods(entries: list[dict[str, Any]]) -> None:
    """Certificates, distances and accuracies, a row for each method."""
    from paper_repro.audit_page import cell, columns

    console = terminal()
    shown = columns(entries)
    table = Table(title="after unlearning", title_justify="left")
    table.add_column("method", overflow="fold")
    for text in shown.values():
        table.add_column(text, justify="right")
    for entry in entries:
        table.add_row(escape(entry["name"]), *(cell(key, entry.get(key)) for key in shown))
    console.print(table)
    for entry in entries:
        for key in ("note", "exact_note"):
            if entry.get(key):
                console.print(f"  {escape(entry['name'])}: {escape(entry[key])}", highlight=False)


def _show_hypotheses(rows: list[dict[str, Any]]) -> None:
    from paper_repro.html import short

    table = Table(title="hypotheses of the theorems on these data", title_justify="left")
    for column in ("theorem", "hypothesis", "needed", "measured", "by", ""):
        table.add_column(column, justify="right" if column in ("measured", "by") else "left", overflow="fold")
    for row in rows:
        if row["holds"] is None:
            table.add_row(row["theorem"], escape(row["statement"]), "-", "-", "-", "does not apply")
            continue
        verdict = "[green]holds[/]" if row["holds"] else "[yellow]fails[/]"
        says = escape(row["statement"] + (f" ({row['note']})" if row["note"] else ""))
        table.add_row(row["theorem"], says, escape(row["needed"]), short(row["measured"]), short(row["gap"]), verdict)
    terminal().print(table)
