"""Sampling and training a network in d = 10^12 dimensions, against the same in d = 10^3."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from experiments.benchmarks.measure import median_of, medians
from experiments.benchmarks.model import Benchmark, BenchmarkResult, Growth, growth
from experiments.benchmarks.network_sample import NetworkSample, sample_network
from theory.models import two_layer
from theory.solvers.two_layer_flow import train_in_coefficients, train_in_space

SEED = 67
SMALL, LARGE = 10**3, 10**12
TARGET = 1.0 / 1.1  # the large dimension costs at most 1.1 times the small one
AGREES = 1e-9  # relative difference of the margins
LIMIT = (
    "neither bytes nor flops depend on d, which enters as the shape of m + n gamma variates: drawing is m^2 + m n "
    "normal variates and 2 m^2 n flops, training 2 m^2 n flops a step on 8 m n bytes that stay in the cache. Growth: "
    "none in d; towards m^2 n in m and n, below that for small m, where the passes over m n numbers count"
)


@partial(jax.jit, static_argnames=("m", "n", "steps"))
def drawn_and_trained(key: Key[Array, ""], d: Array, m: int, n: int, steps: int) -> tuple[NetworkSample, Array]:
    """The sample, and the margins after training."""
    s = sample_network(key, m, n, d)
    return s, train_in_coefficients(s.start, s.G, s.y, steps=steps, records=2).margins[-1]


@partial(jax.jit, static_argnames="steps")
def margins_on_weights(s: NetworkSample, steps: int) -> Array:
    """The same training by autodiff on weights, in coordinates of the points' span: the rest of R^d does not move."""
    W = jnp.linalg.solve(s.factor, s.start.Z0).T
    W = train_in_space(s.start.u, W, s.factor, s.y, s.y != 0, steps)
    return s.y * two_layer.scores(s.start.u, W, s.factor)


def run(quick: bool) -> BenchmarkResult:
    """The same keys in both dimensions, one network a call."""
    m, n, steps, networks, repeats = (4, 6, 20, 1, 1) if quick else (10, 100, 1000, 32, 9)
    keys = jax.random.split(jax.random.key(SEED), networks)

    def at(d: int, m: int = m, n: int = n, steps: int = steps) -> Callable[[], list[tuple[NetworkSample, Array]]]:
        dimension = jnp.asarray(float(d))
        return lambda: [jax.block_until_ready(drawn_and_trained(key, dimension, m, n, steps)) for key in keys]

    small = "d = 10^3"
    taken, results = medians(
        {
            "ours": at(LARGE),
            small: at(SMALL),
            "ours, sampling alone": at(LARGE, steps=1),
            f"{small}, sampling alone": at(SMALL, steps=1),
        },
        repeats,
    )
    residuals = {}
    for label, name in (("d = 10^12", "ours"), (small, small)):
        s, M = results[name][0]
        expected = margins_on_weights(s, steps)
        residuals[f"margins, {label}"] = float(np.max(np.abs(M - expected) / (1.0 + np.abs(expected))))
    seconds = {name: value / networks for name, value in taken.items()}
    return BenchmarkResult(
        name="dimension_free",
        ratios={
            small: seconds[small] / seconds["ours"],
            f"{small}, sampling alone": seconds[f"{small}, sampling alone"] / seconds["ours, sampling alone"],
        },
        targets={small: TARGET},
        seconds=seconds,
        residuals=residuals,
        sizes={"m": m, "n": n, "d": [SMALL, LARGE], "steps": steps, "networks": networks, "repeats": repeats},
        limit=LIMIT,
        growth=_growth(at, networks, quick),
        seed=SEED,
        solved=max(residuals.values()) <= AGREES,
        notes=(
            f"seconds are processor seconds per network, drawn and trained; the ratio is the cost at d = 10^3 over "
            f"the cost at d = 10^12, so 1 means equal and the target {TARGET:.3g} means at most 1.1 times",
            "residuals are the largest relative differences of the end margins to the same steps by autodiff on the "
            "weights, in coordinates of the points' span",
        ),
    )


def _growth(at: Callable[..., Callable[[], object]], networks: int, quick: bool) -> Growth:
    ms, ds = ((3, 4), (10**3, 10**6)) if quick else ((5, 10, 20, 40), (10**3, 10**6, 10**9, 10**12))

    def each(m: int, d: int) -> tuple[int, int, float]:
        return m, d, median_of(at(d, m), 1 if quick else 3) / networks

    return growth([each(m, ds[-1]) for m in ms], [each(ms[1], d) for d in ds])


BENCHMARK = Benchmark("dimension_free", "Sampling and training at d = 10^12 and 10^3", TARGET, LIMIT, run)
