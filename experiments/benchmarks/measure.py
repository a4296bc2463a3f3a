"""Timing and residuals, the same for every contender."""

import importlib
import statistics
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np


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


def medians(contenders: Mapping[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Median seconds and last result of each contender.

    Each is called once to warm up (compilation, caches); then all take turns, so that whatever else
    the machine does falls on all of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    results = {name: call() for name, call in contenders.items()}
    for _ in range(repeats):
        for name, call in contenders.items():
            began = time.perf_counter()
            results[name] = call()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in seconds.items()}, results


def median_of(call: Callable[[], Any], repeats: int) -> float:
    """Median seconds of one call, after one to warm up."""
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
