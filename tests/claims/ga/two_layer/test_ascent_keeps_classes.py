from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claim import Outcome, evaluate, judge
from theory.claims.ga.two_layer import ascent_keeps_classes
from theory.claims.ga.two_layer.trained import PRIVATE, Network
from theory.evidence.check import check

CLAIM = ascent_keeps_classes.CLAIM
PLAIN = ("what the points put there", "autodiff")


def evaluation(i: Network):
    return jax.jit(lambda given: evaluate(CLAIM, given))(i)


def lives_off_the_forgotten(c: float = 0.5) -> Network:
    """Retain x₁ = (c, 1 + c, ½) (+) and e₁ (−), forget e₂ (+); a third coordinate makes them independent.

    The network starts near its KKT point W = (e₂, e₁), u = (1, −1), λ = (0, 1, 1), where all margins are 1. Its
    pattern: w₁ = (−½, 3, 0) on points 1 and 3, w₂ = (2, −¼, 0) on 1 and 2. After the step N(x₁) = −c.
    """
    fields = (
        np.array([[c, 1.0 + c, 0.5], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
        np.array([1.0, -1.0, 1.0]),
        np.array([False, False, True]),
        np.array([1.0, -1.0]),
        np.array([[-0.5, 3.0, 0.0], [2.0, -0.25, 0.0]]),
    )
    return Network(*map(jnp.asarray, fields))


def test_hand_worked():
    found = evaluation(lives_off_the_forgotten())
    assert judge(CLAIM, found) is Outcome.REFUTED, harness.report(CLAIM, found)
    for name in PLAIN:
        np.testing.assert_allclose(found.conclusions[name].lhs, -0.5, rtol=1e-12)
    s = jax.jit(ascent_keeps_classes.solve)(lives_off_the_forgotten())
    np.testing.assert_allclose(s.point.lam, [0.0, 1.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(s.before, 1.0, rtol=1e-12)
    np.testing.assert_allclose(s.projected[:2], 1.0, rtol=1e-12)
    np.testing.assert_allclose(s.model, [-0.5, 1.0, 0.0], atol=1e-12)


def test_counterexample_is_found():
    """A few hundred random instances refute both plain steps, by far more than rounding."""
    harness.assert_sampled(CLAIM)
    verdict = check(CLAIM, examples=400, seed=1)
    assert verdict.refutation is not None
    assert verdict.refutation.lhs < -1e3 * verdict.refutation.allowed
    for evidence in verdict.conclusions:
        assert (evidence.held < evidence.tested) is (evidence.name in PLAIN)


@pytest.mark.slow
def test_projected_step_keeps_every_margin():
    """What the notes say: without the plain steps' conclusions the claim is true."""
    kept = tuple(c for c in CLAIM.conclusions if c.name == "projected")
    harness.assert_sampled(replace(CLAIM, conclusions=kept, status="proved"))


def test_true_where_points_are_orthogonal():
    """The weaker statement, no shared directions, holds: a retained margin is then untouched."""

    def orthogonal(sizes, z):
        i = CLAIM.build(sizes, z)
        m = sizes["m"]
        X = jnp.concatenate([PRIVATE * jnp.eye(m), jnp.zeros((m, sizes["p"]))], axis=1)
        return i._replace(X=X, y=jnp.where(jax.nn.relu(X @ i.W.T) @ i.u >= 0, 1.0, -1.0))

    harness.assert_sampled(replace(CLAIM, build=orthogonal, status="proved", sizes=CLAIM.sizes[:1]))
