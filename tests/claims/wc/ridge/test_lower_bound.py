from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from theory.claims.wc.ridge import lower_bound
from theory.claims.wc.ridge.lower_bound import Node
from theory.solvers.branch_and_bound import lower_bounds
from theory.solvers.worst_ridge import Extension

CLAIM = lower_bound.CLAIM


def test_hand_worked():
    """Rows 1 and 2, y = (1, 1), μ = 1, both forgotten: the retrained model is 0, its error 1 + 1.

    G + I = [[2, 2], [2, 5]], B = [[5, −2], [−2, 2]]/6, e = (1/2, 0). S = {1}: a = 1/2 · 6/5 = 3/5, M = −2/5,
    C = 1/3 − 2/15 = 1/5, c = 1/3 · 3/5 = 1/5: r_T = 1 and r_S = 3/5 + 2/5 = 1. With t = 1 and one candidate
    ρ₀ = 1, g = −2/5, and (3/5 − 2/5)² + 1 = 1.04 ≤ 2, M's sign being lost.
    """
    row = jnp.asarray([[1.0], [2.0]])
    i = Node(row[:1], row[1:], row[:0], jnp.ones(2), jnp.asarray(1.0))
    evaluation = harness.assert_holds_on(CLAIM, i, in_steps=2.0, bound=2.0)
    np.testing.assert_allclose(evaluation.conclusions["bound"].rhs, 1.04, rtol=1e-12)


def test_the_bound_is_attained_on_a_diagonal():
    """C = diag(1/2, 1/4, 1), c = (1, 1, 3), t = 2: errors 2, 4, 3; the least partner is 2, for the first 3."""
    part = Extension(np.zeros(0), np.zeros((0, 3)), np.diag([0.5, 0.25, 1.0]), np.array([1.0, 1.0, 3.0]))
    np.testing.assert_allclose(lower_bounds(part, 2), [13.0, 20.0, 13.0])


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutant_ignores_what_t_does_to_s():
    """‖a‖² + ρ₀² would keep the errors on S as they were."""

    def kept(i):
        s, (_, part) = lower_bound.solve(i), lower_bound.partial(i)
        alone = part._replace(chosen=part.chosen[:0], M=part.M[:0])
        t = len(i.added)
        return s._replace(bounds=jnp.sum(part.chosen**2) + lower_bounds(alone, t)[:t])

    harness.assert_refuted(replace(CLAIM, solve=kept, sizes=CLAIM.sizes[1:2]))
