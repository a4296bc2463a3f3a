"""Instances and assertions for the test suites of others."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from forgetproof.testing import assert_holds, instances, load_claim
from theory.claims import all_claims, load_file

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_claim.py"
TRUE, FALSE = load_file(EXAMPLE)
STEP = all_claims()["ga.linear.multiplier_bounds"]


@given(instances(TRUE))
def test_a_true_claim_holds_on_every_instance(instance):
    assert isinstance(instance["a"], np.ndarray)
    assert_holds(TRUE, instance)


@settings(max_examples=10)
@given(instances(STEP))
def test_a_theorem_here_holds_on_every_instance(instance):
    assert_holds(STEP, instance)


def test_a_false_claim_fails_on_a_small_readable_instance():
    """(‖a + b‖² ≤ ‖a‖² + ‖b‖² fails where ⟨a, b⟩ > 0: shrunk to the smaller size and few entries.)"""
    seen = []

    @settings(max_examples=200, derandomize=True)
    @given(instances(FALSE))
    def falls(instance):
        try:
            assert_holds(FALSE, instance)
        except AssertionError:
            seen.append(instance)
            raise

    with pytest.raises(AssertionError, match=r"REFUTED(.|\n)*bound: lhs(.|\n)*'a': array"):
        falls()
    last = seen[-1]
    assert len(last["a"]) == 2
    assert sum(np.count_nonzero(part) for part in last.values()) <= 3
    assert all(float(entry).is_integer() for part in last.values() for entry in part)


def test_an_instance_outside_the_assumptions_tests_nothing():
    counterexample = STEP.counterexamples[0]
    assert_holds(STEP, counterexample.instance())
    with pytest.raises(AssertionError, match="REFUTED"):
        assert_holds(STEP.without(counterexample.drops), counterexample.instance())


def test_several_claims_are_not_one():
    with pytest.raises(ValueError, match="expected one claim"):
        load_claim(EXAMPLE)
