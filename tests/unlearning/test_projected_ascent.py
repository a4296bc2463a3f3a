"""Projected ascent: retained margins stay, and on near-orthogonal data the model is the retrained one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from theory.data.near_orthogonal import sample_near_orthogonal
from theory.solvers.margin import margin_from_points
from theory.unlearning.leave_one_out import unlearn_each
from theory.unlearning.projected_ascent import project_step, projected_ascent

M, D = 6, 9
solve = jax.jit(functools.partial(margin_from_points, extended=False))


@functools.cache
def data():
    return sample_near_orthogonal(jax.random.key(0), M, D, 0.2, 0.1)


@functools.cache
def trained():
    return solve(data().X, data().y, np.ones(M, bool))


def test_is_the_retrained_model():
    for k in (1, 3, 5):
        forget = jnp.arange(M) >= M - k
        found = projected_ascent(trained().w, data().X, data().y, forget, lam=trained().lam)
        retrained = solve(data().X, data().y, ~forget)
        assert float(found.multipliers.min()) >= 0
        np.testing.assert_allclose(found.w, retrained.w, atol=1e-13)
        np.testing.assert_allclose(found.multipliers, retrained.lam, atol=1e-12)


def test_keeps_every_retained_margin_of_any_model():
    """Not only KKT points: repeated rows, a zero row, any w and any multipliers."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((8, 12))
    X[1], X[2] = X[0], 0.0
    y, w, lam = rng.choice([-1.0, 1.0], 8), rng.standard_normal(12), rng.uniform(size=8)
    found = projected_ascent(w, X, y, [6, 7], lam=lam)
    np.testing.assert_allclose(X[:6] @ np.asarray(found.w), X[:6] @ w, atol=1e-13)
    assert float(jnp.linalg.norm(found.w - w)) > 0.1
    # w⊥ keeps v = w − Σ λ y x untouched: the multipliers account for the rest
    v = w - X.T @ (lam * y)
    np.testing.assert_allclose(found.w - X.T @ (np.asarray(found.multipliers) * y), v, atol=1e-12)


def test_nothing_to_remove_where_retained_points_span_the_space():
    rng = np.random.default_rng(1)
    X, y, w = rng.standard_normal((8, 4)), rng.choice([-1.0, 1.0], 8), rng.standard_normal(4)
    found = projected_ascent(w, X, y, [7], lam=np.ones(8))
    np.testing.assert_allclose(found.w, w, atol=1e-14)


def test_batch_agrees_with_single_calls():
    forgets = jnp.eye(M, dtype=bool)
    batch = jax.jit(jax.vmap(project_step, in_axes=(None, None, None, None, 0)))(
        trained().w, data().X, data().y, trained().lam, forgets
    )
    for index in range(M):
        single = projected_ascent(trained().w, data().X, data().y, index, lam=trained().lam)
        np.testing.assert_allclose(batch.w[index], single.w, atol=1e-14)


def test_one_inverse_gives_all_leave_one_out_models():
    found = unlearn_each(data().X @ data().X.T, data().y, trained().lam)
    for index in range(M):
        single = projected_ascent(trained().w, data().X, data().y, index, lam=trained().lam)
        np.testing.assert_allclose(data().X.T @ found.coefficients[index], single.w, atol=1e-12)
        np.testing.assert_allclose(found.margins[index], data().y * (data().X @ single.w), atol=1e-12)
    assert np.asarray(found.exact).all()
    np.testing.assert_allclose(found.epsilon, 0.0, atol=1e-12)
    np.testing.assert_allclose(found.primal, 0.0, atol=1e-12)
