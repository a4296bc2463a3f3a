"""The runner: resuming, refusing, isolating cells that fail, with threads here and with processes in the slow tests."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from experiments.engine import runner
from experiments.engine.chunk import compute_chunk
from experiments.engine.cluster import ClusterError, workers
from experiments.engine.dataset import load_sweep
from experiments.engine.runner import run_sweep
from experiments.engine.store import Finished, StoreError
from tests.experiments import faulty_sweep, quick_sweep
from tests.experiments.sweep_stores import filled

SWEEP = quick_sweep.SWEEP
processes = pytest.mark.filterwarnings(
    # distributed leaves the sockets of workers that ended to the garbage collector
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore::ResourceWarning",
)


@pytest.fixture(scope="module")
def client():
    """A scheduler and a worker in threads of this process: they start in no time."""
    from distributed import Client

    threads = {"processes": False, "n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with Client(**threads, set_as_default=False) as it:
        yield it


@pytest.fixture
def here(client, monkeypatch):
    @contextmanager
    def threads(count=None, scheduler=None):
        yield client

    monkeypatch.setattr(runner, "workers", threads)


def same(a: Path, b: Path) -> bool:
    first, second = load_sweep(a), load_sweep(b)
    return all(first[name].values.tobytes() == second[name].values.tobytes() for name in first.variables)


def test_a_run_equals_its_chunks_and_a_resumed_run_recomputes_nothing(here, tmp_path):
    seen = []
    ran = run_sweep(SWEEP, tmp_path / "a", SWEEP.tiny, width=4, begin=lambda *a: seen.append(a[1:]) or seen.append)
    assert (ran.cells, ran.computed, ran.failed) == (9, 9, {})
    assert seen[0] == (0, 9)
    assert sorted(seen[1:]) == [2, 3, 4]
    assert same(tmp_path / "a", filled(tmp_path / "direct")[0].folder)
    again = run_sweep(SWEEP, tmp_path / "a", resume=True)
    assert (again.cells, again.computed) == (9, 0)
    for index in (0, 2):
        (tmp_path / "a" / "chunks" / f"{index:06d}.json").unlink()
    kept = (tmp_path / "a" / "chunks" / "000001.json").stat().st_mtime_ns
    assert run_sweep(SWEEP, tmp_path / "a", resume=True).computed == 7
    assert (tmp_path / "a" / "chunks" / "000001.json").stat().st_mtime_ns == kept
    assert same(tmp_path / "a", tmp_path / "direct")


def test_a_damaged_chunk_is_computed_again(here, tmp_path):
    run_sweep(SWEEP, tmp_path / "a", SWEEP.tiny, width=4)
    region = tmp_path / "a" / "data.zarr" / "results" / "c" / "2" / "0" / "0"
    region.write_bytes(region.read_bytes()[:-1])
    ran = run_sweep(SWEEP, tmp_path / "a", resume=True)
    assert ran.repaired == 1
    assert same(tmp_path / "a", filled(tmp_path / "direct")[0].folder)


def test_other_grids_and_versions_are_refused(here, tmp_path):
    run_sweep(SWEEP, tmp_path / "a", SWEEP.tiny, width=4)
    with pytest.raises(StoreError, match="exists; go on with it by --resume, or name another --store"):
        run_sweep(SWEEP, tmp_path / "a")
    with pytest.raises(StoreError, match=r"has x = \[0\.1, 0\.2, 0\.3\], not \[0\.5\]; name another --store"):
        run_sweep(SWEEP, tmp_path / "a", changes={"x": 0.5}, resume=True)
    with pytest.raises(StoreError, match="has steps = 100, not 5"):
        run_sweep(SWEEP, tmp_path / "a", changes={"steps": 5}, resume=True)
    with pytest.raises(StoreError, match="its chunks have 4 cells, not 2"):
        run_sweep(SWEEP, tmp_path / "a", width=2, resume=True)
    with pytest.raises(StoreError, match="a store of the sweep quick_sweep, not of faulty_sweep"):
        run_sweep(faulty_sweep.SWEEP, tmp_path / "a", resume=True)
    other = dataclasses.replace(SWEEP, title="Another")
    with pytest.raises(StoreError, match="the sweep's title changed since"):
        run_sweep(other, tmp_path / "a", resume=True)
    with pytest.raises(StoreError, match=r"computed with forgetproof 1, but the worker on .* has "):
        run_sweep(SWEEP, filled(tmp_path / "old", [0])[0].folder, resume=True)


def test_a_cell_that_fails_sinks_no_other(here, tmp_path):
    ran = run_sweep(faulty_sweep.SWEEP, tmp_path / "a", faulty_sweep.SWEEP.tiny)
    assert ran.failed == {2: "ZeroDivisionError: x is two"}
    dataset = load_sweep(tmp_path / "a")
    np.testing.assert_array_equal(dataset.square.squeeze("seed"), [0, 1, np.nan, 9])
    np.testing.assert_array_equal(dataset.status.squeeze("seed"), [1, 1, 2, 1])
    assert json.loads(dataset.attrs["failures"]) == {"2": "ZeroDivisionError: x is two"}
    assert run_sweep(faulty_sweep.SWEEP, tmp_path / "a", resume=True).computed == 0
    assert run_sweep(faulty_sweep.SWEEP, tmp_path / "a", resume=True, retry=True).computed == 4


def test_a_result_of_another_shape_is_a_failure_that_says_so(monkeypatch):
    wrong = dataclasses.replace(SWEEP, results={"end": dataclasses.replace(SWEEP.results["end"], over=("power",))})
    monkeypatch.setattr("experiments.engine.chunk.find_sweep", lambda module: wrong)
    found = compute_chunk("wrong", {"size": 1}, {"x": np.array([0.1]), "seed": np.array([0])}, {"power": (1.0, 2.0)},
                          {"steps": 10}, np.array([3]), 1)  # fmt: skip
    assert isinstance(found, Finished)
    assert found.failed == {3: "ValueError: quick_sweep: expected end of shape (2,), got ()"}


def test_no_scheduler_is_one_line(monkeypatch):
    with (
        pytest.raises(ClusterError, match="--scheduler: no scheduler answers at 'nonsense'"),
        workers(None, "nonsense"),
    ):
        pass


@processes
@pytest.mark.slow
def test_a_cell_that_kills_its_worker_is_found(tmp_path):
    ran = run_sweep(faulty_sweep.SWEEP, tmp_path / "a", count=1)
    assert set(ran.failed) == {2, 5}
    assert ran.failed[5].startswith("KilledWorker: 4 workers were lost while they computed it")
    square = load_sweep(tmp_path / "a").square.squeeze("seed")
    np.testing.assert_array_equal(square, [0, 1, np.nan, 9, 16, np.nan, 36, 49])


@processes
@pytest.mark.slow
def test_alone_or_in_a_chunk_a_cell_has_the_same_bits(tmp_path):
    for name, width in (("one", 1), ("four", 4), ("all", 64)):
        run_sweep(SWEEP, tmp_path / name, {**SWEEP.tiny, "steps": 1000}, width=width, count=1)
    assert same(tmp_path / "one", tmp_path / "four")
    assert same(tmp_path / "all", tmp_path / "four")


def in_session(leader: int) -> list[int]:
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(ValueError, ProcessLookupError, PermissionError):
            found += [int(process.name)] * (os.getsid(int(process.name)) == leader)
    return found


@pytest.mark.slow
def test_ctrl_c_ends_every_process_and_can_be_resumed(tmp_path, interruptible):
    """Ctrl-C reaches a terminal's whole group: runner and workers."""
    command = [sys.executable, "-m", "forgetproof", "sweep", "ga_correlated", "--set", "m=4", "--set", "k=1,2"]
    command += ["--set", "d=100", "--set", "seed=0..511", "--chunk", "4", "--workers", "1", "--store", "swept"]
    started = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True, text=True)
    deadline = time.monotonic() + 200
    while len(list(tmp_path.glob("swept/chunks/*.json"))) < 3:
        assert time.monotonic() < deadline
        assert started.poll() is None
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGINT)
    _, err = started.communicate(timeout=60)
    assert started.returncode == 130, err
    assert "chunks are kept, go on with --resume" in err
    assert "Traceback" not in err
    deadline = time.monotonic() + 15
    while in_session(started.pid):
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.1)
    dataset = load_sweep(tmp_path / "swept")
    assert 0 < dataset.attrs["chunks_finished"] < dataset.attrs["chunks"]


@pytest.mark.slow
def test_killed_sweeps_lose_nothing(tmp_path):
    """The proof in short; ``python -m tests.experiments.kill_sweeps`` kills 60 times."""
    command = [sys.executable, "-m", "tests.experiments.kill_sweeps", "--times", "2", "--seeds", "4"]
    done = subprocess.run([*command, "--folder", str(tmp_path / "kills")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nothing lost, equal to the bit" in done.stdout
