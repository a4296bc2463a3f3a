from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claims.ft import ridge_transition
from theory.claims.ft.instances import by_hand, loss, mean_square
from theory.claims.ft.ridge_transition import RidgeProblem
from theory.numerics import norm

CLAIM = ridge_transition.CLAIM


def hand_worked(mu=1.0):
    """Rows (1, 1, 0) and (0, 1, 1), y = (2, 2): G = [[2, 1], [1, 2]]."""
    X = [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    data = by_hand(X, [2.0, 2.0], [1.0, 1.0, 1.0], columns=(1, 1, 1), retained=1)
    return RidgeProblem(data, jnp.asarray(mu))


def test_hand_worked():
    """μ = 1: (G + I)⁻¹ y = (1/2, 1/2), so r = (1/2, 1/2) and w_o = (1/2, 1, 1/2).

    X_R⁺ r_R = (1/4, 1/4, 0): movement 1/√8, w_t = (3/4, 5/4, 1/2), which misses y_F = 2 by 1/4: UL = 1/16.
    """
    evaluation = harness.assert_holds_on(CLAIM, hand_worked(), unlearning_loss=1 / 16)
    solved = ridge_transition.solve(hand_worked())
    np.testing.assert_allclose(solved.w, [0.5, 1.0, 0.5], atol=1e-14)
    np.testing.assert_allclose(solved.tuned, [0.75, 1.25, 0.5], atol=1e-14)
    np.testing.assert_allclose(evaluation.conclusions["vanishing ridge"].lhs, 8**-0.5, rtol=1e-14)


def test_hand_worked_complete():
    """One column, retained rows 1 and 1 with labels 0 and 2: fine-tuned = golden = 1 whatever w_o was."""
    data = by_hand([[1.0], [1.0], [1.0]], [0.0, 2.0, 7.0], [1.0], columns=(0, 1, 0), retained=2)
    harness.assert_holds_on(CLAIM, RidgeProblem(data, jnp.asarray(3.0)), complete=1.0, unlearning_loss=36.0)


def test_the_no_op_is_recovered():
    """Movement and UL fall like μ and μ² on the way to μ = 0."""
    moved = [ridge_transition.solve(hand_worked(mu)) for mu in (1e-3, 1e-5)]
    size = [float(norm(s.tuned - s.w)) for s in moved]
    lost = [float(loss(hand_worked().problem, s.tuned, hand_worked().problem.forget)) for s in moved]
    assert size[0] / size[1] == pytest.approx(1e2, rel=1e-2)
    assert lost[0] / lost[1] == pytest.approx(1e4, rel=1e-2)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def _changed(name, **fields):
    """The claim with that conclusion alone, changed."""
    (conclusion,) = (replace(c, **fields) for c in CLAIM.conclusions if c.name == name)
    return replace(CLAIM, conclusions=(conclusion,))


def test_mutant_forgets_the_correction():
    """UL of the *pretrained* ridge solution, ‖r_F‖²/|F|, is not that of the fine-tuned one."""
    harness.assert_refuted(
        _changed("unlearning loss", rhs=lambda i, s: mean_square(s.residual, i.problem.forget)),
    )


def test_mutant_always_complete():
    """w_t = w_g needs full column rank."""
    harness.assert_refuted(_changed("not forgotten", rhs=lambda i, s: 0.0))


def test_mutant_ignores_unfittable_noise():
    """Without X_R⁺(y_⊥)_R the movement bound fails where no model fits the labels."""
    mutant = _changed(
        "vanishing ridge",
        rhs=lambda i, s: ridge_transition.vanishing(i, s._replace(leftover=jnp.zeros_like(s.leftover))),
    )
    harness.assert_refuted(replace(mutant, sizes=mutant.sizes[1:2]))
