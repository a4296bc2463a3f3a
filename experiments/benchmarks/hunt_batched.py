"""An adversary's evaluations in batches, against one instance at a time: op by op, and compiled."""

from functools import partial
from typing import Any

import jax
import numpy as np

from experiments.benchmarks.check_batched import one_by_one
from experiments.benchmarks.measure import medians
from experiments.benchmarks.model import Benchmark, BenchmarkResult, growth
from theory.claim import Claim, Evaluation, Sizes, evaluate
from theory.claims.ga.linear import ascent_step
from theory.claims.ga.two_layer import ascent_certificate
from theory.evidence.check import draw_latents, evaluate_batch, outcomes
from theory.evidence.hunt import ROWS

SEED = 4
TARGET = 50.0
PLAIN, COMPILED = "one by one, op by op", "one by one, compiled"
LIMIT = (
    "op by op: the dispatch of some thousand operations an instance; compiled, one by one: the dispatch of one call "
    "and the fetch of its numbers, about 1 ms; batched: flops of small factorisations, and above all of refitting the "
    "multipliers (accelerated projected gradients), where a whole batch waits for its slowest instance: up to 400 "
    "iterations where the median is 20. So the compiled loop is not far behind, and level at m = 5, d = 3"
)


def single(claim: Claim, sizes: Sizes, z: jax.Array) -> Evaluation:
    """One instance as a hunt evaluates it."""
    return evaluate(claim, claim.build(sizes, z), certain=True)


def hunted(claim: Claim, sizes: Sizes, latents: np.ndarray) -> Evaluation:
    """The hunt's path: ROWS instances a call."""
    parts = [evaluate_batch(claim, sizes, part, certain=True) for part in np.split(latents, len(latents) // ROWS)]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def differing(claim: Claim, a: Evaluation, b: Evaluation) -> float:
    """Share of instances on which two evaluations come to another outcome."""
    return float(np.mean(outcomes(claim, a) != outcomes(claim, b)))


def run(quick: bool) -> BenchmarkResult:
    """Judged on the claim's own mix of sizes, in batches as ``forgetproof hunt`` runs them."""
    claim = ascent_step.CLAIM if quick else ascent_certificate.CLAIM
    batches, counts, repeats = (1, {COMPILED: 4, PLAIN: 1}, 1) if quick else (16, {COMPILED: 128, PLAIN: 2}, 5)
    rng = np.random.default_rng(SEED)
    seconds: dict[str, float] = {}
    residuals: dict[str, float] = {}
    chosen = claim.sizes[:1] if quick else claim.sizes
    for sizes in chosen:
        latents = draw_latents(rng, batches * ROWS, claim.latent(sizes))
        each = partial(single, claim, sizes)
        contenders: dict[str, Any] = {
            "ours": partial(hunted, claim, sizes, latents),
            COMPILED: partial(one_by_one, jax.jit(each), latents[: counts[COMPILED]]),
            PLAIN: partial(one_by_one, each, latents[: counts[PLAIN]]),
        }
        taken, results = medians(contenders, repeats)
        label = ", ".join(f"{name} = {value}" for name, value in sizes.items())
        for name in contenders:
            one = taken[name] / counts.get(name, len(latents))
            seconds[name] = seconds.get(name, 0.0) + one / len(chosen)
            seconds[f"{name}, {label}"] = one
            if name != "ours":
                first = jax.tree.map(lambda leaf, count=counts[name]: leaf[:count], results["ours"])
                residuals[f"other outcomes, {name}, {label}"] = differing(claim, first, results[name])
    ratios = {name: seconds[name] / seconds["ours"] for name in counts}
    by_size = [name for name in seconds if name.startswith(COMPILED + ", ")]
    ratios |= {name: seconds[name] / seconds[name.replace(COMPILED, "ours")] for name in by_size}
    return BenchmarkResult(
        name="hunt_batched",
        ratios=ratios,
        targets={PLAIN: TARGET},
        seconds=seconds,
        residuals=residuals,
        sizes={"claim": claim.key, "rows of a batch": ROWS, "batches": batches, "repeats": repeats, **counts},
        limit=LIMIT,
        growth=growth([], []),
        seed=SEED,
        solved=max(residuals.values()) == 0.0,
        notes=(
            f"seconds are processor seconds per instance: {1.0 / seconds['ours']:,.0f} instances per processor second; "
            "no gradients, which refitting does not have",
            "the target is against the plain loop; the compiled loop is the sharper comparison and has none",
        ),
    )


BENCHMARK = Benchmark("hunt_batched", "Batched hunt of ga.two_layer.ascent_certificate", TARGET, LIMIT, run)
