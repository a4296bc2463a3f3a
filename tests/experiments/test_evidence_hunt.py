"""The study of hunts goes on where one of them fails, and says so."""

import pytest

from experiments.studies import evidence_hunt as study

KEYS = ("ft.golden", "ga.linear.multiplier_bounds")
CHOSEN = {**study.STUDY.tiny, "claims": KEYS}


def found(key, **budget):
    return study.Hunted(key, (("upper", True, 0.5), ("sign", False, 0.0)), False, 600)


def failing(bad):
    return lambda key, **budget: study.Hunted(key, fault="ValueError: no") if key in bad else found(key)


def test_a_failed_hunt_is_left_out_with_a_warning(monkeypatch):
    monkeypatch.setattr(study, "hunted", failing(KEYS[:1]))
    seen = []
    with pytest.warns(study.HuntFailed, match=r"ft\.golden is left out: ValueError: no"):
        dataset = study.run(CHOSEN, seen.append)
    assert [h.key for h in seen] == list(KEYS)
    assert dataset.claim.values.tolist() == [KEYS[1]] * 2
    assert dataset.tightness.values[0] == 0.5
    assert dataset.tightness.isnull().values.tolist() == [False, True]
    assert dataset.evaluations.values.tolist() == [600, 600]


def test_hunts_that_all_fail_are_an_error(monkeypatch):
    monkeypatch.setattr(study, "hunted", failing(KEYS))
    with pytest.raises(RuntimeError, match=r"every hunt failed, the first one \(ft\.golden\) by ValueError: no"):
        study.run(CHOSEN)


def test_an_exception_is_told(monkeypatch):
    def broken(claim, proceed, seed):
        raise ZeroDivisionError("at last")

    monkeypatch.setattr(study, "hunt", broken)
    assert study.hunted("ft.golden", 1, None, 0) == study.Hunted("ft.golden", fault="ZeroDivisionError: at last")


@pytest.mark.parametrize(
    ("evaluations", "seconds", "counts"),
    [(300, None, [True, False]), (None, 1e9, [True, True]), (None, 0.0, [False, False])],
    ids=["evaluations", "seconds left", "seconds spent"],
)
def test_the_budget(monkeypatch, evaluations, seconds, counts):
    asked = []

    def hunt(claim, proceed, seed):
        asked.extend(proceed(done) for done in (128, 384))
        raise ValueError

    monkeypatch.setattr(study, "hunt", hunt)
    study.hunted("ft.golden", evaluations, seconds, 0)
    assert asked == counts
