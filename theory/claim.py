"""What a claim is: a theorem as data, from which checking, searching and reporting follow.

One map drives everything. ``build`` takes sizes and an unconstrained real vector z to an instance
that meets the assumptions by construction, so random draws, shrinking and gradient search all use
the same few lines. ``solve`` finds the objects the theorem speaks of *with their residual*, and each
conclusion compares two numbers computed from the instance and the solution.

Numbers of the statement can be ``constants``: a function of the claim that needs one takes it by keyword
(``rhs=lambda i, s, *, C: C * s.norm``), and a reader puts another value in its place (:meth:`Claim.with_constants`).
"""

import functools
import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.numerics import tolerance
from theory.obligation import Obligation

Instance = Any  # any pytree of arrays
Solution = Any  # any pytree of arrays
Sizes = Mapping[str, int]
Quantity = Callable[..., Any]  # (instance, solution, *, constants) -> scalar, or array whose every entry is compared

RELATIONS = ("<=", ">=", "==")
STATUSES = ("proved", "reported", "conjectured", "false")
_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")


class Outcome(StrEnum):
    """What an instance, or all of them, say about a claim."""

    HOLDS = "HOLDS"
    REFUTED = "REFUTED"  # violated by more than rounding and the solver's residual allow
    VACUOUS = "VACUOUS"  # an assumption fails (NaN counts as failing): nothing was tested
    INCONCLUSIVE = "INCONCLUSIVE"  # the solver did not reach its residual


@dataclass(frozen=True, eq=False)
class Assumption:
    """A hypothesis of the theorem; it holds on an instance where ``margin(instance) >= 0``."""

    name: str
    latex: str
    margin: Callable[..., Any]  # (instance, *, constants)


@dataclass(frozen=True, eq=False)
class Conclusion:
    """One relation the theorem asserts.

    ``lhs`` and ``rhs`` are functions of (instance, solution), scalars or arrays compared entry by
    entry. ``scale`` is the magnitude (times conditioning) of the numbers that enter them: rounding
    may move the comparison by :func:`theory.numerics.tolerance` of it; by default it is
    |lhs| + |rhs|, right only where nothing cancels. ``solver_error`` is the further absolute error
    that the solver's residual allows. ``tight`` says that equality is approached. ``share`` makes
    it a statement with high probability: it must hold on at least that share of the instances,
    which is counted with a Clopper–Pearson interval.
    """

    name: str
    latex: str
    lhs: Quantity
    rhs: Quantity
    relation: str = "<="
    tight: bool = False
    scale: Quantity | None = None
    solver_error: Quantity | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        if self.relation not in RELATIONS:
            raise ValueError(f"relation: expected one of {', '.join(RELATIONS)}, got {self.relation!r}")
        if self.share is not None and not 0.0 < self.share < 1.0:
            raise ValueError(f"share: expected a fraction strictly between 0 and 1, got {self.share}")


@dataclass(frozen=True, eq=False)
class Counterexample:
    """An instance that violates the conclusion and fails only the assumption named ``drops``."""

    drops: str
    instance: Callable[[], Instance]
    note: str = ""


def _no_solution(instance: Instance) -> Solution:
    return None


def _no_residual(instance: Instance, solution: Solution) -> float:
    return 0.0


def _keywords(function: Callable[..., Any] | None) -> list[str]:
    """Names of a function's keyword-only parameters."""
    parameters = inspect.signature(function).parameters.values() if function is not None else ()
    return [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]


def _bind(function: Callable[..., Any] | None, values: Mapping[str, float]) -> Callable[..., Any] | None:
    """The function with the keywords that ``values`` name set, which also replaces what was bound before."""
    names = [name for name in _keywords(function) if name in values]
    if function is None or not names:
        return function
    return functools.partial(function, **{name: float(values[name]) for name in names})


@dataclass(frozen=True, eq=False)
class Claim:
    """A theorem with everything needed to test it; see the fields.

    Raises:
        ValueError: a malformed key, status, sizes, conclusion list or counterexample.
    """

    key: str  # paper.setting.name, lower case
    title: str  # one line
    statement: str  # LaTeX
    source: str  # "GA, arXiv 2510.14844, abstract" or "derived here"
    status: str  # one of STATUSES
    sizes: tuple[Sizes, ...]  # the sizes to test, small first; each is compiled once
    latent: Callable[[Sizes], int]  # length of z
    build: Callable[..., Instance]  # (sizes, z); differentiable; meets the assumptions by construction
    conclusions: tuple[Conclusion, ...]
    assumptions: tuple[Assumption, ...] = ()
    solve: Callable[..., Solution] = _no_solution
    residual: Quantity = _no_residual
    residual_target: float = 1e-9  # a larger residual makes an instance INCONCLUSIVE
    witness: Quantity | None = None  # explicit object of an existential claim
    counterexamples: tuple[Counterexample, ...] = ()
    exact: Callable[[Sizes, int], Mapping[str, bool]] | None = None  # over the rationals: conclusion -> holds
    obligations: Callable[[], tuple[Obligation, ...]] | None = None  # the proof's steps for a machine, made on demand
    notes: str = ""  # what a reader should know beside the statement: findings, limits
    constants: Mapping[str, float] = field(default_factory=dict)  # the statement's numbers, bound by name
    overrides: Mapping[str, float] = field(default_factory=dict)  # a reader's values for them, by with_constants
    module: str = field(default="", compare=False)  # set by the registry

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError(f"key: expected dotted lower-case words such as 'ga.linear.name', got {self.key!r}")
        if self.status not in STATUSES:
            raise ValueError(f"status of {self.key}: expected one of {', '.join(STATUSES)}, got {self.status!r}")
        if not self.sizes or not self.conclusions:
            raise ValueError(f"{self.key}: expected at least one entry in sizes and in conclusions")
        for group in (self.conclusions, self.assumptions):
            names = [part.name for part in group]
            if len(set(names)) != len(names):
                raise ValueError(f"{self.key}: expected distinct names, got {names}")
        for counterexample in self.counterexamples:
            if counterexample.drops not in [a.name for a in self.assumptions]:
                raise ValueError(f"{self.key}: counterexample drops unknown assumption {counterexample.drops!r}")
        for name, value in self._bound(lambda part: _bind(part, {**self.constants, **self.overrides})).items():
            object.__setattr__(self, name, value)

    def _bound(self, bind: Callable[[Any], Any]) -> dict[str, Any]:
        """The fields that hold functions, with ``bind`` applied to each function; none without constants."""
        if not self.constants:
            return {}
        own = {name: bind(getattr(self, name)) for name in ("build", "solve", "residual", "witness")}
        assumptions = tuple(replace(a, margin=bind(a.margin)) for a in self.assumptions)
        parts = ("lhs", "rhs", "scale", "solver_error")
        conclusions = tuple(replace(c, **{p: bind(getattr(c, p)) for p in parts}) for c in self.conclusions)
        return own | {"assumptions": assumptions, "conclusions": conclusions}

    def with_constants(self, values: Mapping[str, float]) -> "Claim":
        """The claim with a reader's values for some of its constants; its statement's text stays.

        Raises:
            ValueError: a name that the claim does not have or use, or a value that is not finite.
        """
        used: set[str] = set()

        def note(part: Any) -> Any:
            used.update(_keywords(part))
            return part

        self._bound(note)
        for name, value in values.items():
            if name not in self.constants:
                has = ", ".join(f"{known} = {stated:g}" for known, stated in self.constants.items()) or "none"
                raise ValueError(f"{self.key}: no constant {name!r} to change; it has {has}")
            if name not in used:
                raise ValueError(
                    f"{self.key}: no function takes the constant {name!r}; expected a keyword of that name"
                )
            if not math.isfinite(value):
                raise ValueError(f"{self.key}: constant {name}: expected a finite number, got {value}")
        return replace(self, overrides={**self.overrides, **values})

    def without(self, assumption: str) -> "Claim":
        """The claim with one assumption dropped (usually false: its counterexample shows it)."""
        if assumption not in [a.name for a in self.assumptions]:
            raise ValueError(f"{self.key}: has no assumption named {assumption!r}")
        kept = tuple(a for a in self.assumptions if a.name != assumption)
        return replace(self, assumptions=kept, counterexamples=())

    def with_bound(self, conclusion: str, factor: float) -> "Claim":
        """The claim with one conclusion's right-hand side multiplied by ``factor``."""
        if conclusion not in [c.name for c in self.conclusions]:
            raise ValueError(f"{self.key}: has no conclusion named {conclusion!r}")

        def scaled(rhs: Quantity) -> Quantity:
            @functools.wraps(rhs)  # it takes the same constants
            def times(instance: Instance, solution: Solution, **constants: float) -> Array:
                return factor * jnp.asarray(rhs(instance, solution, **constants))

            return times

        changed = tuple(replace(c, rhs=scaled(c.rhs)) if c.name == conclusion else c for c in self.conclusions)
        return replace(self, conclusions=changed)


class Comparison(NamedTuple):
    """One conclusion on one instance; for array-valued ones the entry nearest to violation."""

    lhs: Float[Array, ""]
    rhs: Float[Array, ""]
    excess: Float[Array, ""]  # violation before any allowance (≤ 0 where satisfied)
    allowed: Float[Array, ""]  # by rounding and the solver's residual
    tightness: Float[Array, ""]  # smaller side over larger side; 1 is equality; |lhs − rhs| / scale for "=="
    holds: Bool[Array, ""]
    finite: Bool[Array, ""]
    certain: Float[Array, ""] | None = None  # tightness of the smaller side less ``allowed``; > 1 only if violated


class Evaluation(NamedTuple):
    """Everything a verdict on one instance needs."""

    assumptions: dict[str, Float[Array, ""]]  # margins
    residual: Float[Array, ""]
    conclusions: dict[str, Comparison]


def evaluate(claim: Claim, instance: Instance, certain: bool = False) -> Evaluation:
    """Assumption margins, solver residual and every conclusion on one instance; ``jit`` and ``vmap`` friendly.

    ``certain`` asks for that field of the comparisons, which only a search needs: it costs compile time.
    """
    margins = {a.name: jnp.min(jnp.asarray(a.margin(instance), jnp.float64)) for a in claim.assumptions}
    solution = claim.solve(instance)
    residual = jnp.asarray(claim.residual(instance, solution), jnp.float64)
    compared = {c.name: _compare(c, instance, solution, certain) for c in claim.conclusions}
    return Evaluation(margins, residual, compared)


def _compare(conclusion: Conclusion, instance: Instance, solution: Solution, certain: bool) -> Comparison:
    def value(quantity: Quantity) -> Array:
        return jnp.asarray(quantity(instance, solution), jnp.float64)

    lhs, rhs = jnp.broadcast_arrays(value(conclusion.lhs), value(conclusion.rhs))
    scale = jnp.abs(lhs) + jnp.abs(rhs) if conclusion.scale is None else value(conclusion.scale)
    error = jnp.zeros(()) if conclusion.solver_error is None else value(conclusion.solver_error)
    allowed = jnp.broadcast_to(tolerance(scale) + error, lhs.shape)
    scale = jnp.broadcast_to(scale, lhs.shape)
    if conclusion.relation == "==":
        excess = jnp.abs(lhs - rhs)
        tightness = sure = excess / jnp.where(scale > 0, scale, 1.0)
    else:
        small, large = (lhs, rhs) if conclusion.relation == "<=" else (rhs, lhs)
        excess = small - large
        shown = large > allowed  # a ratio of two roundings says nothing
        base = jnp.where(shown, large, 1.0)
        otherwise = jnp.where(excess > allowed, jnp.inf, 0.0)
        tightness = jnp.where(shown, small / base, otherwise)
        sure = jnp.where(shown, (small - jax.lax.stop_gradient(allowed)) / base, otherwise) if certain else tightness
    at = jnp.argmax(excess - allowed)
    return Comparison(
        lhs=lhs.ravel()[at],
        rhs=rhs.ravel()[at],
        excess=excess.ravel()[at],
        allowed=allowed.ravel()[at],
        tightness=jnp.max(tightness),
        holds=jnp.all(excess <= allowed),
        finite=jnp.all(jnp.isfinite(lhs)) & jnp.all(jnp.isfinite(rhs)) & jnp.all(jnp.isfinite(allowed)),
        certain=jnp.max(sure) if certain else None,
    )


def judge(claim: Claim, evaluation: Evaluation) -> Outcome:
    """Verdict on one instance: assumptions first, then the residual, then the conclusions."""
    if not all(bool(margin >= 0) for margin in evaluation.assumptions.values()):
        return Outcome.VACUOUS
    compared = evaluation.conclusions.values()
    if not bool(evaluation.residual <= claim.residual_target) or not all(bool(c.finite) for c in compared):
        return Outcome.INCONCLUSIVE
    strict = [evaluation.conclusions[c.name] for c in claim.conclusions if c.share is None]
    return Outcome.HOLDS if all(bool(c.holds) for c in strict) else Outcome.REFUTED


def example_instance(claim: Claim, sizes: Sizes) -> Instance:
    """Shapes and dtypes of an instance, without computing one."""
    latent = jax.ShapeDtypeStruct((claim.latent(sizes),), jnp.float64)
    return jax.eval_shape(lambda z: claim.build(sizes, z), latent)
