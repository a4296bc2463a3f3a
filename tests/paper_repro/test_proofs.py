"""Proof pages: every formula typeset, the chain of steps visible, holes and refutations marked."""

import re
import xml.etree.ElementTree as ET

import pytest
from sympy import Ge, symbols

from paper_repro.proofs import formula, latex, proof_page, write_proof
from theory.claims import all_claims
from theory.evidence.prove import Decision, Proof, Status
from theory.obligation import Obligation, uncovered
from theory.report import describe

KEY = "ga.linear.ascent_step"
x = symbols("x", real=True)


@pytest.mark.parametrize("key", [key for key, claim in all_claims().items() if claim.obligations])
def test_every_formula_becomes_mathml(key):
    for step in all_claims()[key].obligations():
        for relation in (*step.hypotheses, *([] if step.goal is None else [step.goal])):
            assert formula(relation).startswith("<math"), f"{step.name}: cannot typeset {latex(relation)}"
            ET.fromstring(formula(relation))


def test_names_are_set_as_in_print():
    lam, far, squares, mu_R = symbols("lam far S1 mu_R", real=True)
    assert latex(lam + 1) == r"\lambda + 1"
    assert latex(Ge(far, squares)) == r"\mathrm{far} \geq S_{1}"
    assert latex(mu_R) == r"\mu_{R}"


def test_pages_of_two_claims(tmp_path):
    chosen = [all_claims()[key] for key in (KEY, "ga.linear.decremental")]
    first, second = (write_proof(claim, tmp_path) for claim in chosen)
    assert first == {"key": KEY, "steps": 8, "proved": 8, "uncovered": [], "undecided": []}
    assert second["uncovered"] == ["where the solver stops", "exchanges"]
    for claim in chosen:
        text = (tmp_path / f"{claim.key}.html").read_text()
        anchors = set(re.findall(r"id=(step-\d+)", text))
        assert len(anchors) == len(claim.obligations())
        assert set(re.findall(r'href="#([^"]+)"', text)) <= anchors
        assert f'href="../report.html#{claim.key}"' in text
        assert "http" not in re.sub(r'xmlns="[^"]*"', "", text)
        assert "<script" not in text
    assert "Rests on: <a" in text


def test_holes_and_refutations_are_marked():
    false = Obligation("too strong", "x is <positive>", Ge(x, 0))
    steps = (
        (false, Decision(Status.REFUTED, "real arithmetic", {"x": "-1"})),
        (uncovered("by eye", "see"), Decision(Status.UNCOVERED)),
    )
    text = proof_page(describe(all_claims()[KEY]), Proof(KEY, steps))
    assert "0 of 2 steps proved" in text
    assert "x is &lt;positive&gt;" in text
    assert "x = -1" in text
    assert text.count("class=uncovered") == 1
    assert "Not proved by machine: <a" in text
