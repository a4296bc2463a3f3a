"""Sweeps that are started from the page: where they may write, how far they are, and how they end."""

import time

import pytest

from experiments.engine.dataset import load_sweep
from experiments.engine.model import all_sweeps
from experiments.engine.store import open_store
from forgetproof.app import runs
from forgetproof.app.jobs import Progress
from tests.experiments.sweep_stores import empty

REFUSED = {"none": "", "spaces": "  ", "here": ".", "above": "../x", "absolute": "/tmp/x", "winding": "a/../../x"}


@pytest.mark.parametrize("case", REFUSED)
def test_a_folder_elsewhere_is_refused(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="folder: expected one below"):
        runs.request("ga_linear", "tiny", REFUSED[case], 0.0)


def test_a_link_out_is_refused(tmp_path, monkeypatch):
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    (inside / "out").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="folder: expected one below"):
        runs.request("ga_linear", "tiny", "out/x", 0.0)
    assert "folder=kept%2Ffirst" in runs.request("ga_linear", "tiny", " kept/first ", 0.0)


def test_grids_say_how_many_cells_they_have():
    assert runs.described("ga_linear", "tiny") == "tiny, 12 cells"  # of 16: k = 5 of 4 points has no meaning


def test_progress_gives_the_time_left():
    assert Progress(25, 100, 5.0).left == 15.0
    assert Progress(0, 100).left is None
    assert Progress(7, 0, 1.0).left is None


@pytest.mark.slow
def test_what_is_kept_of_a_stopped_run_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    query = runs.request("ga_linear", "tiny", "kept", 0.0)
    assert "no store was made" in runs.stopped(query)
    empty(tmp_path / "kept", all_sweeps()["ga_linear"])
    assert "0 of " in runs.stopped(query)
    assert "`forgetproof sweep ga_linear --store kept --resume`" in runs.stopped(query)


@pytest.mark.slow
class TestRun:
    @pytest.fixture(autouse=True)
    def _here(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

    def test_it_is_cancelled_and_gone_on_with(self, tmp_path):
        query = runs.request("wc_ridge", "grid", "kept", 0.0)
        parts = runs.run(query, workers=1)
        began = time.monotonic()
        for done, total, _ in parts:
            assert time.monotonic() - began < 300
            if done:
                assert total == 108
                break
        parts.close()
        store = open_store(tmp_path / "kept")
        finished = len(store.markers())
        assert 1 <= finished < store.about["chunks"]
        *_, (done, total, folder) = runs.run(query, workers=1)
        assert (done, total, folder) == (108, 108, "kept")
        assert (load_sweep(tmp_path / "kept").status == 1).all()

    def test_a_folder_with_something_else_is_one_line(self, tmp_path):
        (tmp_path / "kept").mkdir()
        (tmp_path / "kept" / "notes.txt").write_text("mine")
        with pytest.raises(runs.RunFailed, match="kept: exists"):
            list(runs.run(runs.request("ga_linear", "tiny", "kept", 0.0), workers=1))
        assert (tmp_path / "kept" / "notes.txt").read_text() == "mine"
