"""For the tests of one's own claims: what every claim of this library is tested with.

Run by pytest with hypothesis (``pip install 'forgetproof[test]'``). Each function raises AssertionError with the ratio
measured/allowed, the instance's verdict, or what survived. Start JAX first: ``forgetproof.start_jax()``.
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from theory.claim import Claim, Evaluation, Instance, Outcome, Sizes, judge
from theory.claims import load_file
from theory.evidence.check import check, draw_latents, evaluate_batch, evaluate_one, extreme_latents, outcomes

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = [
    "assert_counterexamples",
    "assert_extremes",
    "assert_holds",
    "assert_holds_on",
    "assert_property",
    "assert_refuted",
    "assert_sampled",
    "assert_tight_bounds_bite",
    "instances",
    "load_claim",
    "report",
]


def load_claim(path: Path | str) -> Claim:
    """The one claim of a Python file, which is run.

    Raises:
        ValueError: no such file, one that fails, or one with no claim or several.
    """
    claims = load_file(Path(path))
    if len(claims) > 1:
        raise ValueError(f"{path}: expected one claim, got {', '.join(claim.key for claim in claims)}")
    return claims[0]


def report(claim: Claim, evaluation: Evaluation) -> str:
    """Ratio measured/allowed of every conclusion, for failure messages."""
    lines = [f"{claim.key}: residual {float(np.max(evaluation.residual)):.3g}"]
    for name, c in evaluation.conclusions.items():
        ratio = np.max(np.asarray(c.excess) / np.maximum(np.asarray(c.allowed), 1e-300))
        sides = f"lhs {np.ravel(c.lhs)[0]:.6g}, rhs {np.ravel(c.rhs)[0]:.6g}"
        lines.append(f"  {name}: {sides}, excess/allowed {ratio:.3g}")
    return "\n".join(lines)


def instances(claim: Claim) -> "SearchStrategy[Instance]":
    """Instances of a claim for hypothesis' ``@given``, with NumPy's arrays; they shrink to the first size.

    They meet the claim's assumptions wherever its ``build`` can see to that; :func:`assert_holds` lets the others pass.
    """
    from theory.evidence.strategies import readable_latents

    @functools.cache
    def builder(sizes: tuple[tuple[str, int], ...]) -> Callable[[np.ndarray], Instance]:
        return jax.jit(functools.partial(claim.build, dict(sizes)))

    def build(drawn: tuple[Sizes, np.ndarray]) -> Instance:
        sizes, z = drawn
        return jax.tree.map(_readable, builder(tuple(sizes.items()))(z))

    return readable_latents(claim).map(build)


@functools.lru_cache(maxsize=8)
def _first(claim: Claim, sizes: int | None) -> Claim:
    """The claim at its first sizes; the same object each time, for what was compiled for it."""
    return claim if sizes is None else replace(claim, sizes=claim.sizes[:sizes])


def _readable(leaf: Any) -> np.ndarray:
    return np.asarray(leaf) + 0  # a copy in which −0 is 0


def assert_holds(claim: Claim, instance: Instance) -> None:
    """Every conclusion of the claim holds on an instance; one whose assumptions fail passes, for it tests nothing.

    Raises:
        AssertionError: REFUTED or INCONCLUSIVE, with both sides of every conclusion and the instance.
    """
    evaluation = evaluate_one(claim, instance)
    verdict = judge(claim, evaluation)
    passes = verdict in (Outcome.HOLDS, Outcome.VACUOUS)
    assert passes, f"{verdict}\n{report(claim, evaluation)}\non {jax.tree.map(np.asarray, instance)}"


def assert_property(claim: Claim, expected: Outcome = Outcome.HOLDS, cost: int = 1, sizes: int | None = None) -> None:
    """Hypothesis draws instances, and shrinks one that fails; none may be refuted or unsolved.

    Args:
        claim: the claim. expected: the outcome that every instance with its assumptions met must have.
        cost: divides the profile's number of examples, for a claim whose instances take long.
        sizes: only the first few of the claim's sizes (each is compiled); all if left out.
    """
    claim = _first(claim, sizes)
    from hypothesis import HealthCheck, given, settings

    from theory.evidence.strategies import latents

    examples = max(settings().max_examples // cost, 1)
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]

    @settings(deadline=None, max_examples=examples, suppress_health_check=slow)
    @given(latents(claim))
    def holds(drawn: tuple[dict[str, int], np.ndarray]) -> None:  # its first example compiles: no deadline
        sizes, z = drawn
        evaluation = evaluate_batch(claim, sizes, z[None])
        verdict = outcomes(claim, evaluation)[0]
        assert verdict in (expected.value, Outcome.VACUOUS.value), f"{verdict} at {sizes}\n{report(claim, evaluation)}"

    holds()


def assert_sampled(claim: Claim, examples: int = 400, seed: int = 1, sizes: int | None = None) -> None:
    """Random instances of all or the first sizes: the outcome agrees with the status, and most are not vacuous."""
    verdict = check(_first(claim, sizes), examples=examples, seed=seed)
    assert verdict.as_expected, f"{verdict.outcome}: {verdict.refutation}\n{verdict.conclusions}"
    assert verdict.vacuous <= 0.5 * verdict.instances, f"{verdict.vacuous} of {verdict.instances} vacuous"


def assert_extremes(claim: Claim, examples: int = 128, seed: int = 1, sizes: int | None = None) -> None:
    """Zeros, round and tiny numbers: none of ``examples`` instances a size is unsolved, or refuted (if not "false")."""
    passes = [Outcome.HOLDS.value, Outcome.VACUOUS.value] + [Outcome.REFUTED.value] * (claim.status == "false")
    for index, size in enumerate(_first(claim, sizes).sizes):
        z = extreme_latents(np.random.default_rng([seed, index]), examples, claim.latent(size))
        evaluation = evaluate_batch(claim, size, z)
        verdicts = outcomes(claim, evaluation)
        wrong = np.flatnonzero(~np.isin(verdicts, passes))
        if wrong.size:
            worst = jax.tree.map(lambda leaf, at=wrong[0]: leaf[at], evaluation)
            told = f"{verdicts[wrong[0]]} at {size}, {wrong.size} of {examples}"
            raise AssertionError(f"{told}\n{report(claim, worst)}\non latent {z[wrong[0]].tolist()}")


def assert_counterexamples(claim: Claim) -> None:
    """Each counterexample is VACUOUS under the claim and REFUTES it once its assumption is dropped."""
    assert claim.counterexamples, f"{claim.key}: no counterexample to any dropped assumption"
    for counterexample in claim.counterexamples:
        instance = counterexample.instance()
        full = evaluate_one(claim, instance)
        failing = [name for name, margin in full.assumptions.items() if not margin >= 0]
        assert failing == [counterexample.drops], f"{claim.key}: fails {failing}, not only {counterexample.drops}"
        dropped = claim.without(counterexample.drops)
        margins = {name: full.assumptions[name] for name in full.assumptions if name != counterexample.drops}
        verdict = judge(dropped, full._replace(assumptions=margins))
        assert verdict is Outcome.REFUTED, f"{claim.key} without {counterexample.drops}: {verdict}"


def assert_holds_on(claim: Claim, instance: Instance, **expected: float) -> Evaluation:
    """A hand-worked instance HOLDS, and conclusions named in ``expected`` have those left-hand sides.

    Args:
        claim: the claim. instance: one as ``build`` makes it. expected: left-hand sides by the conclusion's name,
            ``_`` for a blank, compared to 1e-9.

    Returns:
        The evaluation, for what else is known by hand.
    """
    evaluation = evaluate_one(claim, instance)
    verdict = judge(claim, evaluation)
    assert verdict is Outcome.HOLDS, f"{verdict}\n{report(claim, evaluation)}"
    for name, value in expected.items():
        found = float(evaluation.conclusions[name.replace("_", " ")].lhs)
        assert abs(found - value) <= 1e-9 * (1.0 + abs(value)), f"{name}: {found!r}, by hand {value!r}"
    return evaluation


def assert_refuted(mutant: Claim, examples: int = 400, seed: int = 2, sizes: int = 1) -> None:
    """A mutant must be refuted by random instances of its first ``sizes`` sizes (few compile quickly)."""
    claim = _first(mutant, sizes)
    verdict = check(claim, examples=examples, seed=seed, simplify=False)
    assert verdict.outcome is Outcome.REFUTED, f"mutant of {claim.key} survives: {verdict.conclusions}"


def assert_tight_bounds_bite(claim: Claim, factor: float = 0.99, examples: int = 400, sizes: int = 1) -> None:
    """Every inequality declared tight fails on a random instance once its larger side shrinks by 1%.

    Both sides come from the claim's own program, so that nothing is compiled anew.
    """
    tight = [c for c in claim.conclusions if c.tight and c.relation != "=="]
    assert tight, f"{claim.key}: no inequality is declared tight"
    rng, bitten = np.random.default_rng(3), set()
    for at in claim.sizes[:sizes]:
        evaluation = evaluate_batch(claim, at, draw_latents(rng, examples // sizes, claim.latent(at)))
        valid = outcomes(claim, evaluation) == Outcome.HOLDS.value
        for c in tight:
            sides = evaluation.conclusions[c.name]
            small, large = (sides.lhs, sides.rhs) if c.relation == "<=" else (sides.rhs, sides.lhs)
            if np.any(valid & (small - factor * large > sides.allowed)):
                bitten.add(c.name)
    survivors = [c.name for c in tight if c.name not in bitten]
    assert not survivors, f"{claim.key}: {', '.join(survivors)}: holds even with a bound 1% sharper"
