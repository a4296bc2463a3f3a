from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from tests.claims.ga.two_layer.test_ascent_certificate import hand_worked
from theory.claims.ga.two_layer import step_size
from theory.claims.ga.two_layer.step_size import Stepped

CLAIM = step_size.CLAIM


def stepped(c: float) -> Stepped:
    """The exact point of test_ascent_certificate with the model's subgradient: P_R g = (−9/16, 15/16) e₁, (I − P_R) g =
    (−3/4, 5/4) e₂, of squared lengths 306/256 and 34/16, so with fixed multipliers ε(c)² = 306/256 + (1 − c)² 34/16.
    """
    point = hand_worked()
    return Stepped(point, point.t, jnp.asarray(c))


def test_hand_worked():
    """c = 3: W̃₃ = ((1, 3/2), (0, −5/2)), ε² = 306/256 + 4 · 34/16.

    Refitted, λ̃ = 1 leaves (0, 3/2) and (0, −5/2): exactly the lower bound 2 √(34/16). The plain network is
    W − 3g = ((1 + 27/16, 3/2), (−45/16, −5/2)), whose second neuron has left its kink at e₁ to the inactive side, so
    the best λ̃ = 43/16 leaves (0, 3/2) and (−45/16, −5/2): ε² = 34/4 + (45/16)².
    """
    harness.assert_holds_on(
        CLAIM,
        stepped(3.0),
        fixed_multipliers=np.sqrt(306 / 256 + 4 * 34 / 16),
    )
    s = jax.jit(step_size.solve)(stepped(3.0))
    np.testing.assert_allclose(s.witness_weights, [[1.0, 1.5], [0.0, -2.5]], atol=1e-14)
    np.testing.assert_allclose(s.witness.residuals.stationarity, 2 * np.sqrt(34 / 16), rtol=1e-12)
    np.testing.assert_allclose(s.plain.residuals.stationarity, np.sqrt(34 / 4 + (45 / 16) ** 2), rtol=1e-12)
    np.testing.assert_allclose(s.plain.lam, [43 / 16, 0.0], atol=1e-12)


def test_tip_at_the_theorems_step():
    """The bound falls to 0 at c = 1 and is the same at both sides of it; refitted, the witness reaches it."""
    found = [jax.jit(step_size.solve)(stepped(c)).witness.residuals.stationarity for c in (0.5, 1.0, 1.5)]
    expected = 0.5 * np.sqrt(34 / 16)
    np.testing.assert_allclose(found, [expected, 0.0, expected], atol=1e-12)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutants():
    """The whole remainder instead of its part outside span(R) is no lower bound; the witness' bound misses the kinks'
    part when the step's own weights take r's place."""
    lower = next(c for c in CLAIM.conclusions if c.name == "refitted, lower")
    whole = replace(lower, rhs=lambda i, s: jnp.sqrt(jnp.sum(s.left**2)))
    harness.assert_refuted(replace(CLAIM, conclusions=(whole,)))
    fixed = next(c for c in CLAIM.conclusions if c.name == "fixed multipliers")
    halved = replace(fixed, rhs=lambda i, s: jnp.abs(1.0 - i.c) * jnp.sqrt(jnp.sum(s.removed_outside**2)))
    harness.assert_refuted(replace(CLAIM, conclusions=(halved,)))
