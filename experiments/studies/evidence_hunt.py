"""How much of every inequality an adversary leaves on the table, once its budget is spent."""

import multiprocessing
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from experiments.study import Parameters, Study, labelled
from experiments.workers import run_jobs, workers
from theory.claims import all_claims, select
from theory.evidence.hunt import climbable, hunt


class HuntFailed(UserWarning):
    """The hunt of one claim ended by an exception; the dataset is without it."""


class Hunted(NamedTuple):
    """The hunt of one claim, or why there is none."""

    key: str
    conclusions: tuple[tuple[str, bool, float], ...] = ()  # name, declared tight, tightest ratio
    refuted: bool = False
    evaluations: int = 0
    fault: str = ""


def run(p: Parameters, on_done: Callable[[Hunted], Any] | None = None) -> xr.Dataset:
    """Hunts of the chosen claims (all if none are named), each until its evaluations or its seconds are spent.

    The seconds are the processor's, so that a busy machine hunts as far as a quiet one.
    ``on_done`` gets each hunt as it ends.

    Raises:
        RuntimeError: every hunt failed.

    Warns:
        HuntFailed: some did.
    """
    keys = [claim.key for claim in select(p["claims"]) if any(climbable(c) for c in claim.conclusions)]
    budget = {name: p[name] for name in ("evaluations", "seconds", "seed")}
    with _pool(keys) as pool:
        hunts = run_jobs(pool, [partial(hunted, key, **budget) for key in keys], on_done, thread_safe=False)
    failed = [h for h in hunts if h.fault]
    if len(failed) == len(hunts):
        raise RuntimeError(f"every hunt failed, the first one ({failed[0].key}) by {failed[0].fault}")
    for h in failed:
        warnings.warn(f"{h.key} is left out: {h.fault}", HuntFailed, stacklevel=2)
    rows = [(h, *conclusion) for h in hunts for conclusion in h.conclusions]
    found, names, tight, best = zip(*rows, strict=True)
    ratio = np.array([t if t > 0 and np.isfinite(t) else np.nan for t in best])
    return xr.Dataset(
        {
            "tightness": labelled("inequality", ratio, "tightest ratio found, less rounding; NaN: compared with 0"),
            "tight": labelled("inequality", tight, "declared tight"),
            "refuted": labelled("inequality", [h.refuted for h in found], "the hunt refuted the claim"),
            "evaluations": labelled("inequality", [h.evaluations for h in found], "instances evaluated for the claim"),
        },
        {
            "claim": labelled("inequality", [h.key for h in found], "claim"),
            "conclusion": labelled("inequality", names, "inequality of the claim"),
        },
        {"seed": p["seed"]},
    )


def hunted(key: str, evaluations: int | None, seconds: float | None, seed: int) -> Hunted:
    """Hunt the claim of that key; whatever it raises is told, not raised."""
    began = time.process_time()

    def proceed(done: int) -> bool:
        return done < evaluations if evaluations is not None else time.process_time() - began < float(seconds or 0.0)

    try:
        found = hunt(all_claims()[key], proceed, seed)
    except Exception as fault:
        return Hunted(key, fault=f"{type(fault).__name__}: {fault}")
    finally:
        if _in_worker():
            jax.clear_caches()  # or they pile up from claim to claim
    best = tuple((c.name, c.tight, float(c.tightness)) for c in found.conclusions)
    return Hunted(key, best, found.refutation is not None, found.evaluations)


def _pool(keys: Sequence[str]) -> AbstractContextManager[Executor]:
    """Processes, unless this is one of them already, whose neighbours use the other cores."""
    return ThreadPoolExecutor(1) if _in_worker() else workers(len(keys))


def _in_worker() -> bool:
    return multiprocessing.parent_process() is not None


STUDY = Study(
    key="evidence_hunt",
    paper="ga",
    title="What an adversary leaves on the table",
    question="How near does a directed search come to violating each inequality, and which bounds could be sharper?",
    quick={
        "claims": ("ga.linear.multiplier_bounds", "ga.two_layer.certificate_size"),
        "evaluations": 8_000,
        "seconds": None,
        "seed": 0,
    },
    full={"claims": (), "evaluations": None, "seconds": 20.0, "seed": 0},
    tiny={"claims": ("ga.linear.multiplier_bounds",), "evaluations": 600, "seconds": None, "seed": 0},
    run=run,
)
