"""The attacks by hand; told apart from the broken ones of public code; and what they say at the two extremes."""

import numpy as np
import pytest

from theory.membership import ATTACKS, correctness, entropy, membership_efficacy, modified_entropy

P = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.25, 0.5, 0.25]])
Y = np.array([0, 1, 2])


def log_p_for_log_one_minus_p(p, y):
    """A defect of public code: log p where log(1 − p) belongs."""
    rows = np.arange(len(y))
    terms = p * np.log(p)
    terms[rows, y] = (1.0 - p[rows, y]) * np.log(p[rows, y])
    return -terms.sum(axis=1, keepdims=True)


def whole_columns(p, y):
    """Another: probabilities[:, labels] takes the columns of all labels in every row."""
    factors, logs = p.copy(), np.log(1.0 - p)
    factors[:, y], logs[:, y] = 1.0 - p[:, y], np.log(p[:, y])
    return -np.sum(factors * logs, axis=1, keepdims=True)


BROKEN = {"log p": log_p_for_log_one_minus_p, "whole columns": whole_columns}


def test_scores_by_hand():
    np.testing.assert_array_equal(correctness(P, Y)[:, 0], [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(ATTACKS["confidence"](P, Y)[:, 0], [0.7, 0.1, 0.25])
    np.testing.assert_allclose(entropy(P, Y)[0, 0], -(0.7 * np.log(0.7) + 0.2 * np.log(0.2) + 0.1 * np.log(0.1)))
    by_hand = [
        -0.3 * np.log(0.7) - 0.2 * np.log(0.8) - 0.1 * np.log(0.9),
        -0.9 * np.log(0.1) - 0.1 * np.log(0.9) - 0.8 * np.log(0.2),
        -0.75 * np.log(0.25) - 0.25 * np.log(0.75) - 0.5 * np.log(0.5),
    ]
    np.testing.assert_allclose(modified_entropy(P, Y)[:, 0], by_hand, rtol=1e-13)
    np.testing.assert_array_equal(ATTACKS["probabilities"](P, Y), P)


def test_certain_answers():
    """0 where a certain answer is right, large and finite where it is wrong; the plain entropy sees no difference."""
    certain = np.eye(3)
    assert np.all(modified_entropy(certain, np.arange(3)) == 0.0)
    wrong = modified_entropy(certain, np.array([1, 2, 0]))
    assert np.all((wrong > 100) & np.isfinite(wrong))
    np.testing.assert_array_equal(entropy(certain, Y), np.zeros((3, 1)))


@pytest.mark.parametrize("name", BROKEN)
def test_broken_entropies_are_told_apart(name):
    assert not np.allclose(BROKEN[name](P, Y), modified_entropy(P, Y), rtol=1e-3)


def test_whole_columns_ignore_the_labels():
    """Every class occurs among the labels, so each row gets every column: permuted labels change nothing there."""
    other = Y[[1, 2, 0]]
    np.testing.assert_array_equal(whole_columns(P, Y), whole_columns(P, other))
    assert np.all(np.abs(modified_entropy(P, Y) - modified_entropy(P, other))[:2] > 0.1)  # the third row is a tie


def test_a_sample_is_judged_alone():
    """A row's score does not depend on the other rows: what indexing whole columns breaks."""
    for attack in ATTACKS.values():
        np.testing.assert_allclose(attack(P, Y)[:2], attack(P[:2], Y[:2]), rtol=1e-13)
    assert not np.allclose(whole_columns(P, Y)[:2], whole_columns(P[:2], Y[:2]))


def samples(seed, count, sure):
    """Probabilities of three classes, the label's near ``sure``."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    own = np.clip(sure + 0.02 * rng.normal(size=count), 0.01, 0.99)
    split = rng.uniform(0.3, 0.7, count)
    p = np.empty((count, 3))
    rows = np.arange(count)
    p[rows, y], p[rows, (y + 1) % 3], p[rows, (y + 2) % 3] = own, (1 - own) * split, (1 - own) * (1 - split)
    return p, y


def test_separable_sets_give_100_and_0():
    members, others = samples(0, 60, 0.95), samples(1, 80, 0.55)
    for forgotten, share in ((samples(2, 30, 0.55), 100.0), (samples(3, 30, 0.95), 0.0)):
        found = membership_efficacy(members, others, forgotten)
        assert found.pop("correctness") in (0.0, 100.0)  # every answer is right: it cannot tell
        assert set(found.values()) == {share}


def test_sets_that_are_alike_give_about_a_half():
    found = membership_efficacy(samples(0, 300, 0.6), samples(1, 300, 0.6), samples(2, 400, 0.6))
    for name in ("confidence", "entropy", "modified_entropy", "probabilities"):
        assert 20.0 <= found[name] <= 80.0, name


def test_the_choice_of_samples_is_seeded_and_balanced():
    sides = samples(0, 200, 0.7), samples(1, 40, 0.62), samples(2, 50, 0.66)
    first = membership_efficacy(*sides, seed=1)
    assert membership_efficacy(*sides, seed=1) == first
    assert membership_efficacy(*sides, seed=2) != first
    assert membership_efficacy(*sides, seed=1, attacks=("entropy",)) == {"entropy": first["entropy"]}
    limited = membership_efficacy(*sides, limit=5)
    assert all(0.0 <= share <= 100.0 for share in limited.values())


WRONG = {
    "empty": ((np.zeros((0, 3)), np.zeros(0, int)), r"test: expected probabilities .* got \(0, 3\) and \(0,\)"),
    "labels short": ((P, Y[:2]), r"test: expected probabilities .* got \(3, 3\) and \(2,\)"),
    "logits": ((np.log(P), Y), "test: expected rows of probabilities that sum to 1, got a sum of -4.26"),
    "not a number": ((P * np.nan, Y), "test: expected rows of probabilities that sum to 1, got a sum of nan"),
}


@pytest.mark.parametrize(("test", "said"), WRONG.values(), ids=WRONG)
def test_wrong_sets(test, said):
    with pytest.raises(ValueError, match=said):
        membership_efficacy((P, Y), test, (P, Y))
