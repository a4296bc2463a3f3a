"""``forgetproof prove``: the steps of the proofs, decided by machine."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from forgetproof.options import Constants, Json, UserError, emit, parse_constants, select_claims
from forgetproof.runtime import start_jax


def prove(
    patterns: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY|GLOB|FILE.py]...", help="Whose proofs; every claim that has one if left out."),
    ] = None,
    sharper: Annotated[
        bool, typer.Option("--sharpen", help="Also search for the sharpest provable value of each named constant.")
    ] = False,
    timeout: Annotated[float, typer.Option("--timeout", min=0.001, help="Seconds per step.")] = 5.0,
    constants: Constants = None,
    as_json: Json = False,
) -> None:
    """Decide the steps of the proofs by machine; exit code 1 if one is refuted or stays unknown."""
    start_jax()
    from experiments import ledger
    from theory.evidence.prove import proof_record, proof_summary
    from theory.evidence.prove import prove as decide_all

    chosen = [claim for claim in select_claims(patterns) if claim.obligations is not None]
    if not chosen:
        raise UserError("none of these claims has steps for a machine to prove")
    values = parse_constants(constants)
    chosen = [_restated(claim, values) for claim in chosen] if values else chosen
    from forgetproof.screen import progress
    from forgetproof.screen.proofs import show_proofs

    records, found, good = [], [], True
    timeout_ms = max(1, round(1000 * timeout))
    with progress("proving", len(chosen), as_json) as advance:
        for claim in chosen:
            proof = decide_all(claim, timeout_ms)
            records.append(proof_record(proof, timeout_ms, sharper))
            found.append({"key": claim.key, "proof": proof_summary(proof)})
            good &= proof.good
            advance(claim.key)
    if not values:  # other constants make another claim
        try:
            ledger.update(found)
        except ledger.DamagedLedger as fault:
            raise UserError(str(fault)) from fault
    if as_json:
        emit(records)
    else:
        show_proofs(records)
    raise typer.Exit(0 if good else 1)


def _restated(claim: Any, values: dict[str, float]) -> Any:
    from theory.obligation import restated

    try:
        steps = restated(claim.obligations(), values)
    except ValueError as fault:
        raise UserError(f"{claim.key}: {fault}") from fault
    return replace(claim, obligations=lambda: steps)
