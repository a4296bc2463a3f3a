"""Numbers of a statement as data: a reader's values reach every function of the claim, and bad ones are named."""

from dataclasses import replace
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy

from theory.claim import Assumption, Claim, Conclusion, Outcome, _keywords
from theory.claims import all_claims
from theory.evidence.check import check, evaluate_one
from theory.obligation import Constant, Obligation, restated


def square(**fields) -> Claim:
    """0 ≤ x² ≤ C on [−b, b], b = 1 and C = 1."""
    return Claim(
        **{
            "key": "toy.square",
            "title": "a square",
            "statement": "",
            "source": "",
            "status": "proved",
            "sizes": ({"n": 1},),
            "latent": lambda sizes: 1,
            "build": lambda sizes, z, *, b: b * jnp.tanh(z),
            "assumptions": (Assumption("inside", "", lambda i, *, b: b - jnp.max(jnp.abs(i))),),
            "solve": lambda i, *, b: jnp.sum(i * i) + 0.0 * b,
            "conclusions": (Conclusion("bound", "", lambda i, s: s, lambda i, s, *, C: C, tight=True),),
            "constants": {"C": 1.0, "b": 1.0},
        }
        | fields
    )


def test_stated_values_are_used():
    claim = square()
    assert check(claim, 100).outcome is Outcome.HOLDS
    assert claim.overrides == {}
    np.testing.assert_allclose(claim.build({"n": 1}, jnp.array([1.0])), np.tanh([1.0]))


def test_a_readers_value_reaches_every_function():
    assert check(square().with_constants({"C": 0.5}), 100).outcome is Outcome.REFUTED
    wide = square().with_constants({"b": 2.0})
    assert check(wide, 100).outcome is Outcome.REFUTED
    both = wide.with_constants({"C": 4.0})
    assert check(both, 100).outcome is Outcome.HOLDS
    assert (both.overrides, both.constants) == ({"b": 2.0, "C": 4.0}, {"C": 1.0, "b": 1.0})
    assert float(evaluate_one(both, jnp.array([1.5])).assumptions["inside"]) == 0.5
    assert check(both.with_constants({"C": 1.0}), 100).outcome is Outcome.REFUTED


def test_values_survive_other_changes_and_reach_a_scaled_bound():
    scaled = square().with_bound("bound", 0.5).with_constants({"C": 4.0})
    assert float(evaluate_one(scaled, jnp.array([0.5])).conclusions["bound"].rhs) == 2.0
    renamed = replace(square().with_constants({"C": 4.0}), key="toy.other").without("inside")
    assert float(evaluate_one(renamed, jnp.array([0.5])).conclusions["bound"].rhs) == 4.0


@pytest.mark.parametrize(
    ("claim", "values", "words"),
    [
        (square(), {"D": 1.0}, "toy.square: no constant 'D' to change; it has C = 1, b = 1"),
        (square(), {"C": float("nan")}, "constant C: expected a finite number, got nan"),
        (square(), {"C": float("inf")}, "constant C: expected a finite number, got inf"),
        (square(constants={"C": 1.0, "b": 1.0, "unused": 2.0}), {"unused": 1.0}, "no function takes the constant"),
        (all_claims()["ft.golden"], {"C": 1.0}, "it has none"),
    ],
    ids=["unknown", "NaN", "infinite", "unused", "no constants"],
)
def test_bad_values_are_named(claim, values, words):
    with pytest.raises(ValueError, match=words):
        claim.with_constants(values)


def test_every_constant_of_the_library_is_used():
    found = {key: claim for key, claim in all_claims().items() if claim.constants}
    assert {"ga.linear.multiplier_bounds", "ga.linear.all_support_vectors", "ga.linear.ascent_step"} <= set(found)
    assert "ga.two_layer.certificate_size" in found
    for claim in found.values():
        claim.with_constants(claim.constants)
        used = {name for c in claim.conclusions for name in (*_keywords(c.lhs), *_keywords(c.rhs))}
        assert used or set(claim.constants) <= set(_keywords(claim.build)), claim.key


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("ga.linear.multiplier_bounds", {"C": 0.9}),
        ("ga.linear.ascent_step", {"k": 1.5}),
        ("ga.linear.distance_to_retraining", {"k": 1.0}),
        ("ga.two_layer.certificate_size", {"k": 0.01}),
        ("ga.linear.all_support_vectors", {"a": 1.0, "b": 1.0}),
    ],
    ids=["L1", "L3", "L7", "T3", "L2"],
)
def test_sharper_numbers_are_refuted(key, values):
    claim = all_claims()[key]
    sizes = claim.sizes[1:2] if key.endswith("all_support_vectors") else claim.sizes[:1]
    found = check(replace(claim.with_constants(values), sizes=sizes), 400, simplify=False)
    assert found.outcome is Outcome.REFUTED


def test_steps_are_restated():
    x, C = sympy.symbols("x C", real=True)
    steps = (Obligation("a", "", x <= C, (x <= 1,), constant=Constant(C, 1, 0)), Obligation("b", "", x <= 1, (x <= 1,)))
    changed = restated(steps, {"C": 0.5})
    assert changed[0].constant.stated == Fraction(1, 2)
    assert changed[1] is steps[1]
    with pytest.raises(ValueError, match=r"no step of the proof has a constant 'k'; there is C = 1"):
        restated(steps, {"k": 1.0})


def test_constants_do_not_prevent_gradients():
    claim = square()
    assert float(jax.grad(lambda z: jnp.sum(claim.build({"n": 1}, z)))(jnp.zeros(1))[0]) == 1.0
