"""Minimum norm and projections against numpy's pinv, rank-deficient data included."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.solvers.min_norm import min_norm, row_space, solve_min_norm

RNG = np.random.default_rng(0)
MATRICES = {
    "wide": RNG.standard_normal((4, 9)),
    "tall": RNG.standard_normal((9, 4)),
    "rank 2 of 5": RNG.standard_normal((5, 2)) @ RNG.standard_normal((2, 7)),
    "repeated rows": np.repeat(RNG.standard_normal((3, 6)), 2, axis=0),
    "a zero row": np.vstack([RNG.standard_normal((3, 6)), np.zeros((1, 6))]),
    "all zero": np.zeros((3, 4)),
    "scaled rows": RNG.standard_normal((4, 6)) * [[1e-4], [1.0], [1e2], [1e4]],
    "one entry": np.array([[2.0]]),
}


@pytest.mark.parametrize("name", MATRICES)
def test_against_pinv(name):
    A = MATRICES[name]
    target = np.random.default_rng(1).standard_normal(len(A))
    found = solve_min_norm(A, target)
    rcond = max(A.shape) * np.finfo(float).eps
    assert int(found.rank) == np.linalg.matrix_rank(A)
    size = 1.0 + np.linalg.norm(np.linalg.pinv(A, rcond=rcond)) * np.linalg.norm(target)
    reference = np.linalg.pinv(A, rcond=rcond) @ target
    np.testing.assert_allclose(found.w, reference, rtol=0, atol=1e-12 * size)
    assert float(found.residual) == pytest.approx(np.linalg.norm(A @ reference - target), abs=1e-9)
    assert float(found.row_space_residual) <= 1e-13 * size
    kept = np.linalg.svd(A, compute_uv=False)[: int(found.rank)]
    assert float(found.condition) == pytest.approx(kept[0] / kept[-1] if kept.size else 1.0, rel=1e-9)


@pytest.mark.parametrize("name", MATRICES)
def test_projection_is_orthogonal(name):
    A = jnp.asarray(MATRICES[name])
    space = row_space(A)
    v = jnp.asarray(np.random.default_rng(2).standard_normal(A.shape[1]))
    inside, outside = space.project(v), space.reject(v)
    np.testing.assert_allclose(inside + outside, v, atol=1e-14)
    np.testing.assert_allclose(A @ outside, 0.0, atol=1e-14 * float(jnp.abs(A).max()) * 10)
    np.testing.assert_allclose(space.project(inside), inside, atol=1e-14)
    assert abs(float(inside @ outside)) <= 1e-14


def test_by_hand_and_left_out_rows():
    """x₁ = (1, 0, 0), x₂ = (1, 1, 0): w(2, 3) = (2, 1, 0); without x₁, w = 3 x₂ / 2."""
    X, target = [[1.0, 0, 0], [1.0, 1, 0]], [2.0, 3.0]
    np.testing.assert_allclose(solve_min_norm(X, target).w, [2.0, 1.0, 0.0], atol=1e-15)
    forgotten = solve_min_norm(X, target, forget=0)
    np.testing.assert_allclose(forgotten.w, [1.5, 1.5, 0.0], atol=1e-15)
    assert int(forgotten.rank) == 1


def test_rcond_decides_what_counts():
    A = np.diag([1.0, 1e-9])
    assert int(solve_min_norm(A, [1.0, 1.0]).rank) == 2
    assert int(solve_min_norm(A, [1.0, 1.0], rcond=1e-8).rank) == 1


def test_jit_and_vmap_agree_with_single_calls():
    A, target = RNG.standard_normal((5, 4, 6)), RNG.standard_normal((5, 4))
    rows = np.array([[True, True, True, False]] * 5)
    batch = jax.jit(jax.vmap(min_norm))(jnp.asarray(A), jnp.asarray(target), jnp.asarray(rows))
    for index in range(5):
        single = solve_min_norm(A[index, :3], target[index, :3])
        np.testing.assert_allclose(batch.w[index], single.w, atol=1e-13)
        assert int(batch.rank[index]) == 3
