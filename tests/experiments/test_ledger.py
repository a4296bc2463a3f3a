"""The ledger keeps every rung of the evidence, and of each the strongest."""

import pytest

from experiments import ledger


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETPROOF_HOME", str(tmp_path))


def checked(instances: int, **more) -> dict:
    return {"key": "a.b", "instances": instances, "outcome": "HOLDS", "as_expected": True} | more


def hunted(evaluations: int, outcome: str = "NOT REFUTED", **tightness: float | None) -> dict:
    best = [{"name": n, "tight": True, "tightness": t, "evaluations": evaluations} for n, t in tightness.items()]
    return {"key": "a.b", "hunt": {"outcome": outcome, "evaluations": evaluations, "conclusions": best}}


def entry() -> dict:
    return ledger.read()["a.b"]


def test_parts_stand_beside_a_check_in_any_order():
    ledger.update([{"key": "a.b", "proof": {"steps": 2, "proved": 1}}])
    assert entry()["outcome"] is None
    ledger.update([checked(10)])
    ledger.update([hunted(5, bound=0.5), {"key": "a.b", "certified": {"instances": 3}}])
    ledger.update([checked(20)])
    assert entry()["instances"] == 20
    assert entry()["proof"] == {"steps": 2, "proved": 1}
    assert entry()["certified"] == {"instances": 3}
    assert entry()["hunt"]["evaluations"] == 5


def test_a_weaker_check_changes_nothing_but_its_parts():
    ledger.update([checked(20)])
    ledger.update([checked(5, proof={"steps": 1, "proved": 1})])
    assert entry()["instances"] == 20
    assert entry()["proof"]["proved"] == 1
    ledger.update([checked(5, as_expected=False, outcome="REFUTED")])
    assert entry()["outcome"] == "REFUTED"


def test_hunts_keep_the_tightest_instance_of_each_inequality():
    ledger.update([hunted(100, a=0.9, b=None, gone=1.0)])
    ledger.update([hunted(50, a=0.7, b=0.2)])
    found = {c["name"]: (c["tightness"], c["evaluations"]) for c in entry()["hunt"]["conclusions"]}
    assert found == {"a": (0.9, 100), "b": (0.2, 50)}
    assert entry()["hunt"]["evaluations"] == 100
    ledger.update([hunted(10, "REFUTED", a=None, b=None)])
    assert entry()["hunt"]["outcome"] == "REFUTED"
    ledger.update([hunted(10, "REFUTED", a=None, b=None), hunted(500, a=0.1, b=0.1)])
    assert entry()["hunt"]["outcome"] == "NOT REFUTED"
