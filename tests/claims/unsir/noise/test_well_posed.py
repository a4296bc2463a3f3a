from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from theory.claims.unsir.noise import well_posed
from theory.claims.unsir.noise.well_posed import Noise

CLAIM = well_posed.CLAIM


def noise(W, b, penalty, start, other, x) -> Noise:
    return Noise(*(jnp.asarray(np.asarray(value, float)) for value in (W, b, penalty, start, other, x)))


def hand_worked() -> Noise:
    """f = (x, −x), c the first: p_c = 1/(1 + e^{−2x}) and stationary means λx = −(1 − p_c).

    At λ = 3/(2 log 3) the solution is x = −(log 3)/2: p_c = 1/4 and 1 − p_c = 3/4. ‖W‖² = 2 < 4λ: the only one.
    The bounds are 1/λ = (2/3) log 3 and (1 − p_c)/λ = (log 3)/2, which is attained.
    """
    return noise([[1.0], [-1.0]], [0.0, 0.0], 1.5 / np.log(3.0), [5.0], [-5.0], [1.0])


def test_hand_worked():
    half = np.log(3.0) / 2.0
    evaluation = harness.assert_holds_on(CLAIM, hand_worked(), bound=half, unique=0.0)
    np.testing.assert_allclose(evaluation.conclusions["bound"].rhs, np.log(3.0) / 1.5)
    np.testing.assert_allclose(evaluation.conclusions["bound by the class's probability"].rhs, half)


def test_below_the_threshold_there_are_several():
    """λ = 1/10: x = −10(1 − p_c); with b = (8, −8) from 0 to one near 0, from −20 to one below −9."""
    several = noise([[1.0], [-1.0]], [8.0, -8.0], 0.1, [0.0], [-20.0], [1.0])
    found = well_posed.solve(several)
    assert float(jnp.maximum(found.error, found.again_error)) < 1e-12
    assert abs(float(found.noise[0])) < 1e-4
    assert float(found.again[0]) < -9.0
    harness.assert_holds_on(CLAIM, several)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutant_forgets_the_factor_two():
    """Wᵀ(p − e_c)/λ is no stationary point: it may be too long, and not the same from both starts."""

    def doubled(i):
        s = well_posed.solve(i)
        return s._replace(noise=2.0 * s.noise)

    harness.assert_refuted(replace(CLAIM, solve=doubled))
