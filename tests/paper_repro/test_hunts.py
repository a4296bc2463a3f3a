"""The hunts of a run reach its records, its page and the README's table."""

import numpy as np
import pytest
import xarray as xr

from experiments.store import save_dataset
from experiments.studies.evidence_hunt import STUDY
from experiments.study import labelled
from figures import evidence_left_on_the_table as picture
from paper_repro import page
from paper_repro.hunts import with_hunts
from theory.report import evidence_text, ladder


def dataset() -> xr.Dataset:
    """Claim a.b with a bound nearly reached and one compared with 0; claim a.c, refuted; claim a.d, half used."""
    name = "inequality"
    return xr.Dataset(
        {
            "tightness": labelled(name, [0.999, np.nan, np.nan, 0.5], "ratio"),
            "tight": labelled(name, [True, False, False, False], "declared"),
            "refuted": labelled(name, [False, False, True, False], "refuted"),
            "evaluations": labelled(name, [600, 600, 128, 700], "evaluations"),
        },
        {
            "claim": labelled(name, ["a.b", "a.b", "a.c", "a.d"], "claim"),
            "conclusion": labelled(name, ["bound", "sign", "bound", "other"], "inequality"),
        },
        {"seed": 3},
    )


def checked(key: str) -> dict:
    return {"key": key, "instances": 10, "held": 9, "refuted": 0, "outcome": "HOLDS", "exact": None}


def test_hunts_reach_the_records(tmp_path):
    records = [checked("a.b"), checked("a.c"), checked("a.e")]
    assert with_hunts(records, tmp_path) == records
    save_dataset(dataset(), tmp_path / f"{STUDY.key}.nc")
    first, second, third = with_hunts(records, tmp_path)
    assert [c["tightness"] for c in first["hunt"]["conclusions"]] == [0.999, None]
    assert (first["hunt"]["evaluations"], first["hunt"]["seed"]) == (600, 3)
    assert ladder(first) == {"tested": "9", "hunted": "0.999"}
    assert evidence_text(first) == "tested on 9; hunted to 0.999"
    assert evidence_text(second) == "tested on 9; hunt: refuted"
    assert third == records[2]
    assert page._hunted(first, {"name": "bound"}) == "; hunted to 0.9990 in 600 evaluations"
    assert page._hunted(first, {"name": "sign"}) == page._hunted(third, {"name": "bound"}) == ""


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({}, "tested on 9"),
        ({"proof": {"steps": 3, "proved": 2, "uncovered": ["x"]}}, "2 of 3 steps proved; tested on 9"),
        ({"exact": {"instances": 20, "held": True}}, "exact on 20; tested on 9"),
        ({"exact": {"instances": 20, "held": False}}, "EXACTLY REFUTED; tested on 9"),
        (
            {"certified": {"instances": 8, "conclusions": 4, "decided": 3, "refuted": False}},
            "certified 3 of 4 on 8; tested on 9",
        ),
        ({"outcome": "REFUTED", "refuted": 4}, "refuted on 4"),
        ({"outcome": None, "instances": 0}, "none yet"),
    ],
    ids=["tested", "proved", "exact", "exact fails", "certified", "refuted", "nothing"],
)
def test_the_ladder_in_words(part, words):
    assert evidence_text(checked("a.b") | part) == words


def test_the_picture_shows_what_is_left_and_of_what():
    kept = picture.gaps(dataset())
    assert kept.claim.values.tolist() == ["a.d"]
    reached, most = picture.findings(dataset())
    assert reached == "Of 1 inequalities declared tight the search came within 1% of 1."
    assert "a.d, other: the tightest ratio found is 0.50, in 700 evaluations" in most
    assert len(picture.table(dataset())["rows"]) == 4
