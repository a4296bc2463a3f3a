from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from theory.claims.ga.two_layer import coefficient_dynamics
from theory.claims.ga.two_layer.coefficient_dynamics import STEPS, Start
from theory.evidence.check import evaluate_one
from theory.models import two_layer
from theory.solvers.two_layer_flow import train_in_coefficients

CLAIM = coefficient_dynamics.CLAIM


def one_point() -> Start:
    """x = (2, 0) with label +, one neuron w₀ = (1/2, 1), u = 1, and a forgotten e₂: the margin starts at 1.

    Exponential loss of one point: p = 1, and h = 1/‖x‖² = 1/4, so each step adds x/4 = (1/2, 0) to w and 1 to the
    margin. After k steps w = (½ + k/2, 1), C = (k/4, 0), ‖w‖² = (½ + k/2)² + 1.
    """
    X = np.array([[2.0, 0.0], [0.0, 1.0]])
    fields = (X, np.ones(2), np.array([False, True]), np.ones(1), np.array([[0.5, 1.0]]), X @ X.T)
    return Start(*map(jnp.asarray, fields))


def test_hand_worked():
    harness.assert_holds_on(CLAIM, one_point(), weights=0.0, forgotten_points=0.0)
    s = jax.jit(coefficient_dynamics.solve)(one_point())
    k = np.arange(1, STEPS + 1)
    by_hand = np.sqrt((0.5 + k / 2) ** 2 + 1) + k / 4 * np.sqrt(5.0)  # ‖w‖ + ‖C‖‖X‖
    np.testing.assert_allclose(s.sizes[0], by_hand, rtol=1e-12)
    np.testing.assert_allclose(s.nearest[0], 1.0, rtol=1e-12)  # the margin before step k is k = 2 (½ + (k − 1)/2)


def test_start_on_a_kink_is_not_decided():
    """⟨(1, −1), (1, 1)⟩ is 0 but for rounding: the verdict says so rather than trusting either sign."""
    X = jnp.array([[1.0, 1.0], [0.0, 1.0]])
    beside = one_point()._replace(X=X, G=X @ X.T, W=jnp.array([[1.0, 1e-13 - 1.0]]))
    assert float(evaluate_one(CLAIM, beside).residual) == np.inf


def test_a_small_pre_activation_without_cancellation_is_decided():
    """⟨(1e-13, 1), (2, 0)⟩ has one term, as exact as the weight."""
    assert float(evaluate_one(CLAIM, one_point()._replace(W=jnp.array([[1e-13, 1.0]]))).residual) == 0.0


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_mutants(monkeypatch):
    """Steps that forget the kink, or the mask, leave the path of training in space."""

    def smooth(net, G, y, retained, *rest):
        """Every neuron counted as active."""
        on = net._replace(Z0=jnp.abs(net.Z0) + 1e6)
        end = train_in_coefficients(on, G, y, retained, *rest).end
        return train_in_coefficients(net, G, y, retained, *rest)._replace(end=net._replace(C=end.C))

    def unmasked(net, G, y, retained, *rest):
        return train_in_coefficients(net, G, y, jnp.ones_like(retained), *rest)

    for wrong in (smooth, unmasked):
        monkeypatch.setattr(coefficient_dynamics, "train_in_coefficients", wrong)
        harness.assert_refuted(replace(CLAIM, title=wrong.__name__), examples=64)


def test_norms_need_the_start():
    """The mutant ‖w_j‖² = c_jᵀ G c_j, with the start left out, is refuted."""

    def without_start(i):
        s = coefficient_dynamics.solve(i)
        start = two_layer.from_weights(i.u, i.W, i.X)
        return s._replace(squares=s.squares + jnp.max(start.sq0))

    harness.assert_refuted(replace(CLAIM, solve=without_start), examples=64)
