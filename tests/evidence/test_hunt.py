"""The adversary on toy claims whose supremum is known: what it reaches, what never counts, budgets and seeds."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.evidence.test_check import assume, toy
from theory.claim import Conclusion
from theory.claims.ga.linear.ascent_never_hurts import CLAIM as FALSE_CLAIM
from theory.evidence.hunt import _Search, hunt


def at_most(count):
    return lambda done: done < count


def bump(z, centre=3.0):
    """In (0, 1], 1 at one point only."""
    return jnp.exp(-jnp.sum((z - centre) ** 2) / 20.0)


def bounded(lhs, rhs=1.0, name="bump", **changes):
    return Conclusion(name, "", lhs=lambda z, s: lhs(z), rhs=lambda z, s: jnp.full((), rhs), **changes)


def test_reaches_the_supremum_by_gradients():
    found = hunt(toy(bounded(bump), sizes=({"n": 12},)), at_most(40_000))
    (conclusion,) = found.conclusions
    assert found.refutation is None
    assert 0.9999 < conclusion.tightness <= 1.0
    assert found.gradients == (({"n": 12}, True),)
    np.testing.assert_allclose(conclusion.latent, 3.0, atol=0.1)
    assert conclusion.lhs == pytest.approx(conclusion.tightness, rel=1e-9)


def through_a_loop(z):
    """The same bump through a while_loop, which has no derivative in reverse mode."""
    return jax.lax.while_loop(lambda state: state[0] < 1, lambda state: (state[0] + 1, bump(z)), (0, jnp.zeros(())))[1]


def test_reaches_it_without_gradients():
    found = hunt(toy(bounded(through_a_loop), sizes=({"n": 6},)), at_most(40_000))
    assert found.gradients == (({"n": 6}, False),)
    assert 0.999 < found.conclusions[0].tightness <= 1.0


@pytest.mark.slow
def test_gradients_that_are_nan_or_zero_are_given_up():
    def nan_slope(z):  # sqrt at 0 inside: value right, derivative NaN
        return 0.5 * bump(z) + 0.0 * jnp.sqrt(0.0 * z[0])

    for lhs in (nan_slope, lambda z: 0.5 * jnp.round(bump(z), 2)):
        found = hunt(toy(bounded(lhs)), at_most(15_000))
        assert found.gradients == (({"n": 3}, False),)
        assert found.conclusions[0].tightness > 0.49


@pytest.mark.parametrize("lhs", [lambda z: 1.2 * bump(z), lambda z: 1.2 * through_a_loop(z)], ids=["smooth", "loop"])
def test_finds_a_rare_violation_and_stops(lhs):
    claim = toy(bounded(lhs), sizes=({"n": 8},))
    found = hunt(claim, at_most(50_000))
    assert found.refutation is not None
    assert found.refutation.lhs > 1.0
    assert not found.as_expected
    assert found.evaluations < 50_000
    assert hunt(replace(claim, status="false"), at_most(50_000)).as_expected


def test_a_false_claim_is_refuted_and_only_then_as_expected():
    assert hunt(FALSE_CLAIM, at_most(5_000)).as_expected
    assert not hunt(toy(bounded(lambda z: 0.5 * bump(z)), status="false"), at_most(128)).as_expected


def test_instances_outside_the_assumptions_never_count():
    """sum z / 10 <= 1 under |z|² <= 1: the supremum sqrt(3)/10 is on the boundary, violations are outside."""
    claim = toy(bounded(lambda z: jnp.sum(z) / 10.0), assumptions=assume(lambda z: 1.0 - jnp.sum(z * z)))
    found = hunt(claim, at_most(20_000))
    assert found.refutation is None
    assert np.sum(found.conclusions[0].latent ** 2) <= 1.0
    assert found.conclusions[0].tightness == pytest.approx(np.sqrt(3.0) / 10.0, rel=1e-3)
    assert 0 < found.valid < found.evaluations


def test_unsolved_instances_never_count():
    claim = toy(bounded(lambda z: jnp.sum(z) / 10.0), residual=lambda z, s: jnp.sum(z * z), residual_target=1.0)
    found = hunt(claim, at_most(20_000))
    assert found.refutation is None
    assert found.conclusions[0].tightness == pytest.approx(np.sqrt(3.0) / 10.0, rel=1e-2)


@pytest.mark.parametrize("shift", [0.0, 100.0], ids=["left side 0", "both sides negative"])
def test_climbs_the_excess_where_no_ratio_exists(shift):
    """-shift <= |z - 3|² - 1/2 - shift: the ratio is flat until the violation inside a small ball."""
    claim = toy(
        Conclusion("q", "", lhs=lambda z, s: -shift, rhs=lambda z, s: jnp.sum((z - 3.0) ** 2) - 0.5 - shift),
        sizes=({"n": 8},),
    )
    assert hunt(claim, at_most(30_000)).refutation is not None


@pytest.mark.parametrize("value", [jnp.nan, jnp.inf])
def test_residuals_and_margins_that_are_not_numbers_are_no_trouble(value):
    def spoiled(z):
        return jnp.where(z[0] > 0, value, 0.0)

    unsolved = toy(bounded(lambda z: 0.5 * bump(z)), residual=lambda z, s: spoiled(z), residual_target=0.0)
    failing = toy(bounded(lambda z: 0.5 * bump(z)), assumptions=assume(lambda z: -spoiled(z)))
    for claim in (unsolved, failing):
        (conclusion,) = hunt(claim, at_most(10_000)).conclusions
        assert conclusion.latent[0] <= 0.0
        assert conclusion.tightness == pytest.approx(0.5 * np.exp(-9.0 / 20.0), rel=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["assumption", "residual"])
def test_a_thin_valid_set_is_found(kind):
    """max |z - 2| <= 0.05: no first draw is valid; being pushed back leads there. A residual is not differentiated."""

    def off(z, *_):
        return jnp.max(jnp.abs(z - 2.0))

    thin = {
        "assumption": {"assumptions": assume(lambda z: 0.05 - off(z))},
        "residual": {"residual": off, "residual_target": 0.05},
    }
    found = hunt(toy(bounded(lambda z: 0.5), sizes=({"n": 6},), **thin[kind]), at_most(30_000))
    assert found.valid > 0
    assert found.conclusions[0].tightness == pytest.approx(0.5)


def test_a_ratio_of_roundings_is_not_tight():
    """z₀²/2 <= z₀² with rounding at magnitude 1: the ratio is 1/2 and stays so where both sides are tiny."""
    half = Conclusion(
        "half", "", lhs=lambda z, s: 0.5 * z[0] ** 2 + 5e-14, rhs=lambda z, s: z[0] ** 2, scale=lambda z, s: 1.0
    )
    assert hunt(toy(half), at_most(30_000)).conclusions[0].tightness <= 0.5 + 1e-6


def test_effort_moves_to_the_better_size(monkeypatch):
    """The supremum is 0.9999 at n = 4 and n/4 or less of it elsewhere."""
    claim = toy(bounded(lambda z: bump(z) * min(len(z), 8 - len(z)) / 4.0), sizes=tuple({"n": n} for n in (1, 2, 4, 6)))
    spent = dict.fromkeys((1, 2, 4, 6), 0)
    record = _Search.record

    def counted(self, at, z, aim, evaluation):
        spent[z.shape[1]] += len(z)
        return record(self, at, z, aim, evaluation)

    monkeypatch.setattr(_Search, "record", counted)
    found = hunt(claim, at_most(100_000))
    (conclusion,) = found.conclusions
    assert conclusion.sizes == {"n": 4}
    assert conclusion.tightness > 0.999
    assert all(conclusion.by_size[at] <= share for at, share in enumerate((0.25, 0.5, 1.0, 0.5)))
    assert max(spent, key=spent.get) == 4
    assert spent[4] >= 2 * spent[6]


def test_several_conclusions_are_climbed_together():
    claim = toy(
        bounded(bump, name="first"),
        bounded(lambda z: 1.0 - bump(z, -3.0) / 2.0, 0.5, name="second", relation=">="),
        bounded(lambda z: 0.0, 0.0, name="equal", relation="=="),
        bounded(lambda z: 2.0, name="counted", share=0.5),
    )
    found = hunt(claim, at_most(40_000))
    assert [c.name for c in found.conclusions] == ["first", "second"]
    assert all(c.tightness > 0.999 for c in found.conclusions)
    assert found.skipped == ("equal", "counted")


def test_nothing_to_climb():
    found = hunt(toy(bounded(lambda z: 0.0, 0.0, relation="==")), at_most(1000))
    assert found.evaluations == 0
    assert found.conclusions == ()
    assert found.as_expected


def test_same_seed_same_search_and_curves_rise():
    claim = toy(bounded(bump), sizes=({"n": 3}, {"n": 5}))

    def curve(seed):
        return hunt(claim, at_most(15_000), seed).conclusions[0].curve

    assert curve(1) == curve(1)
    assert curve(1) != curve(2)
    counts, best = zip(*curve(1), strict=True)
    assert list(best) == sorted(best)
    assert list(counts) == sorted(counts)
    assert counts[-1] <= 15_000 + 128
