from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from theory.claims.ft import noisy_labels
from theory.claims.ft.instances import by_hand
from theory.claims.ft.noisy_labels import NoisyProblem

CLAIM = noisy_labels.CLAIM


def hand_worked() -> NoisyProblem:
    """Rows (1, 1, 0) and (0, 1, 1), w* = (1, 1, 1), noise (2, 1): y = (4, 3)."""
    X = [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    data = by_hand(X, [4.0, 3.0], [1.0, 1.0, 1.0], columns=(1, 1, 1), retained=1)
    return NoisyProblem(data, jnp.asarray([1.0, 0.0, 0.0]))


def test_hand_worked():
    """w_g = (2, 2, 0), UL = (2 − 3)² = 1. With w*: v = X_F(w* − (1, 1, 0)) = 1, so ‖v‖² = 1;

    η = e_F − X_F X_R⁺ e_R = 1 − 1 = 0: here the two errors cancel and nothing is off. With noise (0, 1)
    instead, η = 1 and UL − ‖v‖² = 2·1 + 1 = 3.
    """
    harness.assert_holds_on(CLAIM, hand_worked(), unlearning_loss=1.0, overlap=1.0, unlearning_loss_is_off=0.0)
    data = hand_worked().problem
    other = NoisyProblem(data._replace(y=jnp.asarray([2.0, 3.0])), jnp.zeros(3))
    harness.assert_holds_on(CLAIM, other, unlearning_loss=4.0, unlearning_loss_is_off=3.0)
    solved = noisy_labels.solve(hand_worked())
    np.testing.assert_allclose(solved.base.golden.w, [2.0, 2.0, 0.0], atol=1e-14)
    # the null vector is (1, −1, 1)/√3: u = w_o + (1, −1, 1)/3
    np.testing.assert_allclose(solved.interpolant - solved.base.pretrained.w, [1 / 3, -1 / 3, 1 / 3], atol=1e-14)


def test_average_over_noise():
    """Σ over unit noises of ‖η‖² = |F| + ‖X_F X_R⁺‖_F²: the formula for E UL, here 1 + (1/2)²."""
    data = hand_worked().problem
    clean = data.X @ data.w_star
    totals = [
        float(noisy_labels.excess(instance, noisy_labels.solve(instance)))
        for sign in (1.0, -1.0)
        for unit in jnp.eye(2)
        for instance in [NoisyProblem(data._replace(y=clean + sign * unit), jnp.zeros(3))]
    ]
    np.testing.assert_allclose(sum(totals) / 2, 1.0 + 0.25, rtol=1e-13)  # both signs: the cross term cancels


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_mutant_keeps_w_star():
    """With noise, the golden formula with w* in place of an interpolant is wrong."""

    def wrong(i):
        return noisy_labels.solve(i)._replace(interpolant=i.problem.w_star)

    harness.assert_refuted(replace(CLAIM, solve=wrong))


def test_mutant_forgets_the_cross_term():
    def wrong(i, s):
        eta = s.noise - i.problem.X @ s.carried
        return noisy_labels.mean_square(eta, i.problem.forget)

    harness.assert_refuted(replace(CLAIM, conclusions=(replace(CLAIM.conclusions[-1], rhs=wrong),)))
