"""``forgetproof hunt``: an adversary climbs every bound."""

from typing import Annotated

import typer

from forgetproof.options import Constants, Json, Seed, UserError, emit, parse_constants, select_claims
from forgetproof.runtime import start_jax


def hunt(
    patterns: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY|GLOB|FILE.py]...", help="What to hunt; everything if left out.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, help="Budget per claim, compilation included.")
    ] = 20.0,
    evaluations: Annotated[
        int | None,
        typer.Option("--evaluations", min=1, help="Budget per claim in instances instead: the same on every run."),
    ] = None,
    seed: Seed = 0,
    constants: Constants = None,
    as_json: Json = False,
) -> None:
    """Search for the tightest instances of claims, and for violations; exit code 1 if one comes out unexpected."""
    start_jax()
    chosen = select_claims(patterns, parse_constants(constants))
    from experiments import ledger
    from experiments.checking import ClaimFault
    from experiments.hunting import hunt_claims, hunt_part
    from forgetproof.screen import progress
    from forgetproof.screen.hunts import show_hunts

    try:
        with progress("hunting", len(chosen), as_json) as advance:
            records = hunt_claims(chosen, seconds, evaluations, seed, ledger.home(), lambda r: advance(r["key"]))
        ledger.update(hunt_part(r) for r in records if not r["overrides"])
    except (ClaimFault, ledger.DamagedLedger) as fault:
        raise UserError(str(fault)) from fault
    if as_json:
        emit(records)
    else:
        show_hunts(records)
    raise typer.Exit(0 if all(record["as_expected"] for record in records) else 1)
