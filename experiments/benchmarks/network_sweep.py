"""Two-layer networks over seeds, dimensions and initialisations: drawn, trained and measured in one vmapped call."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, DTypeLike, Float, Key

from experiments.benchmarks.measure import median_of, medians, reached
from experiments.benchmarks.model import Benchmark, BenchmarkResult, Growth, growth
from experiments.benchmarks.network_sample import sample_network
from theory.models import two_layer
from theory.solvers.clarke import best_clarke_multipliers
from theory.solvers.two_layer_flow import train_in_coefficients

SEED = 79
TARGET = 1.0  # single precision, for exploration, must not cost more than double
DIMENSIONS, SCALES = (1e3, 1e4, 1e6, 1e12), (0.01, 0.1, 1.0, 10.0)
SEEDS = {"cpu": 16, "gpu": 640}  # times 16: 256 networks, and 10,240
KINK = 1e-3  # covers the chatter of the flow's end, in both precisions
CACHE = 32e6  # bytes: about what a processor's or an accelerator's last cache holds
AGREES = 1e-9  # relative difference of a network of the batch to the same network alone, in double precision
LIMIT = (
    "2 m^2 n flops a network-step, and (3 m n + m^2) numbers read or written. On a CPU 256 networks stay in the cache: "
    "products of ten rows and the passes over m n numbers bind, at a share of the peak flops; on a GPU 10^4 networks "
    "do not, and bytes should bind (not measured yet): under one flop a byte in double precision is below its balance. "
    "Growth: towards m^2 n in flops, m n in bytes; none in d"
)


class Measured(NamedTuple):
    """What a network ended as."""

    margin: Float[Array, ""]  # least margin of the network scaled to length 1
    stationarity: Float[Array, ""]  # Clarke residual, relative to the network's length
    kinks: Float[Array, ""]  # share of pairs


@partial(jax.jit, static_argnames=("m", "n", "steps", "dtype"))
def sweep(
    keys: Key[Array, " b"], d: Float[Array, " b"], scale: Float[Array, " b"], m: int, n: int, steps: int, dtype: str
) -> Measured:
    """One network an entry of ``keys``. ``dtype`` is the precision of training and measuring, not of the draw."""

    def one(key: Array, dimension: Array, size: Array) -> Measured:
        s = jax.tree.map(lambda leaf: leaf.astype(dtype), sample_network(key, m, n, dimension, size))
        end = train_in_coefficients(s.start, s.G, s.y, steps=steps, records=2).end
        unit = two_layer.scaled(end, 1.0 / two_layer.size(end, s.G))
        found = best_clarke_multipliers(unit, s.G, s.y, kink_tolerance=KINK, limit=100)
        return Measured(found.margins.min(), found.residuals.stationarity, jnp.mean(found.kinks.astype(dtype)))

    with jax.default_matmul_precision("highest"):  # a GPU would round float32 products to 10 bits
        return jax.vmap(one)(keys, d, scale)


def grid(seeds: int) -> tuple[Array, Array, Array]:
    """(keys, d, scale): every dimension and initialisation with every seed."""
    d, scale = (jnp.asarray(a.ravel()) for a in np.meshgrid(DIMENSIONS, SCALES))
    keys = jax.random.split(jax.random.key(SEED), seeds)
    return jnp.repeat(keys, len(d)), jnp.tile(d, seeds), jnp.tile(scale, seeds)


def peaks(size: int, dtype: DTypeLike, repeats: int) -> tuple[float, float]:
    """(flops, bytes) a second of this machine: a square product, and passes over an array larger than the cache."""
    A = jnp.ones((size, size), dtype)
    long, passes, one = jnp.ones(4 * size * size, dtype), 8, jnp.ones((), dtype)
    product = jax.jit(partial(jnp.matmul, precision="highest"))
    shifted = jax.jit(lambda a: jax.lax.fori_loop(0, passes, lambda _, b: b + one, a))  # in place but for the first
    flops = 2.0 * size**3 / median_of(lambda: product(A, A).block_until_ready(), repeats)
    return flops, 2.0 * passes * long.nbytes / median_of(lambda: shifted(long).block_until_ready(), repeats)


def roofline(m: int, n: int, steps: int, networks: int, seconds: float, dtype: str, quick: bool) -> dict[str, float]:
    """Rates, and the shares of this machine's measured peaks that they are."""
    size = 64 if quick else 2048 if jax.default_backend() == "cpu" else 8192
    flops, moved = 2.0 * m * m * n, float((3 * m * n + m * m) * jnp.dtype(dtype).itemsize)
    peak_flops, peak_bytes = peaks(size, dtype, 1 if quick else 3)
    per_second = networks * steps / seconds
    return {
        "networks per second": networks / seconds,
        "flops per network-step": flops,
        "bytes per network-step": moved,
        "bytes of the batch": networks * moved,
        "peak flops per second": peak_flops,
        "peak bytes per second": peak_bytes,
        "share of peak flops": per_second * flops / peak_flops,
        "share of peak bytes": per_second * moved / peak_bytes,
    }


def bound(rates: dict[str, float]) -> str:
    """What binds, in words."""
    flops, moved, held = (rates[key] for key in ("share of peak flops", "share of peak bytes", "bytes of the batch"))
    if held <= CACHE:
        return (
            f"{flops:.0%} of the peak flops; its {held / 1e6:.3g} MB stay in the cache, so memory does not bind (they "
            f"would be {moved:.0%} of its peak), but small products and the passes over m n numbers"
        )
    nearer = "flops" if flops > moved else "bytes"
    return f"{flops:.0%} of the peak flops and {moved:.0%} of the peak bytes: {nearer} are nearer to their peak"


def run(quick: bool) -> BenchmarkResult:
    """The same code on any backend; a CPU gets fewer networks."""
    m, n, steps, repeats = (4, 6, 20, 1) if quick else (10, 100, 2000, 5)
    keys, d, scale = grid(1 if quick else SEEDS.get(jax.default_backend(), SEEDS["gpu"]))
    networks = len(d)
    single, double = (partial(sweep, m=m, n=n, steps=steps, dtype=dtype) for dtype in ("float32", "float64"))
    seconds, results = medians(
        {
            "ours": lambda: jax.block_until_ready(single(keys, d, scale)),
            "float64": lambda: jax.block_until_ready(double(keys, d, scale)),
        },
        repeats,
    )
    rates = {
        dtype: roofline(m, n, steps, networks, seconds[name], dtype, quick)
        for dtype, name in (("float32", "ours"), ("float64", "float64"))
    }
    alone, exploring, verifying = double(keys[:1], d[:1], scale[:1]), results["ours"], results["float64"]
    margin = np.asarray(verifying.margin)
    drift = np.abs(np.asarray(exploring.margin, float) - margin) / np.maximum(np.abs(margin), np.finfo(float).tiny)
    separated = float(np.mean(margin > 0))
    return BenchmarkResult(
        name="network_sweep",
        ratios={"float64": seconds["float64"] / seconds["ours"]},
        targets={"float64": TARGET},
        seconds=seconds,
        residuals={"margin, alone": _difference(alone.margin[0], verifying.margin[0])},
        sizes=_sizes(m, n, steps, networks, repeats) | {"rates": rates},
        limit=LIMIT,
        growth=_growth(quick),
        seed=SEED,
        solved=_difference(alone.margin[0], verifying.margin[0]) <= AGREES,
        notes=(
            f"{networks} networks in one call: float32 {rates['float32']['networks per second']:.3g} a second, "
            f"{bound(rates['float32'])}; float64 {rates['float64']['networks per second']:.3g} a second, "
            f"{bound(rates['float64'])}; drawing and measuring are in the seconds, not in the flops and bytes",
            f"ours is float32, for exploration; float64 is for verification. From the same draws the least margin of "
            f"the unit network differs by {reached(float(np.median(drift)))} at the median, at most "
            f"{reached(float(drift.max()))}; in float64 {separated:.0%} of the networks separate their points, and the "
            f"median Clarke residual is {reached(float(np.median(verifying.stationarity)))} of the length",
        ),
    )


def _difference(a: Array, b: Array) -> float:
    return float(abs(a - b) / (1.0 + abs(b)))


def _sizes(m: int, n: int, steps: int, networks: int, repeats: int) -> dict[str, Any]:
    axes = {"d": list(DIMENSIONS), "scales": list(SCALES)}
    return {"m": m, "n": n, "steps": steps, "networks": networks, "repeats": repeats, **axes}


def _growth(quick: bool) -> Growth:
    n, steps, ms, ds = (6, 20, (3, 4), (10**3, 10**6)) if quick else (100, 500, (5, 10, 20), (10**3, 10**6, 10**12))
    keys, _, scale = grid(1 if quick else 4)

    def each(m: int, d: int) -> tuple[int, int, float]:
        dimension = jnp.full(len(scale), float(d))
        call = partial(sweep, keys, dimension, scale, m, n, steps, "float64")
        return m, d, median_of(lambda: jax.block_until_ready(call()), 1 if quick else 3) / len(scale)

    return growth([each(m, ds[0]) for m in ms], [each(ms[-1], d) for d in ds])


BENCHMARK = Benchmark("network_sweep", "A sweep of two-layer networks in one call", TARGET, LIMIT, run)
