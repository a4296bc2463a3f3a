from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from theory.claims.ga.two_layer import exact_kkt_point
from theory.claims.ga.two_layer.trained import Network
from theory.solvers.clarke_kkt_point import KinkStatus

CLAIM = exact_kkt_point.CLAIM


def hand_worked() -> Network:
    """Points (1/2, 2) (+), e₁ (−), e₂ (+); u = (1, −1).

    W = ((−1/2, 3), (2, −3/10)) activates w₁ on points 1 and 3, w₂ on 1 and 2; margins (5.75 − 0.4, 2, 3).
    The shortest weights with that pattern: w₁ must reach 1 on e₂, w₂ must reach 1 on e₁: V = (e₂, e₁), and then
    M₁ = 2 − 1/2 = 3/2. So λ = (0, 1, 1), the objective is 1, and the start's bound is ½ · 13.34/4 = 1.6675.
    """
    fields = (
        np.array([[0.5, 2.0], [1.0, 0.0], [0.0, 1.0]]),
        np.array([1.0, -1.0, 1.0]),
        np.zeros(3, bool),
        np.array([1.0, -1.0]),
        np.array([[-0.5, 3.0], [2.0, -0.3]]),
    )
    return Network(*map(jnp.asarray, fields))


def plane(i: Network) -> Network:
    """The same inner products from independent points: the solver needs a positive definite Gram matrix."""
    return i._replace(
        X=jnp.concatenate([i.X, jnp.zeros((3, 1)).at[0, 0].set(0.5)], axis=1), W=jnp.pad(i.W, ((0, 0), (0, 1)))
    )


def test_hand_worked():
    evaluation = harness.assert_holds_on(CLAIM, plane(hand_worked()), flips_only_shorten=1.0, primal=1.0)
    np.testing.assert_allclose(evaluation.conclusions["no longer than the start"].rhs, 1.6675, rtol=1e-12)
    s = exact_kkt_point.solve(plane(hand_worked()))
    np.testing.assert_allclose(s.point.lam, [0.0, 1.0, 1.0], atol=1e-14)
    np.testing.assert_allclose(s.W, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], atol=1e-14)
    np.testing.assert_allclose(s.margins, [1.5, 1.0, 1.0], rtol=1e-14)


def test_few_neurons_are_solved():
    """Four neurons for four points: one exchange of all indices would often leave a point none off its kink."""
    sizes = {"m": 4, "p": 2, "n": 4, "k": 0}
    z = np.random.default_rng(0).normal(size=(256, CLAIM.latent(sizes)))

    def case(z):
        i = CLAIM.build(sizes, z)
        return CLAIM.assumptions[0].margin(i) >= 0, exact_kkt_point.solve(i).point.status

    separates, status = jax.jit(jax.vmap(case))(jnp.asarray(z))
    assert int(jnp.sum(separates)) > 150
    assert int(jnp.sum(separates & (status != KinkStatus.SOLVED))) == 0


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutant_autodiff_subgradient():
    """λᵢ[z > 0] in place of t: kinks no longer carry what the point needs."""

    def naive(i):
        s = exact_kkt_point.solve(i)
        t = jnp.where(s.Z > 0, s.point.lam[:, None], 0.0)
        return s._replace(point=s.point._replace(t=t))

    harness.assert_refuted(replace(CLAIM, solve=naive))


def test_mutant_scaled_network():
    """The start itself, scaled to least margin 1, is feasible but no KKT point."""

    def unmoved(i):
        s = exact_kkt_point.solve(i)
        return s._replace(W=i.W)

    harness.assert_refuted(replace(CLAIM, solve=unmoved))
