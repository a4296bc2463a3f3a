from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claims.ga.two_layer import certificate_size
from theory.claims.ga.two_layer.certificate_size import NearOrthogonal, dimension_needed

CLAIM = certificate_size.CLAIM


def hand_worked() -> NearOrthogonal:
    """Three unit points, inner products ±1/10: G_RR = [[1, −1/10], [−1/10, 1]], ⟨x₃, x_i⟩ = 1/10; one neuron, u = 1.

    ‖P_R x₃‖² = (1/10)² · 1ᵀ G_RR⁻¹ 1 = 2/100 / (9/10) = 1/45: the bound N φ²/a with a = 9/10, attained. λ = 2, s = 1:
    ‖P_R g‖ = 2/√45. W = (x₁ + x₂)/(9/10) has both margins 1 and ‖W‖² = 2/(9/10), against 2/b = 2/(11/10).
    """
    G = np.array([[1.0, -0.1, 0.1], [-0.1, 1.0, 0.1], [0.1, 0.1, 1.0]])
    X = np.linalg.cholesky(G)
    W = (X[:1] + X[1:2]) / 0.9
    forget = np.array([False, False, True])
    fields = (X, np.ones(3), forget, np.ones(1), W, np.full(3, 2.0), np.ones((3, 1)), 0.0, 0.1)
    return NearOrthogonal(*map(jnp.asarray, fields))


def test_hand_worked():
    evaluation = harness.assert_holds_on(
        CLAIM, hand_worked(), stationarity=2 / np.sqrt(45), removed_part=2 / np.sqrt(45)
    )
    np.testing.assert_allclose(evaluation.conclusions["stationarity"].rhs, 2 / np.sqrt(45), rtol=1e-12)
    s = jax.jit(certificate_size.solve)(hand_worked())
    np.testing.assert_allclose(s.projections, [0.0, 0.0, 1 / np.sqrt(45)], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(evaluation.conclusions["length"].rhs, np.sqrt(2 / 1.1), rtol=1e-12)


@pytest.mark.parametrize(("bound", "expected"), [(0.01 / (4 * 10 * 100), 2.914e12), (0.01 / (4 * 10), 2.914e8)])
def test_dimension_of_the_hypothesis(bound, expected):
    """2 log(90/0.01)/φ²: about 3·10¹² for φ ≤ ε_d/(4mn), 3·10⁸ for φ ≤ ε_d/(4m)."""
    assert dimension_needed(bound, 10) == pytest.approx(expected, rel=1e-3)


def test_dimension_is_enough():
    """φ = 0.3, m = 5: of 2,000 draws at that dimension at most 1% exceed φ, and half the dimension is too little."""
    d = int(np.ceil(dimension_needed(0.3, 5)))
    rng = np.random.default_rng(0)

    def exceed(dimension: int) -> float:
        X = rng.standard_normal((2000, 5, dimension)) / np.sqrt(dimension)
        G = X @ X.transpose(0, 2, 1)
        return float(np.mean(np.abs(G - G * np.eye(5)).max(axis=(1, 2)) > 0.3))

    assert exceed(d) <= 0.01 < exceed(d // 2)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    """Random instances come nowhere near the bound on τ; see the next test."""
    harness.assert_tight_bounds_bite(
        replace(CLAIM, conclusions=tuple(c for c in CLAIM.conclusions if c.name != "direction"))
    )


def test_direction_is_tight_for_small_steps():
    """One neuron, x_1·x_2 = φ, x_3·x_1 = φ = −x_3·x_2: τ = 1 − 1/√(1 + q²) against 1 − √(1 − q²)."""
    phi, lam = 0.1, 0.5
    X = np.linalg.cholesky(np.array([[1.0, phi, phi], [phi, 1.0, -phi], [phi, -phi, 1.0]]))
    W = (X[0] + X[1])[None] / (1 + phi) + lam * (X[2] - (X[0] - X[1]) * phi / (1 - phi))[None]  # W̃ and what is removed
    fields = (X, np.ones(3), np.array([False, False, True]), np.ones(1), W, np.full(3, lam), np.ones((3, 1)), 0.0, phi)
    evaluation = harness.assert_holds_on(CLAIM, NearOrthogonal(*map(jnp.asarray, fields)))
    q = lam * phi * np.sqrt((1 + phi) / (1 - phi))
    found = evaluation.conclusions["direction"]
    np.testing.assert_allclose(found.lhs, 1 - 1 / np.sqrt(1 + q * q), rtol=1e-9)
    assert 0.99 < found.tightness < 1.0


def test_mutants():
    """Inner products of R ignored (φ²N over 1 − ψ), and a length that grows with N alone (‖u‖ dropped), are refuted."""
    projection = next(c for c in CLAIM.conclusions if c.name == "projection")
    without = replace(projection, rhs=lambda i, s: i.phi * jnp.sqrt(len(i.y) - 1.0) / jnp.sqrt(1.0 - i.psi))
    mutant = replace(CLAIM, sizes=CLAIM.sizes[1:2], conclusions=(without,))
    harness.assert_refuted(mutant)
    length = next(c for c in CLAIM.conclusions if c.name == "length")
    unscaled = replace(length, rhs=lambda i, s: jnp.sqrt((len(i.y) - 1.0) / s.high))
    harness.assert_refuted(replace(CLAIM, conclusions=(unscaled,)))
