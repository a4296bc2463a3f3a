"""One iteration of worst-case selection on a small CNN, against the same procedure written plainly in PyTorch."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.measure import medians, peer
from experiments.benchmarks.model import Benchmark, BenchmarkResult, Growth
from experiments.benchmarks.network_methods import CLASSES, SEED, synthetic
from experiments.benchmarks.network_peers import torch_network, torch_tensors
from experiments.benchmarks.peers import TORCH_MISSING, has_torch
from theory.models.networks import Network, small_cnn
from theory.solvers.sgd import Labelled, shuffled
from theory.unlearning.worst_case import random_start, sample_losses, sign_descent, unit_means, upper_step

TARGET = 1.5
SHARE, RATE, ALPHA = 0.1, 1e-5, 1.0
LIMIT = (
    "the lower level: an epoch of sign descent, as an epoch of training, then a forward pass over every sample, a "
    "third of its flops; the projection sorts 2N numbers. Growth: linear in samples"
)
AGREES = {"losses": 1e-3, "projection": 1e-9}
"""Relative distance of the losses: sign descent turns rounding of a gradient near 0 into a whole step. Of the weights
from the same losses: both in float64."""


def iteration(network: Network, data: Labelled, w: np.ndarray, order: Any, units: Any) -> tuple[Any, Any]:
    """New weights, and the losses that they come from."""
    kept = jnp.asarray(1.0 - w, jnp.float32)
    unlearned = sign_descent(network, data, kept, order, jnp.float32(RATE))
    losses = unit_means(sample_losses(unlearned, data), units, len(w))
    return jax.block_until_ready((upper_step(jnp.asarray(w), losses, jnp.asarray(ALPHA), jnp.asarray(0.0)), losses))


def torch_projected(a: Any, k: float) -> Any:
    """Projection onto the capped simplex by bisection of the shift, as the public code has it, in float64."""
    low, high = float(a.min()) - 1.0, float(a.max())
    while high - low > 1e-12 * max(1.0, abs(low)):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float((a - middle).clamp(0.0, 1.0).sum()) > k else (low, middle)
    return (a - 0.5 * (low + high)).clamp(0.0, 1.0)


def torch_iteration(weights: Any, data: Any, w: np.ndarray, order: np.ndarray, loader: bool) -> tuple[Any, Any]:
    """The same in PyTorch: batches from a DataLoader, as authors write them, or by index, which costs less."""
    torch = peer("torch")
    network, (x, y) = torch_network(weights), torch_tensors(data)
    kept = torch.from_numpy((1.0 - w).astype(np.float32))
    each = functools.partial(torch.nn.functional.cross_entropy, reduction="none")
    sets, rows = torch.utils.data.TensorDataset(x, y, kept), torch.from_numpy(order.astype(np.int64))
    batches = torch.utils.data.DataLoader(sets, batch_sampler=[row.tolist() for row in rows])
    for images, labels, share in batches if loader else ((x[row], y[row], kept[row]) for row in rows):
        network.zero_grad()
        (share * each(network(images), labels)).sum().backward()
        with torch.no_grad():
            for weight in network.parameters():
                weight -= RATE * weight.grad.sign()
    with torch.no_grad():
        plain = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=500)
        chunks = plain if loader else zip(x.split(500), y.split(500), strict=True)
        losses = torch.cat([each(network(images), labels) for images, labels in chunks]).double()
    return torch_projected(torch.from_numpy(w) - ALPHA * losses, float(w.sum())).numpy(), losses.numpy()


def run(quick: bool) -> BenchmarkResult:
    """One iteration from a random set; in float32 but for the weights of the samples."""
    images, side, width, batch, repeats = (60, 8, 2, 20, 1) if quick else (8000, 28, 16, 128, 5)
    data, w = synthetic(images, side), random_start(jax.random.key(SEED), images, round(SHARE * images))
    network = small_cnn((side, side, 1), CLASSES, width, key=jax.random.key(SEED + 1))
    order = shuffled(jax.random.key(SEED + 2), images, batch)
    units = jnp.arange(images)
    contenders: dict[str, Any] = {"ours": functools.partial(iteration, network, data, w, order, units)}
    if has_torch():
        weights, given = jax.tree.map(np.asarray, network.layers), (np.asarray(data.x), np.asarray(data.y))
        for name, loader in (("PyTorch", True), ("PyTorch without DataLoader", False)):
            contenders[name] = functools.partial(torch_iteration, weights, given, w, np.asarray(order), loader)
    seconds, results = medians(contenders, repeats)
    residuals = {}
    if has_torch():
        (_, ours), (moved, theirs) = results["ours"], results["PyTorch"]
        residuals["losses"] = float(np.linalg.norm(np.asarray(ours) - theirs) / np.linalg.norm(theirs))
        same = upper_step(jnp.asarray(w), jnp.asarray(theirs), jnp.asarray(ALPHA), jnp.asarray(0.0))
        residuals["projection"] = float(np.max(np.abs(np.asarray(same) - moved)))
    return BenchmarkResult(
        name="network_selection",
        ratios={name: taken / seconds["ours"] for name, taken in seconds.items() if name != "ours"},
        targets={"PyTorch": TARGET} if has_torch() else {},
        seconds=seconds,
        residuals=residuals,
        sizes={"images": images, "side": side, "channels": f"{width}/{2 * width}", "batch": batch, "repeats": repeats},
        limit=LIMIT,
        growth=Growth((), {}),
        seed=SEED,
        solved=all(value <= AGREES[name] for name, value in residuals.items()),
        notes=(
            "processor seconds of all threads: PyTorch and BLAS on one thread, XLA on the threads of its own pool",
            "an epoch of sign descent with the samples weighed, the losses of all samples, one projected step",
            *(() if has_torch() else (TORCH_MISSING,)),
        ),
    )


BENCHMARK = Benchmark("network_selection", "One iteration of worst-case selection on 8000 images", TARGET, LIMIT, run)
