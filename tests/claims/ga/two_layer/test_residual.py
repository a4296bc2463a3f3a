from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from tests.claims.ga.two_layer.test_ascent_certificate import hand_worked
from theory.claims.ga.two_layer import residual
from theory.claims.ga.two_layer.instances import ClarkePoint, network
from theory.solvers.clarke import autodiff_residual, best_clarke_multipliers

CLAIM = residual.CLAIM


def off_the_kink() -> ClarkePoint:
    """w₁ = (1, −3/4) and w₂ = (0, 5/4) on the points of test_ascent_certificate, with (0, 0, 0, 1) added in R³.

    The third coordinate is orthogonal to both points, so λ and t stay and ε = 1.
    """
    i = hand_worked()
    return i._replace(X=jnp.pad(i.X, ((0, 0), (0, 1))), V=jnp.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))


def test_hand_worked():
    """An exact point: ε = 0 at λ = 25/16, t = 15/16 at the kinks. With w₂ moved out of the plane by 1, ε = 1."""
    harness.assert_holds_on(CLAIM, hand_worked(), least=0.0, no_descent=0.0)
    harness.assert_holds_on(CLAIM, off_the_kink(), least=1.0)
    best = jax.jit(residual.solve)(off_the_kink()).best
    np.testing.assert_allclose(best.lam, 25 / 16, rtol=1e-12)
    np.testing.assert_allclose(best.t, [[25 / 16, 15 / 16], [15 / 16, 25 / 16]], rtol=1e-12)


def test_autodiff_at_the_exact_point():
    """σ′ = 0 at both kinks: λ₁x₁ alone is to give w₁ = (1, −3/4), so λ₁ = 1 and 3/4 is left; likewise 3/4 of w₂."""
    i = hand_worked()
    net, G = network(i), i.X @ i.X.T
    off = 1e-9 * jnp.array([[0.0, 1.0], [1.0, 0.0]])
    net = net._replace(C=net.C - off)  # kinks just off, to the inactive side
    found = jax.jit(autodiff_residual)(net, G, i.y)
    np.testing.assert_allclose(found.lam, 1.0, rtol=1e-8)
    np.testing.assert_allclose(found.residuals.stationarity, 0.75 * np.sqrt(2), rtol=1e-8)


def test_autodiff_residual_is_no_smaller():
    """The solver's λ for autodiff's subgradient, on random instances."""
    sizes = CLAIM.sizes[0]

    def both(z):
        i = CLAIM.build(sizes, z)
        net, G = network(i), i.X @ i.X.T
        best = best_clarke_multipliers(net, G, i.y)
        return best.residuals.stationarity, best.gap, autodiff_residual(net, G, i.y).residuals.stationarity

    z = np.random.default_rng(0).normal(size=(64, CLAIM.latent(sizes)))
    best, gap, autodiff = jax.jit(jax.vmap(both))(jnp.asarray(z))
    assert np.all(best <= autodiff + np.sqrt(gap) + 1e-7)
    assert np.mean(autodiff > best + 0.1) > 0.3  # kinks make the difference


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutants():
    """Multipliers 1% too large are no minimiser, and a solver without kinks is beaten by the given multipliers."""

    def larger(i):
        s = residual.solve(i)
        return s._replace(remainder=residual.remainder(i, 1.01 * s.best.t), best=s.best._replace(t=1.01 * s.best.t))

    def without_kinks(i):
        s = residual.solve(i)
        t = jnp.where(i.kinks, 0.0, s.best.t)
        return s._replace(remainder=residual.remainder(i, t))

    names = {"orthogonal": larger, "least": without_kinks}
    for name, solve in names.items():
        conclusions = tuple(c for c in CLAIM.conclusions if c.name == name)
        harness.assert_refuted(replace(CLAIM, solve=solve, conclusions=conclusions))
