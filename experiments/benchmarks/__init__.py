"""Speed, as ratios against named peers on the same problems in the same run. One file a benchmark.

A module of this package that holds ``BENCHMARK`` is found by :func:`all_benchmarks`; none is listed by hand.
"""

import importlib
import pkgutil

from experiments.benchmarks.model import Benchmark, BenchmarkResult

__all__ = ["Benchmark", "BenchmarkResult", "all_benchmarks"]


def all_benchmarks() -> dict[str, Benchmark]:
    """Benchmarks by name, in the order of their names."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    benchmarks = [module.BENCHMARK for module in modules if hasattr(module, "BENCHMARK")]
    return {benchmark.name: benchmark for benchmark in sorted(benchmarks, key=lambda b: b.name)}
