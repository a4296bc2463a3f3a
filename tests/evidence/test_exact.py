"""Exact evidence: the FT identities over the rationals, planted wrong ones, and the algebra by hand."""

import dataclasses
import subprocess
import sys
from fractions import Fraction

import pytest
import sympy

from theory.claims import all_claims
from theory.claims.ft import golden, overlap
from theory.claims.ft.instances import SIZES
from theory.claims.ft.rational_instances import RationalProblem
from theory.evidence.exact import (
    check_exact,
    keep_entries,
    least_norm,
    mean_square,
    pick_rows,
    project,
    pseudo_inverse,
    rational_matrix,
    same,
    vanishes,
)

F1_TO_F4 = ("ft.finetune_noop", "ft.golden", "ft.overlap", "ft.retention_mask", "ft.forget_mask")
EXACT = (*F1_TO_F4, "ft.ridge_transition", "ft.noisy_labels")
ARITHMETICS = pytest.mark.parametrize("matrix", [rational_matrix, sympy.Matrix], ids=["DomainMatrix", "sympy.Matrix"])


def rows(*values):
    return [[Fraction(v) for v in row] for row in values]


@pytest.mark.parametrize("key", EXACT)
def test_holds_exactly(key):
    claim = all_claims()[key]
    evidence = check_exact(claim, instances=20, seed=3)
    assert evidence.failed is None, evidence
    assert (evidence.held, evidence.instances) == (20, 20)
    equalities = {c.name for c in claim.conclusions if c.relation == "=="}
    assert set(evidence.conclusions) == equalities  # every equality is decided, none is left out
    assert evidence.ground_types in ("flint", "gmpy", "gmpy2", "python")


@pytest.mark.parametrize("key", F1_TO_F4)
def test_dimension_twenty(key):
    assert SIZES[-1]["a"] + SIZES[-1]["b"] + SIZES[-1]["c"] == 20
    assert check_exact(all_claims()[key], instances=3, seed=5, sizes=SIZES[-1:]).failed is None


def test_python_and_flint_agree():
    """The same instances in plain sympy matrices: the arithmetic is a parameter, the answers are not."""
    assert golden.exact(SIZES[0], 7, sympy.Matrix) == golden.exact(SIZES[0], 7)
    drawn = RationalProblem(SIZES[0], 7, sympy.Matrix).X
    assert RationalProblem(SIZES[0], 7).X.to_Matrix() == drawn


def _golden_over_retained_rows(sizes, seed):
    """F2 with |R| for |F|."""
    p = RationalProblem(sizes, seed)
    v = p.X_F * (p.w_star - p.project_R(p.w_star))
    return {"unlearning loss": same(p.unlearning_loss(p.golden), mean_square(v, p.matrix, len(p.retained)))}


def _overlap_projected_on_forget_rows(sizes, seed):
    """F3 with P_F for P_R."""
    p = RationalProblem(sizes, seed)
    w_A, w_B = p.on(p.retained_columns, p.w_star), p.on(p.forget_columns, p.w_star)
    return {"unlearning loss": same(p.unlearning_loss(p.golden), p.mean_square(p.X_F * (project(p.X_F, w_A) - w_B)))}


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [(golden.CLAIM, _golden_over_retained_rows), (overlap.CLAIM, _overlap_projected_on_forget_rows)],
    ids=["F2 divided by |R|", "F3 with the forget projector"],
)
def test_planted_errors_fail(claim, wrong):
    evidence = check_exact(dataclasses.replace(claim, exact=wrong), instances=8)
    assert evidence.held < 8
    assert evidence.failed is not None
    sizes, seed, conclusion = evidence.failed
    assert conclusion == "unlearning loss"
    assert not wrong(sizes, seed)[conclusion]  # the failure can be replayed


def test_an_error_of_a_billionth_fails():
    """Zero tolerance: 1e-30 off is wrong."""

    def nearly(sizes, seed):
        p = RationalProblem(sizes, seed)
        off = p.golden + p.scalar(Fraction(1, 10**30), p.d) * p.w_star
        return {"golden": same(off, p.project_R(p.w_star))}

    assert check_exact(dataclasses.replace(golden.CLAIM, exact=nearly), instances=4).held == 0


@ARITHMETICS
def test_hand_worked(matrix):
    """A = [[1, 1, 0], [0, 1, 1/2]], y = (1, 1): AAᵀ = [[2, 1], [1, 5/4]], det 3/2, (AAᵀ)⁻¹y = (1/6, 2/3).

    So w = (1/6, 5/6, 1/3), and v = (1, 0, 0) projects to v − ⟨v, n⟩n/‖n‖² with n = (1, −1, 2): (5/6, 1/6, −1/3).
    """
    A = matrix(rows((1, 1, 0), (0, 1, Fraction(1, 2))))
    w = least_norm(A, matrix(rows((1,), (1,))))
    assert same(w, matrix(rows((Fraction(1, 6),), (Fraction(5, 6),), (Fraction(1, 3),))))
    assert same(
        project(A, matrix(rows((1,), (0,), (0,)))),
        matrix(rows((Fraction(5, 6),), (Fraction(1, 6),), (Fraction(-1, 3),))),
    )
    assert same(mean_square(w, matrix), matrix([[Fraction(1 + 25 + 4, 36 * 3)]]))
    assert same(keep_entries([1], 3, matrix) * w, matrix(rows((0,), (Fraction(5, 6),), (0,))))
    assert same(pick_rows(A, [1]), matrix(rows((0, 1, Fraction(1, 2)))))


@ARITHMETICS
@pytest.mark.parametrize(
    "entries",
    [((1, 2, 3),), ((1,), (2,), (3,)), ((1, 2), (2, 4), (0, 0)), ((0, 0), (0, 0)), ((1, 2), (3, 4))],
    ids=["row", "column", "rank one", "zero", "invertible"],
)
def test_pseudo_inverse_is_penrose(matrix, entries):
    """The four Penrose conditions, which only A⁺ meets."""
    A = matrix(rows(*entries))
    B = pseudo_inverse(A)
    assert same(A * B * A, A)
    assert same(B * A * B, B)
    assert same((A * B).transpose(), A * B)
    assert same((B * A).transpose(), B * A)
    assert vanishes(A) == all(v == 0 for row in entries for v in row)


def test_bad_requests():
    claim = golden.CLAIM
    with pytest.raises(ValueError, match="no form over the rationals"):
        check_exact(dataclasses.replace(claim, exact=None))
    with pytest.raises(ValueError, match="instances: expected at least 1, got 0"):
        check_exact(claim, instances=0)
    with pytest.raises(ValueError, match="expected some of"):
        check_exact(dataclasses.replace(claim, exact=lambda sizes, seed: {"no such conclusion": True}))


def test_sympy_is_imported_late():
    """Listing claims must not pay for sympy."""
    code = (
        "import sys; from theory.claims import all_claims; import theory.evidence.exact; "
        "assert all_claims(); sys.exit('sympy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
