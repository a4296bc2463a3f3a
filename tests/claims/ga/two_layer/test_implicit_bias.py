from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from tests.claims import harness
from theory.claim import Outcome
from theory.claims.ga.two_layer import implicit_bias
from theory.claims.ga.two_layer.trained import Untrained
from theory.evidence.check import check
from theory.models.two_layer import TwoLayer, output_weights

CLAIM = implicit_bias.CLAIM


def one_neuron_a_point() -> Untrained:
    """e₁ (+) and e₂ (−) with u = (1, −1)/√2; neuron j starts at 0.1 eⱼ.

    p = (½, ½) throughout and h = 1, so ⟨w_j, x_j⟩ = z = 0.1 + s/√8, M = z/√2, ‖W‖ = √2 z: the margin over the norm is
    ½ at any time, and −log L/‖W‖ = ½ − log 2/(√2 z). W is a multiple of the KKT point √2 (e₁, e₂) all along.
    """
    start = TwoLayer(output_weights(2), jnp.zeros((2, 2)), 0.1 * jnp.eye(2), jnp.full(2, 0.01))
    return Untrained(jnp.eye(2), jnp.array([1.0, -1.0]), jnp.zeros(2, bool), start)


def test_hand_worked():
    i = one_neuron_a_point()
    harness.assert_holds_on(CLAIM, i)
    s = jax.jit(implicit_bias.solve)(i)
    z = 0.1 + np.asarray(s.path.times) / np.sqrt(8.0)
    np.testing.assert_allclose(s.path.margins, np.stack([z, z], axis=1) / np.sqrt(2), rtol=1e-12)
    np.testing.assert_allclose(implicit_bias.smoothed(i, s), 0.5 - np.log(2) / (np.sqrt(2) * z), rtol=1e-10)
    np.testing.assert_allclose([s.first, s.end], 0.0, atol=1e-7)  # a root of a difference of squares


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM, examples=100)


def test_mutants():
    """A wrong power of the norm is refuted, and so are counted rows with smaller bounds."""

    def over_square(side):
        return lambda i, s: side(i, s._replace(path=s.path._replace(norms=s.path.norms**2)))

    wrong = {
        "nearer a KKT point": lambda i, s: 0.01 * s.first,
        "near a KKT point": lambda i, s: 1e-3,
    }
    changed = tuple(
        replace(c, lhs=over_square(c.lhs), rhs=over_square(c.rhs))
        if c.name == "smoothed margin"
        else replace(c, rhs=wrong.get(c.name, c.rhs))
        for c in CLAIM.conclusions
    )
    verdict = check(replace(CLAIM, conclusions=changed, sizes=CLAIM.sizes[:1]), examples=128, seed=2, simplify=False)
    assert verdict.outcome is Outcome.REFUTED
    for evidence in verdict.conclusions:
        if evidence.name in wrong:
            assert evidence.interval[1] < evidence.share, evidence
        elif evidence.name == "smoothed margin":
            assert evidence.held < evidence.tested
