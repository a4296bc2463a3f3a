"""Table of the claims."""

from rich.markup import escape
from rich.table import Table

from forgetproof.screen import console as terminal
from theory.report import Record, evidence_text


def show_claims(records: list[Record]) -> None:
    """Table of the claims."""
    table = Table(title=f"{len(records)} claims", title_justify="left")
    for column in ("claim", "status", "says", "conclusions", "constants", "evidence"):
        table.add_column(column, no_wrap=column in ("claim", "status"), overflow="fold")
    for r in records:
        concluded = ", ".join(c["name"] for c in r["conclusions"])
        constants = "\n".join(f"{name} = {value:g}" for name, value in r["constants"].items())
        table.add_row(r["key"], r["status"], escape(r["title"]), escape(concluded), constants, evidence_text(r))
    terminal().print(table)
