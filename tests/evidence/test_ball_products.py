"""Exact products of floats against the rationals, whatever the exponents."""

from fractions import Fraction

import numpy as np
import pytest

flint = pytest.importorskip("flint")

from theory.evidence import ball_products  # noqa: E402
from theory.evidence.ball_models import kkt_residuals  # noqa: E402
from theory.evidence.ball_products import SLICES, margins_and_combination, slice_bits, sliced, times  # noqa: E402

RNG = np.random.default_rng(5)
LARGEST = np.finfo(np.float64).max


def rational(ball):
    """The rational number that a ball is, with its radius."""

    def exact(end):
        mantissa, exponent = end.man_exp()
        return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)

    return exact(ball.mid()), exact(ball.rad())


def product(A, B):
    """A B in fractions, row by row."""
    left, right = ([[Fraction(v) for v in row] for row in M.tolist()] for M in (A, B.T))
    return [sum(a * b for a, b in zip(row, column, strict=True)) for row in left for column in right]


def assert_encloses(found, exact, terms, bits):
    """The balls contain the numbers, and are no wider than the sums of ``terms`` floats at that precision may be."""
    for ball, value, size in zip(found.entries(), exact, terms, strict=True):
        middle, radius = rational(ball)
        assert abs(value - middle) <= radius <= size * Fraction(2) ** (4 - bits)


def hostile(name, shape):
    normal = RNG.standard_normal(shape)
    return {
        "normal": normal,
        "all bits": np.nextafter(normal, np.inf),
        "ones": np.ones(shape),
        "powers at the edge": np.where(normal > 0, 1.0, -(1.0 + 2.0**-52)),
        "spread": normal * 2.0 ** RNG.integers(-12, 12, shape),
        "zero": np.zeros(shape),
        "sparse": np.where(np.abs(normal) > 1.5, normal, 0.0),
        "cancelling": np.broadcast_to(np.where(np.arange(shape[-1]) % 2, 1.0 + 2.0**-40, -1.0), shape),
        "huge spread": normal * 2.0 ** RNG.integers(-300, 300, shape),
        "large": normal * 2.0**475,
        "too large": np.where(normal > 1.0, LARGEST, normal),
        "tiny": normal * 2.0**-500,
        "subnormal": np.where(normal > 0.5, 5e-324, normal),
        "all subnormal": np.full(shape, 5e-324),
    }[name]


CUT = ("normal", "all bits", "ones", "powers at the edge", "spread", "zero", "sparse", "cancelling", "large")
NOT_CUT = ("huge spread", "too large", "tiny", "subnormal", "all subnormal")


@pytest.mark.parametrize("bits", [53, 106, 400])
@pytest.mark.parametrize("name", [*CUT, *NOT_CUT])
def test_margins_and_combination_contain_the_exact_ones(name, bits):
    Z, w, lam = hostile(name, (3, 40)), RNG.standard_normal(40), RNG.standard_normal(3)
    assert (sliced(Z, slice_bits(40)) is not None) == (name in CUT)
    with flint.ctx.workprec(bits):
        margins, combined = margins_and_combination(Z, w, lam)
    largest = np.abs(Z).max(initial=0.0)
    for found, left, right in ((margins, Z, w[:, None]), (combined, Z.T, lam[:, None])):
        exact = product(left, right)
        size = left.shape[1] * Fraction(float(largest)) * Fraction(float(np.abs(right).max()))
        assert_encloses(found, exact, [size] * len(exact), bits)


@pytest.mark.parametrize("n", [1, 2, 7, 500, 4096])
def test_slices_are_whole_units_and_add_up(n):
    bits = slice_bits(n)
    assert n * SLICES * 2 ** (2 * bits - 2) <= 2**53 < 4 * n * SLICES * 2 ** (2 * bits - 2) * 4
    R = RNG.standard_normal((2, n))
    cut = sliced(R, bits)
    assert cut is not None
    exponent = int(np.frexp(np.abs(R).max())[1])
    for k, part in enumerate(cut.slices):
        units = part / 2.0 ** (exponent + 1 - (k + 1) * bits)
        np.testing.assert_array_equal(units, np.round(units))
        assert np.abs(units).max() <= 2 ** (bits - 1)
    assert [sum(map(Fraction, column)) for column in cut.slices.reshape(len(cut.slices), -1).T.tolist()] == [
        Fraction(v) for v in R.ravel().tolist()
    ]


def test_sums_at_the_bound_are_not_rounded():
    """Every entry at 2^(β−1) units and odd below: the largest sums that the proof allows."""
    n = 512
    bits = slice_bits(n)
    step = 2.0 ** -(bits - 1)
    A = np.full((2, n), 1.0 - step * (1.0 + step / 2))
    B = np.full((n, 2), -1.0 + step * (1.0 - step / 2))
    left, right = sliced(A, bits), sliced(B, bits)
    assert left is not None
    assert right is not None
    with flint.ctx.workprec(2000):
        found = times(left, right)
    assert [rational(v) for v in found.entries()] == [(value, 0) for value in product(A, B)]


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_numbers_that_are_not_finite_are_not_cut(bad):
    assert sliced(np.array([[1.0, bad]]), 20) is None


def test_nothing_is_cut_where_subnormals_are_flushed(monkeypatch):
    assert sliced(np.ones((1, 1)), 20) is not None
    monkeypatch.setattr(ball_products, "_flushes", lambda: True)
    assert sliced(np.ones((1, 1)), 20) is None


def test_residuals_of_floats_are_those_of_balls():
    from theory.evidence.ball import exactly

    Z, w, lam = RNG.standard_normal((6, 30)), RNG.standard_normal(30), RNG.standard_normal(6)
    with flint.ctx.workprec(106):
        ours, balls = kkt_residuals(Z, w, lam), kkt_residuals(exactly(Z), exactly(w), exactly(lam))
    for a, b in zip(ours, balls, strict=True):
        assert a.overlaps(b)
        assert float(a.rad()) <= 2.0 * float(b.rad()) + 1e-30
