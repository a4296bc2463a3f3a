"""Evidence by sampling: many random instances of a claim, compiled once a size and run as one batch."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array

from theory.claim import Claim, Evaluation, Instance, Outcome, Sizes, evaluate, judge
from theory.evidence.shrink import simplest
from theory.numerics import clopper_pearson, require_x64

CHUNK = 128  # instances per compiled call
WIDE = 512  # the same for a batch of more than WIDE: the fixed cost of a call is then spread over more instances
SMALLEST = 1e-30  # tested number other than 0: products of tinier ones underflow, and rounding is not relative
BATCH = 4096  # instances between two reports of progress
MAX_INCONCLUSIVE = 0.01  # a larger share of unsolved instances makes the verdict INCONCLUSIVE


@dataclass(frozen=True)
class ConclusionEvidence:
    """What the tested instances say about one conclusion."""

    name: str
    relation: str
    tight: bool
    tightness: float  # worst over instances: lhs/rhs, or the relative gap for "=="
    held: int
    tested: int
    share: float | None = None  # required share, for statements with high probability
    interval: tuple[float, float] | None = None  # Clopper–Pearson, at theory.numerics.CONFIDENCE


@dataclass(frozen=True)
class Refutation:
    """The simplest violating instance that was found."""

    sizes: dict[str, int]
    instance: Instance
    conclusion: str
    lhs: float
    rhs: float
    allowed: float


@dataclass(frozen=True)
class Verdict:
    """Outcome of a check with the numbers behind it."""

    key: str
    status: str
    outcome: Outcome
    instances: int
    held: int
    refuted: int
    vacuous: int
    inconclusive: int
    residual: float  # worst solver residual among the instances that were judged
    conclusions: tuple[ConclusionEvidence, ...]
    seed: int | None
    refutation: Refutation | None = None

    @property
    def tightness(self) -> float:
        """Worst tightness of the inequalities that must hold on every instance; the worst gap if all are equalities."""
        strict = [c for c in self.conclusions if c.share is None]
        inequalities = [c.tightness for c in strict if c.relation != "=="]
        return max(inequalities or [c.tightness for c in strict] or [float("nan")])

    @property
    def as_expected(self) -> bool:
        """Whether the outcome agrees with the claim's status: a false claim must be refuted, the others hold."""
        return self.outcome == (Outcome.REFUTED if self.status == "false" else Outcome.HOLDS)


def draw_latents(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Latent vectors (count, size) of mixed scale (0.1 to 10) and sparsity, so that corners and faces are visited."""
    scale = 10.0 ** rng.uniform(-1.0, 1.0, (count, 1))
    rate = rng.choice([0.0, 0.0, 0.3], (count, 1))
    kept = rng.uniform(size=(count, size)) >= rate
    return np.where(kept, scale * rng.standard_normal((count, size)), 0.0)


def extreme_latents(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Latent vectors (count, size) of zeros, round numbers up to 10 and tiny ones down to :data:`SMALLEST`.

    Products of round numbers cancel, beside tiny ones all others are lost: what random numbers never do to a ``build``
    or a solver. A third of the vectors has ordinary numbers too.
    """
    tiny = [SMALLEST, 1e-20, 1e-16, 1e-15, 1e-12, 1e-8, 1e-5]
    sizes = np.concatenate([np.zeros(5), [0.5, 1.0, 1.0, 3.0, 8.0, 9.875, 10.0], tiny])
    extreme = rng.choice(np.concatenate([sizes, -sizes]), (count, size))
    extreme *= rng.uniform(size=(count, size)) < rng.uniform(size=(count, 1))
    mixed = (rng.uniform(size=(count, 1)) < 1 / 3) & (rng.uniform(size=(count, size)) < 0.5)
    return np.where(mixed, rng.standard_normal((count, size)), extreme)


@functools.lru_cache(maxsize=128)
def _compiled(claim: Claim, sizes: tuple[tuple[str, int], ...], certain: bool) -> Callable[[Array], Evaluation]:
    named = dict(sizes)
    return jax.jit(jax.vmap(lambda z: evaluate(claim, claim.build(named, z), certain)))


def evaluate_batch(claim: Claim, sizes: Sizes, latents: ArrayLike, certain: bool = False) -> Evaluation:
    """Evaluations (numpy) of many latent vectors (count, n), compiled once a claim and size.

    The vectors are run in chunks of a fixed length, CHUNK or for large batches WIDE, padded with copies
    of the last, so that any count reuses the compiled functions.
    """
    run = _compiled(claim, tuple(sorted(sizes.items())), certain)
    vectors = np.asarray(latents, np.float64)
    parts = []
    length = WIDE if len(vectors) > WIDE else CHUNK
    for start in range(0, len(vectors), length):
        chunk = vectors[start : start + length]
        padding = np.repeat(chunk[-1:], length - len(chunk), axis=0)
        parts.append(jax.tree.map(np.asarray, run(jnp.asarray(np.concatenate([chunk, padding])))))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: len(vectors)], *parts)


def evaluate_one(claim: Claim, instance: Instance) -> Evaluation:
    """:func:`theory.claim.evaluate` of one instance, compiled whole: op by op it takes many times as long."""
    return _compiled_one(claim)(instance)


@functools.lru_cache(maxsize=128)
def _compiled_one(claim: Claim) -> Callable[[Instance], Evaluation]:
    return jax.jit(lambda given: evaluate(claim, given))


def outcomes(claim: Claim, evaluation: Evaluation) -> np.ndarray:
    """:func:`theory.claim.judge` for a batch: one Outcome an instance."""
    margins = [np.asarray(m) >= 0 for m in evaluation.assumptions.values()]
    residual = np.asarray(evaluation.residual)
    compared = evaluation.conclusions
    met = np.logical_and.reduce(margins) if margins else np.ones(residual.shape, bool)
    finite = np.logical_and.reduce([np.asarray(c.finite) for c in compared.values()])
    solved = (residual <= claim.residual_target) & finite
    strict = [np.asarray(compared[c.name].holds) for c in claim.conclusions if c.share is None]
    holds = np.logical_and.reduce(strict) if strict else np.ones(residual.shape, bool)
    result = np.where(holds, Outcome.HOLDS.value, Outcome.REFUTED.value).astype("U12")
    result = np.where(solved, result, Outcome.INCONCLUSIVE.value)
    return np.where(met, result, Outcome.VACUOUS.value)


def _batches(claim: Claim, examples: int, seed: int) -> Iterator[tuple[Sizes, np.ndarray]]:
    shares = np.full(len(claim.sizes), examples // len(claim.sizes))
    shares[: examples % len(claim.sizes)] += 1
    for index, (sizes, share) in enumerate(zip(claim.sizes, shares, strict=True)):
        rng = np.random.default_rng([seed, index])
        for start in range(0, int(share), BATCH):
            yield sizes, draw_latents(rng, min(BATCH, int(share) - start), claim.latent(sizes))


def check(
    claim: Claim,
    examples: int = 1000,
    seed: int = 0,
    on_progress: Callable[[int], Any] | None = None,
    simplify: bool = True,
) -> Verdict:
    """Test a claim on random instances that meet its assumptions by construction.

    Args:
        claim: the claim. examples: instances in all, shared among ``claim.sizes``; at least one each.
        seed: the instances are a function of it. on_progress: called with the number of instances done.
        simplify: whether a refutation comes with its simplest instance, which takes further evaluations.

    Returns:
        :class:`Verdict`. REFUTED if any instance violates a conclusion by more than rounding and the
        solver's residual allow; VACUOUS if no instance met the assumptions; INCONCLUSIVE if more than
        1% were not solved; otherwise HOLDS.

    Raises:
        ValueError: fewer examples than sizes, or a claim whose functions disagree with their declaration.
        RuntimeError: x64 is off.
    """
    require_x64()
    if examples < len(claim.sizes):
        raise ValueError(f"examples: expected at least {len(claim.sizes)}, one per size of {claim.key}, got {examples}")
    found: list[tuple[Sizes, np.ndarray]] = []
    parts: list[Evaluation] = []
    verdicts: list[np.ndarray] = []
    for sizes, latents in _batches(claim, examples, seed):
        evaluation = evaluate_batch(claim, sizes, latents)
        result = outcomes(claim, evaluation)
        parts.append(evaluation)
        verdicts.append(result)
        bad = np.flatnonzero(result == Outcome.REFUTED.value)
        if bad.size:
            found.append((sizes, latents[bad[0]]))
        if on_progress is not None:
            on_progress(len(latents))
    merged = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    refutation = simplest_refutation(claim, *found[0]) if found and simplify else None
    return _verdict(claim, merged, np.concatenate(verdicts), refutation, seed)


def check_instance(claim: Claim, instance: Instance) -> Verdict:
    """Verdict on one given instance, for replaying a saved counterexample."""
    require_x64()
    evaluation = jax.tree.map(lambda leaf: np.asarray(leaf)[None], evaluate_one(claim, instance))
    result = outcomes(claim, evaluation)
    refuted = result[0] == Outcome.REFUTED.value
    refutation = _refutation(claim, {}, instance) if refuted else None
    return _verdict(claim, evaluation, result, refutation, None)


def _verdict(
    claim: Claim,
    evaluation: Evaluation,
    result: np.ndarray,
    refutation: Refutation | None,
    seed: int | None,
) -> Verdict:
    judged = (result == Outcome.HOLDS.value) | (result == Outcome.REFUTED.value)
    evidence = []
    for conclusion in claim.conclusions:
        compared = evaluation.conclusions[conclusion.name]
        held = int((compared.holds & judged).sum())
        tested = int(judged.sum())
        evidence.append(
            ConclusionEvidence(
                name=conclusion.name,
                relation=conclusion.relation,
                tight=conclusion.tight,
                tightness=float(compared.tightness[judged].max()) if tested else float("nan"),
                held=held,
                tested=tested,
                share=conclusion.share,
                interval=clopper_pearson(held, tested) if conclusion.share is not None and tested else None,
            )
        )
    count = {outcome: int((result == outcome.value).sum()) for outcome in Outcome}
    return Verdict(
        key=claim.key,
        status=claim.status,
        outcome=_overall(count, evidence),
        instances=len(result),
        held=count[Outcome.HOLDS],
        refuted=count[Outcome.REFUTED],
        vacuous=count[Outcome.VACUOUS],
        inconclusive=count[Outcome.INCONCLUSIVE],
        residual=float(evaluation.residual[judged].max()) if judged.any() else float("nan"),
        conclusions=tuple(evidence),
        seed=seed,
        refutation=refutation,
    )


def _overall(count: dict[Outcome, int], evidence: list[ConclusionEvidence]) -> Outcome:
    counted = [(e.share, e.interval) for e in evidence if e.share is not None and e.interval is not None]
    if count[Outcome.REFUTED] or any(interval[1] < share for share, interval in counted):
        return Outcome.REFUTED
    met = count[Outcome.HOLDS] + count[Outcome.INCONCLUSIVE]
    if met == 0:
        return Outcome.VACUOUS
    if count[Outcome.INCONCLUSIVE] > MAX_INCONCLUSIVE * met or any(low < share for share, (low, _) in counted):
        return Outcome.INCONCLUSIVE
    return Outcome.HOLDS


def simplest_refutation(claim: Claim, sizes: Sizes, latent: np.ndarray) -> Refutation | None:
    """The simplest refuted instance near a refuted latent vector; None if alone it is at the edge and holds."""

    def refuted(candidates: np.ndarray) -> np.ndarray:
        return outcomes(claim, evaluate_batch(claim, sizes, candidates)) == Outcome.REFUTED.value

    latent = simplest(latent, refuted)
    instance = jax.jit(lambda z: claim.build(sizes, z))(jnp.asarray(latent))
    return _refutation(claim, dict(sizes), instance)


def _refutation(claim: Claim, sizes: dict[str, int], instance: Instance) -> Refutation | None:
    evaluation = evaluate_one(claim, instance)
    if judge(claim, evaluation) is not Outcome.REFUTED:  # batched and single runs round differently at the edge
        return None
    strict = [c.name for c in claim.conclusions if c.share is None and not bool(evaluation.conclusions[c.name].holds)]
    worst = max(strict, key=lambda name: float(evaluation.conclusions[name].excess))
    compared = evaluation.conclusions[worst]
    return Refutation(sizes, instance, worst, float(compared.lhs), float(compared.rhs), float(compared.allowed))
