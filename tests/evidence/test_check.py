"""The engine's verdicts, on claims small enough to know the answer of."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binomtest

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Outcome, evaluate, judge
from theory.evidence import check as engine
from theory.evidence.check import check, check_instance, clopper_pearson
from theory.evidence.shrink import simplest


def claim(lhs, rhs, relation="<=", **fields) -> Claim:
    """A claim about the latent vector itself."""
    conclusion = {k: fields.pop(k) for k in ("share", "scale", "solver_error", "tight") if k in fields}
    fields.setdefault("sizes", ({"d": 3},))
    return Claim(
        key="own.test",
        title="test",
        statement="x",
        source="test",
        status=fields.pop("status", "conjectured"),
        latent=lambda sizes: sizes["d"],
        build=lambda sizes, z: {"z": z},
        conclusions=(Conclusion("only", "x", lhs, rhs, relation, **conclusion),),
        **fields,
    )


def square(i, s):
    return jnp.sum(i["z"] ** 2)


def zero(i, s):
    return 0.0


@pytest.mark.parametrize(
    ("lhs", "rhs", "relation", "outcome"),
    [
        (zero, square, "<=", Outcome.HOLDS),
        (square, zero, "<=", Outcome.REFUTED),
        (square, zero, ">=", Outcome.HOLDS),
        (zero, square, ">=", Outcome.REFUTED),
        (square, square, "==", Outcome.HOLDS),
        (square, lambda i, s: square(i, s) * (1 + 1e-9), "==", Outcome.REFUTED),
        (lambda i, s: jnp.array([0.0, 1.0]), lambda i, s: jnp.array([1.0, 0.5]), "<=", Outcome.REFUTED),
    ],
    ids=["le", "le false", "ge", "ge false", "eq", "eq off by 1e-9", "one entry of an array"],
)
def test_relations(lhs, rhs, relation, outcome):
    assert check(claim(lhs, rhs, relation), 50).outcome is outcome


def test_order_assumptions_then_residual_then_conclusion():
    fails = Assumption("never", "x", lambda i: -1.0)
    undefined = Assumption("nan", "x", lambda i: jnp.nan)
    false = claim(square, lambda i, s: -1.0)
    unsolved = replace(false, residual=lambda i, s: 1.0)
    assert check(replace(unsolved, assumptions=(fails,)), 20).outcome is Outcome.VACUOUS
    assert check(replace(unsolved, assumptions=(undefined,)), 20).outcome is Outcome.VACUOUS
    assert check(unsolved, 20).outcome is Outcome.INCONCLUSIVE
    assert check(replace(false, residual=lambda i, s: jnp.nan), 20).outcome is Outcome.INCONCLUSIVE
    assert check(false, 20).outcome is Outcome.REFUTED


def test_a_conclusion_that_is_not_a_number_proves_nothing():
    assert check(claim(lambda i, s: jnp.nan, zero), 20).outcome is Outcome.INCONCLUSIVE


def test_one_unsolved_in_a_hundred_is_allowed_but_counted():
    rare = claim(zero, square, residual=lambda i, s: jnp.where(i["z"][0] > 12.0, 1.0, 0.0))
    verdict = check(rare, 1000, seed=1)
    assert 0 < verdict.inconclusive <= 10
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.held == verdict.instances - verdict.inconclusive


def test_violations_within_the_allowance_are_not_refutations():
    def nudged(i, s):
        return 1.0 + 1e-10

    exact = claim(nudged, lambda i, s: 1.0)
    assert check(exact, 20).outcome is Outcome.REFUTED
    assert check(claim(nudged, lambda i, s: 1.0, scale=lambda i, s: 1e5), 20).outcome is Outcome.HOLDS
    assert check(claim(nudged, lambda i, s: 1.0, solver_error=lambda i, s: 2e-10), 20).outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("share", "outcome"),
    [(0.3, Outcome.HOLDS), (0.55, Outcome.INCONCLUSIVE), (0.7, Outcome.REFUTED)],
    ids=["well below", "at", "well above"],
)
def test_counted_conclusions(share, outcome):
    """z[0] <= 0 for half of the draws, and for the tenth of the others in which sparsity made it 0: 0.55."""
    counted = claim(lambda i, s: i["z"][0], zero, share=share)
    verdict = check(counted, 2000, seed=5)
    low, high = verdict.conclusions[0].interval
    assert low < 0.55 < high
    assert verdict.outcome is outcome


@pytest.mark.parametrize(("successes", "trials"), [(0, 20), (20, 20), (7, 20), (199, 200)])
def test_clopper_pearson_is_scipys(successes, trials):
    peer = binomtest(successes, trials).proportion_ci(engine.CONFIDENCE, method="exact")
    np.testing.assert_allclose(clopper_pearson(successes, trials), (peer.low, peer.high), rtol=1e-10)


def test_same_seed_same_verdict_other_seed_other_instances():
    c = claim(square, lambda i, s: 2.0 * square(i, s) + 1.0 / (1.0 + square(i, s)))
    assert check(c, 300, seed=4) == check(c, 300, seed=4)
    assert check(c, 300, seed=4).tightness != check(c, 300, seed=5).tightness


def test_second_check_compiles_nothing():
    c = claim(zero, square)
    check(c, 200)
    run = engine._compiled(c, (("d", 3),))
    before = run._cache_size()
    check(c, 77, seed=9)
    check(c, 200, seed=2)
    assert run._cache_size() == before == 1


def test_counterexample_is_made_simple_and_replays():
    false = claim(lambda i, s: i["z"][1], lambda i, s: 2.0)
    verdict = check(false, 200)
    found = verdict.refutation
    z = np.asarray(found.instance["z"])
    assert verdict.outcome is Outcome.REFUTED
    assert z[0] == z[2] == 0.0
    assert z[1] == round(z[1], 1)
    assert z[1] > 2.0
    assert check_instance(false, found.instance).outcome is Outcome.REFUTED
    assert judge(false, evaluate(false, {"z": jnp.zeros(3)})) is Outcome.HOLDS


def test_simplest_never_returns_a_vector_that_is_not_refuted():
    rng = np.random.default_rng(0)
    for _ in range(20):
        direction, start = rng.standard_normal((2, 6))

        def refuted(batch, direction=direction, level=direction @ start):
            return batch @ direction >= 0.9 * level

        if refuted(start[None])[0]:
            assert refuted(simplest(start, refuted)[None])[0]


def test_a_false_claim_is_as_expected_only_when_refuted():
    assert check(claim(square, lambda i, s: -1.0, status="false"), 20).as_expected
    assert not check(claim(zero, square, status="false"), 20).as_expected
    assert not check(claim(square, lambda i, s: -1.0, status="proved"), 20).as_expected


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key": "NoDots"}, "dotted lower-case"),
        ({"status": "maybe"}, "expected one of proved"),
        ({"sizes": ()}, "at least one entry in sizes"),
        ({"conclusions": ()}, "at least one entry in sizes and in conclusions"),
        ({"counterexamples": (Counterexample("nothing", lambda: None),)}, "unknown assumption 'nothing'"),
        ({"conclusions": (Conclusion("a", "x", zero, zero), Conclusion("a", "x", zero, zero))}, "distinct names"),
    ],
    ids=["key", "status", "sizes", "conclusions", "counterexample", "names"],
)
def test_malformed_claims_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        replace(claim(zero, square), **change)


def test_malformed_conclusions_are_refused():
    with pytest.raises(ValueError, match="relation: expected one of"):
        Conclusion("a", "x", zero, zero, relation="<")
    with pytest.raises(ValueError, match="share: expected a fraction"):
        Conclusion("a", "x", zero, zero, share=1.0)


def test_too_few_examples_are_refused():
    two = claim(zero, square, sizes=({"d": 2}, {"d": 3}))
    with pytest.raises(ValueError, match="examples: expected at least 2"):
        check(two, 1)
