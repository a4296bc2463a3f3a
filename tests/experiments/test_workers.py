"""Jobs in worker processes: results in order, errors, a killed process, Ctrl-C, and claims found by name."""

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import jax
import pytest

from experiments.checking import ClaimFault, check_claim, claim_jobs
from experiments.workers import PAYS, LostWorker, run_jobs, separate, workers
from theory.claims import load_file, select

CLAIMS = """
    from dataclasses import replace
    from forgetproof import Claim, Conclusion
    def fails(i, s):
        raise ZeroDivisionError("on purpose")
    def claim(name, rhs):
        return Claim(key="own." + name, title="t", statement="s", source="s", status="proved", sizes=({"d": 1},),
            latent=lambda sizes: 1, build=lambda sizes, z: z, constants={"C": 1.0},
            conclusions=(Conclusion("c", "", lambda i, s, *, C: i[0] * i[0], rhs),))
    GOOD = claim("good", lambda i, s, *, C: C * i[0] * i[0] + 1.0)
    BAD = claim("bad", fails)
"""


def setting(name: str) -> object:
    return jax.config.read(name)


def die_once(marker: Path, value: int) -> int:
    """Kills its process, unless another has done so."""
    if value == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return value


@pytest.fixture(scope="module")
def pool():
    with workers(PAYS) as started:
        assert separate(started) == ((os.cpu_count() or 1) > 1)
        yield started


def test_few_jobs_run_in_threads():
    with workers(PAYS - 1) as started:
        assert not separate(started)
        assert run_jobs(started, [functools.partial(divmod, 7, 2)]) == [(3, 1)]


def test_results_are_in_order_and_jax_is_set_as_here(pool):
    seen = []
    jobs = [functools.partial(pow, 2, n) for n in range(12)]
    assert run_jobs(pool, jobs, seen.append) == [2**n for n in range(12)]
    assert sorted(seen) == [2**n for n in range(12)]
    names = ["jax_enable_x64", "jax_cpu_enable_async_dispatch"]
    assert run_jobs(pool, [functools.partial(setting, name) for name in names]) == [setting(name) for name in names]


@pytest.mark.slow
def test_claims_are_found_by_key_and_by_file(pool, tmp_path):
    path = tmp_path / "own.py"
    path.write_text(textwrap.dedent(CLAIMS))
    good, bad = load_file(path)
    own = [good.with_constants({"C": value}) for value in (1.0, -9.0)]
    chosen = [*select(["ga.linear.ascent_step"]), *own]
    arguments = (check_claim, 32, 0, tmp_path)
    records = run_jobs(pool, claim_jobs(pool, chosen, *arguments))
    assert [r["key"] for r in records] == ["ga.linear.ascent_step", "own.good", "own.good"]
    assert [r["outcome"] for r in records] == ["HOLDS", "HOLDS", "REFUTED"]
    assert records[0] | {"seconds": 0} == check_claim(chosen[0], *arguments[1:]) | {"seconds": 0}
    with pytest.raises(ClaimFault, match=r"claim own\.bad: ZeroDivisionError: on purpose"):
        run_jobs(pool, claim_jobs(pool, [bad], *arguments))


def test_jobs_of_a_killed_process_are_done_here(tmp_path):
    jobs = [functools.partial(die_once, tmp_path / "marker", value) for value in range(PAYS)]
    seen = []
    with workers(PAYS) as started:
        with pytest.warns(LostWorker, match="a worker process was killed"):
            results = run_jobs(started, jobs, seen.append)
        with pytest.warns(LostWorker, match="1 of 1 jobs run one by one"):
            assert run_jobs(started, jobs[:1]) == [0], "a later stage goes on"
    assert results == list(range(PAYS))
    assert sorted(seen) == list(range(PAYS)), "each is reported once"


def interrupted() -> None:
    with workers(PAYS) as started:
        started.submit(time.sleep, 600)
        raise KeyboardInterrupt


def test_an_interrupt_ends_the_processes():
    before = set(multiprocessing.active_children())  # in no order
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    deadline = time.monotonic() + 10
    while not before.issuperset(multiprocessing.active_children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert before.issuperset(multiprocessing.active_children())


def test_processes_end_with_a_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent("""
        import os, signal
        from experiments.workers import PAYS, workers
        if __name__ == "__main__":
            with workers(PAYS) as pool:
                print(pool.submit(os.getpid).result(), flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
        """)
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(script)]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, timeout=60, check=False)
    child = Path("/proc") / done.stdout.decode().strip()
    deadline = time.monotonic() + 10
    while child.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists()
