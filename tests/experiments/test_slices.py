"""Slices of a long study: a killed run goes on, other settings and damaged files are never taken."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from experiments import slices
from experiments.slices import Slices

P = {"seed": 0, "seeds": 3, "width": 8, "sliced": True}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETPROOF_HOME", str(tmp_path))
    return tmp_path


def made(parameters, name="seed 0", value=1.0):
    """The part, and how often it was computed."""
    calls = []

    def compute():
        calls.append(name)
        return {"a": np.full(3, value), "names": np.array(["x", "yz"])}

    return Slices("some_study", parameters)(name, compute), len(calls)


def test_a_part_is_computed_once():
    first, computed = made(P)
    again, recomputed = made(P, value=2.0)
    assert (computed, recomputed) == (1, 0)
    assert all(np.array_equal(first[name], again[name]) for name in ("a", "names"))
    assert made(P, "seed 1")[1] == 1
    assert made({**P, "seeds": 9})[1] == 0


def test_other_parameters_other_code_and_unsliced_runs_take_nothing(monkeypatch):
    made(P)
    assert made({**P, "width": 4})[1] == 1
    assert made({**P, "sliced": False})[1] == 1
    monkeypatch.setattr(slices, "source_digest", lambda: "another")
    assert made(P)[1] == 1


@pytest.mark.parametrize("left", [0, 7, 200])
def test_a_damaged_part_is_made_again(left, home):
    made(P)
    (path,) = home.rglob("*.npz")
    path.write_bytes(path.read_bytes()[:left])
    assert made(P)[1] == 1
    assert made(P)[1] == 0


def test_published_studies_leave_nothing(home):
    made(P)
    Slices("some_study_too", P)("seed 0", lambda: {"a": np.zeros(1)})
    slices.clear(["some_study"])
    assert [path.parent.name.rsplit("-", 1)[0] for path in home.rglob("*.npz")] == ["some_study_too"]


KILLED = """
import time, numpy as np
from experiments.slices import Slices
part = Slices("killed", {"seed": 0, "sliced": True})
for index in range(3):
    print(index, part(f"part {index}", lambda: (time.sleep(60) if index == 2 else None, {"a": np.full(2, index)})[1]))
"""


def test_a_killed_run_goes_on(home):
    process = subprocess.Popen([sys.executable, "-c", KILLED], env={**os.environ, "FORGETPROOF_HOME": str(home)})
    deadline = time.monotonic() + 60
    while len(list(home.rglob("*.npz"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    part = Slices("killed", {"seed": 0, "sliced": True})
    for index in range(2):
        assert np.array_equal(part(f"part {index}", lambda: pytest.fail("computed again"))["a"], np.full(2, index))
    assert part("part 2", lambda: {"a": np.zeros(2)})["a"].tolist() == [0.0, 0.0]
