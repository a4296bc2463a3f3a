"""Sweeps that are started from the page: where they may write, how far they are, and how they end."""

import threading
import time
from pathlib import Path

import pytest

from experiments.engine.dataset import load_sweep
from experiments.engine.model import all_sweeps
from experiments.engine.store import open_store
from forgetproof.app import runs
from forgetproof.app.progress import Progress
from tests.experiments.sweep_stores import empty

REFUSED = {"none": "", "spaces": "  ", "here": ".", "above": "../x", "absolute": "/tmp/x", "winding": "a/../../x"}


@pytest.mark.parametrize("case", REFUSED)
def test_a_folder_elsewhere_is_refused(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="folder: expected one below"):
        runs.checked(REFUSED[case])


def test_a_link_out_is_refused(tmp_path, monkeypatch):
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    (inside / "out").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="folder: expected one below"):
        runs.checked("out/x")
    assert runs.checked(" kept/first ") == Path("kept/first")


def test_grids_say_how_many_cells_they_have():
    assert runs.described("ga_linear", "tiny") == "tiny, 12 cells"  # of 16: k = 5 of 4 points has no meaning


def test_progress_gives_the_time_left():
    assert Progress(25, 100, 5.0).left == 15.0
    assert Progress(0, 100).left is None
    assert Progress(7, 0, 1.0).left is None


@pytest.mark.slow
def test_what_is_kept_of_a_stopped_run_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = runs.Asked("ga_linear", "tiny", Path("kept"))
    assert "no store was made" in runs.stopped(asked)
    empty(tmp_path / "kept", all_sweeps()["ga_linear"])
    assert "0 of " in runs.stopped(asked)
    assert "`forgetproof sweep ga_linear --store kept --resume`" in runs.stopped(asked)


class TestRunning:
    """What all pages of a server share, with a stand-in for the process."""

    ASKED = runs.Asked("wc_ridge", "grid", Path("kept"))

    @pytest.fixture
    def gate(self, monkeypatch):
        """Released once a step; the stand-in has three."""
        gate = threading.Semaphore(0)

        def parts(asked, workers):
            for done in range(4):
                yield done, 3
                gate.acquire(timeout=5)

        monkeypatch.setattr(runs, "run", parts)
        return gate

    def test_one_runs_at_a_time_and_ends_with_all(self, gate):
        running = runs.Running()
        running.start(self.ASKED)
        with pytest.raises(ValueError, match="wc_ridge, the sweep's own, into kept is going on; cancel it first"):
            running.start(self.ASKED)
        gate.release(4)
        assert running.wait(5)
        assert (running.whole, running.said, running.progress[:2]) == (True, "", (3, 3))
        running.start(self.ASKED)
        assert not running.whole
        gate.release(4)
        assert running.wait(5)

    def test_a_cancelled_run_says_what_is_kept(self, gate, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        running = runs.Running()
        running.start(self.ASKED)
        running.stop()
        assert running.stopping
        gate.release(1)
        assert running.wait(5)
        assert (running.whole, running.stopping) == (False, False)
        assert "no store was made" in running.said

    def test_a_fault_is_kept(self, monkeypatch):
        def parts(asked, workers):
            raise runs.RunFailed("kept: exists")
            yield

        monkeypatch.setattr(runs, "run", parts)
        running = runs.Running()
        running.start(self.ASKED)
        assert running.wait(5)
        assert (running.said, running.whole) == ("kept: exists", False)


@pytest.mark.slow
class TestRun:
    @pytest.fixture(autouse=True)
    def _here(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

    def test_it_is_cancelled_and_gone_on_with(self, tmp_path):
        asked = runs.Asked("wc_ridge", "grid", Path("kept"))
        parts = runs.run(asked, workers=1)
        began = time.monotonic()
        for done, total in parts:
            assert time.monotonic() - began < 300
            if done:
                assert total == 108
                break
        parts.close()
        store = open_store(tmp_path / "kept")
        finished = len(store.markers())
        assert 1 <= finished < store.about["chunks"]
        *_, last = runs.run(asked, workers=1)
        assert last == (108, 108)
        assert (load_sweep(tmp_path / "kept").status == 1).all()

    def test_a_folder_with_something_else_is_one_line(self, tmp_path):
        (tmp_path / "kept").mkdir()
        (tmp_path / "kept" / "notes.txt").write_text("mine")
        with pytest.raises(runs.RunFailed, match="kept: exists"):
            list(runs.run(runs.Asked("ga_linear", "tiny", Path("kept")), workers=1))
        assert (tmp_path / "kept" / "notes.txt").read_text() == "mine"
