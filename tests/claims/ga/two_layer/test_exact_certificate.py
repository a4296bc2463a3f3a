from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claim import Outcome
from theory.claims.ga.two_layer import exact_certificate
from theory.claims.ga.two_layer.trained import Untrained
from theory.evidence.check import check, evaluate_one
from theory.models.two_layer import TwoLayer, output_weights

CLAIM = exact_certificate.CLAIM


def orthonormal(active: bool = True) -> Untrained:
    """e₁ (+), e₂ (−), e₃ (+), the last forgotten; u = (1, −1)/√2, both neurons active on all points at first.

    The flow drives each neuron off the other label's points. Then w₁ = u₁(λ₁e₁ + λ₃e₃), w₂ = −u₂… with M = ½λ = 1:
    λ = (2, 2, 2), ‖θ‖² = ½(4 + 4 + 4) = 6. Removing e₃ leaves ‖θ*‖² = 4 exactly, by either step and by retraining:
    τ = 0, where doing nothing has τ = 1 − √(4/6).
    """
    Z0 = jnp.full((3, 2), 0.01 if active else -0.01)
    start = TwoLayer(output_weights(2), jnp.zeros((2, 3)), Z0, jnp.full(2, 0.01))
    return Untrained(jnp.eye(3), jnp.array([1.0, -1.0, 1.0]), jnp.array([False, False, True]), start)


def test_hand_worked():
    evaluation = harness.assert_holds_on(CLAIM, orthonormal(), feasible=1.0)
    s = jax.jit(exact_certificate.solve)(orthonormal())
    np.testing.assert_allclose(s.trained.lam, 2.0, rtol=1e-12)
    np.testing.assert_allclose(s.trained.objective, 3.0, rtol=1e-12)
    np.testing.assert_allclose([s.plain, s.projected, s.autodiff, s.to_retrained], 0.0, atol=1e-15)
    np.testing.assert_allclose(s.nothing, 1.0 - np.sqrt(4 / 6), rtol=1e-12)
    assert float(evaluation.residual) == 0.0


def test_dead_start_is_vacuous():
    """No neuron active at first: there is no network to unlearn from, and the claim does not speak."""
    assert float(evaluate_one(CLAIM, orthonormal(active=False)).assumptions["alive"]) < 0


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


@pytest.mark.slow
def test_sampled():
    """On all sizes: the shares it states are those of their mixture."""
    harness.assert_sampled(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM, examples=100)


def test_mutants():
    """Each in one run: the unlearned network is no KKT point itself, and the counted rows count."""

    def kept(i):
        s = exact_certificate.solve(i)
        return s._replace(W=s.trained.net.C @ i.factor)  # nothing removed

    wrong = {
        "plain ascent is nearer than doing nothing": lambda i, s: 1e-3 * s.nothing,
        "autodiff's step is nearer than doing nothing": lambda i, s: 0.1 * s.nothing,
        "autodiff's step is the farther one": lambda i, s: 1e-3 * s.autodiff,
        "plain ascent is the nearer step": lambda i, s: 0.5 * s.projected,
        "retraining ends no nearer": lambda i, s: 0.1 * s.to_retrained,
    }
    changed = tuple(replace(c, rhs=wrong.get(c.name, c.rhs)) for c in CLAIM.conclusions)
    mutant = replace(CLAIM, solve=kept, conclusions=changed, sizes=CLAIM.sizes[:1])
    verdict = check(mutant, examples=128, seed=2, simplify=False)
    assert verdict.outcome is Outcome.REFUTED
    for evidence in verdict.conclusions:
        if evidence.name in wrong:
            assert evidence.interval[1] < evidence.share, evidence
        elif evidence.name in ("epsilon", "subgradient"):
            assert evidence.held < evidence.tested, evidence
