"""Evidence by search: an adversary that climbs the tightness of a claim's inequalities, towards a violation.

Every inequality that must hold on all instances is climbed through the claim's ``build``: the score of a latent
vector is the smaller side less what rounding and the solver's residual allow, over the larger side
(:attr:`theory.claim.Comparison.certain`), so that no ratio of two roundings looks tight, and a score above 1 is a
refutation. Where a side is 0 or negative no ratio says how near a violation is: there the excess is climbed.
Vectors whose assumptions fail or whose residual is above target rank below all others, the further the lower, and
never count.

The search runs in rounds of one size each: every size first, then by turns the size where some conclusion did best
and the next in line. A round starts from the best vectors known and from fresh draws. It either mutates them, each
with a step length that adapts to its success, or follows the gradient with Adam; gradients serve only a size at
which most exist (a ``while_loop`` has none in reverse mode).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from theory.claim import Claim, Comparison, Conclusion, Evaluation, Outcome, Sizes, evaluate
from theory.evidence.check import CHUNK, Refutation, draw_latents, evaluate_batch, outcomes, simplest_refutation
from theory.numerics import require_x64

ROWS = CHUNK  # vectors that climb side by side
STEPS = 40  # of each in a round
ELITES = 16  # best vectors kept for a size and conclusion
SATURATED = 1.0 - 1e-6  # beyond it, effort goes to the other conclusions
PENALTY = 10.0  # of a failing assumption's margin, in units of the score
MIN_USABLE = 0.5  # smaller share of rows with a finite gradient other than 0: gradients are given up at this size
MAX_SLOPE = 1e6  # of the score; steeper ones are cut, so that their squares stay finite
HUGE = 1e150  # stands for a margin or residual that is infinite or NaN
UNSOLVED = -1e3  # score of a vector whose residual is above target; those whose assumptions fail come below


@dataclass
class Hunted:
    """The tightest valid instance found for one conclusion."""

    name: str
    relation: str
    tight: bool
    tightness: float = -np.inf  # less the allowance for rounding
    sizes: dict[str, int] = field(default_factory=dict)
    latent: np.ndarray = field(default_factory=lambda: np.zeros(0))
    lhs: float = np.nan
    rhs: float = np.nan
    allowed: float = np.nan
    curve: list[tuple[int, float]] = field(default_factory=list)  # (evaluations, best so far) at each improvement
    by_size: dict[int, float] = field(default_factory=dict)  # best at each of the claim's sizes, by index


@dataclass(frozen=True)
class Hunt:
    """What the adversary reached; equal for equal seeds and numbers of evaluations."""

    key: str
    status: str
    conclusions: tuple[Hunted, ...]
    skipped: tuple[str, ...]  # equalities and counted statements have no tightness to climb
    evaluations: int
    valid: int  # of the evaluations, those that met the assumptions and were solved
    gradients: tuple[tuple[dict[str, int], bool], ...]  # whether gradients served, for each size where they were tried
    seed: int
    refutation: Refutation | None

    @property
    def as_expected(self) -> bool:
        """No refutation; of a false claim with an inequality to climb, one."""
        return (self.refutation is not None) == (self.status == "false" and bool(self.conclusions))


def climbable(conclusion: Conclusion) -> bool:
    """Whether a conclusion is an inequality that must hold on every instance."""
    return conclusion.relation != "==" and conclusion.share is None


def hunt(claim: Claim, proceed: Callable[[int], bool], seed: int = 0) -> Hunt:
    """Search for instances on which the claim's inequalities are tight or violated.

    Stops at a refutation, when every conclusion is saturated after all sizes have been searched, or when told to.

    Args:
        claim: the claim. proceed: given the number of evaluations so far, whether to go on; asked at every step.
        seed: with ``proceed`` a function of its argument alone, the result is a function of the seed.

    Raises:
        RuntimeError: x64 is off.
    """
    require_x64()
    search = _Search(claim, proceed, seed)
    if search.names:
        search.run()
    names = tuple(c.name for c in claim.conclusions if not climbable(c))
    return Hunt(
        key=claim.key,
        status=claim.status,
        conclusions=tuple(search.found.values()),
        skipped=names,
        evaluations=search.evaluations,
        valid=search.valid,
        gradients=tuple((dict(claim.sizes[at]), served) for at, served in sorted(search.gradients.items())),
        seed=seed,
        refutation=search.refutation,
    )


class _Stop(Exception):
    """The budget is spent or the claim refuted."""


class _Search:
    """State of one hunt."""

    def __init__(self, claim: Claim, proceed: Callable[[int], bool], seed: int) -> None:
        chosen = [c for c in claim.conclusions if climbable(c)]
        self.claim = claim
        self.proceed = proceed
        self.rng = np.random.default_rng(seed)
        self.names = [c.name for c in chosen]
        self.found = {c.name: Hunted(c.name, c.relation, c.tight) for c in chosen}
        self.elites: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}  # (size, conclusion): scores, vectors
        self.gradients: dict[int, bool] = {}
        self.evaluations = 0
        self.valid = 0
        self.refutation: Refutation | None = None

    def run(self) -> None:
        try:
            for at in range(len(self.claim.sizes)):
                self.round(at, list(range(len(self.names))), follow=False)
            turn = 0
            while aims := [j for j, name in enumerate(self.names) if self.found[name].tightness < SATURATED]:
                best = [self.best_size(j) for j in aims]
                at = best[(turn // 4) % len(best)] if turn % 4 < 2 else (turn // 4) % len(self.claim.sizes)
                self.round(at, aims, follow=turn % 2 == 0)
                turn += 1
        except _Stop:
            pass

    def best_size(self, aim: int) -> int:
        """Index of the size at which a conclusion did best."""
        return max(range(len(self.claim.sizes)), key=lambda at: self.elites[at, aim][0].max())

    def round(self, at: int, aims: list[int], follow: bool) -> None:
        """Climb the conclusions ``aims`` at one size, by their gradients if ``follow`` and they exist."""
        aim = np.array(aims)[np.arange(ROWS) % len(aims)]
        z = draw_latents(self.rng, ROWS, self.claim.latent(self.claim.sizes[at]))
        for j in aims:
            rows = np.flatnonzero(aim == j)
            _, known = self.elites.get((at, j), (np.zeros(0), z[:0]))
            kept = rows[: min(len(known), 3 * len(rows) // 4)]
            z[kept] = known[self.rng.permutation(len(known))[: len(kept)]]
        if follow and self.gradients.get(at, True):
            self.ascend(at, z, aim)
        if not (follow and self.gradients[at]):
            self.mutate(at, z, aim)

    def mutate(self, at: int, z: np.ndarray, aim: np.ndarray) -> None:
        """Evolution: each row keeps its best vector, and lengthens its step on success (one in five keeps it)."""
        rng, n = self.rng, z.shape[1]
        best = self.score(at, z, aim)
        sigma = 10.0 ** rng.uniform(-2.0, 0.0, ROWS)
        for _ in range(STEPS):
            rate = rng.choice([1.0, 0.3, min(1.0, 2.0 / n)], (ROWS, 1))
            change = np.where(rng.uniform(size=z.shape) < rate, sigma[:, None] * rng.standard_normal(z.shape), 0.0)
            partner = z[self.partners(aim)] - z
            mix = np.where(rng.uniform(size=(ROWS, 1)) < 0.3, rng.uniform(size=z.shape) < 0.3, False)
            trial = z + np.where(mix, partner, 0.0) + change
            score = self.score(at, trial, aim)
            better = score > best
            z, best = np.where(better[:, None], trial, z), np.where(better, score, best)
            sigma = np.clip(sigma * np.where(better, 1.5, 1.5**-0.25), 1e-9, 1e2)

    def partners(self, aim: np.ndarray) -> np.ndarray:
        """For each row a random one with the same aim."""
        order = self.rng.permutation(ROWS)
        order = order[np.argsort(aim[order], kind="stable")]
        partner = np.empty(ROWS, int)
        partner[order] = np.roll(order, 1)
        return np.where(aim[partner] == aim, partner, np.arange(ROWS))

    def ascend(self, at: int, z: np.ndarray, aim: np.ndarray) -> None:
        """Adam; a row that is not valid after a step returns to its best vector and halves its step length."""
        sizes = self.claim.sizes[at]
        step = 10.0 ** self.rng.uniform(-2.5, 0.0, (ROWS, 1))
        home, best = z, np.full(ROWS, -np.inf)
        first, second = np.zeros_like(z), np.zeros_like(z)
        for t in range(1, STEPS + 1):
            try:
                slope, evaluation = jax.tree.map(np.asarray, _slopes(self.claim, tuple(sorted(sizes.items())))(z, aim))
            except (ValueError, TypeError, NotImplementedError):  # forward it ran: what fails is differentiation
                self.gradients[at] = False
                return
            usable = np.isfinite(slope).all(axis=1)
            slope = np.clip(np.where(usable[:, None], slope, 0.0), -MAX_SLOPE, MAX_SLOPE)
            if t == 1:
                self.gradients[at] = bool((np.abs(slope).max(axis=1) > 0).mean() >= MIN_USABLE)
                if not self.gradients[at]:
                    return
            score = self.record(at, z, aim, evaluation)
            better = score > best
            home, best = np.where(better[:, None], z, home), np.where(better, score, best)
            lost = (score <= UNSOLVED) & (best > UNSOLVED)
            step = np.where(lost[:, None], 0.5 * step, step)
            first = np.where(lost[:, None], 0.0, 0.9 * first + 0.1 * slope)
            second = 0.99 * second + 0.01 * slope**2
            move = (first / (1.0 - 0.9**t)) / (np.sqrt(second / (1.0 - 0.99**t)) + 1e-30)
            z = np.where(lost[:, None], home, z + step * move)

    def score(self, at: int, z: np.ndarray, aim: np.ndarray) -> np.ndarray:
        """Score of each row for its aim."""
        return self.record(at, z, aim, evaluate_batch(self.claim, self.claim.sizes[at], z, certain=True))

    def record(self, at: int, z: np.ndarray, aim: np.ndarray, evaluation: Evaluation) -> np.ndarray:
        """Scores of evaluated rows; keeps the best and stops at a refutation or at the end of the budget."""
        result = outcomes(self.claim, evaluation)
        valid = (result == Outcome.HOLDS.value) | (result == Outcome.REFUTED.value)
        self.evaluations += len(z)
        self.valid += int(valid.sum())
        certain = np.stack([np.asarray(evaluation.conclusions[name].certain) for name in self.names], axis=1)
        heights = np.stack([np.asarray(_height(evaluation.conclusions[name])) for name in self.names], axis=1)
        scores = np.where(valid[:, None], heights, self.pushed_back(evaluation)[:, None])
        for j, name in enumerate(self.names):
            self.keep((at, j), z, scores[:, j])
            self.improve(self.found[name], at, z, np.where(valid, certain[:, j], -np.inf), evaluation)
        for row in np.flatnonzero(result == Outcome.REFUTED.value)[:1]:
            self.refutation = simplest_refutation(self.claim, self.claim.sizes[at], z[row])
        if self.refutation is not None or not self.proceed(self.evaluations):
            raise _Stop
        return scores[np.arange(len(z)), aim]

    def pushed_back(self, evaluation: Evaluation) -> np.ndarray:
        """Scores at most UNSOLVED of vectors that are not valid, so that climbing them leads back."""
        margins = [np.nan_to_num(np.maximum(-m, 0.0), nan=HUGE, posinf=HUGE) for m in evaluation.assumptions.values()]
        failing = np.sum(margins, axis=0) if margins else np.zeros(np.shape(evaluation.residual))
        residual = np.nan_to_num(evaluation.residual, nan=HUGE, posinf=HUGE)
        ratio = np.minimum(residual, HUGE) / max(self.claim.residual_target, 1.0 / HUGE)
        unsolved = np.log10(np.maximum(ratio, 1.0))
        return np.where(failing > 0, 2.0 * UNSOLVED - failing, UNSOLVED - unsolved)

    def keep(self, place: tuple[int, int], z: np.ndarray, scores: np.ndarray) -> None:
        """Update the elites of one size and conclusion."""
        old, vectors = self.elites.get(place, (np.zeros(0), z[:0]))
        rows = np.flatnonzero(scores > (old.min() if len(old) == ELITES else -np.inf))
        if rows.size:
            every, all_vectors = np.concatenate([old, scores[rows]]), np.concatenate([vectors, z[rows]])
            order = np.argsort(-every, kind="stable")[:ELITES]
            self.elites[place] = every[order], all_vectors[order]

    def improve(self, found: Hunted, at: int, z: np.ndarray, scores: np.ndarray, evaluation: Evaluation) -> None:
        """Update the best of one conclusion."""
        row = int(np.argmax(scores))
        found.by_size[at] = max(found.by_size.get(at, -np.inf), float(scores[row]))
        if scores[row] > found.tightness:
            compared = evaluation.conclusions[found.name]
            found.tightness, found.sizes, found.latent = float(scores[row]), dict(self.claim.sizes[at]), z[row]
            found.lhs, found.rhs = float(compared.lhs[row]), float(compared.rhs[row])
            found.allowed = float(compared.allowed[row])
            found.curve.append((self.evaluations, found.tightness))


def _height(compared: Comparison) -> Array:
    """What is climbed: the tightness where positive; below it, where a side is 0 or negative, the excess in (-1, 0)."""
    excess = jnp.minimum(compared.excess, 0.0)
    certain = jnp.asarray(compared.certain)
    return jnp.where(certain > 0.0, certain, excess / (1.0 - excess))


@functools.lru_cache(maxsize=64)
def _slopes(claim: Claim, sizes: tuple[tuple[str, int], ...]) -> Callable[..., tuple[Array, Evaluation]]:
    """Compiled (z, aim) -> gradients of the scores less the penalty of failing assumptions, and evaluations."""
    named: Sizes = dict(sizes)
    names = [c.name for c in claim.conclusions if climbable(c)]

    def objective(z: Array, aim: Array) -> tuple[Array, Evaluation]:
        evaluation = evaluate(claim, claim.build(named, z), certain=True)
        heights = jnp.stack([_height(evaluation.conclusions[name]) for name in names])
        failing = sum((jnp.maximum(-m, 0.0) for m in evaluation.assumptions.values()), jnp.zeros(()))
        return heights[aim] - PENALTY * failing, evaluation

    return jax.jit(jax.vmap(jax.grad(objective, has_aux=True)))
