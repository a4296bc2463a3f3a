"""Checking a claim on many instances as one batch, against one compiled call an instance."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.measure import median_of, medians
from experiments.benchmarks.model import Benchmark, BenchmarkResult, Growth, growth
from theory.claim import Claim, Evaluation, Sizes, evaluate
from theory.claims.ga.linear.ascent_step import CLAIM
from theory.evidence.check import draw_latents, evaluate_batch

SEED = 3
TARGET = 100.0
AGREES = 1e-10  # relative difference of the two paths: the order of sums differs
LIMIT = (
    "one by one: fixed cost, the dispatch of a compiled call and the fetch of its 25 numbers; batched: flops and "
    "bytes of the instance (building points costs a Cholesky factor, m^3 / 3, and m^2 d for margins), so the ratio "
    "falls as m and d grow. Growth of the batched time: towards m^3 and linear in d for large sizes; below m = 32, "
    "where claims are checked, less than linear in both (fixed costs)"
)


def compiled(claim: Claim, sizes: Sizes) -> Callable[[jax.Array], Evaluation]:
    """One instance's evaluation, compiled."""
    return jax.jit(lambda z: evaluate(claim, claim.build(sizes, z)))


def one_by_one(single: Callable[[jax.Array], Evaluation], latents: np.ndarray) -> Evaluation:
    """The plain path: the compiled function called once an instance, every number fetched (numpy)."""
    found = [jax.tree.map(np.asarray, single(jnp.asarray(z))) for z in latents]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *found)


def disagreement(a: Evaluation, b: Evaluation) -> float:
    """Largest difference of a conclusion's two sides between two evaluations, relative to 1 + magnitude."""
    sides = [(a.conclusions[c], b.conclusions[c]) for c in a.conclusions]
    pairs = [pair for x, y in sides for pair in ((x.lhs, y.lhs), (x.rhs, y.rhs))]
    return float(max(np.max(np.abs(x - y) / (1.0 + np.abs(y))) for x, y in pairs))


def run(quick: bool) -> BenchmarkResult:
    """The target is judged on the claim's own mix of sizes, as ``forgetproof check`` runs it."""
    batch, single, repeats = (64, 4, 1) if quick else (16_384, 512, 7)
    rng = np.random.default_rng(SEED)
    seconds = {"ours": 0.0, "one by one": 0.0}
    ratios: dict[str, float] = {}
    residuals: dict[str, float] = {}
    chosen = CLAIM.sizes[: 1 if quick else None]
    for sizes in chosen:
        latents = draw_latents(rng, batch, CLAIM.latent(sizes))
        taken, results = medians(
            {
                "ours": partial(evaluate_batch, CLAIM, sizes, latents),
                "one by one": partial(one_by_one, compiled(CLAIM, sizes), latents[:single]),
            },
            repeats,
        )
        each = {"ours": taken["ours"] / batch, "one by one": taken["one by one"] / single}
        label = f"m = {sizes['m']}, d = {sizes['d']}"
        for name, value in each.items():
            seconds[name] += value / len(chosen)
            seconds[f"{name}, {label}"] = value
        ratios[f"one by one, {label}"] = each["one by one"] / each["ours"]
        first = jax.tree.map(lambda leaf: leaf[:single], results["ours"])
        residuals[f"difference, {label}"] = disagreement(first, results["one by one"])
    ratios = {"one by one": seconds["one by one"] / seconds["ours"]} | ratios
    return BenchmarkResult(
        name="check_batched",
        ratios=ratios,
        targets={"one by one": TARGET},
        seconds=seconds,
        residuals=residuals,
        sizes={"claim": CLAIM.key, "batch": batch, "one by one": single, "repeats": repeats},
        limit=LIMIT,
        growth=_growth(rng, quick),
        seed=SEED,
        solved=max(residuals.values()) <= AGREES,
        notes=(
            "seconds are processor seconds per instance, the mean over the claim's sizes; the one-by-one path is "
            "compiled too and both fetch every number",
            "residuals are the largest relative difference between the two paths on the same instances",
        ),
    )


def _growth(rng: np.random.Generator, quick: bool) -> Growth:
    count, repeats = (8, 1) if quick else (512, 3)
    ms, ds = ((2, 3), (4, 6)) if quick else ((4, 8, 16, 32), (32, 64, 128))

    def each(m: int, d: int) -> tuple[int, int, float]:
        sizes = {"m": m, "d": d, "k": 1}
        latents = draw_latents(rng, count, CLAIM.latent(sizes))
        return m, d, median_of(lambda: evaluate_batch(CLAIM, sizes, latents), repeats) / count

    return growth([each(m, ms[-1]) for m in ms], [each(ms[1], d) for d in ds])


BENCHMARK = Benchmark("check_batched", "Batched check of ga.linear.ascent_step", TARGET, LIMIT, run)
