"""The ``forgetproof`` command. Each command imports what it needs, so that ``--help`` stays instant."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from forgetproof.runtime import start_jax

app = typer.Typer(
    name="forgetproof",
    help="Verify the theory of machine unlearning: which theorems hold, how tightly, and where they break.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

OPTIONAL = {  # packages that only some commands need, and the extra that brings them
    "sympy": "exact",
    "z3": "exact",
    "matplotlib": "reproduce",
    "sklearn": "reproduce",
    "xarray": "reproduce",
    "latex2mathml": "reproduce",
    "clarabel": "bench",
}

Json = Annotated[bool, typer.Option("--json", help="Print one JSON list and nothing else on standard output.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the random instances.")]


class UserError(Exception):
    """A mistake in what the user passed; printed as one line, exit code 2."""


def usage_fault(fault: Exception) -> str | None:
    """The message for a fault that the user can mend, or None for a defect of the program."""
    if isinstance(fault, typer.TyperException):
        return fault.format_message() or "bad usage; see forgetproof --help"
    if isinstance(fault, OSError):
        return f"{fault.filename or 'file'}: {fault.strerror or fault}"
    if isinstance(fault, ModuleNotFoundError) and fault.name in OPTIONAL:
        return f"{fault.name} is not installed; run: pip install 'forgetproof[{OPTIONAL[fault.name]}]'"
    if isinstance(fault, ImportError) and "pip install" in str(fault):  # worded for the user where it was raised
        return str(fault)
    return None


def _select(patterns: list[str] | None) -> list[Any]:
    from theory.claims import select

    try:
        return select(patterns or [])
    except ValueError as fault:
        raise UserError(str(fault)) from fault


def _emit(records: list[Any]) -> None:
    typer.echo(json.dumps(records, indent=2))


def _version(wanted: bool) -> None:
    if wanted:
        from forgetproof import __version__

        typer.echo(f"forgetproof {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    del version


@app.command()
def claims(
    patterns: Annotated[list[str] | None, typer.Argument(help="Keys, globs over keys, or claim files.")] = None,
    as_json: Json = False,
) -> None:
    """List the claims: paper, title, status, conclusions and the evidence found so far."""
    start_jax()
    from experiments import ledger
    from theory.report import describe

    chosen = _select(patterns)
    try:
        evidence = ledger.read()
    except ValueError as fault:
        raise UserError(str(fault)) from fault
    records = [{**describe(claim), **evidence.get(claim.key, {"outcome": None, "exact": None})} for claim in chosen]
    if as_json:
        _emit(records)
        return
    from forgetproof.screen import show_claims

    show_claims(records)


@app.command()
def check(
    patterns: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY|GLOB|FILE.py]...", help="What to check; everything if left out.")
    ] = None,
    examples: Annotated[int, typer.Option("--examples", "-n", min=1, help="Random instances per claim.")] = 1000,
    seed: Seed = 0,
    instance: Annotated[
        Path | None, typer.Option("--instance", help="Replay one saved instance (.npz) of a single claim.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check claims on random instances; exit code 1 if one is refuted or could not be verified."""
    start_jax()
    chosen = _select(patterns)
    if instance is not None:
        records = [_replay(chosen, instance)]
    else:
        records = _run_checks(chosen, examples, seed, quiet=as_json)
    if as_json:
        _emit(records)
    else:
        from forgetproof.screen import show_verdicts

        show_verdicts(records)
    raise typer.Exit(0 if all(record["as_expected"] for record in records) else 1)


def _run_checks(chosen: list[Any], examples: int, seed: int, quiet: bool) -> list[dict[str, Any]]:
    from experiments import ledger
    from experiments.checking import ClaimFault, check_claims
    from forgetproof.screen import progress

    try:
        with progress("checking claims", len(chosen), quiet) as advance:
            records = check_claims(chosen, examples, seed, ledger.home() / "refuted", lambda r: advance(r["key"]))
        ledger.update(records)
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


@app.command()
def prove(
    patterns: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY|GLOB|FILE.py]...", help="Whose proofs; every claim that has one if left out."),
    ] = None,
    sharper: Annotated[
        bool, typer.Option("--sharpen", help="Also search for the sharpest provable value of each named constant.")
    ] = False,
    timeout: Annotated[float, typer.Option("--timeout", min=0.001, help="Seconds per step.")] = 5.0,
    as_json: Json = False,
) -> None:
    """Decide the steps of the proofs by machine; exit code 1 if one is refuted or stays unknown."""
    start_jax()
    from theory.evidence.prove import proof_record
    from theory.evidence.prove import prove as decide_all

    chosen = [claim for claim in _select(patterns) if claim.obligations is not None]
    if not chosen:
        raise UserError("none of these claims has steps for a machine to prove")
    from forgetproof.screen import progress, show_proofs

    records, good = [], True
    timeout_ms = max(1, round(1000 * timeout))
    with progress("proving", len(chosen), as_json) as advance:
        for claim in chosen:
            proof = decide_all(claim, timeout_ms)
            records.append(proof_record(proof, timeout_ms, sharper))
            good &= proof.good
            advance(claim.key)
    if as_json:
        _emit(records)
    else:
        show_proofs(records)
    raise typer.Exit(0 if good else 1)


@app.command()
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
    as_json: Json = False,
) -> None:
    """Search for the tightest instances of claims, and for violations; exit code 1 if one comes out unexpected."""
    start_jax()
    chosen = _select(patterns)
    from experiments import ledger
    from experiments.checking import ClaimFault
    from experiments.hunting import hunt_claims
    from forgetproof.screen import progress, show_hunts

    try:
        with progress("hunting", len(chosen), as_json) as advance:
            records = hunt_claims(chosen, seconds, evaluations, seed, ledger.home(), lambda r: advance(r["key"]))
    except ClaimFault as fault:
        raise UserError(str(fault)) from fault
    if as_json:
        _emit(records)
    else:
        show_hunts(records)
    raise typer.Exit(0 if all(record["as_expected"] for record in records) else 1)


@app.command()
def reproduce(
    papers: Annotated[list[str] | None, typer.Argument(metavar="[PAPER]...", help="ga, ft; all if left out.")] = None,
    profile: Annotated[str, typer.Option("--profile", help="quick (minutes) or full (larger and finer).")] = "quick",
    out: Annotated[Path, typer.Option("--out", help="Folder for the report, made if missing.")] = Path("report"),
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """The main job: run every claim and study, and write report.html, report.json and the pictures."""
    start_jax()
    from forgetproof.screen import show_reproduction, stages
    from paper_repro.reproduce import ReproduceError
    from paper_repro.reproduce import reproduce as run

    try:
        with stages(as_json) as progress:
            summary = run(papers or [], profile, out, seed, progress)
    except ReproduceError as fault:
        raise UserError(str(fault)) from fault
    if as_json:
        _emit(summary["claims"])
    else:
        show_reproduction(summary)
    raise typer.Exit(0 if summary["good"] else 1)


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Benchmarks; all if left out.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Smaller sizes, for a first look.")] = False,
    save: Annotated[
        Path | None, typer.Option("--save", help="Folder to write the numbers to, as cpu.json or gpu.json.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure speed as a ratio against named peers in the same run."""
    start_jax(compile_fast=False)
    from experiments.benchmarks import all_benchmarks
    from experiments.benchmarks.record import load, record
    from forgetproof.screen import progress, show_benchmarks

    known = all_benchmarks()
    unknown = [name for name in names or [] if name not in known]
    if unknown:
        raise UserError(f"no benchmark named {unknown[0]!r}; expected one of {', '.join(known)}")
    results, loads = [], [load()]
    with progress("benchmarks", len(names or known), as_json) as advance:
        for name in names or known:
            results.append(known[name].run(quick))
            loads.append(load())
            advance(name)
    if save is not None:
        record(results, loads, save)
    if as_json:
        _emit([result.as_json() for result in results])
    else:
        show_benchmarks(results)
    raise typer.Exit(0 if all(result.passed for result in results) else 1)
