"""Throughput of the benchmark of network methods, by hand."""

import pytest

from experiments.benchmarks.network_methods import flops_per_image, throughput


def test_flops_of_a_step_by_hand():
    """4 × 4 pixels and one channel: 16 · 9 and 4 · 9 · 2 entries, then 2 → 4 → 10; two flops each."""
    assert flops_per_image(4, 1) == 2 * (2 * 144 + 3 * 72 + 3 * 8 + 3 * 40)
    assert flops_per_image(28, 16) == 6_476_544


def test_share_of_the_peak():
    got = throughput(6e6, images=8000, seconds=0.5, peak=1e12)
    assert got["images per second"] == 16_000
    assert got["share of peak flops"] == pytest.approx(0.096)
