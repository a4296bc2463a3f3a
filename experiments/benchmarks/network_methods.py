"""A training epoch and UNSIR, against the same procedures written plainly in PyTorch, and against retraining."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.measure import median_of, medians
from experiments.benchmarks.model import Benchmark, BenchmarkResult, Growth
from experiments.benchmarks.network_peers import torch_epoch, torch_unsir
from experiments.benchmarks.peers import TORCH_MISSING, has_torch
from theory.models.networks import Network, small_cnn
from theory.solvers.sgd import Labelled, begin, descend, optimiser, shuffled
from theory.unlearning.networks import all_methods
from theory.unlearning.networks.method import Problem, constant, unlearn_network
from theory.unlearning.networks.unsir import scaled

SEED = 71
TARGETS = {"PyTorch, epoch": 1.5, "PyTorch, UNSIR": 1.5, "our retraining, UNSIR": 20.0}
AGREES = 1e-3  # relative distance of the weights after an epoch: both in float32
CLASSES, FORGOTTEN, RATE, DECAY = 10, 3, 0.05, 5e-4
LIMIT = (
    "flops: three products a layer and step (forward, back to the weights, back to the input; the first layer has no "
    "use for the last), at 28 x 28 and 16/32 channels 6.5 MFLOP an image, five sixths of them in the second "
    "convolution. Bytes: its patches, 9 times its input, pass through memory once, for its weights' derivative; "
    "pooling passes over a convolution's output three times. Growth: linear in images and steps; UNSIR also in "
    "forgotten classes (noise and its copies), retraining in epochs"
)


def flops_per_image(side: int, width: int) -> float:
    """Multiplications and additions of the products of a step of training, an image.

    Args:
        side: of the image in pixels, one channel. width: channels of the first convolution.
    """
    hidden = 2 * width * (side // 4) ** 2, 4 * width
    convolutions = side**2 * 9 * width, (side // 2) ** 2 * 9 * width * 2 * width
    products = *convolutions, hidden[0] * hidden[1], hidden[1] * CLASSES
    return 2.0 * (3 * sum(products) - products[0])  # images need no derivative


def throughput(flops: float, images: int, seconds: float, peak: float) -> dict[str, float]:
    """Speed of an epoch, and the share of a machine's ``peak`` (flops a second) that it is."""
    each = images / seconds
    return {
        "images per second": each,
        "flops per image": flops,
        "peak flops per second": peak,
        "share of peak flops": each * flops / peak,
    }


def peak_flops(size: int, repeats: int) -> float:
    """Flops a second of a square product in the precision that a network's products get, on one thread of a CPU."""
    A, product = jnp.ones((size, size), jnp.float32), jax.jit(jnp.matmul)
    return 2.0 * size**3 / median_of(lambda: product(A, A).block_until_ready(), repeats)


def synthetic(images: int, side: int) -> Labelled:
    """Normal images with labels in turn: costs do not depend on what they show."""
    x = jax.random.normal(jax.random.key(SEED), (images, side, side, 1), jnp.float32)
    return Labelled(x, jnp.arange(images, dtype=jnp.int32) % CLASSES)


def epoch(network: Network, data: Labelled, order: Any) -> Network:
    """One epoch of training."""
    rule = optimiser("sgd", 0.9, DECAY)
    rates, key = constant(RATE, len(order)), jax.random.key(SEED)
    return descend(begin(network, rule), {"retained": data}, {"retained": order}, rates, key, rule=rule)[0].network


def run(quick: bool) -> BenchmarkResult:
    """All on one thread, in float32."""
    images, side, width, batch, epochs, repeats = (60, 8, 2, 20, 2, 1) if quick else (8000, 28, 16, 128, 20, 3)
    data, per_class = synthetic(images, side), images // (5 * CLASSES)
    fresh = functools.partial(_fresh, side, width)
    network = fresh(jax.random.key(SEED + 1))
    order = shuffled(jax.random.key(SEED + 2), images, batch)
    methods, key = all_methods(), jax.random.key(SEED + 3)
    problem = Problem(network, data, data.y == FORGOTTEN, CLASSES, fresh)
    hyper = {"per_class": per_class, **scaled(per_class * (CLASSES - 1))}
    retraining = {"epochs": epochs, "batch": batch}
    contenders: dict[str, Any] = {
        "ours, epoch": lambda: jax.block_until_ready(epoch(network, data, order)),
        "ours, UNSIR": lambda: jax.block_until_ready(unlearn_network(methods["unsir"], problem, key, **hyper).network),
        "our retraining, UNSIR": lambda: jax.block_until_ready(
            unlearn_network(methods["retrain"], problem, key, **retraining).network
        ),
    }
    if has_torch():
        weights, given = jax.tree.map(np.asarray, network.layers), (np.asarray(data.x), np.asarray(data.y))
        sizes = {**methods["unsir"].defaults, **hyper}
        for name, loader in (("PyTorch", True), ("PyTorch without DataLoader", False)):
            contenders[f"{name}, epoch"] = functools.partial(
                torch_epoch, weights, given, np.asarray(order), RATE, DECAY, loader
            )
            contenders[f"{name}, UNSIR"] = functools.partial(
                torch_unsir, weights, given, FORGOTTEN, CLASSES, sizes, loader
            )
    seconds, results = medians(contenders, repeats)
    peers = [name for name in seconds if not name.startswith("ours")]
    ratios = {name: seconds[name] / seconds[f"ours, {name.partition(', ')[2]}"] for name in peers}
    size = 64 if quick else 2048 if jax.default_backend() == "cpu" else 8192
    speed = throughput(flops_per_image(side, width), images, seconds["ours, epoch"], peak_flops(size, repeats))
    residuals = {}
    if has_torch():
        mine = jax.tree.leaves(results["ours, epoch"].layers)
        theirs = jax.tree.leaves(results["PyTorch, epoch"])
        away = sum(float(np.sum((np.asarray(a) - b) ** 2)) for a, b in zip(mine, theirs, strict=True)) ** 0.5
        length = sum(float(np.sum(np.asarray(a) ** 2)) for a in mine) ** 0.5
        residuals["float32 weights after an epoch, PyTorch"] = away / length
    return BenchmarkResult(
        name="network_methods",
        ratios=ratios,
        targets={name: target for name, target in TARGETS.items() if name in ratios},
        seconds={"ours": seconds["ours, epoch"], **seconds},
        residuals=residuals,
        sizes={"images": images, "side": side, "channels": f"{width}/{2 * width}", "batch": batch, "repeats": repeats}
        | {"retraining epochs": epochs, "UNSIR": f"{per_class} images a class, batches of {hyper['batch']}"}
        | {"rates": speed},
        limit=LIMIT,
        growth=Growth((), {}),
        seed=SEED,
        solved=all(value <= AGREES for value in residuals.values()),
        notes=(
            f"an epoch: {speed['images per second']:.3g} images a second, {speed['share of peak flops']:.0%} of the "
            f"flops of a product of two {size} x {size} matrices",
            "float32; on a CPU processor seconds of all threads: PyTorch and BLAS on one thread, XLA on the threads of "
            "its own pool",
            "PyTorch as one would write it: NCHW, its default, not compiled; with its DataLoader, and without",
            "UNSIR: noise (40 steps), impair and repair of one class, on a fifth of the retained images, with the "
            "published settings scaled to them; retraining is on all retained images",
            *(() if has_torch() else (TORCH_MISSING,)),
        ),
    )


def _fresh(side: int, width: int, key: Any) -> Network:
    return small_cnn((side, side, 1), CLASSES, width, key=key)


BENCHMARK = Benchmark(
    "network_methods", "A training epoch and UNSIR of a small CNN on 8000 images", TARGETS["PyTorch, epoch"], LIMIT, run
)
