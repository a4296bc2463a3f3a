from dataclasses import replace

import jax.numpy as jnp

from tests.claims import harness
from theory.claims.wc.ridge import retrained_error
from theory.claims.wc.ridge.retrained_error import RidgeForget
from theory.evidence.exact import check_exact

CLAIM = retrained_error.CLAIM


def test_hand_worked():
    """Rows 1 and 2, y = (1, 1), μ = 1: w = 3/6 = 1/2, e = (1/2, 0), H_11 = 1/6.

    Without the first point w_R = 2/5, so r_1 = 3/5 = (1/2)/(5/6), and w − w_R = 1/10 = r_1/6.
    """
    X, forget = jnp.asarray([[1.0], [2.0]]), jnp.asarray([True, False])
    i = RidgeForget(X, jnp.ones(2), jnp.asarray(1.0), forget)
    harness.assert_holds_on(CLAIM, i, error=0.6, weights=0.1, no_better_than_before=0.6)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_exact():
    evidence = check_exact(CLAIM, instances=8)
    assert (evidence.held, evidence.conclusions) == (8, ("error", "weights"))


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutant_points_one_by_one():
    """e_i/(1 − H_ii) is the error only where one point is forgotten."""

    def separately(i, s):
        H = i.X @ jnp.linalg.solve(i.X.T @ i.X + i.mu * jnp.eye(i.X.shape[1]), i.X.T)
        return jnp.where(i.forget, s.e / (1.0 - jnp.diagonal(H)), 0.0)

    (kept,) = (replace(c, rhs=separately) for c in CLAIM.conclusions if c.name == "error")
    mutant = replace(CLAIM, conclusions=(kept,))
    harness.assert_refuted(replace(mutant, sizes=CLAIM.sizes[1:2]))
    single = replace(mutant, sizes=({"N": 6, "d": 3, "k": 1},))
    harness.assert_sampled(single, examples=50)


def test_mutant_trained_error():
    """The trained model's residual is not the retrained model's."""
    (kept,) = (
        replace(c, rhs=lambda i, s: jnp.where(i.forget, s.e, 0.0)) for c in CLAIM.conclusions if c.name == "error"
    )
    harness.assert_refuted(replace(CLAIM, conclusions=(kept,)))
