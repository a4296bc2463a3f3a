"""Certificates: by hand, checked again from the data, and refused once anything in them is tampered with."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.certificate import certificate, certify_linear, distance_bound
from theory.solvers.margin import margin_from_points

RNG = np.random.default_rng(0)
M, D = 7, 9
X = RNG.standard_normal((M, D)) / 3.0
Y = RNG.choice([-1.0, 1.0], M)
FORGET = [5, 6]
RETAINED = jnp.arange(M) < 5
solve = jax.jit(functools.partial(margin_from_points, extended=False))


@functools.cache
def trained():
    return np.asarray(solve(jnp.asarray(X), jnp.asarray(Y), jnp.ones(M, bool)).w)


@functools.cache
def retrained():
    return np.asarray(solve(jnp.asarray(X), jnp.asarray(Y), RETAINED).w)


def test_by_hand():
    """x₁ = (1, 0) retained, x₂ = (0, 1) forgotten, w = (2, 1): θ̃ = w/2, λ̃ = 1, ε = 1/2, δ = 0, bound ½."""
    found = certificate([2.0, 1.0], np.eye(2), [1.0, 1.0], forget=1)
    np.testing.assert_allclose(found.witness, [1.0, 0.5])
    np.testing.assert_allclose(found.lam, [1.0, 0.0], atol=1e-15)
    assert float(found.epsilon) == pytest.approx(0.5)
    assert float(found.delta) == pytest.approx(0.0, abs=1e-15)
    assert float(found.distance_bound) == pytest.approx(0.5)
    assert float(found.tau) == 0.0
    found.verify([2.0, 1.0], np.eye(2), [1.0, 1.0], forget=1)


def test_the_retrained_model_is_certified_exact():
    found = certificate(3.0 * retrained(), X, Y, FORGET)
    assert float(found.epsilon) <= 1e-12 * np.linalg.norm(retrained())
    assert float(found.delta) <= 1e-11
    np.testing.assert_allclose(found.witness, retrained(), rtol=1e-11)
    found.verify(3.0 * retrained(), X, Y, FORGET)


def test_a_wrong_side_has_no_certificate():
    found = certificate(-trained(), X, Y, FORGET)
    assert not bool(found.feasible)
    assert np.isinf([float(found.epsilon), float(found.delta), float(found.distance_bound)]).all()
    with pytest.raises(ValueError, match="certificate: primal is"):
        found.verify(-trained(), X, Y, FORGET)


def _replace(field, change):
    return lambda c: c._replace(**{field: change(getattr(c, field))})


TAMPERED = {
    "smaller epsilon": (_replace("epsilon", lambda v: 0.9 * v), "epsilon"),
    "smaller delta": (_replace("delta", lambda v: 0.9 * v), "delta"),
    "smaller distance": (_replace("distance_bound", lambda v: 0.9 * v), "distance_bound"),
    "shorter witness": (_replace("witness", lambda v: 0.99 * v), "primal"),
    "turned witness": (_replace("witness", lambda v: v + 1e-3 * jnp.roll(v, 1)), "primal|epsilon|delta|tau"),
    "negative multiplier": (_replace("lam", lambda v: v.at[0].set(-0.1)), "dual|epsilon"),
    "no multipliers": (_replace("lam", jnp.zeros_like), "epsilon"),
    "larger multipliers": (_replace("lam", lambda v: 1.5 * v), "epsilon|delta"),
    "NaN witness": (_replace("witness", lambda v: v.at[0].set(jnp.nan)), "primal|tau|epsilon"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampering_is_caught(case):
    found = certificate(trained(), X, Y, FORGET, slackness=0.1)
    assert min(float(found.epsilon), float(found.delta), float(found.distance_bound)) > 1e-3
    found.verify(trained(), X, Y, FORGET)
    tamper, named = TAMPERED[case]
    with pytest.raises(ValueError, match=rf"certificate: ({named}) is .*above the stated"):
        tamper(found).verify(trained(), X, Y, FORGET)


def test_a_certificate_of_another_model_or_other_data_is_refused():
    found = certificate(trained(), X, Y, FORGET)
    with pytest.raises(ValueError, match="certificate: tau is"):
        found.verify(trained() + 0.1 * np.roll(trained(), 1), X, Y, FORGET)
    with pytest.raises(ValueError, match=r"certificate: (primal|epsilon) is"):
        found.verify(trained(), np.roll(X, 1, axis=1), Y, FORGET)


def test_bound_rises_with_both_residuals():
    """Known from public code: a removal bound that gets looser as ε gets stricter. Here the order is pinned."""
    epsilons, gaps = jnp.linspace(0.0, 3.0, 20), jnp.linspace(0.0, 5.0, 20)
    table = jax.vmap(lambda e: jax.vmap(lambda g: distance_bound(e, g))(gaps))(epsilons)
    assert (np.diff(table, axis=0) > 0).all()
    assert (np.diff(table, axis=1) > 0).all()


@pytest.mark.slow
def test_bound_holds_and_grows_away_from_retraining():
    direction = RNG.standard_normal(D)
    batch = jax.jit(jax.vmap(lambda w: certify_linear(w, jnp.asarray(X), jnp.asarray(Y), RETAINED)))
    models = retrained() + np.linspace(0.0, 0.3, 40)[:, None] * direction
    found = batch(jnp.asarray(models))
    assert np.asarray(found.feasible).all()
    distances = np.linalg.norm(np.asarray(found.witness) - retrained(), axis=1)
    bounds = np.asarray(found.distance_bound)
    assert (distances <= bounds + 1e-9).all(), f"largest distance/bound {np.max(distances[1:] / bounds[1:]):.4f}"
    assert (np.diff(bounds[2:]) > 0).all()


def test_certificates_do_not_see_the_forgotten_points():
    poisoned = X.copy()
    poisoned[FORGET] = 1e6
    mine, theirs = certificate(trained(), X, Y, FORGET), certificate(trained(), poisoned, Y, FORGET)
    np.testing.assert_allclose(mine.witness, theirs.witness, rtol=1e-12)
    np.testing.assert_allclose(mine.epsilon, theirs.epsilon, rtol=1e-8)
    np.testing.assert_array_equal(np.asarray(theirs.lam)[FORGET], [0.0, 0.0])
