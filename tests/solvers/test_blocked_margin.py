"""The solver by blocks against the one that holds the whole Gram matrix, at its tiers, and on several devices."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from theory.solvers import tiled_cholesky, working_set
from theory.solvers.blocked_margin import solve_margin_blocked
from theory.solvers.device_rows import free_memory, gram_blocks, gram_memory, place
from theory.solvers.margin import MarginSolution, NotSeparable
from theory.solvers.nonneg_qp import Status

M, D = 150, 40


def mixture(m: int, d: int, seed: int, rho: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.choice([-1.0, 1.0], m)
    X = rng.standard_normal((m, d)) / np.sqrt(d)
    X[:, 0] += rho * y
    return X, y


@pytest.fixture
def small_tiers(monkeypatch):
    """Tiles of 16 and arrays of up to 32: the tiers for large problems on small ones."""
    monkeypatch.setattr(working_set, "FIRST", 16)
    monkeypatch.setattr(working_set, "DENSE", 32)
    monkeypatch.setattr(tiled_cholesky, "SMALLEST", 16)
    monkeypatch.setattr(tiled_cholesky, "LARGEST", 16)


def shows_optimality(found: MarginSolution, X: np.ndarray, y: np.ndarray, kept: np.ndarray | None = None) -> None:
    """The KKT conditions, which are sufficient, recomputed from the points."""
    kept = np.ones(len(y), bool) if kept is None else kept
    lam, w = np.asarray(found.lam), np.asarray(found.w)
    margins, length = y * (X @ w), np.linalg.norm(w)
    assert lam.min() >= 0
    assert not lam[~kept].any()
    assert np.linalg.norm(w - (lam * y) @ X) < 1e-11 * length
    assert (margins - 1.0)[kept].min() > -1e-10
    assert np.max(lam * np.abs(margins - 1.0)) < 1e-10 * lam.max()
    np.testing.assert_allclose(found.margins, margins, atol=1e-12 * length)
    assert float(found.relative_residual) < 1e-10


def test_few_support_vectors_of_many_points_a_forget_set_and_a_warm_start():
    X, y = mixture(M, D, 0, 2.0)
    rows = place(X)
    trained = solve_margin_blocked(rows, y)
    shows_optimality(trained, X, y)
    assert int(trained.support.sum()) < 40
    forget = np.flatnonzero(trained.support)[:2]
    found = solve_margin_blocked(rows, y, forget=forget, warm_start=trained)
    shows_optimality(found, X, y, ~np.isin(np.arange(M), forget))
    with pytest.raises(ValueError, match=f"solution on 20 points, got one on {M}"):
        solve_margin_blocked(X[:20], y[:20], warm_start=trained)


def test_all_points_support_by_tiles(small_tiers):
    X, y = mixture(60, 3000, 1, 0.0)
    found = solve_margin_blocked(X, y)
    shows_optimality(found, X, y)
    assert bool(found.support.all())
    assert int(found.rounds) == 2  # sixteen, then everything


@pytest.mark.slow
def test_some_support_by_tiles(small_tiers):
    X, y = mixture(90, 100, 2, 0.2)
    found = solve_margin_blocked(X, y)
    shows_optimality(found, X, y)
    assert 32 < int(found.support.sum()) < 90


def test_points_without_a_separating_model_are_refused_with_a_certificate():
    X, y = mixture(M, 8, 3, 0.0)
    with pytest.raises(NotSeparable, match="convex combination") as fault:
        solve_margin_blocked(X, y)
    z = fault.value.certificate
    assert z.min() >= 0
    assert z.sum() == pytest.approx(1.0)
    assert np.linalg.norm((z * y) @ X) < 1e-12
    assert int(solve_margin_blocked(X, y, throw=False).status) == Status.INFEASIBLE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda X, y: (np.where(np.arange(M)[:, None] == 7, np.nan, X), y), r"X: expected finite numbers, got nan at"),
        (lambda X, y: (X, y[:-1]), f"y: expected {M} labels"),
        (lambda X, y: (X, (y + 1) / 2), r"map 0/1 labels"),
        (lambda X, y: (X[0], y), r"X: expected a matrix"),
        (lambda X, y: (X[:, :0], y), r"X: expected at least one entry"),
    ],
)
def test_bad_input_is_refused_in_one_line(change, said):
    with pytest.raises(ValueError, match=said) as fault:
        solve_margin_blocked(*change(*mixture(M, D, 0)))
    assert "\n" not in str(fault.value)


def test_blocks_of_the_gram_matrix():
    X, _ = mixture(M, D, 0)
    blocks = list(gram_blocks(X, 64))
    assert [first for first, _ in blocks] == [0, 64, 128]
    np.testing.assert_allclose(np.concatenate([part for _, part in blocks]), X @ X.T, atol=1e-14)


def test_memory_is_stated_and_too_much_refused_before_it_is_taken(monkeypatch):
    stated = gram_memory(20_000, 784)
    assert stated.whole == 3_200_000_000
    assert stated.triangle == 1_600_080_000
    assert stated.points == 125_440_000
    assert 0 < stated.free == free_memory()
    assert "whole 3.2 GB" in str(stated)
    monkeypatch.setattr("theory.solvers.device_rows._machine_free", lambda: 150_000)
    X, y = mixture(M, D, 0)
    with pytest.raises(ValueError, match=r"120 rows .* use block=100 or less"):
        next(gram_blocks(X, 120))
    assert gram_memory(M, D).block == 100
    with pytest.raises(ValueError, match=r"memory: a working set of \d+ points needs"):
        solve_margin_blocked(X, y)
    with pytest.raises(ValueError, match=r"memory: points of shape \(4000, 4000\) needs 256 MB"):
        place(np.empty((4000, 4000)))


def test_the_factor_by_tiles(small_tiers):
    rng = np.random.default_rng(0)
    X, y = mixture(50, 70, 4)
    chosen = np.sort(rng.permutation(50)[:37])
    K = (y[:, None] * X @ X.T * y)[np.ix_(chosen, chosen)]
    factor = working_set.factor_points(place(X), y, chosen)
    assert factor.sound
    assert len(factor.tiles) == tiled_cholesky.tile_count(37) == 6
    rhs = rng.standard_normal((37, 2))
    np.testing.assert_allclose(factor.solve(rhs), np.linalg.solve(K, rhs), rtol=1e-10, atol=1e-12)
    columns = np.concatenate([factor.inverse_columns(j) for j in range(factor.side)], axis=1)
    np.testing.assert_allclose(columns, np.linalg.inv(K), rtol=1e-9, atol=1e-12)
    again = working_set.factor_points(place(np.vstack([X, X[:1]])), np.append(y, y[0]), np.array([0, 3, 50]))
    assert not again.sound


DEVICES = """
from forgetproof import start_jax; start_jax()
import jax, numpy as np
import theory.solvers.working_set as ws, theory.solvers.tiled_cholesky as tc
from theory.solvers.blocked_margin import solve_margin_blocked
from theory.solvers.device_rows import place, gram_blocks
ws.FIRST, ws.DENSE, tc.SMALLEST, tc.LARGEST = 8, 16, 8, 8
rng = np.random.default_rng(0)
X, y = rng.standard_normal((37, 400)), rng.choice([-1.0, 1.0], 37)
rows = place(X)
assert len(jax.devices()) == len(rows.devices) == len(rows.array.addressable_shards) == 4
factor = ws.factor_points(rows, y, np.arange(37))
assert {next(iter(tile.devices())) for tile in factor.tiles.values()} == set(jax.devices())
many, one = solve_margin_blocked(rows, y), solve_margin_blocked(place(X, jax.devices()[:1]), y)
assert int(many.support.sum()) > 16 and float(many.relative_residual) < 1e-12
np.testing.assert_allclose(many.lam, one.lam, rtol=1e-11)
G = np.concatenate([part for _, part in gram_blocks(rows, 16)])
np.testing.assert_allclose(G, X @ X.T, atol=1e-12)
print("same on", len(rows.devices))
"""


@pytest.mark.slow
def test_four_devices_give_what_one_gives():
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
    done = subprocess.run(
        [sys.executable, "-c", DEVICES],
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout == "same on 4\n", done.stderr
    assert jax.device_count() == 1
