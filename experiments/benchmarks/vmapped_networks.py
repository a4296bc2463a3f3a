"""64 two-layer networks trained as one batch, against the same compiled training called once a network."""

from functools import partial

import jax
import numpy as np
from jaxtyping import Array

from experiments.benchmarks.measure import median_of, medians
from experiments.benchmarks.model import Benchmark, BenchmarkResult, Growth, growth
from experiments.benchmarks.network_sample import NetworkSample, sample_network
from theory.solvers.two_layer_flow import train_in_coefficients

SEED = 71
TARGET = 8.0
AGREES = 1e-9  # relative difference of the margins: the order of sums differs
LIMIT = (
    "one by one, fixed cost for small networks: a step is some 0.4 us of dispatched kernels whatever they do, plus a "
    "call every network; batched, flops and the passes over m n numbers. At m = 10, n = 100 one network alone "
    "runs at about a fifth of the core's peak (2 m^2 n flops in 1 us), so no batch can be 8 times faster on a CPU: the "
    "ratio falls from above 8 at m = 4, n = 8 to about 1 there. Growth of the batched time: towards m^2 n; none in d"
)


@partial(jax.jit, static_argnames="steps")
def trained(s: NetworkSample, steps: int) -> Array:
    """End margins of one network."""
    return train_in_coefficients(s.start, s.G, s.y, steps=steps, records=2).margins[-1]


@partial(jax.jit, static_argnames="steps")
def trained_together(samples: NetworkSample, steps: int) -> Array:
    """End margins of a batch."""
    return jax.vmap(lambda s: trained(s, steps))(samples)


@partial(jax.jit, static_argnames=("count", "m", "n"))
def networks(count: int, m: int, n: int, d: float) -> NetworkSample:
    """Samples along the first axis."""
    keys = jax.random.split(jax.random.key(SEED), count)
    return jax.vmap(lambda key: sample_network(key, m, n, d))(keys)


def together(samples: NetworkSample, steps: int) -> np.ndarray:
    """Ours, fetched."""
    return np.asarray(trained_together(samples, steps))


def one_by_one(each: list[NetworkSample], steps: int) -> np.ndarray:
    """The plain path: the compiled training called once a network."""
    return np.stack([np.asarray(trained(s, steps)) for s in each])


def run(quick: bool) -> BenchmarkResult:
    """The target is judged at the smallest size, that of a claim's instance; larger sizes beside it."""
    count, repeats = (3, 1) if quick else (64, 5)
    shapes = [(3, 4, 20)] if quick else [(4, 8, 1000), (8, 12, 1000), (10, 32, 1000), (10, 100, 1000)]
    seconds: dict[str, float] = {}
    ratios: dict[str, float] = {}
    residuals: dict[str, float] = {}
    for m, n, steps in shapes:
        batch = networks(count, m, n, 20.0 * m * m)
        each = [jax.tree.map(lambda leaf, b=b: leaf[b], batch) for b in range(count)]
        taken, results = medians(
            {
                "ours": partial(together, batch, steps),
                "one by one": partial(one_by_one, each, steps),
            },
            repeats,
        )
        label = "" if (m, n, steps) == shapes[0] else f", m = {m}, n = {n}"
        seconds |= {f"{name}{label}": value / count for name, value in taken.items()}
        ratios[f"one by one{label}"] = taken["one by one"] / taken["ours"]
        batched, alone = results["ours"], results["one by one"]
        residuals[f"margins, m = {m}, n = {n}"] = float(np.max(np.abs(batched - alone) / (1.0 + np.abs(alone))))
    return BenchmarkResult(
        name="vmapped_networks",
        ratios=ratios,
        targets={"one by one": TARGET},
        seconds=seconds,
        residuals=residuals,
        sizes={"networks": count, "m, n, steps": [list(shape) for shape in shapes], "repeats": repeats},
        limit=LIMIT,
        growth=_growth(count, quick),
        seed=SEED,
        solved=max(residuals.values()) <= AGREES,
        notes=(
            "seconds are processor seconds per network; both paths run the same compiled code and fetch the margins; "
            f"the target is judged at m = {shapes[0][0]}, n = {shapes[0][1]}, a size at which claims are checked",
            "residuals are the largest relative differences of the end margins between the two paths",
        ),
    )


def _growth(count: int, quick: bool) -> Growth:
    ms, ds = ((2, 3), (10**3, 10**6)) if quick else ((4, 8, 16, 32), (10**3, 10**6, 10**9))

    def each(m: int, d: int) -> tuple[int, int, float]:
        batch, steps = networks(count, m, 4 if quick else 32, float(d)), 20 if quick else 500
        return m, d, median_of(lambda: together(batch, steps), 1 if quick else 3) / count

    return growth([each(m, ds[0]) for m in ms], [each(ms[1], d) for d in ds])


BENCHMARK = Benchmark("vmapped_networks", "64 networks trained as one batch", TARGET, LIMIT, run)
