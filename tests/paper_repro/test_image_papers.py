"""What the papers of experiments say, against tiny runs: every measure is there, every finding has its evidence."""

import json

import pytest

from experiments import provenance
from experiments.store import save_dataset
from experiments.study import all_studies
from paper_repro import reported, results
from tests.tiny_studies import tiny_dataset

PAPERS = {"unsir": "unsir_outcome", "ft": "ft_networks"}


@pytest.fixture
def data(request, tmp_path, tmp_path_factory):
    """A report's data folder with the paper's study alone."""
    key = PAPERS[request.param]
    about = {"study": key, "parameters": json.dumps(dict(all_studies()[key].tiny)), "seconds": 1.0}
    dataset = tiny_dataset(key, tmp_path_factory).assign_attrs(
        about, environment=json.dumps(provenance.environment(), sort_keys=True)
    )
    (tmp_path / "data").mkdir()
    save_dataset(dataset, tmp_path / "data" / f"{key}.nc")
    return request.param, tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("data", PAPERS, indirect=True)
def test_a_run_is_compared_and_kept(data, monkeypatch, tmp_path):
    paper, report = data
    for row in reported.compare(paper, report / "data"):
        assert row["ours"], row["measure"]
        assert "digits" in row["ours"][0]["setting"]
    told = reported.findings(paper, report / "data")
    assert len([f for f in told if "digits" in f["here"]]) >= 3  # the others are kept from longer runs on other images
    assert all(f["says"] and f["rule"] and "nan" not in f["here"] for f in told)
    assert {f["outcome"] for f in told} <= {"held", "held in part", "did not hold"}
    root = tmp_path / "papers"
    (root / paper).mkdir(parents=True)
    (root / paper / "run.py").touch()
    (file,) = results.keep(report, root)
    assert file.name == f"{PAPERS[paper]}-digits.json"
    held = json.loads(file.read_text())
    assert held["environment"]["device"]
    assert held["findings"] == told[: len(held["findings"])]
    assert held["tables"]


@pytest.mark.parametrize("paper", ["unsir", "ft"])
def test_kept_results_are_whole(paper):
    rows = {row["measure"] for row in reported.load(paper)}
    for held in reported.kept(paper):
        assert set(held["measures"]) <= rows
        assert held["environment"]["versions"]["jax"]
        assert all(set(finding) == set(reported.Finding._fields) for finding in held["findings"])
        assert "/" not in held["parameters"]["source"]


@pytest.mark.slow
def test_unsir_never_reads_a_forgotten_image(tmp_path_factory):
    assert tiny_dataset("unsir_outcome", tmp_path_factory).blind.all()
