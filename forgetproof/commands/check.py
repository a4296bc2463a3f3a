"""``forgetproof check``: sampling, exact evidence, and the replay of a saved instance."""

from pathlib import Path
from typing import Annotated, Any

import typer

from forgetproof.options import Constants, Json, Seed, UserError, emit, parse_constants, select_claims
from forgetproof.runtime import start_jax


def check(
    patterns: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY|GLOB|FILE.py]...", help="What to check; everything if left out.")
    ] = None,
    examples: Annotated[int, typer.Option("--examples", "-n", min=1, help="Random instances per claim.")] = 1000,
    seed: Seed = 0,
    instance: Annotated[
        Path | None, typer.Option("--instance", help="Replay one saved instance (.npz) of a single claim.")
    ] = None,
    constants: Constants = None,
    as_json: Json = False,
) -> None:
    """Check claims on random instances; exit code 1 if one is refuted or could not be verified."""
    start_jax()
    chosen = select_claims(patterns, parse_constants(constants))
    if instance is not None:
        records = [_replay(chosen, instance)]
    else:
        records = _run_checks(chosen, examples, seed, quiet=as_json)
    if as_json:
        emit(records)
    else:
        from forgetproof.screen.verdicts import show_verdicts

        show_verdicts(records)
    raise typer.Exit(0 if all(record["as_expected"] for record in records) else 1)


def _run_checks(chosen: list[Any], examples: int, seed: int, quiet: bool) -> list[dict[str, Any]]:
    from experiments import ledger
    from experiments.checking import ClaimFault, check_claims
    from forgetproof.screen import progress

    try:
        with progress("checking claims", len(chosen), quiet) as advance:
            records = check_claims(chosen, examples, seed, ledger.home() / "refuted", lambda r: advance(r["key"]))
        ledger.update(r for r in records if not r["overrides"])  # evidence is for the claim as it is stated
    except (ClaimFault, ledger.DamagedLedger) as fault:
        raise UserError(str(fault)) from fault
    return records


def _replay(chosen: list[Any], path: Path) -> dict[str, Any]:
    import time

    from experiments.checking import replay
    from experiments.instance_file import InstanceFileError, instance_key, load_instance
    from theory.evidence.check import check_instance

    try:
        key = instance_key(path)
        claim = next((claim for claim in chosen if claim.key == key), None)
        if claim is None:
            raise UserError(f"{path}: no claim {key!r} among those named; it is an instance of that one")
        instance, _ = load_instance(path, claim)
    except InstanceFileError as fault:
        raise UserError(str(fault)) from fault
    began = time.perf_counter()
    verdict = check_instance(claim, instance)
    return replay(claim, verdict, time.perf_counter() - began, path)
