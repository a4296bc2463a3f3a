"""Training a two-layer network in Gram coefficients, against the same steps on its weights in R^d."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from experiments.benchmarks.measure import median_of, medians
from experiments.benchmarks.model import Benchmark, BenchmarkResult, Growth, growth
from experiments.benchmarks.peers import TORCH_MISSING, has_torch, torch_training
from theory.models import two_layer
from theory.models.two_layer import from_weights, hidden_weights, output_weights
from theory.solvers.two_layer_flow import step_size, train_in_coefficients, train_in_space

SEED = 61
TARGETS = {"JAX on W": 20.0, "PyTorch on W": 50.0}
AGREES = 1e-9  # relative difference of the end margins; after more steps rounding may decide a kink's chatter
LIMIT = (
    "on W flops and bytes: 4 m n d flops a step, and W and its gradient (8 n d bytes each) do not fit in the cache, so "
    "they pass through memory about four times; in coefficients flops, 2 m^2 n a step on arrays of 8 m n bytes that "
    "stay in the cache, plus once the Gram matrix, X W0^T and the weights at the end (2 m^2 d + 4 m n d flops), which "
    "is most of it when d is large and the steps are few: the ratio tends to about 2 d / m with the steps. Growth: "
    "linear in d from points (d costs nothing from the Gram matrix), m and n linear in that part, m^2 n in the steps"
)


def points_and_weights(m: int, n: int, d: int) -> tuple[Array, Array, Array, Array]:
    """(u, W0, X, y): points and neurons N(0, I/d), random labels."""
    keys = jax.random.split(jax.random.key(SEED), 3)
    X = jax.random.normal(keys[0], (m, d)) / jnp.sqrt(float(d))
    W = jax.random.normal(keys[1], (n, d)) / jnp.sqrt(float(d))
    return output_weights(n), W, X, jnp.where(jax.random.bernoulli(keys[2], shape=(m,)), 1.0, -1.0)


@partial(jax.jit, static_argnames="steps")
def on_coefficients(u: Array, W: Array, X: Array, y: Array, steps: int) -> Array:
    """From points and weights to trained weights, by way of the Gram matrix."""
    start, G = from_weights(u, W, X), X @ X.T
    return hidden_weights(train_in_coefficients(start, G, y, steps=steps, records=2).end, X, W)


@partial(jax.jit, static_argnames="steps")
def on_weights(u: Array, W: Array, X: Array, y: Array, steps: int) -> Array:
    """The same steps by autodiff in R^d."""
    return train_in_space(u, W, X, y, jnp.ones(len(y), bool), steps)


def run(quick: bool) -> BenchmarkResult:
    """Targets are judged from points and weights to trained weights, the Gram matrix included in ours."""
    m, n, d, steps, repeats = (6, 8, 60, 20, 1) if quick else (50, 100, 10_000, 200, 5)
    u, W, X, y = points_and_weights(m, n, d)
    start, G = jax.jit(from_weights)(u, W, X), X @ X.T
    from_gram = jax.jit(lambda s, K: train_in_coefficients(s, K, y, steps=steps, records=2).end.C)
    contenders = {
        "ours": lambda: jax.block_until_ready(on_coefficients(u, W, X, y, steps)),
        "ours, from the Gram matrix": lambda: jax.block_until_ready(from_gram(start, G)),
        "JAX on W": lambda: jax.block_until_ready(on_weights(u, W, X, y, steps)),
    }
    if has_torch():
        rate = float(step_size(u, G, jnp.ones(m, bool)))
        out, weights, points, labels = (np.asarray(a) for a in (u, W, X, y))
        contenders["PyTorch on W"] = lambda: torch_training(out, weights, points, labels, steps, rate)
    seconds, results = medians(contenders, repeats)
    peers = [name for name in seconds if not name.startswith("ours")]
    ratios = {name: seconds[name] / seconds["ours"] for name in peers}
    for name in peers:
        label = f"{name}, from the Gram matrix"
        seconds[label] = seconds[name]
        ratios[label] = seconds[name] / seconds["ours, from the Gram matrix"]
    margins = {
        name: np.asarray(y * two_layer.scores(u, jnp.asarray(trained), X))
        for name, trained in results.items()
        if "Gram" not in name
    }
    residuals = {
        f"margins, {name}": float(np.max(np.abs(margins[name] - margins["ours"]) / (1.0 + np.abs(margins[name]))))
        for name in peers
    }
    return BenchmarkResult(
        name="two_layer_training",
        ratios=ratios,
        targets={name: target for name, target in TARGETS.items() if name in peers},
        seconds=seconds,
        residuals=residuals,
        sizes={"m": m, "n": n, "d": d, "steps": steps, "repeats": repeats},
        limit=LIMIT,
        growth=_growth(quick),
        seed=SEED,
        solved=max(residuals.values()) <= AGREES,
        notes=(
            f"all in float64 and compiled but PyTorch's Python loop over {steps} autograd steps, on one thread; ours "
            "starts from points and weights and ends with weights, as the peers do",
            "residuals are the largest relative differences of the end margins, each computed from the weights in R^d",
            *(() if has_torch() else (TORCH_MISSING,)),
        ),
    )


def _growth(quick: bool) -> Growth:
    def each(m: int, d: int) -> tuple[int, int, float]:
        u, W, X, y = points_and_weights(m, 8 if quick else 100, d)
        call = partial(on_coefficients, u, W, X, y, 20 if quick else 200)
        return m, d, median_of(lambda: jax.block_until_ready(call()), 1 if quick else 3)

    ms, ds = ((3, 6), (30, 60)) if quick else ((12, 25, 50, 100), (2500, 5000, 10_000, 20_000))
    return growth([each(m, ds[1]) for m in ms], [each(ms[1], d) for d in ds])


BENCHMARK = Benchmark(
    "two_layer_training", "A two-layer network trained in coefficients, d = 10^4", TARGETS["JAX on W"], LIMIT, run
)
