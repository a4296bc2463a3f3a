from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from theory.claims.ft import overlap
from theory.claims.ft.instances import by_hand
from theory.solvers.min_norm import row_space

CLAIM = overlap.CLAIM


def test_hand_worked_partial():
    """Retained row (1, 1, 0), forget row (0, 2, 1), w* = (1, 3, 2).

    w_A = (1, 3, 0), P_R w_A = (2, 2, 0), w_B = (0, 3, 2): X_F(P_R w_A − w_B) = 2·(2 − 3) − 2 = −4, UL = 16.
    """
    instance = by_hand([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0]], [4.0, 8.0], [1.0, 3.0, 2.0], columns=(1, 1, 1), retained=1)
    harness.assert_holds_on(CLAIM, instance, unlearning_loss=16.0, by_columns=16.0)
    np.testing.assert_allclose(overlap.solve(instance).projected, [2.0, 2.0, 0.0], atol=1e-14)


def test_hand_worked_full():
    """Both rows use both columns: (1, 0) retained, (1, 1) forgotten, w* = (2, 5): UL = 5² = 25."""
    instance = by_hand([[1.0, 0.0], [1.0, 1.0]], [2.0, 7.0], [2.0, 5.0], columns=(0, 2, 0), retained=1)
    harness.assert_holds_on(CLAIM, instance, unlearning_loss=25.0, full_overlap=25.0)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_mutant_projects_on_the_forget_rows():
    def wrong(i):
        s = overlap.solve(i)
        return s._replace(projected=row_space(i.X, i.forget).project(s.w_A))

    harness.assert_refuted(replace(CLAIM, solve=wrong))


def test_mutant_swaps_the_sides():
    """With w_A and w_B exchanged the overlap alone still agrees, the private columns do not."""

    def wrong(i):
        s = overlap.solve(i)
        w_A = jnp.where(i.forget_columns, i.w_star, 0.0)
        return s._replace(w_A=w_A, projected=s.base.retained.project(w_A))

    harness.assert_refuted(replace(CLAIM, solve=wrong))
