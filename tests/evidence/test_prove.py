"""The prover: true steps proved, false ones refuted by a model that violates them, hard ones unknown, never passed."""

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy
from sympy import Abs, Eq, Ge, Identity, ImmutableMatrix, Le, Matrix, MatrixSymbol, Max, Ne, Rational, sqrt, symbols

from theory.claims import all_claims
from theory.evidence.prove import Status, decide, prove, sharpen
from theory.obligation import Constant, Obligation, uncovered

x, y, z, c = symbols("x y z c", real=True)
r, d = symbols("r d", integer=True, positive=True)
X, K = MatrixSymbol("X", r, d), MatrixSymbol("K", r, r)
V, W = MatrixSymbol("V", d, 1), MatrixSymbol("W", d, 1)
INVERSE = (Eq(X * X.T * K, Identity(r)), Eq(K.T, K))
ROW = Matrix([[x, y]])
ONTO_ROW = ImmutableMatrix(ROW.T * (ROW * ROW.T).inv() * ROW)
MOTZKIN = x**2 * y**2 * (x**2 + y**2 - 3 * z**2) + z**6  # ≥ 0, though no sum of squares

TRUE = {
    "arithmetic and geometric mean": (Ge((x + y) / 2, sqrt(x * y)), (x >= 0, y >= 0)),
    "a root is no more than its radicand": (Le(sqrt(x), x), (x >= 1,)),
    "power 3/2": (Ge(x ** Rational(3, 2), 8), (x >= 4,)),
    "quotient": (Le(1 / x, Rational(1, 2)), (x >= 2,)),
    "a hypothesis is defined": (Ne(x, 0), (Le(1 / x, 3),)),
    "maximum": (Eq(Max(x, y), (x + y + Abs(x - y)) / 2), ()),
    "triangle": (Le(Abs(x + y), Abs(x) + Abs(y)), ()),
    "polynomial identity": (Eq((x + y) ** 2, x**2 + 2 * x * y + y**2, evaluate=False), ()),
    "Motzkin": (Ge(MOTZKIN, 0), ()),
    "projector": (Eq(X.T * K * X * X.T * K * X, X.T * K * X), INVERSE),
    "projector on a row": (Eq(X * (Identity(d) - X.T * K * X) * W, 0 * X * W), INVERSE),
    "scalar transpose": (Eq(V.T * X.T * X * W, W.T * X.T * X * V), ()),
    "symbolic entries": (Eq(ONTO_ROW * ONTO_ROW, ONTO_ROW, evaluate=False), ()),
}
FALSE = {
    "product of bounded numbers": (Le(x * y, 1), (x <= 1, Le(x**2 + y**2, 3))),
    "irrational model": (Ne(x**2, 2), (x >= 0,)),
    "root of a negative number": (Ge(sqrt(x), 0), ()),
    "quotient by zero": (Eq((x**2 - 1) / (x - 1), x + 1), ()),
    "wrong identity": (Eq((x + y) ** 2, x**2 + y**2), ()),
    "strict at equality": (sympy.Gt((x + y) / 2, sqrt(x * y)), (x >= 0, y >= 0)),
}


@pytest.mark.parametrize("case", TRUE)
def test_true_is_proved(case):
    decision = decide(Obligation(case, "", *TRUE[case]))
    assert decision.status is Status.PROVED, decision


@pytest.mark.parametrize("case", FALSE)
def test_false_is_refuted_by_a_model(case):
    goal, hypotheses = FALSE[case]
    decision = decide(Obligation(case, "", goal, hypotheses))
    assert decision.status is Status.REFUTED, decision
    at = {symbols(name, real=True): sympy.sympify(value) for name, value in decision.model.items()}
    assert all(h.subs(at) for h in hypotheses)
    assert decision.detail == "the goal is not defined there" or goal.subs(at) == sympy.false


def test_hypotheses_that_contradict_prove_nothing():
    decision = decide(Obligation("empty", "", Ge(y, 0), (x >= 1, x <= 0)))
    assert decision.status is Status.UNKNOWN
    assert "hypotheses" in decision.detail
    assert decide(Obligation("contradiction", "", sympy.false, (x >= 1, x <= 0))).status is Status.PROVED


def test_a_goal_that_was_true_as_written_shows_nothing():
    """Eq(x, x) is True before anyone can look at it; so is a quotient that sympy cancelled on both sides."""
    decision = decide(Obligation("tautology", "", Eq(x, x)))
    assert decision.status is Status.UNKNOWN
    assert "evaluate=False" in decision.detail


def test_out_of_time_is_unknown():
    assert decide(Obligation("Motzkin", "", Ge(MOTZKIN, 0)), timeout_ms=1).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("goal", "rules"),
    [
        (Eq(X.T * K * X, Identity(d)), INVERSE),
        (Eq(X * X.T, X * X.T * K), INVERSE),
        (Eq(K * K, K), (Eq(K, K * K),)),  # a rule that never ends
        (Eq(W.T * X.T, W.T * X.T * K), ()),
    ],
    ids=["projector is no identity", "not a rule", "endless", "vectors"],
)
def test_rewriting_that_leaves_something_is_unknown(goal, rules):
    assert decide(Obligation("wrong", "", goal, rules)).status is Status.UNKNOWN


def test_wrong_symbolic_entries_are_refuted():
    assert decide(Obligation("P = 2P", "", Eq(ONTO_ROW, 2 * ONTO_ROW))).status is Status.REFUTED


def test_sharpen_finds_the_constant():
    """xy ≤ c on the unit disc: stated 1, sharp at 1/2."""
    step = Obligation("c", "", Le(x * y, c), (Le(x**2 + y**2, 1),), constant=Constant(c, Fraction(1), Fraction(0)))
    found = sharpen(step)
    assert Fraction(1, 2) <= found.value < Fraction(1, 2) + Fraction(1, 10**5)
    assert found.not_beyond < Fraction(1, 2)
    assert found.refuted
    loose = step._replace(constant=Constant(c, Fraction(1), Fraction(3, 4)))
    assert sharpen(loose).not_beyond is None
    with pytest.raises(ValueError, match="is not proved"):
        sharpen(step._replace(constant=Constant(c, Fraction(1, 4), Fraction(0))))


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        (Ge(symbols("p", positive=True), 1), "state its sign as a hypothesis"),
        (Ge(sympy.sin(x), -1), "expected rational numbers"),
        (Ge(x ** Rational(1, 3), 0), "square root"),
        (Ge(x, sympy.Float(0.5)), "expected rational numbers"),
    ],
    ids=["signed symbol", "sine", "cube root", "float"],
)
def test_untranslatable_is_an_error(goal, message):
    with pytest.raises(ValueError, match=message):
        decide(Obligation("odd", "", goal))


def test_a_list_with_a_hole_is_incomplete_but_good():
    steps = (Obligation("one", "", Ge(x**2 + y**2, 2 * x * y)), uncovered("two", "by inspection"))
    proof = prove(replace(all_claims()["ga.linear.ascent_step"], obligations=lambda: steps))
    assert (proof.count(Status.PROVED), proof.count(Status.UNCOVERED)) == (1, 1)
    assert proof.good
    assert not proof.complete


@pytest.mark.parametrize(
    "second", [Obligation("one", ""), Obligation("two", "", uses=("three",))], ids=["twice", "uses"]
)
def test_bad_lists_are_errors(second):
    claim = replace(all_claims()["ga.linear.ascent_step"], obligations=lambda: (Obligation("one", ""), second))
    with pytest.raises(ValueError, match="expected a new name"):
        prove(claim)
