from dataclasses import replace

import numpy as np

from tests.claims import harness
from theory.claims.ft import retention_mask
from theory.claims.ft.instances import by_hand, train
from theory.unlearning.masks import forget_mask

CLAIM = retention_mask.CLAIM


def test_hand_worked():
    """Retained (1, 1, 0), forgotten (0, 1, 1), w* = (1, 1, 1): w_o = (2/3, 4/3, 2/3).

    The mask keeps (2/3, 4/3, 0): the retained row still reads 2, the forget row 4/3 for 2, so UL = 4/9.
    """
    X = [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    instance = by_hand(X, [2.0, 2.0], [1.0, 1.0, 1.0], columns=(1, 1, 1), retained=1)
    harness.assert_holds_on(CLAIM, instance, remaining_loss=0.0, unlearning_loss=4 / 9)
    np.testing.assert_allclose(retention_mask.solve(instance).w, [2 / 3, 4 / 3, 0.0], atol=1e-14)


def test_hand_worked_distinct():
    """Rows (1, 1, 0) and (0, 0, 2), w* = (2, 0, 3): w_o = (1, 1, 3), and the mask is golden, (1, 1, 0)."""
    X = [[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]
    instance = by_hand(X, [2.0, 6.0], [2.0, 0.0, 3.0], columns=(2, 0, 1), retained=1)
    harness.assert_holds_on(CLAIM, instance, remaining_loss=0.0, unlearning_loss=36.0)
    solved = retention_mask.solve(instance)
    np.testing.assert_allclose(solved.w, [1.0, 1.0, 0.0], atol=1e-14)
    np.testing.assert_allclose(solved.base.golden.w, solved.w, atol=1e-14)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_mutant_zeroes_every_forget_column():
    """The other mask does not keep the retained data when features overlap."""

    def wrong(i):
        base = train(i)
        return retention_mask.masked_by(i, base, forget_mask(base.pretrained.w, i.forget_columns))

    harness.assert_refuted(replace(CLAIM, solve=wrong))


def test_mutant_is_golden_under_overlap():
    """Masked = golden needs distinct features."""
    wrong = replace(CLAIM.conclusions[-1], lhs=lambda i, s: s.w, rhs=lambda i, s: s.base.golden.w)
    harness.assert_refuted(replace(CLAIM, conclusions=(wrong,)))
