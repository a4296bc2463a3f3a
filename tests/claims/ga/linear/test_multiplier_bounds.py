from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claim import Outcome, evaluate, judge
from theory.claims.ga.linear import multiplier_bounds as claim_file
from theory.claims.instances import ApproximateKKT

CLAIM = claim_file.CLAIM


def pair(norms, product, lam, v=(0.0, 0.0), psi=0.0, phi=0.0) -> ApproximateKKT:
    """Two points with labels +1, given squared norms and product, and w = Σ λᵢxᵢ + v."""
    X = np.linalg.cholesky(np.array([[norms[0], product], [product, norms[1]]]))
    lam = np.asarray(lam, float)
    fields = (X, np.ones(2), np.zeros(2, bool), X.T @ lam + np.asarray(v), lam, psi, phi)
    return ApproximateKKT(*map(jnp.asarray, fields))


def test_upper_bound_attained():
    """Norms² 3/4, product −1/4, λ = (3, 3): M = 3·3/4 − 3/4 = 3/2, δ = 3/2, a = 1 − 1/4 − 1/4 = 1/2.

    U = [1 + √(1 + 4·½·3/2)] / 1 = 1 + √4 = 3.
    """
    evaluation = harness.assert_holds_on(CLAIM, pair((0.75, 0.75), -0.25, (3, 3), psi=0.25, phi=0.25), upper=3.0)
    np.testing.assert_allclose(evaluation.conclusions["upper"].rhs, 3.0, rtol=1e-12)


def test_upper_bound_attained_with_an_error():
    """One unit point, w = x, λ = 3/2: v = −x/2, ε = 1/2, δ = 0, U = 1 + ε = 3/2."""
    one = ApproximateKKT(
        *map(jnp.asarray, (np.eye(1), np.ones(1), np.zeros(1, bool), np.ones(1), np.array([1.5]), 0.0, 0.0))
    )
    evaluation = harness.assert_holds_on(CLAIM, one, upper=1.5)
    np.testing.assert_allclose(evaluation.conclusions["upper"].rhs, 1.5, rtol=1e-12)


def test_lower_bound_attained():
    """Norms² (1, 5/4), product 1/4, ψ = φ = 1/4. λ = (2, 2/5): M₂ = 2/4 + (5/4)(2/5) = 1, M₁ = 2 + 1/10.

    Bound: [1 − ¼·2] / (5/4) = 2/5.
    """
    evaluation = harness.assert_holds_on(CLAIM, pair((1.0, 1.25), 0.25, (2, 0.4), psi=0.25, phi=0.25), lower=0.4)
    np.testing.assert_allclose(evaluation.conclusions["lower"].rhs, 0.4, rtol=1e-12)


def test_zero_multipliers_are_allowed():
    """λ = 0 and w = v: the quadratic's step divides by Λ, the bound still holds."""
    instance = pair((1.0, 1.0), 0.0, (0, 0), v=(1.0, 1.0))
    evaluation = evaluate(CLAIM, instance)
    assert judge(CLAIM, evaluation) is Outcome.HOLDS
    np.testing.assert_allclose(evaluation.conclusions["upper"].rhs, 1 + np.sqrt(2), rtol=1e-12)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)
    several = tuple(c for c in CLAIM.conclusions if c.name != "lower, from the data alone")  # only approached as φ → 0
    harness.assert_tight_bounds_bite(replace(CLAIM, sizes=CLAIM.sizes[1:], conclusions=several))


def without_delta(i):
    return (1.0 + claim_file.stationarity(i) * jnp.sqrt(1.0 + i.psi)) / claim_file.dominance(i)


def one_neighbour_fewer(i):
    return claim_file.lower(i, jnp.max(i.lam)) + i.phi * jnp.max(i.lam) / (1.0 + i.psi)


def without_epsilon(i):
    return claim_file.lower(i, jnp.max(i.lam)) + claim_file.stationarity(i) / jnp.sqrt(1.0 + i.psi)


@pytest.mark.parametrize(
    ("conclusion", "bound"),
    [("upper", without_delta), ("lower", one_neighbour_fewer), ("lower", without_epsilon)],
    ids=["no delta", "m-2 neighbours", "no epsilon"],
)
def test_mutant_bound_is_refuted(conclusion, bound):
    changed = tuple(
        replace(c, rhs=lambda i, _: bound(i)) if c.name == conclusion else c
        for c in CLAIM.conclusions
        if c.name == conclusion
    )
    harness.assert_refuted(replace(CLAIM, sizes=CLAIM.sizes[1:2], conclusions=changed))
