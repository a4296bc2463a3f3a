from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from theory.claims.ga.linear import ascent_step
from theory.claims.instances import ApproximateKKT

CLAIM = ascent_step.CLAIM


def hand_worked() -> ApproximateKKT:
    """Unit points at inner product −1/2, both labels +1: λ = (2, 2), both margins exactly 1.

    Forgetting x₂: α = 2·½ = 1 would be too much, so scale x₂ to length 1/2: G = [[1, −1/4], [−1/4, 1/4]],
    Gλ = 1 gives λ = (5/3·…): solved below by Cramer's rule, det = 1/4 − 1/16 = 3/16,
    λ₁ = (1/4 + 1/4)/det = 8/3, λ₂ = (1 + 1/4)/det = 20/3, α = 20/3 · 1/4 = 5/3 ≥ 1 still.
    At inner product −1/10 of unit points: det = 99/100, λ = (11/10)/(99/100) = 10/9 each,
    α = 1/9, w̃ = (9/8) · (10/9) x₁ = (5/4) x₁, M̃₁ = 5/4, λ̃₁ = 5/4, so δ = 5/16.
    """
    c = -0.1
    X = np.array([[1.0, 0.0], [c, np.sqrt(1 - c * c)]])
    lam = np.array([10 / 9, 10 / 9])
    y = np.ones(2)
    fields = (X, y, np.array([False, True]), X.T @ (lam * y), lam, 0.0, 0.1)
    return ApproximateKKT(*map(jnp.asarray, fields))


def test_hand_worked():
    evaluation = harness.assert_holds_on(CLAIM, hand_worked(), primal=1.25, complementarity=5 / 16)
    bound = evaluation.conclusions["complementarity"].rhs  # (2 · 1/9 · 10/9) / (8/9)² = 5/16: attained
    np.testing.assert_allclose(bound, 5 / 16, rtol=1e-12)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutant_forgets_the_shrink():
    """Without the division by 1 − α the point is not feasible."""

    def unscaled(i):
        s = ascent_step.step(i)
        return s._replace(witness=s.unlearned, lam=s.lam * s.shrink, margins=s.margins * s.shrink)

    harness.assert_refuted(replace(CLAIM, solve=unscaled))
