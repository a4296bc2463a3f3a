"""Balls contain the exact values: primitives against rationals or Arb, at 200 bits."""

from fractions import Fraction
from itertools import pairwise

import flint
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import erf, erfc, erfinv

from theory.evidence.ball import FALSE, OPEN, TRUE, Undecidable, Unenclosed, as_truth, exactly, shaped
from theory.evidence.ball_claims import precisions
from theory.evidence.ball_jaxpr import as_values, interpret
from theory.evidence.ball_linalg import cholesky, eigh, minimise, solve, svd
from theory.solvers.kkt import best_multipliers

BITS = 200
SMALL = 1e-50  # far below float64's rounding: a leak of floats shows as 1e-16


@pytest.fixture(autouse=True)
def precision():
    with flint.ctx.workprec(BITS):
        yield


def balls(function, *arguments):
    """Enclosures of ``function`` at exact float arguments."""
    values = [jnp.asarray(a) for a in arguments]
    return interpret(jax.make_jaxpr(function)(*values), as_values(values))


def rational(value) -> flint.fmpq:
    return flint.fmpq(*map(int, Fraction(value).as_integer_ratio()))


def assert_encloses(found, expected):
    """Every ball contains the exact number and is narrow."""
    assert found.shape == np.shape(expected)
    for ball, exact in zip(found.ravel(), np.ravel(np.asarray(expected, object)), strict=True):
        exact = exact if isinstance(exact, flint.fmpq) else rational(exact)
        with flint.ctx.workprec(8 * BITS):  # a rational is compared as a ball, here of hardly any width
            assert ball.contains(exact), (ball, exact)
        assert float(ball.rad()) <= SMALL * (1.0 + abs(float(ball.mid())))


def fractions(array):
    return np.vectorize(Fraction, otypes=[object])(np.asarray(array))


X = np.random.default_rng(0).uniform(0.1, 0.9, (3, 4))
Y = np.random.default_rng(1).uniform(0.1, 0.9, (3, 4))
A, B = fractions(X), fractions(Y)
EXACT = {
    # name: (function, exact result over the rationals)
    "add": (lambda x, y: x + y, A + B),
    "sub": (lambda x, y: x - y, A - B),
    "mul": (lambda x, y: x * y, A * B),
    "square": (lambda x, y: x * x + jnp.square(y), A * A + B * B),
    "div": (lambda x, y: x / y, A / B),
    "neg, abs": (lambda x, y: jnp.abs(-x), A),
    "sign": (lambda x, y: jnp.sign(x - y), np.where(A > B, 1, -1)),
    "max, min": (lambda x, y: jnp.maximum(x, y) - jnp.minimum(x, y), abs(A - B)),
    "integer powers": (lambda x, y: x**3 + y**-2, A**3 + 1 / B**2),
    "dot_general": (lambda x, y: x @ y.T, A.dot(B.T)),
    "batched dot_general": (lambda x, y: jax.vmap(jnp.dot)(x, y), (A * B).sum(1)),
    "reduce_sum": (lambda x, y: jnp.sum(x, axis=0), A.sum(0)),
    "reduce_prod": (lambda x, y: jnp.prod(x), np.prod(A)),
    "reduce_max": (lambda x, y: jnp.max(x, axis=1), A.max(1)),
    "reduce_min": (lambda x, y: jnp.min(x), A.min()),
    "cumsum": (lambda x, y: jnp.cumsum(x, axis=1), A.cumsum(1)),
    "where": (lambda x, y: jnp.where(x > y, x, y), np.where(A > B, A, B)),
    "clip": (lambda x, y: jnp.clip(x, 0.25, 0.5), np.clip(A, Fraction(1, 4), Fraction(1, 2))),
    "relu": (lambda x, y: jax.nn.relu(x - y), np.where(A > B, A - B, 0 * A)),
    "slices": (lambda x, y: x[1:, ::2], A[1:, ::2]),
    "reverse": (lambda x, y: x[::-1, ::-1], A[::-1, ::-1]),
    "gather": (lambda x, y: x[jnp.array([2, 0]), jnp.array([1, 3])], A[[2, 0], [1, 3]]),
    "scatter": (lambda x, y: x.at[0, 1].set(y[2, 3]), np.where(np.arange(12).reshape(3, 4) == 1, B[2, 3], A)),
    "concatenate": (lambda x, y: jnp.concatenate([x, y]).T, np.concatenate([A, B]).T),
    "stack": (lambda x, y: jnp.stack([x, y]), np.stack([A, B])),
    "pad": (lambda x, y: jnp.pad(x, 1), np.pad(A, 1)),
    "diagonal": (lambda x, y: jnp.diag(x[:, :3]) + jnp.trace(y[:, :3]), A[:, :3].diagonal() + B[:, :3].trace()),
    "dynamic slice": (lambda x, y: jax.lax.dynamic_slice(x, (1, 2), (2, 2)), A[1:3, 2:4]),
    "argmax": (lambda x, y: x.ravel()[jnp.argmax(x)], A.max()),
    "booleans": (lambda x, y: jnp.sum((x > y).astype(jnp.float64)), (A > B).sum()),
    "any, all": (lambda x, y: jnp.where(jnp.any(x > y) & ~jnp.all(x > y), x, 0.0), A),
    "scan": (
        lambda x, y: jax.lax.scan(lambda c, r: (c * 0.5 + r, c), x[0], y)[0],
        ((A[0] / 2 + B[0]) / 2 + B[1]) / 2 + B[2],
    ),
    "fori_loop": (lambda x, y: jax.lax.fori_loop(0, 3, lambda k, c: c * x[k, 0], y[0, 0]), B[0, 0] * A[:, 0].prod()),
    "cond": (lambda x, y: jax.lax.cond(x[0, 0] > y[0, 0], lambda: x, lambda: y), A if A[0, 0] > B[0, 0] else B),
    "vmap": (lambda x, y: jax.vmap(lambda a, b: jnp.sum(a * b))(x, y), (A * B).sum(1)),
    "constants are the floats": (lambda x, y: x * 0.1, A * Fraction(0.1)),
}
TRANSCENDENTAL = {
    # name: (function, Arb's at 400 bits)
    "sqrt": (jnp.sqrt, lambda v: v.sqrt()),
    "rsqrt": (jax.lax.rsqrt, lambda v: 1 / v.sqrt()),
    "exp": (jnp.exp, lambda v: v.exp()),
    "expm1": (jnp.expm1, lambda v: v.expm1()),
    "log": (jnp.log, lambda v: v.log()),
    "log1p": (jnp.log1p, lambda v: v.log1p()),
    "tanh": (jnp.tanh, lambda v: v.tanh()),
    "atanh": (jnp.arctanh, lambda v: v.atanh()),
    "sin": (jnp.sin, lambda v: v.sin()),
    "cos": (jnp.cos, lambda v: v.cos()),
    "logistic": (jax.nn.sigmoid, lambda v: 1 / (1 + (-v).exp())),
    "erf": (erf, lambda v: v.erf()),
    "erfc": (erfc, lambda v: v.erfc()),
    "erf_inv": (erfinv, lambda v: v.erfinv()),
    "power": (lambda x: x**0.3, lambda v: v ** flint.arb(0.3)),
}


@pytest.mark.parametrize("name", EXACT)
def test_primitives_contain_the_rational_value(name):
    function, expected = EXACT[name]
    assert_encloses(balls(function, X, Y)[0], expected)


@pytest.mark.parametrize("name", TRANSCENDENTAL)
def test_functions_agree_with_arb_at_twice_the_bits(name):
    function, exact = TRANSCENDENTAL[name]
    found = balls(function, X)[0]
    with flint.ctx.workprec(2 * BITS):
        expected = np.array([exact(flint.arb(float(v))) for v in X.ravel()], object).reshape(X.shape)
    for ball, other in zip(found.ravel(), expected.ravel(), strict=True):
        assert ball.overlaps(other)
        assert float(ball.rad()) <= SMALL * (1.0 + abs(float(ball.mid())))


def test_wider_than_float64_is_refused():
    """float32 rounds on purpose: there is no real number to enclose, and nothing is made up."""
    (found,) = balls(lambda x: x.astype(jnp.float32).astype(jnp.float64), X)
    assert isinstance(found, Unenclosed)
    assert "float32" in found.reason


def test_linear_algebra_against_the_rationals():
    floats = np.asarray(np.eye(4) + np.outer(X[0], Y[0]))
    exact = flint.fmpq_mat([[rational(v) for v in row] for row in floats]).solve(
        flint.fmpq_mat([[rational(v)] for v in Y[1]])
    )
    expected = np.array([exact[i, 0] for i in range(4)], object)
    assert_encloses(balls(jnp.linalg.solve, floats, Y[1])[0], expected)
    assert_encloses(balls(lambda m, b: jnp.linalg.inv(m) @ b, floats, Y[1])[0], expected)
    both = np.stack([floats, floats]), np.stack([Y[1], Y[1]])
    batched = balls(lambda m, b: jax.vmap(jnp.linalg.solve)(m, b), *both)[0]
    assert_encloses(batched, np.stack([expected, expected]))


@pytest.mark.parametrize("rows", [slice(None), [0, 2]], ids=["full rank", "a zero row"])
def test_factors_multiply_back(rows):
    M = np.zeros((3, 4))
    M[rows] = X[rows]
    for matrix in (M, M.T):
        U, s, V = svd(exactly(matrix))
        assert all(gap.contains(0) for gap in (U * s[None, :]).dot(V).ravel() - exactly(matrix).ravel())
        assert all(v >= 0 for v in s)
        np.testing.assert_allclose([float(v.mid()) for v in s], np.linalg.svd(matrix)[1], atol=1e-14)
    gram = exactly(X) @ exactly(X).T
    values, vectors = eigh(gram)
    for residual in (vectors * values[None, :]).dot(vectors.T).ravel() - gram.ravel():
        assert residual.contains(0)
        assert float(residual.rad()) < SMALL
    L = cholesky(gram)
    assert all(v.contains(0) for v in L.dot(L.T).ravel() - gram.ravel())


def test_equal_eigenvalues_of_separate_blocks():
    values, _ = eigh(exactly(np.diag([2.0, 1.0, 2.0])))
    assert [float(v.mid()) for v in values] == [1.0, 2.0, 2.0]
    with pytest.raises(Undecidable, match="too close"):
        eigh(exactly(1.0 + np.eye(3)))  # 1 twice, in one block


def test_singular_systems_are_not_solved():
    with pytest.raises(Undecidable, match="singular"):
        solve(exactly(np.ones((2, 2))), exactly(np.ones(2)))


def test_minimiser_by_hand():
    """K = I, q = (1, −1): λ = (1, 0) with slack (0, 1)."""
    lam, slack, active = minimise(exactly(np.eye(2)), exactly(np.array([1.0, -1.0])), np.ones(2, bool))
    assert_encloses(lam, np.array([1, 0]))
    assert_encloses(slack, np.array([0, 1]))
    assert active.tolist() == [True, False]
    with pytest.raises(Undecidable, match="index 1"):  # the slack is exactly 0: λ₂ = 0 is not strict
        minimise(exactly(np.eye(2)), exactly(np.array([1.0, 0.0])), np.ones(2, bool))


def test_solvers_are_enclosed_by_what_they_solve():
    """Non-negative least squares of a model on three points, against the rationals."""
    points = np.array([[1.0, 0.25, 0.0], [0.25, 1.0, 0.5], [-1.0, -1.0, 3.0]])
    w = np.array([2.0, 0.25, -4.0])  # the others' multipliers are 0
    lam = balls(lambda w, X: best_multipliers(w, X, jnp.ones(3), jnp.ones(3, bool)).lam, w, points)[0]
    only = fractions(points[0]).dot(fractions(w)) / fractions(points[0]).dot(fractions(points[0]))
    assert_encloses(lam, np.array([only, 0, 0], object))


def test_a_batch_of_problems_is_left_open():
    """In a batch over the allowed indices alone, the other arrays look like those of one problem."""
    masks = jnp.asarray([[True, True], [True, False]])
    solved = jax.vmap(lambda allowed: best_multipliers(jnp.ones(2), jnp.eye(2), jnp.ones(2), allowed).lam)
    (found,) = balls(lambda x: solved(masks) + x, 0.0)
    assert isinstance(found, Unenclosed)
    assert found.reason == "a batch of problems of nonneg_qp"


def test_iterations_towards_a_limit_are_not_enclosed():
    def root(x):
        return jax.lax.while_loop(lambda r: jnp.abs(r * r - x) > 1e-12, lambda r: 0.5 * (r + x / r), x)

    (found,) = balls(root, 2.0)
    assert isinstance(found, Unenclosed)
    assert "comparison of floats" in found.reason


def test_an_unknown_operation_spoils_what_depends_on_it_alone():
    bad, good = balls(lambda x: (jax.lax.lgamma(x), x + 1.0), 0.5)
    assert isinstance(bad, Unenclosed)
    assert bad.reason == "the operation lgamma has no enclosure"
    assert good.item() == flint.arb(1.5)


def test_a_float32_constant_spoils_what_depends_on_it_alone():
    narrow = jnp.ones(2, jnp.float32)
    closed = jax.make_jaxpr(lambda x: (x + 1.0, x + narrow.astype(jnp.float64)))(jnp.ones(2))
    kept, spoilt = interpret(closed, as_values([np.ones(2)]))
    assert [float(v) for v in kept.ravel()] == [2.0, 2.0]
    assert "only float64 is taken for real numbers" in spoilt.reason


def test_open_choices_give_the_hull():
    third = shaped([flint.arb(1) / 3], (1,))
    closed = jax.make_jaxpr(lambda x, y: (jnp.where(x > y, 2.0, 5.0), x > y, jnp.sum(x > y)))(jnp.ones(1), jnp.ones(1))
    chosen, truth, count = interpret(closed, [third, third])
    assert chosen[0].contains(2)
    assert chosen[0].contains(5)
    assert truth.tolist() == [OPEN]
    assert isinstance(count, Unenclosed)
    assert as_truth([False, True]).tolist() == [FALSE, TRUE]


def test_width_shrinks_with_precision():
    widths = []
    for bits in precisions(400):
        with flint.ctx.workprec(bits):
            widths.append(float(balls(lambda x: jnp.sum(jnp.exp(x) / 3.0), X)[0].item().rad()))
    assert precisions(400) == [53, 106, 212, 400]
    assert all(b < 1e-14 * a for a, b in pairwise(widths))
