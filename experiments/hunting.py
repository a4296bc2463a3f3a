"""Hunts on a budget: a search for tight or violating instances of each claim, the best of them saved."""

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from experiments.checking import claim_jobs, own_faults, saved_counterexample
from experiments.instance_file import save_instance
from experiments.workers import run_jobs, workers
from theory.claim import Claim
from theory.evidence.check import Refutation
from theory.evidence.hunt import Hunted, hunt
from theory.report import Record, number

TIGHT = 0.99  # what a hunt must reach on a conclusion that is declared tight


def hunt_claim(claim: Claim, seconds: float, evaluations: int | None, seed: int, folder: Path) -> Record:
    """Hunt one claim; the best instances go to ``folder``/hunted, a counterexample to ``folder``/refuted.

    Args:
        claim: the claim. seconds: wall-clock budget, compilation included, unless ``evaluations`` are given:
            then the hunt ends after that many (rounded up to a step) and is a function of ``seed``.

    Raises:
        ClaimFault: a claim from a file fails by an exception. OSError: an instance cannot be saved.
    """
    began = time.perf_counter()

    def proceed(done: int) -> bool:
        return done < evaluations if evaluations is not None else time.perf_counter() - began < seconds

    with own_faults(claim):
        result = hunt(claim, proceed, seed)
    spent = time.perf_counter() - began
    found = result.refutation
    return {
        "key": claim.key,
        "title": claim.title,
        "status": claim.status,
        "overrides": dict(claim.overrides),
        "outcome": "REFUTED" if found is not None else "NOT REFUTED",
        "as_expected": result.as_expected,
        "evaluations": result.evaluations,
        "valid": result.valid,
        "seconds": round(spent, 3),
        "seed": seed,
        "gradients": [{"sizes": sizes, "served": served} for sizes, served in result.gradients],
        "skipped": list(result.skipped),
        "conclusions": [_hunted(claim, conclusion, folder / "hunted" / claim.key) for conclusion in result.conclusions],
        "counterexample": None if found is None else saved_counterexample(claim, found, folder / "refuted"),
    }


def hunt_part(entry: Record) -> Record:
    """What the ledger keeps of a hunt's record: the best tightness of each conclusion and what it took."""
    effort = {name: entry[name] for name in ("evaluations", "seconds", "seed")}
    best = [{k: c[k] for k in ("name", "tight", "tightness")} | effort for c in entry["conclusions"]]
    return {"key": entry["key"], "hunt": {"outcome": entry["outcome"], **effort, "conclusions": best}}


def _hunted(claim: Claim, found: Hunted, folder: Path) -> Record:
    entry = {
        "name": found.name,
        "relation": found.relation,
        "tight": found.tight,
        "tightness": number(found.tightness),
        "reached": found.tightness >= TIGHT if found.tight else None,
        "sizes": found.sizes,
        "by_size": [
            {"sizes": dict(claim.sizes[at]), "tightness": number(best)} for at, best in sorted(found.by_size.items())
        ],
        "curve": [[count, number(best)] for count, best in found.curve],
        "file": None,
    }
    if found.latent.size:
        instance = jax.jit(lambda z: claim.build(found.sizes, z))(jnp.asarray(found.latent))
        best = Refutation(found.sizes, instance, found.name, found.lhs, found.rhs, found.allowed)
        entry["file"] = str(save_instance(folder / re.sub(r"\W+", "-", found.name), claim, best))
    return entry


def hunt_claims(
    claims: Sequence[Claim],
    seconds: float,
    evaluations: int | None,
    seed: int,
    folder: Path,
    on_done: Callable[[Record], Any] | None = None,
) -> list[Record]:
    """:func:`hunt_claim` for each, side by side."""
    with workers(len(claims)) as pool:
        jobs = claim_jobs(pool, claims, hunt_claim, seconds, evaluations, seed, folder)
        return run_jobs(pool, jobs, on_done)
