"""Run many checks side by side: sampling and exact evidence, counterexamples saved as they are found."""

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.instance_file import save_instance
from experiments.workers import run_jobs, separate, workers
from theory.claim import Claim, Instance
from theory.claims import all_claims, load_file
from theory.evidence.check import Refutation, Verdict, check
from theory.report import Record, record

EXACT_INSTANCES = 20


class ClaimFault(ValueError):
    """A user's claim raised an exception of its own; the message says which claim and what."""


def check_claim(claim: Claim, examples: int, seed: int, folder: Path) -> Record:
    """Check one claim by sampling and, where it offers it, exactly over the rationals.

    Raises:
        ClaimFault: a claim from a file fails by an exception. OSError: a counterexample cannot be saved.
    """
    began = time.perf_counter()
    with own_faults(claim):
        verdict = check(claim, max(examples, len(claim.sizes)), seed)
    entry = record(claim, verdict, time.perf_counter() - began)
    if verdict.refutation is not None:
        entry["counterexample"] = saved_counterexample(claim, verdict.refutation, folder)
    if claim.exact is not None and find_spec("sympy"):  # an optional package: without it, no exact evidence
        entry["exact"] = exact_record(claim, seed)
        entry["as_expected"] = entry["as_expected"] and entry["exact"]["held"]
    entry["seconds"] = round(time.perf_counter() - began, 3)
    return entry


@contextmanager
def own_faults(claim: Claim) -> Iterator[None]:
    """Turns an exception of a claim from a file into a :class:`ClaimFault`."""
    try:
        yield
    except Exception as fault:
        if claim.module.endswith(".py"):
            raise ClaimFault(f"{claim.module}: claim {claim.key}: {type(fault).__name__}: {fault}") from fault
        raise


def exact_record(claim: Claim, seed: int, instances: int = EXACT_INSTANCES) -> Record:
    """Exact evidence of a claim as a record."""
    from theory.evidence.exact import check_exact

    evidence = check_exact(claim, instances, seed)
    return {
        "instances": evidence.instances,
        "held": evidence.failed is None,
        "failed": None if evidence.failed is None else [str(part) for part in evidence.failed],
        "ground_types": evidence.ground_types,
    }


def saved_counterexample(claim: Claim, refutation: Refutation, folder: Path) -> Record:
    """Write a counterexample into ``folder``; its record says how to replay it."""
    path = save_instance(folder, claim, refutation)
    what = claim.module if claim.module.endswith(".py") else claim.key
    return {
        "sizes": refutation.sizes,
        "conclusion": refutation.conclusion,
        "lhs": refutation.lhs,
        "rhs": refutation.rhs,
        "allowed": refutation.allowed,
        "file": str(path),
        "replay": f"forgetproof check {what} --instance {path}" + _constant_options(claim),
        "instance": instance_text(refutation.instance),
    }


def _constant_options(claim: Claim) -> str:
    return "".join(f" --constant {name}={value!r}" for name, value in claim.overrides.items())


def instance_text(instance: Instance) -> dict[str, Any]:
    """The arrays of an instance by name, as nested lists."""
    leaves = jax.tree_util.tree_leaves_with_path(instance)
    return {jax.tree_util.keystr(path).strip(".[]'"): np.asarray(leaf).tolist() for path, leaf in leaves}


def check_claims(
    claims: Sequence[Claim],
    examples: int,
    seed: int,
    folder: Path,
    on_done: Callable[[Record], Any] | None = None,
) -> list[Record]:
    """:func:`check_claim` for each, side by side."""
    with workers(len(claims)) as pool:
        return run_jobs(pool, claim_jobs(pool, claims, check_claim, examples, seed, folder), on_done)


def claim_jobs(
    pool: Executor, claims: Sequence[Claim], run: Callable[..., Record], *arguments: Any
) -> list[Callable[[], Record]]:
    """``run(claim, *arguments)`` for each claim, as jobs for :func:`experiments.workers.run_jobs`.

    A claim's functions do not go into another process: it finds the claim by its key or file, so the claims must be
    as :func:`theory.claims.select` gives them, but for a reader's constants.
    """
    if not separate(pool):
        return [partial(run, claim, *arguments) for claim in claims]
    return [partial(_run_named, run, claim.key, claim.module, dict(claim.overrides), *arguments) for claim in claims]


def _run_named(
    run: Callable[..., Record], key: str, module: str, overrides: dict[str, float], *arguments: Any
) -> Record:
    claim = _of_file(module)[key] if module.endswith(".py") else all_claims()[key]
    return run(claim.with_constants(overrides) if overrides else claim, *arguments)


@functools.cache
def _of_file(path: str) -> dict[str, Claim]:
    return {claim.key: claim for claim in load_file(Path(path))}


def replay(claim: Claim, verdict: Verdict, seconds: float, source: Path) -> Record:
    """Record of a check on one saved instance."""
    entry = record(claim, verdict, seconds)
    if verdict.refutation is not None:
        found = verdict.refutation
        entry["counterexample"] = {
            "sizes": found.sizes,
            "conclusion": found.conclusion,
            "lhs": found.lhs,
            "rhs": found.rhs,
            "allowed": found.allowed,
            "file": str(source),
            "instance": instance_text(found.instance),
        }
    return entry
