"""Every step of every proof that has a machine form is decided, and a spoilt constant is noticed."""

from fractions import Fraction

import pytest

from theory.claims import all_claims
from theory.evidence.prove import Status, decide, prove, sharpen

CLAIMS = {key: claim for key, claim in all_claims().items() if claim.obligations is not None}
WITH_CONSTANT = {
    f"{key}: {step.name}": step for key, claim in CLAIMS.items() for step in claim.obligations() if step.constant
}
SHARP = {  # the sharpest provable value, where it is known: all but these are only stated
    "ga.linear.ascent_step: complementarity": Fraction(2),
    "ga.linear.distance_to_retraining: certificate": Fraction(2),
    "ga.linear.distance_to_retraining: sharper of the two": Fraction(2),
}


@pytest.mark.parametrize("key", CLAIMS)
def test_every_step_is_proved(key):
    proof = prove(CLAIMS[key])
    undecided = [(o.name, d) for o, d in proof.steps if d.status not in (Status.PROVED, Status.UNCOVERED)]
    assert not undecided, undecided
    assert proof.count(Status.PROVED) > proof.count(Status.UNCOVERED)


@pytest.mark.parametrize("name", WITH_CONSTANT)
def test_a_spoilt_constant_is_refuted(name):
    step = WITH_CONSTANT[name]
    spoilt = step._replace(constant=step.constant._replace(stated=step.constant.beyond))
    decision = decide(spoilt)
    assert decision.status is Status.REFUTED, decision
    assert decision.model


@pytest.mark.parametrize("name", SHARP)
def test_sharp_constants_are_sharp(name):
    found = sharpen(WITH_CONSTANT[name], bisections=10)
    assert found.value == SHARP[name]
    assert SHARP[name] - found.not_beyond < Fraction(1, 100)
