"""The main job on a small selection: what it writes, and that nothing half-written survives a failure."""

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from experiments import study as study_module
from paper_repro import page, readme, targets
from paper_repro import reproduce as job
from theory.claims import all_claims

CLAIMS = ("ft.finetune_noop", "ga.linear.ascent_step", "ga.linear.ascent_never_hurts")
STUDIES = ("ft_overlap", "ga_step_fraction")


def silent(title, total):
    return lambda now: None


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Three claims, two tiny studies, no targets, 60 instances; evidence goes to a folder of its own."""
    tiny = {k: replace(s, quick=s.tiny) for k, s in study_module.all_studies().items() if k in STUDIES}
    monkeypatch.setattr(study_module, "all_studies", lambda: tiny)
    monkeypatch.setattr(job, "all_claims", lambda: {key: all_claims()[key] for key in CLAIMS})
    monkeypatch.setattr(job, "PROFILES", {"quick": 60})
    monkeypatch.setattr(job.targets, "measure", lambda paper, seed: [])
    monkeypatch.setenv("FORGETPROOF_HOME", str(tmp_path / "home"))
    return tmp_path


def test_report_is_whole_and_self_contained(small):
    out = small / "report"
    summary = job.reproduce([], "quick", out, 3, silent)
    assert summary["good"]
    written = json.loads((out / "report.json").read_text())
    assert [c["key"] for c in written["claims"]] == list(CLAIMS)
    assert {p["study"] for p in written["pictures"]} == set(STUDIES)
    for picture in written["pictures"]:
        assert all((out / name).stat().st_size > 1000 for name in picture["files"])
        assert (out / picture["data"]).exists()
    html = (out / "report.html").read_text()
    assert "<script" not in html
    assert 'src="http' not in html
    assert "<math" in html
    assert all(key in html for key in CLAIMS)
    assert "REFUTED, as it should be" in html
    for entry in written["claims"]:
        assert entry["proof"]["proved"] > 0
        assert f'href="proofs/{entry["key"]}.html"' in html
        assert (out / "proofs" / f"{entry['key']}.html").exists()
    for entry in written["claims"]:
        if entry["counterexample"]:
            assert Path(entry["counterexample"]["file"]).exists()
    assert list(small.glob(".report.partial-*")) == []
    again = job.reproduce(["ft"], "quick", out, 3, silent)
    assert [c["key"] for c in again["claims"]] == ["ft.finetune_noop"]


def test_long_studies_wait_for_their_paper(small, monkeypatch):
    known = {key: replace(study, long=key == "ft_overlap") for key, study in study_module.all_studies().items()}
    monkeypatch.setattr(study_module, "all_studies", lambda: known)
    summary = job.reproduce([], "quick", small / "all", 3, silent)
    assert [left["study"] for left in summary["left_out"]] == ["ft_overlap"]
    assert "forgetproof reproduce ft<" in (small / "all" / "report.html").read_text()
    assert {picture["study"] for picture in summary["pictures"]} == {"ga_step_fraction"}
    named = job.reproduce(["ft"], "quick", small / "ft", 3, silent)
    assert not named["left_out"]
    assert {picture["study"] for picture in named["pictures"]} == {"ft_overlap"}


def test_failure_keeps_the_earlier_report(small, monkeypatch):
    out = small / "report"
    out.mkdir()
    (out / "report.html").write_text("earlier")
    monkeypatch.setattr(page, "render", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        job.reproduce(["ft"], "quick", out, 0, silent)
    assert (out / "report.html").read_text() == "earlier"
    assert [p.name for p in small.glob("*") if p.name.startswith(".report")] == []


def test_a_file_in_the_way_is_refused(small):
    (small / "report").write_text("a file")
    with pytest.raises(job.ReproduceError, match="expected a folder"):
        job.reproduce([], "quick", small / "report", 0, silent)


def test_an_unwritable_place_is_refused(small):
    with pytest.raises(job.ReproduceError, match="cannot write to"):
        job.reproduce([], "quick", Path("/proc/report"), 0, silent)


def test_images_that_are_not_there_are_refused_before_anything_runs(small):
    with pytest.raises(job.ReproduceError, match="no folder 'no such folder'"):
        job.reproduce([], "quick", small / "report", 0, silent, data="no such folder")
    assert not list(small.iterdir())


def test_stale_staging_of_a_killed_run_is_cleared(small):
    stale = small / ".report.partial-999999999"
    stale.mkdir()
    job._staging(small / "report")
    assert not stale.exists()


@pytest.mark.slow
def test_interrupt_leaves_no_half_written_report(tmp_path, interruptible):
    """A real Ctrl-C (SIGINT) while claims are being checked."""
    command = [sys.executable, "-m", "forgetproof", "reproduce", "ft", "--out", str(tmp_path / "report")]
    environment = {**os.environ, "FORGETPROOF_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".report.partial-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert list(tmp_path.glob("*report*")) == []
    assert list(tmp_path.glob(".report*")) == []


def test_every_statement_becomes_mathml():
    for claim in all_claims().values():
        latex = [claim.statement, *(c.latex for c in claim.conclusions), *(a.latex for a in claim.assumptions)]
        for source in latex:
            converted = page.mathml(source)
            assert converted.startswith("<math"), f"{claim.key}: cannot typeset {source}"
            ET.fromstring(converted)


@pytest.mark.parametrize("paper", ["ga", "ft"])
def test_targets_are_well_formed(paper):
    listed = targets.load(paper)
    assert listed
    assert {t["tag"] for t in listed} <= {"paper", "reported", "derived"}


def test_a_paper_may_have_claims_alone():
    """No targets yet and no studies: nothing is measured, and nothing fails."""
    assert targets.measure("unsir", 0) == targets.measure("none", 0) == []


def test_odd_targets_are_refused(tmp_path):
    (tmp_path / "xx").mkdir()
    (tmp_path / "xx" / "targets.toml").write_text("[[target]]\nname = 'a'\n")
    with pytest.raises(ValueError, match="expected the fields"):
        targets.load("xx", tmp_path)


def test_readme_table_names_every_claim():
    text = (readme.ROOT / "README.md").read_text()
    table = text.split("<!-- evidence", 1)[1].split("<!-- /evidence -->")[0]
    missing = [key for key in all_claims() if f"`{key}`" not in table]
    assert not missing, f"run python -m paper_repro.readme after make reproduce; missing {missing}"
