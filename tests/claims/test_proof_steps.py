"""Every step of every proof that has a machine form is decided, and a spoilt constant is noticed."""

from fractions import Fraction

import pytest
from sympy import Eq, Integer, MatrixSymbol, Rational, symbols

from theory.claims import all_claims
from theory.evidence.prove import Status, decide, prove, sharpen
from theory.obligation import Obligation

CLAIMS = {key: claim for key, claim in all_claims().items() if claim.obligations is not None}
SHARP = {  # constants that cannot be lowered at all; the others leave room
    "ga.linear.ascent_step: complementarity": Fraction(2),
    "ga.linear.distance_to_retraining: certificate": Fraction(2),
    "ga.linear.distance_to_retraining: sharper of the two": Fraction(2),
    "ga.two_layer.ascent_certificate: direction, simpler": Fraction(1),
    "ga.two_layer.certificate_size: projection at φ = ε_d/(4m)": Fraction(1, 16),
}


@pytest.mark.parametrize("key", CLAIMS)
def test_every_step_is_proved(key):
    proof = prove(CLAIMS[key])
    undecided = [(o.name, d) for o, d in proof.steps if d.status not in (Status.PROVED, Status.UNCOVERED)]
    assert not undecided, undecided
    assert proof.count(Status.PROVED) > proof.count(Status.UNCOVERED)


@pytest.mark.parametrize("key", CLAIMS)
def test_a_spoilt_constant_is_refuted(key):
    for step in CLAIMS[key].obligations():
        if step.constant:
            decision = decide(step._replace(constant=step.constant._replace(stated=step.constant.beyond)))
            assert decision.status is Status.REFUTED, (step.name, decision)
            assert decision.model, step.name


@pytest.mark.parametrize("name", SHARP)
def test_sharp_constants_are_sharp(name):
    found = sharpen(_step(*name.split(": ")), bisections=10)
    assert found.value == SHARP[name]
    assert SHARP[name] - found.not_beyond < SHARP[name] / 100


def test_every_proved_claim_has_its_steps():
    """A new claim file needs the steps of its proof; those that no machine decides are named."""
    missing = [key for key, claim in all_claims().items() if claim.status == "proved" and key not in CLAIMS]
    assert not missing, f"obligations=... is missing in {missing}"


def test_a_transposed_rule_fits_where_a_projector_is_symmetric():
    """Pv = Pw with Pᵀ = P rewrites vᵀP too, though the rule's own transpose is vᵀPᵀ."""
    n = symbols("n", integer=True, positive=True)
    P, v, w = MatrixSymbol("P", n, n), MatrixSymbol("v", n, 1), MatrixSymbol("w", n, 1)
    turned = Obligation("", "", Eq(v.T * P * w, w.T * P * w), (Eq(P * v, P * w), Eq(P.T, P)))
    assert decide(turned).status is Status.PROVED
    assert decide(turned._replace(hypotheses=turned.hypotheses[:1])).status is Status.UNKNOWN


def _step(key, name):
    return next(step for step in CLAIMS[key].obligations() if step.name == name)


def test_a_planted_false_step_is_refuted():
    """The multipliers' upper bound with 3aδ for 4aδ under the root."""
    step = _step("ga.linear.multiplier_bounds", "upper")
    planted = step._replace(goal=step.goal.replace(lambda e: e == 4, lambda e: Integer(3)))
    assert planted.goal != step.goal
    assert decide(planted).status is Status.REFUTED


PLANTED = {  # a step and a number of its goal that makes it false
    "ga.linear.all_support_vectors: dominant diagonal": (Integer(1), Integer(-1)),  # (m + 1)φ < 1 + ψ
    "ga.two_layer.margin_drift: attained": (Integer(2), Integer(1)),  # u for u²
    "unsir.noise.well_posed: at most half the length": (Rational(1, 2), Rational(1, 4)),
    "wc.selection.projection: idempotent": (Integer(1), Rational(1, 2)),  # clip(w, 0, ½) = w
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_false_number_is_refuted(name):
    (right, wrong), step = PLANTED[name], _step(*name.split(": "))
    planted = step._replace(goal=step.goal.replace(lambda e: e == right, lambda e: wrong))
    assert planted.goal != step.goal
    assert decide(planted).status is Status.REFUTED


def test_a_planted_false_identity_is_not_proved():
    """The golden model's error without its projector, and F1 for labels that are not fitted."""
    golden, gradient = _step("ft.golden", "unlearning loss"), _step("ft.finetune_noop", "gradient")
    rhs = golden.goal.rhs
    assert decide(golden._replace(goal=Eq(golden.goal.lhs, 2 * rhs))).status is Status.UNKNOWN
    assert decide(gradient._replace(hypotheses=())).status is Status.UNKNOWN


@pytest.mark.slow
@pytest.mark.parametrize("key", CLAIMS)
def test_no_step_holds_without_its_hypotheses_unnoticed(key):
    """Hypotheses that the proof does not need would be hypotheses that it does not check."""
    free = [
        step.name
        for step in CLAIMS[key].obligations()
        if step.hypotheses and decide(step._replace(hypotheses=()), 300).status is Status.PROVED
    ]
    assert not free


@pytest.mark.parametrize("key", CLAIMS)
def test_no_step_assumes_its_goal(key):
    assert not [
        step.name for step in CLAIMS[key].obligations() if step.goal is not None and step.goal in step.hypotheses
    ]
