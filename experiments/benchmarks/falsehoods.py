"""How many planted falsehoods the sampler refutes, how soon, and whether it ever refutes a true claim."""

import importlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.model import Benchmark, BenchmarkResult, Growth
from experiments.instance_file import load_instance, save_instance
from experiments.workers import run_jobs, workers
from theory.claim import Claim, Outcome, Sizes
from theory.claims import all_claims
from theory.evidence.check import (
    CHUNK,
    WIDE,
    Refutation,
    check_instance,
    draw_latents,
    evaluate_batch,
    outcomes,
)
from theory.numerics import clopper_pearson

SEED = 0
TARGET = 0.95
CAP = 4096  # instances of a falsehood before it counts as a survivor
SEEDS, EXAMPLES = 10, 1000  # of every true claim
ROOT = Path(__file__).parents[2]
LIMIT = (
    "compilation, paid once a falsehood and size (a falsehood is a program of its own); instances are cheap beside it, "
    "and most falsehoods fall to the first batch"
)


Result = TypeVar("Result")


@dataclass(frozen=True)
class Hunt:
    """One falsehood: whether it was refuted, and what that took."""

    key: str
    wrong: str
    instances: int  # up to and with the first that refutes it; all that were drawn for a survivor
    seconds: float  # processor time with compilation, replay left out
    refuted: bool
    replayed: bool  # the saved instance alone refutes it too


def catalogue() -> tuple[Any, ...]:
    """The planted falsehoods of this checkout's tests.

    Raises:
        ImportError: there is no checkout: an installed package comes without tests.
    """
    if not (ROOT / "tests" / "falsehoods" / "__init__.py").is_file():
        raise ImportError(
            f"the planted falsehoods are in tests/falsehoods of a checkout, and {ROOT} has none: "
            "run this benchmark from a clone of the repository"
        )
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    planted: tuple[Any, ...] = importlib.import_module("tests.falsehoods").FALSEHOODS
    return planted


def growing(claim: Claim, seed: int, cap: int) -> Iterator[tuple[Sizes, np.ndarray]]:
    """Batches of CHUNK instances a size, then twice as many, up to WIDE and ``cap`` in all."""
    streams = [np.random.default_rng([seed, index]) for index in range(len(claim.sizes))]
    drawn, length = 0, CHUNK
    while True:
        for sizes, rng in zip(claim.sizes, streams, strict=True):
            count = min(length, cap - drawn)
            if count <= 0:
                return
            drawn += count
            yield sizes, draw_latents(rng, length, claim.latent(sizes))[:count]  # a larger cap draws the same first
        length = min(2 * length, WIDE)


def hunt(claim: Claim, seed: int = SEED, cap: int = CAP) -> tuple[int, tuple[Sizes, np.ndarray] | None]:
    """Instances drawn until the first refutation, that one counted, and its sizes and latent vector."""
    drawn = 0
    for sizes, latents in growing(claim, seed, cap):
        result = outcomes(claim, evaluate_batch(claim, sizes, latents))
        bad = np.flatnonzero(result == Outcome.REFUTED.value)
        if bad.size:
            return drawn + int(bad[0]) + 1, (sizes, latents[bad[0]])
        drawn += len(latents)
    return drawn, None


def replays(claim: Claim, sizes: Sizes, latent: np.ndarray) -> bool:
    """Whether the instance, written to a file and read again, refutes the claim on its own."""
    instance = jax.jit(lambda z: claim.build(sizes, z))(jnp.asarray(latent))
    with tempfile.TemporaryDirectory() as folder:
        nothing = float("nan")
        saved = save_instance(Path(folder), claim, Refutation(dict(sizes), instance, "", nothing, nothing, nothing))
        loaded, _ = load_instance(saved, claim)
    return check_instance(claim, loaded).outcome is Outcome.REFUTED


def hunt_one(falsehood: Any) -> Hunt:
    """A falsehood hunted, and its refutation replayed."""
    claim = falsehood.claim
    start = process_time()
    instances, found = hunt(claim)
    seconds = process_time() - start
    replayed = found is not None and replays(claim, *found)
    return Hunt(claim.key, falsehood.wrong, instances, seconds, found is not None, replayed)


def hunt_planted(at: int) -> Hunt:
    """:func:`hunt_one` of an entry of the catalogue, whose functions do not go into another process."""
    return hunt_one(catalogue()[at])


def alarms(key: str, seeds: int = SEEDS, examples: int = EXAMPLES) -> list[str]:
    """The seeds at which :func:`theory.evidence.check.check` refutes a claim, each as a line of text.

    The instances are those of ``check``; all seeds go through one compiled program a size, as one batch.
    """
    claim = all_claims()[key]
    counted = [(c.name, c.share) for c in claim.conclusions if c.share is not None]
    refuted, tested = np.zeros(seeds, bool), np.zeros(seeds, int)
    held = {name: np.zeros(seeds, int) for name, _ in counted}
    for index, (sizes, share) in enumerate(zip(claim.sizes, split(examples, len(claim.sizes)), strict=True)):
        drawn = [draw_latents(np.random.default_rng([s, index]), share, claim.latent(sizes)) for s in range(seeds)]
        evaluation = evaluate_batch(claim, sizes, np.concatenate(drawn))
        result = outcomes(claim, evaluation).reshape(seeds, share)
        violated = result == Outcome.REFUTED.value
        judged = violated | (result == Outcome.HOLDS.value)
        refuted |= violated.any(axis=1)
        tested += judged.sum(axis=1)
        for name in held:
            held[name] += (np.reshape(evaluation.conclusions[name].holds, judged.shape) & judged).sum(axis=1)
    for name, promised in counted:
        highest = [clopper_pearson(int(h), int(n))[1] if n else 1.0 for h, n in zip(held[name], tested, strict=True)]
        refuted |= np.array(highest) < promised
    return [f"{key} at seed {seed}" for seed in np.flatnonzero(refuted)]


def split(examples: int, sizes: int) -> list[int]:
    """Instances of each size, as ``check`` shares them."""
    return [examples // sizes + (index < examples % sizes) for index in range(sizes)]


def once(work: Callable[[Any], Result], argument: Any) -> Result:
    """The result of work whose compiled programs serve nothing else: they are given up."""
    try:
        return work(argument)
    finally:
        jax.clear_caches()


def no_stages(title: str, total: int) -> Callable[[str], None]:
    """Shows nothing."""
    return lambda now: None


def run(quick: bool, stages: Callable[[str, int], Callable[[str], None]] = no_stages) -> BenchmarkResult:
    """Every falsehood and every true claim; quick takes the catalogue's first few and no true claim.

    ``stages``, called with a title and a total, returns the function that advances that stage.
    """
    planted = len(catalogue()[: 3 if quick else None])
    true = [] if quick else [claim.key for claim in all_claims().values() if claim.status != "false"]
    hunted, checked = stages("hunting falsehoods", planted), stages("checking true claims", len(true))
    with workers(planted + len(true)) as pool:
        jobs = [partial(once, hunt_planted, at) for at in range(planted)]
        hunts = run_jobs(pool, jobs, lambda h: hunted(h.key), thread_safe=False)
        found = run_jobs(pool, [partial(once, alarms, key) for key in true], lambda _: checked(""), thread_safe=False)
    return result(hunts, len(true) * SEEDS, [alarm for part in found for alarm in part])


def result(hunts: Sequence[Hunt], checks: int, alarms: Sequence[str]) -> BenchmarkResult:
    """The numbers of all hunts, of so many checks of true claims, and of those that refuted one."""
    refuted = [h for h in hunts if h.refuted]
    seconds = np.array([h.seconds for h in hunts])
    spent = np.array([h.instances for h in refuted] or [CAP])
    worst = max(hunts, key=lambda h: h.seconds)
    survivors = [h for h in hunts if not h.refuted]
    return BenchmarkResult(
        name="falsehoods",
        ratios={"share refuted": len(refuted) / len(hunts)},
        targets={"share refuted": TARGET},
        seconds={"ours": float(np.median(seconds)), "share refuted": float(seconds.sum())},
        residuals={
            "refutations that do not replay": float(sum(not h.replayed for h in refuted)),
            "true claims refuted": float(len(alarms)),
        },
        sizes={
            "falsehoods": len(hunts),
            "refuted": len(refuted),
            "cap": CAP,
            "checks of true claims": checks,
            "instances a check": EXAMPLES,
        },
        limit=LIMIT,
        growth=Growth((), {}),
        seed=SEED,
        solved=not alarms and all(h.replayed for h in refuted),
        notes=(
            f"{len(refuted)} of {len(hunts)} falsehoods refuted; 'ours' is the median of their processor seconds with "
            "compilation, the peer's column their sum",
            f"instances to the first refutation: median {int(np.median(spent))}, worst {int(spent.max())}",
            f"slowest: {worst.key}, {worst.seconds:.1f} s and {worst.instances} instances",
            *(f"not refuted in {h.instances} instances: {h.key} ({h.wrong})" for h in survivors),
            *(f"a true claim refuted: {alarm}" for alarm in alarms),
        ),
    )


BENCHMARK = Benchmark("falsehoods", "Planted falsehoods refuted by sampling", TARGET, LIMIT, run, staged=True)
