from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from theory.claim import Outcome, evaluate, judge
from theory.claims.ga.linear import ascent_never_hurts
from theory.claims.instances import TrainedModel
from theory.evidence.check import check

CLAIM = ascent_never_hurts.CLAIM
run = jax.jit(lambda i: evaluate(CLAIM, i))


def correlated(c: float) -> TrainedModel:
    """Retain e₁, e₂, forget c e₁ + s e₃: λ = (1/(1+c), 1, 1/(1+c)), w = e₁ + e₂ + s/(1+c) e₃."""
    s = np.sqrt(1.0 - c * c)
    X = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [c, 0.0, s]])
    lam = np.array([1 / (1 + c), 1.0, 1 / (1 + c)])
    w = np.array([1.0, 1.0, s / (1 + c)])
    return TrainedModel(*map(jnp.asarray, (X, np.ones(3), np.array([False, False, True]), w, lam)))


def test_hand_worked():
    """c = 4/5: distances 4/9 after the step, 3/9 before; cosines 14/√212 and √18/√19."""
    evaluation = run(correlated(0.8))
    assert judge(CLAIM, evaluation) is Outcome.REFUTED
    distance, direction = evaluation.conclusions["distance"], evaluation.conclusions["direction"]
    np.testing.assert_allclose([distance.lhs, distance.rhs], [4 / 9, 3 / 9], rtol=1e-12)
    np.testing.assert_allclose(direction.lhs, 1 - 14 / np.sqrt(212), rtol=1e-10)
    np.testing.assert_allclose(direction.rhs, 1 - np.sqrt(18 / 19), rtol=1e-10)


def test_threshold():
    """The step hurts in distance exactly above c = 1/√2."""
    for c, hurts in ((0.70, False), (0.71, True)):
        assert bool(run(correlated(c)).conclusions["distance"].holds) is not hurts


def test_counterexample_is_found():
    """Random search refutes both conclusions, and a violating instance is reported."""
    harness.assert_sampled(CLAIM)
    verdict = check(CLAIM, examples=400, seed=1)
    assert verdict.refutation is not None
    assert verdict.refutation.lhs > 1.01 * verdict.refutation.rhs
    for evidence in verdict.conclusions:
        assert evidence.held < evidence.tested


def test_true_where_the_forget_points_are_orthogonal():
    """The weaker statement, correlation 0 and all points orthogonal, holds: there the step is exact."""

    def orthogonal(sizes, z):
        m, d = sizes["m"], sizes["d"]
        y = jnp.where(z[:m] >= 0, 1.0, -1.0)
        size = jnp.exp(jnp.tanh(z[m : 2 * m]))
        X = size[:, None] * jnp.eye(m, d)
        lam = 1.0 / size**2
        return TrainedModel(X, y, jnp.arange(m) >= m - sizes["k"], X.T @ (lam * y), lam)

    weaker = replace(CLAIM, build=orthogonal, status="proved", sizes=CLAIM.sizes[:2])
    harness.assert_sampled(weaker)
