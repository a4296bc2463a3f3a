"""Reported numbers: read from the targets, met by this run's datasets and the kept results, shown and never judged."""

import json
import sys

import pytest
import xarray as xr

import paper_repro
from experiments.store import load_dataset, save_dataset
from experiments.study import labelled
from forgetproof.screen import verdicts
from paper_repro import page, reported
from paper_repro.reported import Finding, Ours, over_seeds

ROW = """
[[reported]]
name = "Forget accuracy"
measure = "forget"
value = 10.89
spread = 8.79
unit = "percent"
source = "a table"
setting = "CIFAR-10"

[[reported]]
name = "Times faster"
measure = "ratio"
value = 91.0
unit = "times"
source = "a notebook"
setting = "CIFAR-10"
"""
RUN = """
from paper_repro.reported import Finding, graded, over_seeds

FROM_STUDIES = {"tiny": lambda d: {"forget": over_seeds(d.forget.values, "digits")}}
FINDINGS = {"tiny": lambda d: [
    Finding("it forgets", graded(d.forget.max() <= 3, d.forget.mean() <= 3), f"{float(d.forget.max()):.0f}%", "≤ 3%")
]}
"""


@pytest.fixture
def paper(tmp_path, monkeypatch):
    """A paper "xx" with two reported numbers, a study of this run and a kept result."""
    folder = tmp_path / "paper_repro" / "xx"
    (folder / "results").mkdir(parents=True)
    (folder / "targets.toml").write_text(ROW)
    (folder / "run.py").write_text(RUN)
    kept = {"study": "tiny", "setting": "MNIST", "measures": {"ratio": Ours(20.0, None, "MNIST")._asdict()}}
    kept |= {"findings": []}
    (folder / "results" / "mnist.json").write_text(json.dumps(kept))
    monkeypatch.setattr(reported, "HERE", tmp_path / "paper_repro")
    monkeypatch.setattr(paper_repro, "__path__", [*paper_repro.__path__, str(tmp_path / "paper_repro")])
    for name in ("paper_repro.xx", "paper_repro.xx.run"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    data = tmp_path / "data"
    data.mkdir()
    dataset = xr.Dataset({"forget": labelled("seed", [0.0, 2.0, 4.0], "accuracy", "percent")})
    save_dataset(dataset, data / "tiny.nc")
    return data


def test_ours_stands_beside_the_reported_number(paper):
    forget, ratio = reported.compare("xx", paper)
    assert (forget["value"], forget["spread"], forget["paper"]) == (10.89, 8.79, "xx")
    (ours,) = forget["ours"]
    assert (ours["value"], ours["spread"], ours["setting"]) == (2.0, 2.0, "digits")
    assert ours["difference"] == pytest.approx(-8.89)
    assert ratio["ours"] == [{"value": 20.0, "spread": None, "setting": "MNIST", "difference": -71.0}]
    assert reported.findings("xx", paper) == [Finding("it forgets", "held in part", "4%", "≤ 3%")._asdict()]


def test_a_kept_result_gives_way_to_this_runs(paper):
    save_dataset(load_dataset(paper / "tiny.nc").assign_attrs(setting="MNIST"), paper / "tiny.nc")
    assert reported.compare("xx", paper)[1]["ours"] == []


def test_a_study_that_did_not_run_is_not_run_again(paper):
    (paper / "tiny.nc").unlink()
    assert reported.compare("xx", paper)[0]["ours"] == []
    assert reported.findings("xx", paper) == []


def test_the_page_and_the_screen_show_it(paper, capsys):
    rows = reported.compare("xx", paper)
    html = page._reported(rows, {"xx": reported.findings("xx", paper)})
    for text in ("10.89 &plusmn; 8.79", "2 &plusmn; 2", "-8.89", "digits", "a notebook", "held in part"):
        assert text in html, text
    assert "met" not in html
    assert "not in this run" in page._reported([rows[0] | {"ours": []}], {"xx": []})
    assert page._reported([], {"xx": []}) == ""
    verdicts._show_reported(verdicts.terminal(), rows)
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("10.89 ± 8.79", "2 ± 2", "-8.89", "MNIST"))


def test_odd_rows_are_refused(tmp_path):
    (tmp_path / "xx").mkdir()
    (tmp_path / "xx" / "targets.toml").write_text(ROW.replace('unit = "times"', 'units = "times"'))
    with pytest.raises(ValueError, match=r"reported 'Times faster': expected the fields .* not \['unit', 'units'\]"):
        reported.load("xx", tmp_path)


def test_a_paper_without_a_folder_reports_nothing(tmp_path):
    assert reported.load("xx", tmp_path) == reported.compare("yy", tmp_path) == reported.findings("yy", tmp_path) == []


def test_one_repetition_has_no_spread():
    assert over_seeds([3.0], "s") == Ours(3.0, None, "s")
    assert over_seeds([1.0, 3.0], "s") == Ours(2.0, pytest.approx(2**0.5), "s")
