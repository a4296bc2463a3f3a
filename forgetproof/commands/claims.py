"""``forgetproof claims``: what is claimed, and the evidence so far."""

from typing import Annotated

import typer

from forgetproof.options import Json, UserError, emit, select_claims
from forgetproof.runtime import start_jax


def claims(
    patterns: Annotated[list[str] | None, typer.Argument(help="Keys, globs over keys, or claim files.")] = None,
    as_json: Json = False,
) -> None:
    """List the claims: paper, title, status, conclusions and the evidence found so far."""
    start_jax()
    from experiments import ledger
    from theory.report import describe

    chosen = select_claims(patterns)
    try:
        evidence = ledger.read()
    except ValueError as fault:
        raise UserError(str(fault)) from fault
    records = [{**describe(claim), **evidence.get(claim.key, {"outcome": None, "exact": None})} for claim in chosen]
    if as_json:
        emit(records)
        return
    from forgetproof.screen.claims import show_claims

    show_claims(records)
