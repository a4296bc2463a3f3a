"""The active-set QP against enumeration, scipy and hand work, each phase on its own."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import nnls

from theory.solvers import nonneg_qp as module
from theory.solvers.margin import margin_from_points
from theory.solvers.nonneg_qp import Status, nonneg_qp

M = 4
solve = jax.jit(nonneg_qp)
solve_batch = jax.jit(jax.vmap(nonneg_qp))

# full exchange visits three active sets of this K for ever (found by random search)
CYCLING = np.array([[-1.0, -1, 0, -1], [0, 0, 2, 0], [0, -2, 3, 0], [-3, -3, -3, -2]])


def enumerate_solution(K: np.ndarray, q: np.ndarray) -> np.ndarray | None:
    """λ by trying every active set of a small problem."""
    m = len(q)
    for size in range(m + 1):
        for chosen in itertools.combinations(range(m), size):
            A = list(chosen)
            lam = np.zeros(m)
            if A:
                lam[A] = np.linalg.lstsq(K[np.ix_(A, A)], q[A], rcond=None)[0]
            if (lam >= -1e-9).all() and (K @ lam - q >= -1e-9).all() and abs(lam @ (K @ lam - q)) <= 1e-9:
                return lam
    return None


def objective(K: np.ndarray, q: np.ndarray, lam: np.ndarray) -> float:
    return float(0.5 * lam @ K @ lam - q @ lam)


def full_exchange_cycles(K: np.ndarray, q: np.ndarray) -> bool:
    """Whether exchanging all wrong signs at once, with no safeguard, repeats an active set."""
    active, seen = np.ones(len(q), bool), set()
    while tuple(active) not in seen:
        seen.add(tuple(active))
        lam = np.zeros(len(q))
        lam[active] = np.linalg.solve(K[np.ix_(active, active)], q[active])
        wrong = np.where(active, lam < -1e-12, K @ lam - q < -1e-12)
        if not wrong.any():
            return False
        active ^= wrong
    return True


def test_by_hand():
    """K = [[2, 1], [1, 2]], q = (1, −1) padded: λ₁ = 1/2, s₂ = 1/2 + 1; the padding solves to λ = q."""
    K, q = np.eye(M), np.array([1.0, -1.0, 3.0, 0.0])
    K[:2, :2] = [[2, 1], [1, 2]]
    solved = solve(jnp.asarray(K), jnp.asarray(q))
    np.testing.assert_allclose(solved.lam, [0.5, 0, 3, 0], rtol=1e-15)
    np.testing.assert_allclose(solved.slack, [0, 1.5, 0, 0], atol=1e-15)


def test_cycle_of_full_exchange_is_broken():
    K, q = CYCLING @ CYCLING.T, np.ones(M)
    assert full_exchange_cycles(K, q)
    solved = solve(jnp.asarray(K), jnp.asarray(q))
    assert solved.status == Status.OPTIMAL
    assert solved.steps == 0, "single exchanges break the cycle, not the fallback"
    np.testing.assert_allclose(solved.lam, enumerate_solution(K, q), rtol=1e-9, atol=1e-12)


def _problems(seed: int, count: int = 256) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integer factors of any rank, with ties, repeated and zero rows; q in the range of K, so that a minimum exists."""
    rng = np.random.default_rng(seed)
    Z = rng.integers(-2, 3, (count, M, 3)).astype(float)
    Z[::7, 1] = Z[::7, 0]
    Z[::11, 2] = -Z[::11, 3]
    w = rng.integers(-3, 4, (count, 3)).astype(float)
    return Z, Z @ Z.transpose(0, 2, 1), np.einsum("bmd,bd->bm", Z, w)


def test_singular_integer_problems_reach_the_minimum():
    Z, K, q = _problems(0)
    solved = solve_batch(jnp.asarray(K), jnp.asarray(q))
    np.testing.assert_array_equal(solved.status, np.full(len(K), int(Status.OPTIMAL)))
    for index in range(len(K)):
        best, lam = enumerate_solution(K[index], q[index]), np.asarray(solved.lam[index])
        assert best is not None
        assert (lam >= 0).all()
        gap = objective(K[index], q[index], lam) - objective(K[index], q[index], best)
        assert abs(gap) <= 1e-12 * (1 + abs(objective(K[index], q[index], best))), (Z[index], q[index], gap)
    slack = np.asarray(solved.slack)
    assert slack.min() >= -1e-12
    assert np.abs(slack * solved.lam).max() <= 1e-11


def test_agrees_with_scipy_nnls():
    rng = np.random.default_rng(1)
    A = rng.standard_normal((256, 6, M))
    b = rng.standard_normal((256, 6))
    solved = solve_batch(jnp.asarray(A.transpose(0, 2, 1) @ A), jnp.asarray(np.einsum("bdm,bd->bm", A, b)))
    reference = np.stack([nnls(A[i], b[i])[0] for i in range(len(A))])
    np.testing.assert_allclose(solved.lam, reference, rtol=1e-9, atol=1e-11)


def test_batch_of_every_status():
    """Infeasible: K = 0 with q > 0 (the dual is unbounded). NaN does not spread to its neighbours."""
    K = np.stack([np.eye(M), np.zeros((M, M)), np.full((M, M), np.nan), 2 * np.eye(M), CYCLING @ CYCLING.T])
    filled = np.concatenate([K, np.broadcast_to(np.eye(M), (256 - 5, M, M))])  # the size that is compiled already
    solved = jax.tree.map(lambda leaf: leaf[:5], solve_batch(jnp.asarray(filled), jnp.ones((256, M))))
    expected = [Status.OPTIMAL, Status.INFEASIBLE, Status.NONFINITE, Status.OPTIMAL, Status.OPTIMAL]
    assert [Status(int(s)) for s in solved.status] == expected
    np.testing.assert_allclose(solved.lam[3], np.full(M, 0.5))
    ray = np.asarray(solved.ray[1])
    assert ray.min() >= 0
    assert ray.sum() == pytest.approx(1.0)
    assert not np.asarray(solved.ray)[[0, 2, 3, 4]].any()


def test_only_allowed_indices_count_and_a_good_start_needs_no_exchange():
    K, q = jnp.eye(M) + 0.1, jnp.ones(M)
    allowed = jnp.array([True, False, True, False])
    solved = jax.jit(nonneg_qp)(K, q, allowed, allowed)
    np.testing.assert_allclose(solved.lam, np.where(allowed, 1 / 1.2, 0.0), rtol=1e-14)
    assert solved.exchanges == 0
    assert solved.steps == 0


@pytest.mark.parametrize("arithmetic", ["float64", "twice float64"])
def test_dual_active_set_alone_reaches_the_same_minimum(monkeypatch, arithmetic):
    """Block pivoting is made to give up at once, then float64 is not believed: the fallbacks must solve it all."""
    Z, K, q = _problems(2)
    usual = solve_batch(jnp.asarray(K), jnp.asarray(q))
    giving_up = module.block_pivoting

    def block_pivoting(classify, allowed, start, run, limit, ridge=0.0):
        return giving_up(classify, allowed, start, jnp.zeros_like(run), limit)._replace(wrong=allowed)

    monkeypatch.setattr(module, "block_pivoting", block_pivoting)
    if arithmetic == "twice float64":
        monkeypatch.setattr(module, "_TRUSTED", 0.0)
    uncached = nonneg_qp.__wrapped__  # the compiled one was traced with the phases as they are
    forced = jax.jit(jax.vmap(lambda K, q: uncached(K, q)))(jnp.asarray(K), jnp.asarray(q))
    np.testing.assert_array_equal(forced.status, usual.status)
    assert (np.asarray(forced.steps) > 0).sum() > 200, "the fallback did not run"
    assert np.asarray(forced.low).any() == (arithmetic == "twice float64")
    points = [np.einsum("bmd,bm->bd", Z, np.asarray(s.lam)) for s in (usual, forced)]
    np.testing.assert_allclose(points[0], points[1], atol=1e-12)  # Zᵀλ is unique where λ is not


@pytest.mark.slow
def test_without_twice_float64_the_same_or_no_answer():
    """Float64 alone solves random problems and tiny ones alike; two nearly opposite points it leaves unsolved."""
    _, K, q = _problems(3)
    usual = solve_batch(jnp.asarray(K), jnp.asarray(q))
    plain = jax.jit(jax.vmap(functools.partial(nonneg_qp, extended=False)))(jnp.asarray(K), jnp.asarray(q))
    done = np.asarray(plain.status) != Status.ITERATION_LIMIT
    assert done.mean() > 0.9
    for before, after in zip(usual, plain, strict=True):
        np.testing.assert_array_equal(np.asarray(before)[done], np.asarray(after)[done])

    def project(Z, point, extended):
        return nonneg_qp(Z @ Z.T, jnp.zeros(2), factor=Z, point=point, extended=extended)

    project = jax.jit(project, static_argnums=2)
    tiny = project(jnp.eye(2), jnp.array([5e-280, -1.0e-280]), False)
    assert tiny.status == Status.OPTIMAL
    np.testing.assert_allclose(tiny.lam, [5e-280, 0.0], rtol=1e-15)
    thin = jnp.array([[1.0, 1e-6], [-1.0, 1e-6]])
    assert jax.jit(margin_from_points)(thin, jnp.ones(2)).status == Status.OPTIMAL
    unsolved = jax.jit(functools.partial(margin_from_points, extended=False))(thin, jnp.ones(2))
    assert unsolved.status == Status.ITERATION_LIMIT
    assert unsolved.relative_residual == np.inf


def test_every_status_has_a_message():
    assert all(len(status.message) > 20 for status in Status)
