"""``forgetproof certify``: rigorous enclosures of claims' instances and of models in files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from forgetproof.options import Constants, Json, Seed, UserError, emit, parse_constants, select_claims
from forgetproof.runtime import start_jax


def certify(
    patterns: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY|GLOB|FILE.py|MODEL.npz]...", help="What to certify; every claim if left out."),
    ] = None,
    examples: Annotated[int, typer.Option("--examples", "-n", min=1, help="Random instances per claim.")] = 20,
    seed: Seed = 0,
    instance: Annotated[
        Path | None, typer.Option("--instance", help="Certify on one saved instance (.npz) of a single claim.")
    ] = None,
    exact_build: Annotated[
        bool,
        typer.Option("--exact-build", help="Instances are built in exact arithmetic too, not rounded to floats."),
    ] = False,
    limit: Annotated[
        int, typer.Option("--precision-limit", min=2, metavar="BITS", help="Highest precision before undecided.")
    ] = 1024,
    constants: Constants = None,
    as_json: Json = False,
) -> None:
    """Enclose both sides of each conclusion in intervals, so that it is decided; exit code 1 if one is refuted."""
    start_jax()
    models = [Path(p) for p in patterns or [] if p.endswith(".npz")]
    named = [p for p in patterns or [] if not p.endswith(".npz")]
    chosen = select_claims(named, parse_constants(constants)) if named or not models else []
    if instance is not None and exact_build:
        raise UserError("--exact-build: a saved instance is its floats; leave one of the two out")
    if instance is not None:
        records = [_saved(chosen, instance, limit)]
    else:
        records = _run(chosen, models, examples, seed, limit, exact_build, quiet=as_json)
    if as_json:
        emit(records)
    else:
        from forgetproof.screen.certificates import show_certificates

        show_certificates(records)
    raise typer.Exit(0 if all(record["as_expected"] for record in records) else 1)


def _run(
    chosen: list[Any], models: list[Path], examples: int, seed: int, limit: int, exact_build: bool, quiet: bool
) -> list[dict[str, Any]]:
    from experiments import ledger
    from experiments.certifying import certified_part, certify_claim, certify_model
    from experiments.checking import ClaimFault
    from experiments.instance_file import InstanceFileError
    from forgetproof.screen import progress

    records = []
    try:
        with progress("certifying", len(chosen) + len(models), quiet) as advance:
            for path in models:
                records.append(certify_model(path, limit))
                advance(str(path))
            for claim in chosen:
                folder = ledger.home() / "refuted"
                records.append(certify_claim(claim, examples, seed, limit, exact_build, folder))
                advance(claim.key)
        stated = [r for r, claim in zip(records[len(models) :], chosen, strict=True) if not claim.overrides]
        ledger.update(certified_part(r) for r in stated if r["outcome"] != "VACUOUS")
    except (ClaimFault, InstanceFileError, ledger.DamagedLedger) as fault:
        raise UserError(str(fault)) from fault
    return records


def _saved(chosen: list[Any], path: Path, limit: int) -> dict[str, Any]:
    from experiments.certifying import certify_saved
    from experiments.checking import ClaimFault
    from experiments.instance_file import InstanceFileError, instance_key

    try:
        key = instance_key(path)
        claim = next((claim for claim in chosen if claim.key == key), None)
        if claim is None:
            raise UserError(f"{path}: no claim {key!r} among those named; it is an instance of that one")
        return certify_saved(claim, path, limit)
    except (ClaimFault, InstanceFileError) as fault:
        raise UserError(str(fault)) from fault
