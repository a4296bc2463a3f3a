"""The engine on toy claims whose truth is known: verdict order, counting, seeds, compilation, shrinking."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binomtest

from theory.claim import Assumption, Claim, Conclusion, Outcome, evaluate, example_instance, judge
from theory.evidence import check as module
from theory.evidence.check import check, check_instance, evaluate_batch, outcomes
from theory.evidence.shrink import simplest
from theory.numerics import CONFIDENCE, clopper_pearson

TRUE = Conclusion("true", "0 <= 1", lhs=lambda i, s: 0.0, rhs=lambda i, s: 1.0)
FALSE = Conclusion("false", "1 <= 0", lhs=lambda i, s: 1.0, rhs=lambda i, s: 0.0)


def toy(*conclusions: Conclusion, **changes) -> Claim:
    """A claim about a vector z; its instance is z itself."""
    fields = {
        "key": "toy.claim",
        "title": "toy",
        "statement": "",
        "source": "derived here",
        "status": "proved",
        "sizes": ({"n": 3},),
        "latent": lambda sizes: sizes["n"],
        "build": lambda sizes, z: z,
        "conclusions": conclusions or (TRUE,),
    }
    return Claim(**{**fields, **changes})


def assume(margin) -> tuple[Assumption, ...]:
    return (Assumption("assumed", "", margin),)


# (assumption's margin, residual, conclusion) -> verdict: assumptions first, then the residual, then the conclusion
ORDER = {
    "all well": (1.0, 0.0, TRUE, Outcome.HOLDS),
    "boundary of the assumption": (0.0, 0.0, TRUE, Outcome.HOLDS),
    "boundary of the residual": (1.0, 1e-9, TRUE, Outcome.HOLDS),
    "false": (1.0, 0.0, FALSE, Outcome.REFUTED),
    "false but unsolved": (1.0, 2e-9, FALSE, Outcome.INCONCLUSIVE),
    "true but unsolved": (1.0, 2e-9, TRUE, Outcome.INCONCLUSIVE),
    "false but not assumed": (-1e-300, 0.0, FALSE, Outcome.VACUOUS),
    "nothing right": (-1.0, 1.0, FALSE, Outcome.VACUOUS),
    "margin NaN": (np.nan, 0.0, FALSE, Outcome.VACUOUS),
    "residual NaN": (1.0, np.nan, FALSE, Outcome.INCONCLUSIVE),
    "residual infinite": (1.0, np.inf, TRUE, Outcome.INCONCLUSIVE),
    "margin NaN and residual NaN": (np.nan, np.nan, FALSE, Outcome.VACUOUS),
}


@pytest.mark.parametrize("case", ORDER)
def test_order_of_the_verdict(case):
    margin, residual, conclusion, expected = ORDER[case]
    claim = toy(conclusion, assumptions=assume(lambda i: margin), residual=lambda i, s: residual)
    evaluation = evaluate(claim, jnp.zeros(3))
    assert judge(claim, evaluation) is expected
    batch = jax.tree.map(lambda leaf: np.asarray(leaf)[None], evaluation)
    assert outcomes(claim, batch)[0] == expected.value, "judge and outcomes must agree"


def test_an_assumption_holds_only_where_all_its_entries_do():
    claim = toy(assumptions=assume(lambda i: i))
    assert judge(claim, evaluate(claim, jnp.array([1.0, -1e-9, 2.0]))) is Outcome.VACUOUS
    assert judge(claim, evaluate(claim, jnp.array([1.0, jnp.nan, 2.0]))) is Outcome.VACUOUS


def test_nan_in_a_conclusion_is_never_a_success():
    for side in ("lhs", "rhs", "scale", "solver_error"):
        claim = toy(replace(TRUE, **{side: lambda i, s: jnp.nan}))
        assert judge(claim, evaluate(claim, jnp.zeros(3))) is Outcome.INCONCLUSIVE, side


# relation, lhs, rhs -> holds; exact comparisons away from rounding
RELATIONS = {
    "<= below": ("<=", 1.0, 2.0, True),
    "<= equal": ("<=", 2.0, 2.0, True),
    "<= above": ("<=", 2.0, 1.999, False),
    ">= above": (">=", 2.0, 1.0, True),
    ">= below": (">=", 1.999, 2.0, False),
    "== equal": ("==", -2.0, -2.0, True),
    "== above": ("==", 2.001, 2.0, False),
    "== below": ("==", 1.999, 2.0, False),
    "<= both negative": ("<=", -2.0, -1.0, True),
    ">= both negative": (">=", -2.0, -1.0, False),
}


@pytest.mark.parametrize("case", RELATIONS)
def test_relations(case):
    relation, lhs, rhs, holds = RELATIONS[case]
    claim = toy(Conclusion("c", "", lambda i, s: lhs, lambda i, s: rhs, relation))
    assert judge(claim, evaluate(claim, jnp.zeros(3))) is (Outcome.HOLDS if holds else Outcome.REFUTED)


@pytest.mark.parametrize("relation", ["<=", ">=", "=="])
@pytest.mark.parametrize(("gap", "holds"), [(0.5, True), (2.0, False)], ids=["inside", "outside"])
def test_allowance_is_scale_times_rounding_plus_the_solvers_error(relation, gap, holds):
    """scale 1e6 allows 256 · 2⁻⁵² · 1e6 = 5.7e-8, the solver 1e-7 more: half of that passes, twice does not."""
    allowed = 256 * 2.0**-52 * 1e6 + 1e-7
    sign = -1.0 if relation == ">=" else 1.0
    conclusion = Conclusion(
        "c", "", lambda i, s: sign * gap * allowed, lambda i, s: 0.0, relation,
        scale=lambda i, s: 1e6, solver_error=lambda i, s: 1e-7,
    )  # fmt: skip
    claim = toy(conclusion)
    compared = evaluate(claim, jnp.zeros(3)).conclusions["c"]
    assert float(compared.allowed) == pytest.approx(allowed, rel=1e-12)
    assert bool(compared.holds) is holds


def test_array_conclusions_compare_every_entry_and_show_the_worst():
    claim = toy(Conclusion("c", "", lambda i, s: i, lambda i, s: jnp.array([1.0, 2.0, 3.0])))
    good = evaluate(claim, jnp.array([0.5, 1.9, 3.0])).conclusions["c"]
    assert bool(good.holds)
    assert (float(good.lhs), float(good.rhs)) == (3.0, 3.0)
    assert float(good.tightness) == 1.0
    bad = evaluate(claim, jnp.array([0.5, 2.5, 3.0])).conclusions["c"]
    assert not bool(bad.holds)
    assert (float(bad.lhs), float(bad.rhs)) == (2.5, 2.0)
    scalar_side = toy(Conclusion("c", "", lambda i, s: i[:, None] * i[None, :], lambda i, s: 1.0))
    assert judge(scalar_side, evaluate(scalar_side, jnp.array([0.5, 1.0, 1.5]))) is Outcome.REFUTED


def _share(rate: float, required: float) -> Claim:
    """A statement that holds with probability ``rate`` and is claimed for a share ``required``."""
    drawn = Conclusion("counted", "", lambda i, s: i[0], lambda i, s: rate, share=required)
    # Φ(z / scale) would need the scale: use the fractional part of a large multiple, uniform on [0, 1)
    return toy(drawn, build=lambda sizes, z: jnp.mod(1e6 * z, 1.0))


@pytest.mark.parametrize(
    ("required", "outcome"),
    [(0.5, Outcome.HOLDS), (0.95, Outcome.REFUTED), (0.8, Outcome.INCONCLUSIVE)],
    ids=["well below the rate", "well above it", "too close to tell"],
)
def test_counted_conclusions(required, outcome):
    verdict = check(_share(0.8, required), examples=1000, seed=3)
    counted = verdict.conclusions[0]
    reference = binomtest(counted.held, counted.tested).proportion_ci(CONFIDENCE, method="exact")
    np.testing.assert_allclose(counted.interval, (reference.low, reference.high), rtol=1e-10)
    assert counted.interval[0] < 0.8 < counted.interval[1]
    assert verdict.outcome is outcome
    assert verdict.refuted == 0, "single failures of a statement with high probability refute nothing"


@pytest.mark.parametrize(("held", "tested"), [(0, 10), (10, 10), (3, 7), (999, 1000), (1, 1), (0, 1)])
@pytest.mark.parametrize("confidence", [0.9, 0.99])
def test_clopper_pearson_against_scipy(held, tested, confidence):
    reference = binomtest(held, tested).proportion_ci(confidence, method="exact")
    np.testing.assert_allclose(clopper_pearson(held, tested, confidence), (reference.low, reference.high), rtol=1e-10)


def test_clopper_pearson_without_trials_knows_nothing():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


HALF = Conclusion("below 1", "", lambda i, s: i[0], lambda i, s: 1.0)


def test_seed_decides_everything():
    first, again, other = (check(toy(HALF), examples=300, seed=seed) for seed in (5, 5, 6))
    assert first.refuted == again.refuted
    assert first.conclusions == again.conclusions
    np.testing.assert_array_equal(first.refutation.instance, again.refutation.instance)
    assert first.seed == 5
    assert (first.refuted, first.conclusions) != (other.refuted, other.conclusions)


@pytest.mark.parametrize("examples", [10, 5000], ids=["one chunk", "several batches"])
def test_no_recompilation_on_the_second_call(examples):
    claim = toy(HALF, sizes=({"n": 2}, {"n": 3}))
    check(claim, examples=examples, seed=0)
    compiled = [module._compiled(claim, (("n", n),), False) for n in (2, 3)]
    sizes = [function._cache_size() for function in compiled]
    assert all(1 <= size <= 2 for size in sizes), "one program for small batches, one for large"
    check(claim, examples=examples + 7, seed=1)
    evaluate_batch(claim, {"n": 2}, np.zeros((3, 2)))
    check(claim, examples=examples, seed=2)
    after = [module._compiled(claim, (("n", n),), False)._cache_size() for n in (2, 3)]
    assert after[1] == sizes[1]
    assert after[0] <= 2


def test_each_size_is_traced_once():
    traced = []
    claim = toy(sizes=({"n": 2}, {"n": 3}), build=lambda sizes, z: traced.append(sizes["n"]) or z)
    for seed in range(3):
        check(claim, examples=10 + seed, seed=seed)
    assert traced == [2, 3]


def test_refutation_is_simplified_and_replays():
    """x₁ + x₂ ≤ 2.5 is false: the reported counterexample has few nonzero, rounded entries and stays one."""
    claim = toy(Conclusion("sum", "", lambda i, s: i[0] + i[1], lambda i, s: 2.5), sizes=({"n": 12},), status="false")
    verdict = check(claim, examples=400, seed=0)
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.as_expected, "a false claim is expected to be refuted"
    found = np.asarray(verdict.refutation.instance)
    assert np.count_nonzero(found) <= 2
    np.testing.assert_array_equal(found, np.round(found, 1))
    assert verdict.refutation.conclusion == "sum"
    assert verdict.refutation.lhs > verdict.refutation.rhs + verdict.refutation.allowed
    assert verdict.refutation.sizes == {"n": 12}
    replayed = check_instance(claim, verdict.refutation.instance)
    assert replayed.outcome is Outcome.REFUTED
    assert replayed.refutation.lhs == verdict.refutation.lhs


def test_shrinking_rounds_and_zeroes_only_what_it_may():
    latent = np.random.default_rng(0).standard_normal(30) + 3.14159
    found = simplest(latent, lambda batch: (batch[:, 4] > 2.0) & (batch[:, 9] > 1.0))
    assert set(np.flatnonzero(found)) == {4, 9}
    np.testing.assert_array_equal(found, np.round(found))
    stubborn = np.array([1.2345678, 0.0])
    np.testing.assert_array_equal(simplest(stubborn, lambda batch: batch[:, 0] == 1.2345678), stubborn)


def test_shrinking_drops_one_entry_where_not_all_can_go():
    """|x| > 1 in either entry: each alone may go, both may not."""
    found = simplest(np.array([2.3, 4.7]), lambda batch: np.abs(batch).max(axis=1) > 1)
    assert np.count_nonzero(found) == 1


def test_overall_outcomes():
    unsolved = toy(residual=lambda i, s: jnp.where(i[0] > 0, 1.0, 0.0))
    assert check(unsolved, examples=200).outcome is Outcome.INCONCLUSIVE
    one_in_a_thousand = toy(residual=lambda i, s: jnp.where(jnp.abs(i[0]) > 18.0, 1.0, 0.0))
    verdict = check(one_in_a_thousand, examples=2000)
    assert 0 < verdict.inconclusive <= 0.01 * verdict.instances
    assert verdict.outcome is Outcome.HOLDS
    vacuous = check(toy(FALSE, assumptions=assume(lambda i: -1.0)), examples=50)
    assert vacuous.outcome is Outcome.VACUOUS
    assert (vacuous.vacuous, vacuous.refuted, vacuous.held) == (50, 0, 0)
    assert np.isnan(vacuous.residual)
    half = check(toy(assumptions=assume(lambda i: i[0])), examples=200)
    assert half.outcome is Outcome.HOLDS
    assert half.held + half.vacuous == 200
    one_violation = check(toy(HALF, residual=lambda i, s: jnp.where(i[0] > 1, 0.0, 1.0)), examples=200)
    assert one_violation.outcome is Outcome.REFUTED, "one solved violation outweighs any number of unsolved instances"


def test_examples_are_shared_among_sizes_and_too_few_are_refused():
    claim = toy(sizes=({"n": 1}, {"n": 2}, {"n": 3}))
    done = []
    assert check(claim, examples=7, on_progress=done.append).instances == 7
    assert sorted(done) == [2, 2, 3]
    with pytest.raises(ValueError, match=r"examples: expected at least 3, one per size of toy.claim, got 2"):
        check(claim, examples=2)


def test_instance_shapes_without_computing_one():
    shape = example_instance(toy(), {"n": 3})
    assert shape.shape == (3,)
    assert shape.dtype == jnp.float64


MALFORMED = {
    "key": (lambda: toy(key="Toy"), "key: expected dotted lower-case words .* got 'Toy'"),
    "status": (lambda: toy(status="true"), "status of toy.claim: expected one of proved, .* got 'true'"),
    "no sizes": (lambda: toy(sizes=()), "expected at least one entry in sizes and in conclusions"),
    "same names": (lambda: toy(TRUE, TRUE), r"expected distinct names, got \['true', 'true'\]"),
    "relation": (lambda: replace(TRUE, relation="<"), "relation: expected one of <=, >=, ==, got '<'"),
    "share": (lambda: replace(TRUE, share=1.0), "share: expected a fraction strictly between 0 and 1, got 1.0"),
    "without": (lambda: toy().without("x"), "toy.claim: has no assumption named 'x'"),
    "with_bound": (lambda: toy().with_bound("x", 2.0), "toy.claim: has no conclusion named 'x'"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_claims_are_refused(case):
    call, message = MALFORMED[case]
    with pytest.raises(ValueError, match=message):
        call()
