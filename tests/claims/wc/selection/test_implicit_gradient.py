from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claims.wc.selection import implicit_gradient, model_ignores_weights
from theory.claims.wc.selection.implicit_gradient import Descent

CLAIM = implicit_gradient.CLAIM


def hand_worked() -> Descent:
    """One feature x = (1, 1), y = (1.1, −2.2), w = 0, θ_0 = 0, β = 1/2; the second point is forgotten."""
    y = jnp.asarray([1.1, -2.2])
    forget = jnp.asarray([False, True])
    w, direction = jnp.zeros(2), jnp.ones(2)
    return Descent(jnp.ones((2, 1)), y, w, jnp.zeros(1), jnp.asarray(0.5), direction, forget)


def test_hand_worked():
    """y = (1.1, −2.2): g_0 = 1.1, θ_1 = −1/2, r = (1.6, −1.7), g_1 = 0.1, θ_2 = −1, r = (2.1, −1.2), g_2 = −0.9.

    So ρ = 0.1/3.3. Without the second point the iterates are 1/2, 1, 3/2, 1, 3/2, 1, which is 2 = 4 · β away from −1.
    """
    i = hand_worked()
    harness.assert_holds_on(CLAIM, i, forgetting_moves_the_model=2.0, finite_response=1.0)
    solved = implicit_gradient.solve(i)
    np.testing.assert_allclose(solved.radius, 0.1 / 3.3, rtol=1e-12)
    np.testing.assert_array_equal(solved.path[:, 0], [0.0, -0.5, -1.0, -0.5, -1.0, -0.5, -1.0])


def test_the_gradient_agrees_with_small_differences_and_not_with_large_ones():
    i, upper = hand_worked(), implicit_gradient.upper
    e, small, large = jnp.asarray([0.0, 1.0]), 1e-4, 1.0
    slope = jax.grad(lambda w: upper(i, w))(i.w)[1]
    near = (upper(i, i.w + small * e) - upper(i, i.w - small * e)) / (2 * small)
    far = (upper(i, i.w + large * e) - upper(i, i.w)) / large
    np.testing.assert_allclose(near, slope, rtol=1e-6)
    assert abs(far - slope) > 0.5 * abs(slope)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


@pytest.mark.slow
def test_sampled():
    """On all sizes: the shares it states are those of their mixture."""
    harness.assert_sampled(CLAIM)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutant_too_wide_a_radius():
    """With the largest ratio in the place of the least, signs change."""

    def wider(i):
        s = implicit_gradient.solve(i)
        return s._replace(inside=implicit_gradient.iterates(i, i.w + 3.0 * s.radius * jnp.sign(i.direction)))

    harness.assert_refuted(replace(CLAIM, solve=wider), sizes=2)


def test_mutant_always_moves():
    """By chance a model can come back to where it was: not every forget set moves it."""
    (kept,) = (replace(c, share=None) for c in CLAIM.conclusions if c.share is not None)
    harness.assert_refuted(replace(CLAIM, conclusions=(kept,)))


def test_the_false_reading_is_refuted():
    harness.assert_sampled(model_ignores_weights.CLAIM)
