from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from theory.claim import Conclusion
from theory.claims.ga.two_layer import ascent_certificate
from theory.claims.ga.two_layer.instances import ClarkePoint, hidden_weights, longest, magnitude
from theory.numerics import norm, tangent_gap

CLAIM = ascent_certificate.CLAIM


def hand_worked() -> ClarkePoint:
    """x₁ = e₁ with label +1 retained, x₂ = (3/5, 4/5) with label −1 forgotten, u = (1, −1): an exact point with kinks.

    λ = 25/16 each; w₁ = λ₁x₁ − (15/16) x₂ = (1, −3/4) is orthogonal to x₂ and w₂ = λ₂x₂ − (15/16) x₁ = (0, 5/4) to x₁;
    both margins are 1. The step takes s = 1 at the kink of w₁: g = (−λ₂x₂, λ₂x₂), P_R g = (−15/16 e₁, 15/16 e₁), and
    W̃ = ((1, 1/2), 0). Without the terms of R, (1 − 25/16, 1/2) and (15/16, 0) are left: ε = √370/16.
    The model's s = 3/5 has g = (−(15/16) x₂, λ₂x₂), W̃ = (e₁, 0) and ε = √(81 + 225)/16; refitted, λ̃ = 1 leaves ε = 0.
    """
    X, y, u = np.array([[1.0, 0.0], [0.6, 0.8]]), np.array([1.0, -1.0]), np.array([1.0, -1.0])
    lam, t = np.full(2, 25 / 16), np.array([[25 / 16, 15 / 16], [15 / 16, 25 / 16]])
    kinks = np.array([[False, True], [True, False]])
    fields = (X, y, np.array([False, True]), u, np.zeros((2, 2)), lam, t, np.ones((2, 2)), kinks)
    return ClarkePoint(*map(jnp.asarray, fields))


def test_hand_worked():
    instance = hand_worked()
    np.testing.assert_allclose(hidden_weights(instance), [[1.0, -0.75], [0.0, 1.25]], atol=1e-15)
    harness.assert_holds_on(CLAIM, instance, primal=1.0, complementarity=0.0)
    s = jax.jit(ascent_certificate.solve)(instance)
    np.testing.assert_allclose(s.witness[:2], [[[1.0, 0.5], [0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]], atol=1e-15)
    np.testing.assert_allclose(s.epsilon[:2], np.sqrt([370, 306]) / 16, rtol=1e-14)
    np.testing.assert_allclose(s.coded.epsilon_bound[:2], s.epsilon[:2], rtol=1e-12)  # ε₁ = 0: equality
    np.testing.assert_allclose(s.coded.refitted.epsilon[1], 0.0, atol=1e-12)
    np.testing.assert_allclose(s.coded.refitted.lam[1], [1.0, 0.0], atol=1e-12)


def test_direction_is_attained():
    """W̃ = e₂ + e₁/2, P_R g = e₁/2 along a retained point: W′ = e₂ is orthogonal to it and τ = 1 − 2/√5."""
    q = np.sqrt(0.25 / 1.25)
    np.testing.assert_allclose(tangent_gap(jnp.asarray(q)), 1.0 - 2.0 / np.sqrt(5), rtol=1e-14)
    assert tangent_gap(jnp.asarray(q)) < 0.56 * q**2


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def only(*names: str) -> tuple[Conclusion, ...]:
    return tuple(c for c in CLAIM.conclusions if c.name in names)


def test_mutant_without_the_projection():
    """The plain step's own pre-activations differ from θ's on the retained points."""

    def plain(i):
        s = ascent_certificate.solve(i)
        return s._replace(preactivations=jnp.einsum("id,cjd->cij", i.X, s.witness - s.projected))

    harness.assert_refuted(replace(CLAIM, solve=plain, conclusions=only("pre-activations")), sizes=2)


def test_mutants_with_a_smaller_bound():
    """At a kink what the step removes is not what the point put there: ‖P_R g‖ alone is no bound. Nor is τ ≤ q²/2."""
    conclusions = (
        Conclusion(
            "kinks ignored",
            r"\varepsilon\le\varepsilon_1+\|P_Rg\|",
            lhs=lambda i, s: s.epsilon,
            rhs=lambda i, s: norm(i.V) + jax.vmap(norm)(s.projected),
            scale=lambda i, s: magnitude(i) * longest(i),
        ),
        Conclusion(
            "root ignored",
            r"\tau\le q^2/2",
            lhs=lambda i, s: s.tau,
            rhs=lambda i, s: jnp.where(s.ratio < 1.0, 0.5 * s.ratio**2, 2.0),
            scale=lambda i, s: 1.0,
        ),
    )
    for conclusion in conclusions:
        harness.assert_refuted(replace(CLAIM, conclusions=(conclusion,)))
