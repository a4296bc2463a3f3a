"""Timing and residuals, the same for every contender."""

import importlib
import statistics
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import jax
import numpy as np

TURN = 0.25  # seconds


def peer(module: str) -> ModuleType:
    """Import a peer.

    Raises:
        ImportError: not installed; the message says what to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as fault:
        message = f"the benchmarks compare with {module.split('.')[0]}: pip install 'forgetproof[bench]'"
        raise ImportError(message) from fault


def clock() -> float:
    """Processor seconds of all threads; wall seconds where JAX computes on an accelerator, whose work they miss."""
    return time.process_time() if jax.default_backend() == "cpu" else time.perf_counter()


def medians(contenders: Mapping[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Median seconds (by :func:`clock`) and last result of each contender.

    On a CPU processor time (of all threads) on one BLAS thread, not wall time: on an idle machine the two agree, since
    no contender then runs in parallel, and on a busy one only processor time tells the contenders apart. Each is
    called once to warm up (compilation, caches); then all take turns, so that what the neighbours do to the caches
    falls on all of them. A turn lasts at least TURN seconds, so that a short contender does not pay for the caches
    the one before it filled (a single turn, for a first look, is one call).
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    importlib.import_module("scipy.linalg")  # JAX's LAPACK too: a limit reaches only libraries that are loaded
    with peer("threadpoolctl").threadpool_limits(1):
        results = {name: call() for name, call in contenders.items()}
        for _ in range(repeats):
            for name, call in contenders.items():
                spent = 0.0
                while not spent or (repeats > 1 and spent < TURN):
                    began = clock()
                    results[name] = call()
                    seconds[name].append(max(clock() - began, 1e-9))
                    spent += seconds[name][-1]
    return {name: statistics.median(taken) for name, taken in seconds.items()}, results


def median_of(call: Callable[[], Any], repeats: int) -> float:
    """Median processor seconds of one call, after one to warm up."""
    return medians({"it": call}, repeats)[0]["it"]


def dual_residual(K: np.ndarray, lam: np.ndarray) -> float:
    """Worst KKT residual of multipliers of the margin problem, relative to its scale.

    Args:
        K: signed Gram matrix yᵢyⱼ⟨xᵢ, xⱼ⟩ (m, m). lam: multipliers (m,); w = Σ λᵢyᵢxᵢ, so stationarity is exact.

    Returns:
        The largest of primal infeasibility (margins are ≥ 1) and, relative to max λ, dual infeasibility
        and complementarity: as :meth:`theory.solvers.kkt.KKTResiduals.worst_relative`. NaN counts as inf.
    """
    if not np.isfinite(lam).all():
        return float("inf")
    slack, largest = K @ lam - 1.0, max(float(lam.max()), np.finfo(float).tiny)
    return float(max((-slack).max(), 0.0, (-lam).max() / largest, np.abs(lam * slack).max() / largest))


def reached(value: float) -> str:
    """A residual as text."""
    return f"{value:.1e}"
