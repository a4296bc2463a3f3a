"""Speed, as ratios against named peers on the same problems in the same run. One file a benchmark.

A module of this package that holds ``BENCHMARK`` is found by :func:`all_benchmarks`; none is listed by hand.
"""

from experiments.benchmarks.model import Benchmark, BenchmarkResult
from experiments.discovery import modules_with

__all__ = ["Benchmark", "BenchmarkResult", "all_benchmarks"]


def all_benchmarks() -> dict[str, Benchmark]:
    """Benchmarks by name, in the order of their names."""
    benchmarks = [module.BENCHMARK for module in modules_with(__name__, "BENCHMARK").values()]
    return {benchmark.name: benchmark for benchmark in sorted(benchmarks, key=lambda b: b.name)}
