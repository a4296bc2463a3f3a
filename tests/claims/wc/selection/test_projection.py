from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from theory.claims.wc.selection import projection
from theory.claims.wc.selection.projection import Points

CLAIM = projection.CLAIM


def hand_worked() -> Points:
    """a = (2, 1/2, 0), k = 3/2: μ = 0 gives clip = (1, 1/2, 0) with sum 3/2. b = 0: every w is 1/2.

    v = (1/2, 1/2, 1/2): ‖a − w‖² = 1, ‖w − v‖² = 1/2, ‖a − v‖² = 9/4 + 1/4 = 5/2. ‖Π(a) − Π(b)‖² = 1/2.
    k′ = 2: one coordinate is full, the others share 1: (1, 3/4, 1/4), so the distance is √(1/16 + 1/16).
    """
    a, v = np.array([2.0, 0.5, 0.0]), np.array([0.5, 0.5, 0.5])
    return Points(*map(jnp.asarray, (a, np.zeros(3), v, 1.5, 2.0)))


def test_hand_worked():
    evaluation = harness.assert_holds_on(CLAIM, hand_worked(), nearest=1.5, in_the_sum=np.sqrt(0.125))
    np.testing.assert_allclose(evaluation.conclusions["nearest"].rhs, 2.5)
    np.testing.assert_allclose(evaluation.conclusions["non-expansive"].lhs, np.sqrt(0.5))


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutant_scales_instead_of_shifting():
    """k a₊/Σa₊, cut to [0, 1], is feasible only by luck and never the nearest point."""

    def scaled(i):
        s = projection.solve(i)
        positive = jnp.maximum(i.a, 0.0) + 1e-9
        return s._replace(first=s.first._replace(w=jnp.clip(i.k * positive / jnp.sum(positive), 0.0, 1.0)))

    harness.assert_refuted(replace(CLAIM, solve=scaled))
