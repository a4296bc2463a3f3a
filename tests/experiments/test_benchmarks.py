"""Benchmarks run, agree on their answers and serialise; no test asserts a time."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import (
    Benchmark,
    BenchmarkResult,
    all_benchmarks,
    measure,
    network_selection,
    network_sweep,
    record,
)
from experiments.benchmarks import two_layer_training as training
from experiments.benchmarks.measure import dual_residual, medians, peer
from experiments.benchmarks.model import growth
from experiments.benchmarks.peers import clarabel_dual, clarabel_primal, linear_svc, svc_mirrored

NAMES = (
    "certify",
    "check_batched",
    "clarke_residual",
    "dimension_free",
    "exact",
    "falsehoods",
    "hunt_batched",
    "leave_one_out",
    "margin_batch",
    "network_methods",
    "network_selection",
    "network_sweep",
    "proofs",
    "sweep",
    "two_layer_training",
    "vmapped_networks",
)
AGREES = {
    "sklearn SVC": 1e-5,
    "sklearn SVC, precomputed": 1e-5,
    "Clarabel": 1e-7,
    "float32 weights": 1e-3,
    "losses": network_selection.AGREES["losses"],  # float32
}  # what each can reach


@pytest.fixture(scope="module")
def results() -> dict[str, BenchmarkResult]:
    return {name: benchmark.run(True) for name, benchmark in all_benchmarks().items()}


def test_every_benchmark_is_found() -> None:
    found = all_benchmarks()
    assert tuple(found) == NAMES
    assert all(isinstance(b, Benchmark) and b.name == name and b.target > 0 for name, b in found.items())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_finite_and_positive(name: str, results: dict[str, BenchmarkResult]) -> None:
    result = results[name]
    assert result.name == name
    assert set(result.targets) <= set(result.ratios)
    assert "ours" in result.seconds
    assert result.solved
    assert set(result.ratios) <= set(result.seconds)
    for value in (*result.ratios.values(), *result.seconds.values(), *(row[2] for row in result.growth.rows)):
        assert math.isfinite(value)
        assert value > 0
    assert set(result.growth.exponents) == ({"m", "d"} if result.growth.rows else set())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_contenders_solve_the_same_problems(name: str, results: dict[str, BenchmarkResult]) -> None:
    for contender, residual in results[name].residuals.items():
        allowed = next((tol for peer_, tol in AGREES.items() if contender.startswith(peer_)), 1e-9)
        assert 0 <= residual <= allowed, f"{contender}: {residual / allowed:.3g} of what is allowed"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_json_round_trip(name: str, results: dict[str, BenchmarkResult]) -> None:
    stated = results[name].as_json()
    assert json.loads(json.dumps(stated)) == stated
    assert {"name", "passed", "ratios", "targets", "seconds", "residuals", "limit", "growth", "notes"} <= set(stated)


def test_peers_on_a_problem_by_hand() -> None:
    """x₁ = (2, 0) and x₂ = (0, −1), labels + and −: λ = 1/‖xᵢ‖² each, w = (½, 1), x₃ no support vector."""
    X, y = np.array([[2.0, 0.0], [0.0, -1.0], [3.0, 5.0]]), np.array([1.0, -1.0, 1.0])
    Z = y[:, None] * X
    K, lam = Z @ Z.T, np.array([0.25, 1.0, 0.0])
    assert dual_residual(K, lam) == 0.0
    np.testing.assert_allclose(svc_mirrored(X, y, 1e-8), lam, atol=1e-6)
    np.testing.assert_allclose(svc_mirrored(X @ X.T, y, 1e-8, gram=True), lam, atol=1e-6)
    np.testing.assert_allclose(clarabel_dual(K, 1e-12), lam, atol=1e-7)
    np.testing.assert_allclose(clarabel_primal(Z, 1e-12), lam, atol=1e-7)
    np.testing.assert_allclose(linear_svc(X, y, 1e-10), [0.5, 1.0], atol=1e-8)


@pytest.mark.parametrize(
    ("lam", "least"),
    [([0.25, 0.5, 0.0], 0.5), ([0.25, 1.0, 0.1], 0.1), ([0.25, 1.0, -0.1], 0.1), ([math.nan, 1.0, 0.0], math.inf)],
    ids=["margin below 1", "multiplier off the margin", "negative multiplier", "NaN"],
)
def test_residual_sees_wrong_multipliers(lam: list[float], least: float) -> None:
    Z = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 5.0]])
    assert dual_residual(Z @ Z.T, np.array(lam)) >= least


def test_residual_sees_a_negative_multiplier_on_the_margin() -> None:
    """One point twice: λ = (3/2, −1/2) has both margins 1 and no complementarity error; only its sign is wrong."""
    assert dual_residual(np.ones((2, 2)), np.array([1.5, -0.5])) == pytest.approx(1.0 / 3.0)


def test_a_result_passes_only_when_every_target_is_met() -> None:
    flat = growth([(1, 1, 1.0), (2, 1, 8.0)], [(1, 1, 1.0), (1, 2, 2.0)])
    assert flat.exponents == pytest.approx({"m": 3.0, "d": 1.0})
    base = {
        "seconds": {"ours": 1.0},
        "residuals": {},
        "sizes": {},
        "limit": "",
        "growth": flat,
        "seed": 0,
        "solved": True,
    }
    targets = {"a": 10.0, "b": 10.0}
    assert BenchmarkResult(name="x", ratios={"a": 10.0, "b": 11.0}, targets=targets, **base).passed
    assert not BenchmarkResult(name="x", ratios={"a": 99.0, "b": 9.0}, targets=targets, **base).passed
    wrong = base | {"solved": False}
    assert not BenchmarkResult(name="x", ratios={"a": 99.0, "b": 99.0}, targets=targets, **wrong).passed


def test_a_single_turn_is_one_call_after_a_warm_up() -> None:
    calls: list[int] = []
    seconds, results = medians({"it": lambda: calls.append(0) or len(calls)}, 1)
    assert len(calls) == 2
    assert results == {"it": 2}
    assert seconds["it"] > 0


def test_short_contenders_fill_their_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "TURN", 0.01)
    calls: list[int] = []
    medians({"it": lambda: calls.append(sum(range(1000)))}, 2)
    assert len(calls) > 10


def test_a_missing_peer_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "clarabel", None)
    with pytest.raises(ImportError, match=r"compare with clarabel: pip install 'forgetproof\[bench\]'"):
        peer("clarabel")


@pytest.mark.slow
def test_without_torch_the_others_are_measured_and_a_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "has_torch", lambda: False)
    result = training.run(True)
    assert set(result.targets) == {"JAX on W"}
    assert result.solved
    assert result.notes[-1].startswith("PyTorch is not installed and was left out")


@pytest.mark.slow
def test_numbers_are_kept_by_backend(tmp_path: Path, results: dict[str, BenchmarkResult]) -> None:
    """Each with its environment; those of other benchmarks stay, earlier ones of the same name go."""
    exact, other = results["exact"], replace(results["exact"], name="another")
    for each in (other, replace(exact, seed=-1), exact):
        path = record.record(each, record.load(), tmp_path / "new")
    assert path.name == "cpu.json"
    kept = json.loads(path.read_text())["benchmarks"]
    assert [each["name"] for each in kept] == ["another", "exact"]
    environment = kept[1].pop("environment")
    assert kept[1] == exact.as_json()
    assert {"jax", "clarabel", "torch"} <= set(environment["versions"])
    path.write_text('{"benchmarks": ')
    with pytest.raises(ValueError, match=r"cpu\.json"):
        record.record(exact, record.load(), tmp_path / "new")


def test_a_sweep_covers_every_dimension_and_initialisation() -> None:
    keys, d, scale = network_sweep.grid(2)
    assert len(keys) == len(d) == len(scale) == 32
    assert {(float(a), float(b)) for a, b in zip(d, scale, strict=True)} == {
        (a, b) for a in network_sweep.DIMENSIONS for b in network_sweep.SCALES
    }
    assert jnp.all(keys[:16] == keys[0])
    assert network_sweep.SEEDS["gpu"] * 16 >= 10_000


def test_a_sweep_says_what_binds() -> None:
    rates = {"share of peak flops": 0.2, "share of peak bytes": 0.1, "bytes of the batch": 1e9}
    assert "flops are nearer" in network_sweep.bound(rates)
    assert "bytes are nearer" in network_sweep.bound(rates | {"share of peak bytes": 0.8})
    assert "stay in the cache" in network_sweep.bound(rates | {"bytes of the batch": 1e6})
