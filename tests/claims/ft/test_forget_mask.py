from dataclasses import replace

import numpy as np

from tests.claims import harness
from theory.claims.ft import forget_mask
from theory.claims.ft.instances import by_hand, misfit

CLAIM = forget_mask.CLAIM


def test_hand_worked():
    """Retained (1, 1, 0), forgotten (0, 1, 1), w* = (1, 1, 1): w_o = (2/3, 4/3, 2/3), w_m = (2/3, 0, 0).

    Before: RL = (2/3 − 2)² = 16/9, UL = 2² = 4. Fine-tuning adds (1, 1, 0)·(4/3)/2 = (2/3, 2/3, 0):
    w_t = (4/3, 2/3, 0), RL = 0 and UL = (2/3 − 2)² = 16/9.
    """
    X = [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    instance = by_hand(X, [2.0, 2.0], [1.0, 1.0, 1.0], columns=(1, 1, 1), retained=1)
    harness.assert_holds_on(
        CLAIM, instance, remaining_loss=16 / 9, unlearning_loss=4.0, repaired=0.0, unlearning_loss_after=16 / 9
    )
    np.testing.assert_allclose(forget_mask.solve(instance).tuned, [4 / 3, 2 / 3, 0.0], atol=1e-14)


def test_hand_worked_strict_subset():
    """Retained rows e₁ and e₂, the second column shared with the forget row e₂ + e₃, w* = (1, 2, 3).

    w_o = (1, 2, 3), w_m = (1, 0, 0). Fine-tuning on e₁ alone changes nothing: the label 2 of the second
    row is missed, RL = 4/2 = 2. On both rows it is repaired.
    """
    X = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    instance = by_hand(X, [1.0, 2.0, 5.0], [1.0, 2.0, 3.0], columns=(1, 1, 1), retained=2, subset=1)
    harness.assert_holds_on(CLAIM, instance, remaining_loss=2.0, repaired=0.0, strict_subset=2.0)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_mutant_subset_repairs():
    """Fine-tuning on a strict subset does not restore the retained data."""
    wrong = replace(
        CLAIM.conclusions[2],
        lhs=lambda i, s: misfit(i, s.part_tuned, ~i.forget),
        scale=lambda i, s: s.base.values,
    )
    harness.assert_refuted(replace(CLAIM, conclusions=(wrong,)))


def test_mutant_repairs_to_golden():
    """Repairing does not lead to the golden model: w_m keeps a part outside the retained rows."""
    wrong = replace(CLAIM.conclusions[3], rhs=lambda i, s: s.base.golden.w)
    harness.assert_refuted(replace(CLAIM, conclusions=(wrong,)))
