"""The ascent step in its three forms: autodiff, closed form, and removal of the forget terms."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.data.near_orthogonal import sample_near_orthogonal
from theory.solvers.gradient_flow import LOSSES
from theory.solvers.margin import margin_from_points
from theory.unlearning.ascent import ascend, gradient_ascent, loss_slope, remove_terms, theorem_step_sizes

LOSS = {"exponential": lambda M: jnp.exp(-M), "logistic": lambda M: jax.nn.softplus(-M)}


@functools.cache
def data():
    return sample_near_orthogonal(jax.random.key(0), 6, 9, 0.2, 0.1)


@functools.cache
def trained():
    return jax.jit(functools.partial(margin_from_points, extended=False))(data().X, data().y)


@pytest.mark.parametrize("loss", LOSSES)
def test_slope_and_step_are_the_gradient_of_the_loss(loss):
    w, X, y = trained().w, data().X[4:], data().y[4:]
    sizes = jnp.array([0.3, 0.7])
    margins = y * (X @ w)
    slopes = jax.vmap(jax.grad(LOSS[loss]))(margins)
    np.testing.assert_allclose(loss_slope(margins, loss), -slopes, rtol=1e-13)
    gradient = jax.grad(lambda v: jnp.sum(sizes * LOSS[loss](y * (X @ v))))(w)
    np.testing.assert_allclose(ascend(w, X, y, sizes, loss), w + gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
def test_theorem_step_removes_the_forget_terms(loss):
    """β = λ/|ℓ′(M)| makes the step exactly − Σ_F λ y x, whatever the loss."""
    w, lam = trained().w, trained().lam
    sizes = theorem_step_sizes(lam, data().y * (data().X @ w), loss)[4:]
    stepped = ascend(w, data().X[4:], data().y[4:], sizes, loss)
    kept = data().X[:4].T @ (lam * data().y)[:4]
    np.testing.assert_allclose(stepped, kept, atol=1e-14)
    np.testing.assert_allclose(remove_terms(w, data().X, data().y, lam, jnp.arange(6) >= 4), kept, atol=1e-14)


def test_front_door_finds_the_multipliers_and_scales_the_step():
    w, lam = trained().w, trained().lam
    with_given = gradient_ascent(w, data().X, data().y, [4, 5], lam=lam)
    np.testing.assert_allclose(gradient_ascent(w, data().X, data().y, [4, 5]), with_given, atol=1e-12)
    half = gradient_ascent(w, data().X, data().y, [4, 5], lam=lam, fraction=0.5)
    np.testing.assert_allclose(half, 0.5 * (w + with_given), atol=1e-14)
    np.testing.assert_array_equal(gradient_ascent(w, data().X, data().y, [4], lam=lam, fraction=0.0), w)


def test_unknown_loss_and_wrong_multipliers_are_refused():
    with pytest.raises(ValueError, match="loss: expected one of exponential, logistic, got 'hinge'"):
        loss_slope(jnp.ones(2), "hinge")
    with pytest.raises(ValueError, match="lam: expected 6 multipliers, one per row of X, got 3"):
        gradient_ascent(trained().w, data().X, data().y, 0, lam=np.ones(3))
