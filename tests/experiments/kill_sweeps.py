"""Kills sweeps at random moments and checks that nothing is lost: ``python -m tests.experiments.kill_sweeps``.

First the runner, its workers or both are killed with SIGKILL, and the sweep is resumed, ``--times`` times; then workers
alone are killed as often while one runner goes on. Every finished store must equal an uninterrupted one bit for bit,
and no finished chunk may be computed again.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from experiments.engine.dataset import load_sweep
from experiments.engine.store import StoreError, open_store


def child(store: Path, grid: dict[str, object]) -> None:
    """The runner that is killed."""
    from experiments.engine.runner import run_sweep
    from tests.experiments.quick_sweep import SWEEP

    ran = run_sweep(SWEEP, store, {**SWEEP.grid, **grid}, resume=(store / "sweep.json").exists(), count=2)
    print(ran.computed, ran.cells, flush=True)


class Runner:
    """A runner in a session of its own."""

    def __init__(self, store: Path, seeds: int) -> None:
        command = [sys.executable, "-m", "tests.experiments.kill_sweeps", "--child", str(store), "--seeds", str(seeds)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, text=True)

    def workers(self) -> list[int]:
        """Its descendants that compute: those with a thread of XLA or about to have one."""
        return [pid for pid in descendants(self.process.pid) if b"spawn_main" in command_line(pid)]

    def everyone(self) -> list[int]:
        return [self.process.pid, *descendants(self.process.pid)]

    def finish(self) -> None:
        out, _ = self.process.communicate()
        assert self.process.returncode == 0, f"the runner ended with {self.process.returncode}: {out}"


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def descendants(root: int) -> list[int]:
    parents = {int(p.name): parent(int(p.name)) for p in Path("/proc").iterdir() if p.name.isdigit()}
    found, front = [], [root]
    while front:
        front = [pid for pid, above in parents.items() if above in front]
        found += front
    return found


def kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def gone(pids: list[int], seconds: float = 30.0) -> None:
    """Workers end with their runner."""
    deadline = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() and command_line(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still there: {[pid for pid in pids if command_line(pid)]}"
        time.sleep(0.05)


def finished(store: Path) -> dict[str, int]:
    """Markers with the time when they were written."""
    try:
        whole = open_store(store).markers()
    except StoreError:
        return {}
    return {str(i): (store / "chunks" / f"{i:06d}.json").stat().st_mtime_ns for i in whole}


def check(store: Path, reference: Path, seen: dict[str, int]) -> None:
    """The store is complete, equal to the reference to the bit, and no chunk was computed twice."""
    ours, theirs = load_sweep(store), load_sweep(reference)
    assert ours.attrs["chunks_finished"] == ours.attrs["chunks"]
    for name in theirs.variables:
        assert ours[name].values.tobytes() == theirs[name].values.tobytes(), name
        assert ours[name].dtype == theirs[name].dtype
    again = [i for i, when in seen.items() if finished(store)[i] != when]
    assert not again, f"computed again: {again}"


def kill_runners(folder: Path, reference: Path, times: int, seeds: int, warm: float, dice: random.Random) -> list[str]:
    """Kill the runner, the workers or both at random moments of its life, and resume each time."""
    log, kills, stores = [], 0, 0
    while kills < times:
        stores += 1
        store, seen = folder / f"killed-{stores}", dict[str, int]()
        while kills < times:
            runner = Runner(store, seeds)
            try:
                runner.process.wait(dice.uniform(0.0, 1.5 * warm + 3.0))
                runner.finish()
                break
            except subprocess.TimeoutExpired:
                pass
            whom = dice.choice(("runner", "everyone", "worker, then runner"))
            family = runner.everyone()
            if whom == "everyone":
                kill(family)
            else:
                if whom != "runner":
                    kill(dice.sample(runner.workers(), min(1, len(runner.workers()))))
                    time.sleep(dice.uniform(0.0, 0.5))
                kill([runner.process.pid])
            runner.process.wait()
            assert runner.process.stdout is not None
            runner.process.stdout.close()
            gone(family)
            kills += 1
            now = finished(store)
            assert not [i for i, when in seen.items() if now.get(i) != when], "a finished chunk changed"
            log.append(f"{kills}: {whom}, {len(seen)} -> {len(now)} chunks")
            print(log[-1], flush=True)
            seen = now
        last = Runner(store, seeds)
        last.finish()
        check(store, reference, seen)
        print(f"store {stores} equals the uninterrupted one", flush=True)
    return log


def kill_workers(folder: Path, reference: Path, times: int, seeds: int, dice: random.Random) -> int:
    """Kill workers alone while a runner goes on; returns the number of runs that it took."""
    kills, runs = 0, 0
    while kills < times:
        runs += 1
        store = folder / f"workers-{runs}"
        runner = Runner(store, seeds)
        while not finished(store) and runner.process.poll() is None:
            time.sleep(0.05)
        while kills < times and runner.process.poll() is None:
            time.sleep(dice.uniform(0.05, 1.0))
            workers = runner.workers()
            if workers and runner.process.poll() is None:
                kill([dice.choice(workers)])
                kills += 1
                print(f"{kills}: a worker, {len(finished(store))} chunks", flush=True)
        runner.finish()
        check(store, reference, {})
        print(f"run {runs} equals the uninterrupted one", flush=True)
    return runs


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=30)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--seeds", type=int, default=20, help="size of the sweep: 25 chunks each")
    options.add_argument("--folder", type=Path, default=Path("/tmp/kill_sweeps"))
    options.add_argument("--child", type=Path)
    given = options.parse_args()
    from forgetproof.runtime import start_jax

    start_jax()
    if given.child:
        child(given.child, {"seed": tuple(range(given.seeds))})
        return
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    dice, reference = random.Random(given.seed), given.folder / "reference"
    began = time.monotonic()
    runner = Runner(reference, given.seeds)
    while not finished(reference):
        time.sleep(0.05)
    warm = time.monotonic() - began
    runner.finish()
    chunks = load_sweep(reference).attrs["chunks"]
    print(
        f"uninterrupted: {chunks} chunks in {time.monotonic() - began:.1f} s, the first after {warm:.1f} s", flush=True
    )
    kill_runners(given.folder, reference, given.times, given.seeds, warm, dice)
    runs = kill_workers(given.folder, reference, given.times, given.seeds, dice)
    print(f"{given.times} kills of runners and {given.times} of workers in {runs} runs: nothing lost, equal to the bit")


if __name__ == "__main__":
    main()
