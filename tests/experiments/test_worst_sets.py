"""What the theory says of the studies of worst-case forget sets, and of their sentences, on tiny runs."""

import json
import tomllib

import numpy as np
import pytest

from experiments.study import all_studies
from paper_repro import reported
from paper_repro.wc import run
from tests.tiny_studies import tiny_dataset

pytestmark = pytest.mark.slow


def dataset(key, folders):
    return tiny_dataset(key, folders)


def test_weights_stay_on_the_capped_simplex_and_sets_keep_their_size(tmp_path_factory):
    data = dataset("wc_selection", tmp_path_factory)
    k = round(data.attrs["share"] * data.attrs["samples"])
    np.testing.assert_allclose(data.w.sum("sample"), k, atol=1e-6)
    assert float(data.w.min()) >= 0.0
    assert float(data.w.max()) <= 1.0
    np.testing.assert_allclose(data.composition.sum("class"), 1.0)
    assert bool((data.kept.sel(set="random", other="random") == 1).all())
    assert bool((data.kept.sel(set="lowest loss", other="lowest loss") == 1).all())


def test_a_step_below_its_reach_moves_nothing(tmp_path_factory):
    data = dataset("wc_coreset", tmp_path_factory)
    held = data.reach.values < 1
    assert held.any()
    assert np.all(data.overlap.values[held] == 1.0)
    assert np.any(data.overlap.values < 1.0)


def test_no_class_is_worse_than_the_worst(tmp_path_factory):
    data = dataset("wc_classes", tmp_path_factory)
    assert bool((data.least <= data.own).all())
    assert bool((data["rank"] >= 1).all())
    assert bool(((data["rank"] == 1) == (data.own == data.least)).all())
    np.testing.assert_allclose(data.w.sum("class").values, np.broadcast_to([1.0, 2.0], data.w.shape[:2]), atol=1e-9)


def test_every_reported_number_has_its_measure(tmp_path_factory):
    found = {}
    for key, measure in run.FROM_STUDIES.items():
        assert key in all_studies()
        found |= measure(dataset(key, tmp_path_factory))
    text = (reported.HERE / "wc" / "targets.toml").read_text(encoding="utf-8")
    wanted = {row["measure"] for row in tomllib.loads(text)["reported"]}
    tiny = all_studies()["wc_selection"].tiny["methods"]
    methods = [m for m in all_studies()["wc_selection"].quick["methods"] if m not in tiny]
    missing = {name for name in wanted - set(found) if not any(name.startswith(f"gap_{m}_") for m in methods)}
    assert not missing


def test_every_finding_has_an_outcome_and_its_evidence(tmp_path_factory):
    for key, judge in run.FINDINGS.items():
        for finding in judge(dataset(key, tmp_path_factory)):
            assert finding.outcome in ("held", "held in part", "did not hold")
            assert "digits" in finding.here
            assert "nan" not in finding.here
            json.dumps(finding._asdict())
