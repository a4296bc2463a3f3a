"""What balls decide about claims: certified, within, refuted, undecided; a false claim is never certified."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.claim import Claim, Conclusion
from theory.claims.ft import golden
from theory.claims.ga.linear import ascent_step, multiplier_bounds
from theory.evidence.ball_claims import FIRST_BITS, SETTLED, Decision, certify_instance
from theory.evidence.check import draw_latents


def sums(relation="<=", factor=1.0, **changes) -> Claim:
    """Σ xᵢ against ``factor`` Σ |xᵢ|: attained by positive numbers."""
    conclusion = Conclusion("sum", "", lambda i, s: jnp.sum(i), lambda i, s: factor * jnp.sum(jnp.abs(i)), relation)
    return Claim(
        key="own.sum",
        title="",
        statement="",
        source="",
        status="conjectured",
        sizes=({"n": 3},),
        latent=lambda sizes: 3,
        build=lambda sizes, z: z,
        conclusions=(replace(conclusion, **changes),),
    )


def decision(claim, instance, **options):
    (found,) = certify_instance(claim, jnp.asarray(instance), **options).conclusions
    return found


def test_what_is_decided():
    mixed, positive = [1.0, -2.0, 4.0], [1.0, 2.0, 4.0]
    assert decision(sums(), mixed).decision is Decision.CERTIFIED
    assert decision(sums(), positive).decision is Decision.CERTIFIED  # exact: both sides are 7
    assert decision(sums("=="), positive).decision is Decision.CERTIFIED
    assert decision(sums("=="), mixed).decision is Decision.REFUTED
    assert decision(sums(factor=0.5), positive).decision is Decision.REFUTED
    assert decision(sums(">="), mixed).decision is Decision.REFUTED


@pytest.mark.parametrize("power", [60, 90, 700])
def test_an_exact_dyadic_step_over_the_boundary_flips_the_decision(power):
    """1 + 2⁻ᵖ against 1: no float tells them apart, and the violation takes more than 53 bits to see."""
    claim = sums(scale=lambda i, s: 0.0, lhs=lambda i, s: i[0] + i[1], rhs=lambda i, s: 1.0)
    step = 2.0**-power
    assert decision(claim, [1.0, -step, 0.0]).decision is Decision.CERTIFIED
    assert decision(claim, [1.0, 0.0, 0.0]).decision is Decision.CERTIFIED
    beyond = decision(claim, [1.0, step, 0.0])
    assert beyond.decision is (Decision.REFUTED if step > SETTLED else Decision.WITHIN)
    assert beyond.bits > FIRST_BITS
    assert decision(claim, [1.0, step, 0.0], limit=53).decision is Decision.UNDECIDED


def test_equal_sides_are_within_r_and_r_shrinks():
    claim = sums("==", lhs=lambda i, s: jnp.exp(jnp.log(i[0])), rhs=lambda i, s: i[0])
    found = decision(claim, [0.3, 0.0, 0.0])
    assert found.decision is Decision.WITHIN
    assert 0 < found.radius <= 1e-30
    assert decision(claim, [0.3, 0.0, 0.0], limit=53).decision is Decision.UNDECIDED


def test_a_violation_that_rounding_explains_is_not_refuted():
    claim = sums(lhs=lambda i, s: i[0], rhs=lambda i, s: 1.0)
    found = decision(claim, [1.0 + 2.0**-52, 0.0, 0.0])
    assert found.decision is Decision.UNDECIDED
    assert "violated by 2.2e-16" in found.reason


def test_approximate_solutions_certify_nothing():
    claim = replace(sums(), solve=lambda i: i[0] + 1e-13, residual=lambda i, s: jnp.abs(s - i[0]))
    found = decision(claim, [1.0, -1.0, 2.0])
    assert found.decision is Decision.UNDECIDED
    assert "its residual is at least 1.0e-13" in found.reason
    unknown = replace(claim, residual=lambda i, s: jax.lax.lgamma(s))
    assert decision(unknown, [1.0, -1.0, 2.0]).reason.startswith("the solver's residual is not enclosed")


def test_nan_certifies_nothing():
    claim = sums(lhs=lambda i, s: jnp.sqrt(i[0]), rhs=lambda i, s: 1.0)
    assert decision(claim, [-1.0, 0.0, 0.0]).decision is Decision.UNDECIDED
    assert decision(claim, [0.0, 0.0, 0.0]).decision is Decision.CERTIFIED


def instances(claim, count, seed=0):
    latents = draw_latents(np.random.default_rng(seed), count, claim.latent(claim.sizes[0]))
    return [claim.build(claim.sizes[0], jnp.asarray(z)) for z in latents], latents


@pytest.mark.parametrize("claim", [ascent_step.CLAIM, multiplier_bounds.CLAIM], ids=lambda claim: claim.key)
def test_claims_hold_and_their_mutants_are_never_certified(claim):
    drawn, _ = instances(claim, 3)
    tight = next(c for c in claim.conclusions if c.tight and c.relation == "<=")
    mutant = claim.with_bound(tight.name, 0.5)
    for instance in drawn:
        found = certify_instance(claim, instance)
        if found.vacuous:
            continue
        assert all(held for held in found.assumptions.values())
        decided = {e.name: e.decision for e in found.conclusions}
        assert Decision.REFUTED not in decided.values()
        halved = next(e for e in certify_instance(mutant, instance).conclusions if e.name == tight.name)
        ratio = next(e for e in found.conclusions if e.name == tight.name)
        fails = ratio.lhs[0] > 0.5 * ratio.rhs[1]
        assert (halved.decision is Decision.REFUTED) == fails


def test_an_exact_build_meets_the_equalities_among_the_assumptions():
    claim = golden.CLAIM
    _, latents = instances(claim, 1)
    found = certify_instance(claim, jnp.asarray(latents[0]), sizes=claim.sizes[0])
    assert {e.decision for e in found.conclusions} <= {Decision.CERTIFIED, Decision.WITHIN}


def test_a_failed_assumption_is_vacuous():
    claim = ascent_step.CLAIM
    (counterexample,) = claim.counterexamples
    found = certify_instance(claim, counterexample.instance())
    assert found.vacuous
    assert found.conclusions == ()


def test_bad_requests():
    with pytest.raises(ValueError, match="precision limit: expected at least 2 bits, got 1"):
        certify_instance(sums(), jnp.ones(3), limit=1)
