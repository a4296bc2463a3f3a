"""``forgetproof export``: the evidence found so far, as a table for a paper."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from forgetproof.options import Patterns, UserError, select_claims
from forgetproof.runtime import start_jax


class Format(StrEnum):
    """What the table is written in."""

    LATEX = "latex"
    MARKDOWN = "markdown"


def export(
    patterns: Patterns = None,
    form: Annotated[Format, typer.Option("--format", help="latex (longtable, booktabs) or markdown.")] = Format.LATEX,
    out: Annotated[Path | None, typer.Option("--out", help="File to write; standard output if left out.")] = None,
) -> None:
    """Export the evidence found so far, claim by claim, as LaTeX for an appendix or as Markdown."""
    start_jax()
    from experiments import ledger
    from experiments.files import write_atomically
    from theory.latex import latex_table
    from theory.report import describe, markdown_table

    chosen = select_claims(patterns)
    try:
        evidence = ledger.read()
        records = [{**describe(c), "outcome": None, "exact": None, **evidence.get(c.key, {})} for c in chosen]
        text = latex_table(records) if form is Format.LATEX else markdown_table(records)
    except ValueError as fault:  # a damaged ledger, or a character without LaTeX
        raise UserError(str(fault)) from fault
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_atomically(out, text.encode())
