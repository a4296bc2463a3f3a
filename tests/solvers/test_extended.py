"""Twice-float64 arithmetic against exact fractions."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.solvers.extended import Extended, accurate_matmul, add, exactly, multiply, once, reciprocal

COUNT = 200
RELATIVE = 2.0**-100


def _numbers(seed: int) -> tuple[Extended, list[Fraction]]:
    rng = np.random.default_rng(seed)
    hi = rng.standard_normal(COUNT) * 10.0 ** rng.uniform(-6, 6, COUNT)
    lo = hi * 2.0**-54 * rng.uniform(-1, 1, COUNT)
    exact = [Fraction(float(h)) + Fraction(float(l)) for h, l in zip(hi, lo, strict=True)]
    return Extended(jnp.asarray(hi), jnp.asarray(lo)), exact


def _fractions(x: Extended) -> list[Fraction]:
    pairs = zip(np.ravel(x.hi), np.ravel(x.lo), strict=True)
    return [Fraction(float(hi)) + Fraction(float(lo)) for hi, lo in pairs]


CASES = {
    "add": (add, lambda a, b: a + b),
    "multiply": (multiply, lambda a, b: a * b),
    "reciprocal": (lambda x, y: reciprocal(x), lambda a, b: 1 / a),
    "fused": (lambda x, y: add(multiply(x, y), multiply(y, y)), lambda a, b: a * b + b * b),
}


@pytest.mark.parametrize("name", CASES)
def test_against_fractions(name):
    operation, exact = CASES[name]
    (x, a), (y, b) = _numbers(0), _numbers(1)
    found = _fractions(jax.jit(operation)(x, y))
    wanted = [exact(p, q) for p, q in zip(a, b, strict=True)]
    # relative to the terms: a sum may cancel
    size = [
        abs(p * q) + abs(q * q) if name == "fused" else abs(w) + (abs(p) + abs(q)) * (name == "add")
        for p, q, w in zip(a, b, wanted, strict=True)
    ]
    worst = max(float(abs(f - w) / s) for f, w, s in zip(found, wanted, size, strict=True))
    assert worst <= RELATIVE, f"relative error {worst:.2e}, allowed {RELATIVE:.2e}"


def test_matmul_is_exact_where_float64_cancels():
    rng = np.random.default_rng(2)
    A = rng.standard_normal((3, 40))
    B = rng.standard_normal((40, 2))
    B[-1] = -(A[0, :-1] @ B[:-1]) / A[0, -1]  # row 0 of the product is pure rounding
    product = jax.jit(accurate_matmul)(exactly(jnp.asarray(A)), exactly(jnp.asarray(B)))
    found = np.array(_fractions(product)).reshape(3, 2)
    for i in range(3):
        for j in range(2):
            wanted = sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(A[i], B[:, j], strict=True))
            assert abs(float(found[i, j] - wanted)) <= 40 * RELATIVE * np.abs(A[i]).max() * np.abs(B[:, j]).max()


def test_once_runs_only_where_asked():
    values = jnp.array([1.0, 2.0])
    chosen = jax.vmap(lambda run, v: once(run, lambda x: 10.0 * x, v, v))(jnp.array([True, False]), values)
    np.testing.assert_array_equal(chosen, [10.0, 2.0])
