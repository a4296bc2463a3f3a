"""Max-margin against closed forms, four independent solvers and exact rational arithmetic."""

from fractions import Fraction

import clarabel
import flint
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn.svm import SVC

from theory.solvers import nonneg_qp as nonneg_qp_module
from theory.solvers.margin import NotSeparable, margin_from_gram, margin_from_points, solve_margin
from theory.solvers.nonneg_qp import Status

M, D, BATCH = 12, 8, 64
RESIDUAL = 1e-10
solve_batch = jax.jit(jax.vmap(margin_from_points))
solve_batch_gram = jax.jit(jax.vmap(margin_from_gram))


def rational(value: float) -> flint.fmpq:
    fraction = Fraction(float(value))
    return flint.fmpq(fraction.numerator, fraction.denominator)


def exact_solution(X: np.ndarray, y: np.ndarray, support: np.ndarray, slack: float) -> np.ndarray | None:
    """w of the support over the rationals; None unless λ ≥ 0 and all margins ≥ 1 − slack: no rounding, no doubt."""
    Z = flint.fmpq_mat(*X.shape, [rational(v) for v in (y[:, None] * X).ravel()])
    chosen = np.flatnonzero(support)
    Z_A = flint.fmpq_mat(len(chosen), X.shape[1], [Z[int(i), j] for i in chosen for j in range(X.shape[1])])
    lam = (Z_A * Z_A.transpose()).solve(flint.fmpq_mat(len(chosen), 1, [1] * len(chosen)))
    w = Z_A.transpose() * lam
    margins = Z * w
    if min(lam.entries()) < 0 or min(margins.entries()) < 1 - rational(slack):
        return None
    return np.array([float(Fraction(int(v.p), int(v.q))) for v in w.entries()])


def _planted(rng: np.random.Generator, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    s = X @ rng.standard_normal(X.shape[1])
    return X, np.where(s >= 0, 1.0, -1.0)


def _thin(rng: np.random.Generator, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Points within ``margin`` of a hyperplane, in a random basis: the best margin is at least that."""
    X, y = rng.standard_normal((M, D)), rng.choice([-1.0, 1.0], M)
    X[:, 0] = y * margin * (1 + rng.integers(0, 2, M) * rng.uniform(size=M))
    return X @ np.linalg.qr(rng.standard_normal((D, D)))[0], y


def _near_duplicate(rng: np.random.Generator, sign: float) -> tuple[np.ndarray, np.ndarray]:
    X = rng.standard_normal((M, 2 * D))[:, :D]
    X[M // 2 :] = rng.standard_normal((M - M // 2, D)) * 0.1 + 1.0
    y = rng.choice([-1.0, 1.0], M)
    X[0] = X[1] + 1e-4 * rng.standard_normal(D)
    y[0] = sign * y[1]
    return X, y


def _repeated(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    X, y = _planted(rng, rng.standard_normal((M, D)))
    copied = rng.integers(0, M // 2, M // 2)
    X[M // 2 :], y[M // 2 :] = X[copied], y[copied]
    return X, y


def _low_rank(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return _planted(rng, rng.integers(-2, 3, (M, 3)).astype(float) @ rng.integers(-2, 3, (3, D)).astype(float))


FAMILIES = {
    "gaussian": lambda rng: (rng.standard_normal((M, D)), rng.choice([-1.0, 1.0], M)),
    "integer ties": lambda rng: (rng.integers(-2, 3, (M, D)).astype(float), rng.choice([-1.0, 1.0], M)),
    "planted": lambda rng: _planted(rng, rng.standard_normal((M, D))),
    "low rank integers": _low_rank,
    "repeated points": _repeated,
    "near duplicates, same label": lambda rng: _near_duplicate(rng, 1.0),
    "near duplicates, opposite labels": lambda rng: _near_duplicate(rng, -1.0),
    "one class": lambda rng: (rng.standard_normal((M, D)) + 1.5, np.ones(M)),
    "margin 1e-2": lambda rng: _thin(rng, 1e-2),
    "margin 1e-4": lambda rng: _thin(rng, 1e-4),
    "margin 1e-5": lambda rng: _thin(rng, 1e-5),
}


def _family(name: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([list(FAMILIES).index(name) if name in FAMILIES else 99, seed])
    drawn = [FAMILIES[name](rng) for _ in range(BATCH)]
    return np.stack([X for X, _ in drawn]), np.stack([y for _, y in drawn])


def _assert_certified_infeasible(X: np.ndarray, y: np.ndarray, ray: np.ndarray) -> None:
    """z ≥ 0, Σ z = 1 and Σ zᵢ yᵢ xᵢ = 0 to rounding of its terms: no w can have all margins > 0."""
    assert ray.min() >= 0
    assert ray.sum() == pytest.approx(1.0, abs=1e-12)
    terms = ray @ np.linalg.norm(X, axis=1)
    assert np.linalg.norm(X.T @ (ray * y)) <= 1e-13 * terms


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_solved_or_certified_infeasible(name):
    X, y = _family(name)
    solved = solve_batch(jnp.asarray(X), jnp.asarray(y))
    status = np.asarray(solved.status)
    assert set(status) <= {Status.OPTIMAL, Status.INFEASIBLE}, np.bincount(status)
    for index in range(BATCH):
        if status[index] == Status.INFEASIBLE:
            _assert_certified_infeasible(X[index], y[index], np.asarray(solved.certificate[index]))
            continue
        residuals = [float(r[index]) for r in solved.residuals]
        assert float(solved.relative_residual[index]) <= RESIDUAL, residuals
        margins = y[index] * (X[index] @ np.asarray(solved.w[index]))  # recomputed here, in plain numpy
        assert margins.min() >= 1 - RESIDUAL
        if name == "repeated points":
            continue  # the multipliers of copies are not unique: K_AA may be singular
        exact = exact_solution(X[index], y[index], np.asarray(solved.support[index]), slack=1e-11)
        assert exact is not None, f"problem {index}: the support is not optimal over the rationals"
        np.testing.assert_allclose(solved.w[index], exact, rtol=0, atol=1e-10 * np.linalg.norm(exact))


def test_margin_1e_6_is_solved_as_well_as_float64_can_hold_w():
    """‖w‖ = 1e6: rounding w to float64 alone moves a margin by 1e6 · 2⁻⁵², so 1e-9 is asked, not 1e-10."""
    rng = np.random.default_rng(5)
    drawn = [_thin(rng, 1e-6) for _ in range(BATCH)]
    X, y = np.stack([X for X, _ in drawn]), np.stack([y for _, y in drawn])
    solved = solve_batch(jnp.asarray(X), jnp.asarray(y))
    np.testing.assert_array_equal(solved.status, np.zeros(BATCH))
    assert float(np.max(solved.relative_residual)) <= 1e-9
    for index in range(BATCH):
        exact = exact_solution(X[index], y[index], np.asarray(solved.support[index]), slack=0.0)
        np.testing.assert_allclose(solved.w[index], exact, rtol=0, atol=1e-12 * np.linalg.norm(exact))


def test_rows_scaled_over_16_decades():
    """Each constraint is met to rounding of ⟨w, xᵢ⟩, and the support is exactly optimal."""
    rng = np.random.default_rng(6)
    drawn = [_planted(rng, rng.standard_normal((M, D))) for _ in range(BATCH)]
    X = np.stack([X for X, _ in drawn]) * 10.0 ** rng.uniform(-8, 8, (BATCH, M, 1))
    y = np.stack([y for _, y in drawn])
    solved = solve_batch(jnp.asarray(X), jnp.asarray(y))
    np.testing.assert_array_equal(solved.status, np.zeros(BATCH))
    for index in range(BATCH):
        exact = exact_solution(X[index], y[index], np.asarray(solved.support[index]), slack=0.0)
        assert exact is not None
        np.testing.assert_allclose(solved.w[index], exact, rtol=0, atol=1e-13 * np.linalg.norm(exact))


def test_batch_mixing_every_status():
    """NaN, a zero row, x with both labels, and separable neighbours that none of them disturbs."""
    X, y = _family("planted")
    X[3, 0, 0] = np.nan
    X[5, 2] = 0.0
    X[7, 1], y[7, 1] = X[7, 0], -y[7, 0]
    X[9, 4, 1] = np.inf
    solved = solve_batch(jnp.asarray(X), jnp.asarray(y))
    expected = np.full(BATCH, int(Status.OPTIMAL))
    expected[[3, 9]] = Status.NONFINITE
    expected[[5, 7]] = Status.INFEASIBLE
    np.testing.assert_array_equal(solved.status, expected)
    assert np.asarray(solved.relative_residual)[expected == 0].max() <= RESIDUAL
    assert np.isinf(np.asarray(solved.relative_residual)[expected != 0]).all()
    _assert_certified_infeasible(X[7], y[7], np.asarray(solved.certificate[7]))
    assert np.asarray(solved.certificate[5])[2] == 1.0  # the zero row alone


def test_gram_gives_the_same_answer():
    for name in ("gaussian", "integer ties", "repeated points"):
        X, y = _family(name)
        points = solve_batch(jnp.asarray(X), jnp.asarray(y))
        gram = solve_batch_gram(jnp.asarray(X @ X.transpose(0, 2, 1)), jnp.asarray(y))
        np.testing.assert_array_equal(points.status, gram.status)
        good = np.asarray(points.status) == Status.OPTIMAL
        w = np.einsum("bmd,bm->bd", X, np.asarray(gram.coefficients))[good]
        size = np.linalg.norm(w, axis=1, keepdims=True)
        np.testing.assert_allclose(w / size, np.asarray(points.w)[good] / size, atol=1e-9)


def _separable(count: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    X, y = _family("planted", seed=1)
    w = np.asarray(solve_batch(jnp.asarray(X), jnp.asarray(y)).w)
    return [(X[i], y[i], w[i]) for i in range(count)]


def test_agrees_with_slsqp():
    for X, y, w in _separable(5):
        Z = y[:, None] * X
        # a scaled start keeps SLSQP's line search short; its own tolerance bounds the agreement
        found = minimize(
            lambda v: 0.5 * v @ v,
            1.5 * w,
            jac=lambda v: v,
            method="SLSQP",
            constraints={"type": "ineq", "fun": lambda v, Z=Z: Z @ v - 1, "jac": lambda v, Z=Z: Z},
            options={"ftol": 1e-15, "maxiter": 500},
        )
        np.testing.assert_allclose(w, found.x, rtol=0, atol=1e-5 * np.linalg.norm(w))


def test_agrees_with_svc_on_mirrored_data():
    """(x, y) and (−x, −y) together force SVC's intercept to 0 without changing the problem."""
    for X, y, w in _separable(10):
        svc = SVC(kernel="linear", C=1e12, tol=1e-10).fit(np.vstack([X, -X]), np.concatenate([y, -y]))
        np.testing.assert_allclose(w, svc.coef_[0], rtol=0, atol=1e-6 * np.linalg.norm(w))


def test_agrees_with_clarabel():
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    for X, y, w in _separable(10):
        Z = sp.csc_matrix(-(y[:, None] * X))
        cones = [clarabel.NonnegativeConeT(M)]
        peer = clarabel.DefaultSolver(sp.csc_matrix(np.eye(D)), np.zeros(D), Z, -np.ones(M), cones, settings).solve()
        np.testing.assert_allclose(w, peer.x, rtol=0, atol=1e-6 * np.linalg.norm(w))


@pytest.mark.slow
def test_larger_problem_to_1e_10_with_and_without_forgetting():
    """m = 300 of rank 200: beyond the dimension, one third of the points are no support vectors."""
    rng = np.random.default_rng(8)
    X = rng.standard_normal((300, 200)) / np.sqrt(200)
    y = np.where(X @ rng.standard_normal(200) >= 0, 1.0, -1.0)
    solved = solve_margin(X, y, forget=range(295, 300))
    assert float(solved.relative_residual) <= RESIDUAL, solved.residuals
    assert not np.asarray(solved.support)[295:].any()
    again = solve_margin(X, y, forget=range(295, 300), warm_start=solved.support)
    assert int(again.exchanges) == 0
    np.testing.assert_allclose(again.w, solved.w, rtol=0, atol=1e-13 * np.linalg.norm(solved.w))


def test_closed_form_of_one_point():
    """w = y x / ‖x‖², λ = 1 / ‖x‖²."""
    solved = solve_margin([[3.0, 4.0]], [-1.0])
    np.testing.assert_allclose(solved.w, [-3 / 25, -4 / 25], rtol=1e-15)
    np.testing.assert_allclose(solved.lam, [1 / 25], rtol=1e-15)


TWO_POINTS = {
    # (X, y, w by hand)
    "orthogonal": ([[2.0, 0.0], [0.0, 1.0]], [1.0, -1.0], [0.5, -1.0]),
    "one class": ([[1.0, 0.0], [0.0, 1.0]], [1.0, 1.0], [1.0, 1.0]),
    "duplicate": ([[0.0, 2.0], [0.0, 2.0]], [1.0, 1.0], [0.0, 0.5]),
    "only the nearer binds": ([[1.0, 0.0], [3.0, 0.0]], [1.0, 1.0], [1.0, 0.0]),
    "mirror images": ([[1.0, 1.0], [-1.0, -1.0]], [1.0, -1.0], [0.5, 0.5]),
    "tiny": ([[1e-150, 0.0], [0.0, 1e-150]], [1.0, 1.0], [1e150, 1e150]),
    "huge": ([[1e150, 0.0], [0.0, 1e150]], [1.0, 1.0], [1e-150, 1e-150]),
}


@pytest.mark.parametrize("name", TWO_POINTS)
def test_closed_form_of_two_points(name):
    X, y, w = TWO_POINTS[name]
    np.testing.assert_allclose(solve_margin(X, y).w, w, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize(
    ("X", "y"),
    [
        ([[1.0, 0.0], [1.0, 0.0]], [1.0, -1.0]),
        ([[1.0, 2.0], [-2.0, -4.0]], [1.0, 1.0]),
        ([[0.0, 0.0], [1.0, 0.0]], [1.0, 1.0]),
    ],
    ids=["opposite labels on one point", "anti-parallel", "zero row"],
)
def test_not_separable_is_certified(X, y):
    with pytest.raises(NotSeparable, match=r"X, y: expected points separable .* norm .*constant feature") as caught:
        solve_margin(X, y)
    _assert_certified_infeasible(np.array(X), np.array(y), caught.value.certificate)
    assert caught.value.residual == pytest.approx(0.0, abs=1e-15)
    assert solve_margin(X, y, throw=False).status == Status.INFEASIBLE


@pytest.mark.parametrize("margin", [1e-16, 3e-15, 5e-14])
def test_thinner_than_float64_is_refused_not_invented(margin):
    """Margins near the points' own rounding: no answer, a clear refusal."""
    with pytest.raises((RuntimeError, NotSeparable), match="separable"):
        solve_margin([[1.0, margin], [-1.0, margin]], [1.0, 1.0])


def test_fallback_reaches_the_same_solution(monkeypatch):
    X, y = _family("gaussian", seed=2)
    usual = solve_batch(jnp.asarray(X), jnp.asarray(y))
    block_pivoting = nonneg_qp_module.block_pivoting

    def give_up(classify, allowed, start, run, limit, ridge=0.0):
        return block_pivoting(classify, allowed, start, jnp.zeros_like(run), limit)._replace(wrong=allowed)

    monkeypatch.setattr(nonneg_qp_module, "block_pivoting", give_up)
    forced = jax.jit(jax.vmap(lambda X, y: margin_from_points(X, y)))(jnp.asarray(X), jnp.asarray(y))
    np.testing.assert_array_equal(forced.status, usual.status)
    good = np.asarray(usual.status) == Status.OPTIMAL
    assert good.sum() > BATCH // 2
    assert (np.asarray(forced.exchanges)[good] > 0).all()
    w = np.asarray(usual.w)[good]
    np.testing.assert_allclose(np.asarray(forced.w)[good], w, rtol=0, atol=1e-11 * np.abs(w).max())
    np.testing.assert_array_equal(np.asarray(forced.support)[good], np.asarray(usual.support)[good])
