"""Claims certified on floating-point instances: both sides of every conclusion in balls, and what they decide.

An instance's arrays are taken as the exact numbers that they are. Its objects (``claim.solve``), the conclusions and
the assumptions are then computed with balls (:mod:`theory.evidence.ball_jaxpr`), at 53 bits and twice as many
until everything is decided. What is decided is decided for this instance in exact arithmetic:

CERTIFIED  the relation holds;
WITHIN     the sides are equal, or the inequality is one, to within a stated r (at most SETTLED of their size), which
           shrinks with the precision: an equality of computed numbers is never more than that;
REFUTED    it is violated by more than rounding and the solver's residual may explain (the same as in a check);
UNDECIDED  anything else; the reason is given.

A violation that the allowance covers is UNDECIDED: the instance's floats meet equalities among its assumptions
(y = Xw*, a least margin of 1) only to rounding, so the theorem does not speak of exactly these floats.
Conclusions on objects that ``solve`` approximates are UNDECIDED too, whatever the balls say: where a claim has a
residual, its ball must contain 0 and nothing above SETTLED.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from theory.claim import Claim, Conclusion, Instance, Sizes
from theory.evidence.ball import Unenclosed, arb, lower, upper
from theory.evidence.ball_jaxpr import as_values, interpret
from theory.numerics import require_x64, tolerance

FIRST_BITS = 53
LIMIT_BITS = 1024
SETTLED = 1e-30


class Decision(StrEnum):
    """What the balls say about one conclusion on one instance."""

    CERTIFIED = "certified"
    WITHIN = "within"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Enclosed:
    """One conclusion on one instance; for array-valued ones the entry nearest to violation."""

    name: str
    decision: Decision
    bits: int
    lhs: tuple[float, float] | None = None  # lower and upper end
    rhs: tuple[float, float] | None = None
    width: float | None = None  # of lhs − rhs, the widest entry's
    radius: float | None = None  # r of WITHIN
    reason: str = ""  # of UNDECIDED
    final: bool = True  # more precision changes nothing


@dataclass(frozen=True)
class InstanceCertificate:
    """Every conclusion of a claim on one instance."""

    assumptions: dict[str, bool | None]  # whether each holds; None: undecided
    conclusions: tuple[Enclosed, ...]
    bits: int = field(default=FIRST_BITS)  # the most that were used

    @property
    def vacuous(self) -> bool:
        """Whether an assumption fails: then nothing was decided."""
        return any(held is False for held in self.assumptions.values())


def precisions(limit: int) -> list[int]:
    """53, 106, ... bits, ending at ``limit``.

    Raises:
        ValueError: a limit below 2.
    """
    if limit < 2:
        raise ValueError(f"precision limit: expected at least 2 bits, got {limit}")
    bits = [min(FIRST_BITS, limit)]
    while bits[-1] < limit:
        bits.append(min(2 * bits[-1], limit))
    return bits


def certify_instance(
    claim: Claim, instance: Instance, limit: int = LIMIT_BITS, sizes: Sizes | None = None
) -> InstanceCertificate:
    """Decide every conclusion of a claim on one instance.

    Args:
        claim: any claim. instance: a pytree of float64, integer and boolean arrays, taken as exact.
        limit: the highest precision, in bits. sizes: if given, ``instance`` is a latent vector of these sizes, and
            the instance is its exact image under ``claim.build``, which then meets the equalities among the
            assumptions exactly.

    Raises:
        ValueError: ``limit`` below 2. ImportError: python-flint is not installed. RuntimeError: x64 is off.
    """
    require_x64()
    import flint

    leaves, structure = jax.tree.flatten(instance)
    shapes = tuple((tuple(np.shape(leaf)), jnp.asarray(leaf).dtype) for leaf in leaves)
    closed, has_residual = _traced(claim, structure, shapes, None if sizes is None else tuple(sorted(sizes.items())))
    count, names = len(claim.assumptions), [c.name for c in claim.conclusions]
    assumptions: dict[str, bool | None] = {a.name: None for a in claim.assumptions}
    decided: dict[str, Enclosed] = {}
    bits = 0
    for bits in precisions(limit):
        with flint.ctx.workprec(bits):
            open_names = [n for n in names if n not in decided or decided[n].decision is Decision.UNDECIDED]
            wanted = [assumptions[a.name] is None for a in claim.assumptions] + [has_residual and bool(open_names)]
            wanted += [n in open_names for n in names for _ in range(3)]
            found = interpret(closed, as_values(leaves), wanted)
            for assumption, margin in zip(claim.assumptions, found[:count], strict=True):
                if assumptions[assumption.name] is None:
                    assumptions[assumption.name] = _holds(margin)
            if any(held is False for held in assumptions.values()):
                return InstanceCertificate(assumptions, (), bits)
            approximate = _approximate(found[count]) if has_residual else ("", True)
            for k, conclusion in enumerate(claim.conclusions):
                if conclusion.name in open_names:
                    sides = found[count + 1 + 3 * k : count + 4 + 3 * k]
                    decided[conclusion.name] = _decide(conclusion, sides, approximate, bits)
        if all(e.final for e in decided.values()) and None not in assumptions.values():
            break
    return InstanceCertificate(assumptions, tuple(decided[n] for n in names), bits)


@functools.lru_cache(maxsize=64)
def _traced(
    claim: Claim, structure: Any, shapes: tuple[Any, ...], sizes: tuple[tuple[str, int], ...] | None
) -> tuple[Any, bool]:
    """The claim as one jaxpr: assumption margins, the residual, and for each conclusion lhs, rhs and the allowance."""
    no_residual = type(claim).__dataclass_fields__["residual"].default

    def everything(*leaves: Any) -> list[Any]:
        given = jax.tree.unflatten(structure, leaves)
        instance = given if sizes is None else claim.build(dict(sizes), given)
        margins = [jnp.asarray(a.margin(instance), jnp.float64) for a in claim.assumptions]
        solution = claim.solve(instance)
        out = [*margins, jnp.asarray(claim.residual(instance, solution), jnp.float64)]
        for c in claim.conclusions:
            out += _sides(c, instance, solution)
        return out

    example = [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in shapes]
    return jax.make_jaxpr(everything)(*example), claim.residual is not no_residual


def _sides(conclusion: Conclusion, instance: Instance, solution: Any) -> list[Any]:
    def value(quantity: Callable[[Instance, Any], Any]) -> Any:
        return jnp.asarray(quantity(instance, solution), jnp.float64)

    lhs, rhs = jnp.broadcast_arrays(value(conclusion.lhs), value(conclusion.rhs))
    scale = jnp.abs(lhs) + jnp.abs(rhs) if conclusion.scale is None else value(conclusion.scale)
    error = jnp.zeros(()) if conclusion.solver_error is None else value(conclusion.solver_error)
    return [lhs, rhs, jnp.broadcast_to(tolerance(scale) + error, lhs.shape)]


def _holds(margin: Any) -> bool | None:
    if isinstance(margin, Unenclosed):
        return None
    entries = margin.ravel()
    if any(v < 0 for v in entries):
        return False
    return True if all(v >= 0 for v in entries) else None


def _approximate(residual: Any) -> tuple[str, bool]:
    """Why the solver's objects may not be the exact ones (empty if they are), and whether that is final."""
    if isinstance(residual, Unenclosed):
        return f"the solver's residual is not enclosed: {residual.reason}", residual.lasting
    entries = residual.ravel()
    if any(v > 0 for v in entries):
        worst = max(lower(v) for v in entries)
        return f"the solution itself is not enclosed: its residual is at least {worst:.1e}", True
    if all(upper(v) <= SETTLED for v in entries):
        return "", True
    return "the solver's residual is not known to vanish", False


def _decide(conclusion: Conclusion, sides: list[Any], approximate: tuple[str, bool], bits: int) -> Enclosed:
    undecided = functools.partial(Enclosed, conclusion.name, Decision.UNDECIDED, bits)
    broken = next((v for v in sides[:2] if isinstance(v, Unenclosed)), None)
    if broken is not None:
        return undecided(reason=f"not enclosed: {broken.reason}", final=broken.lasting)
    lhs, rhs = (side.ravel() for side in sides[:2])
    if conclusion.relation == ">=":
        excess = [b - a for a, b in zip(lhs, rhs, strict=True)]
    else:
        excess = [a - b for a, b in zip(lhs, rhs, strict=True)]
    if not excess:
        return Enclosed(conclusion.name, Decision.CERTIFIED, bits, width=0.0)
    allowed = [arb(float("inf"))] * len(excess) if isinstance(sides[2], Unenclosed) else list(sides[2].ravel())
    equality = conclusion.relation == "=="
    beyond = [abs(e) if equality else e for e in excess]
    at = max(range(len(beyond)), key=lambda k: _rank(beyond[k]))
    width = max(upper(2 * e.rad()) if e.is_finite() else float("inf") for e in excess)
    shown: dict[str, Any] = {"lhs": _ends(lhs[at]), "rhs": _ends(rhs[at]), "width": width}
    if not all(e.is_finite() for e in excess):
        return undecided(
            reason="no bound at this precision (a division or root at the edge of its domain)", final=False, **shown
        )
    if approximate[0]:
        return undecided(reason=approximate[0], final=approximate[1], **shown)
    if any(e > a for e, a in zip(beyond, allowed, strict=True)):
        if conclusion.share is not None:
            return undecided(reason="fails here; it is claimed of a share of the instances only", **shown)
        return Enclosed(conclusion.name, Decision.REFUTED, bits, **shown)
    if any(e > 0 for e in beyond):
        worst = max(lower(e) for e in beyond)
        reason = f"violated by {worst:.1e}, which the rounding of the instance's own numbers explains"
        return undecided(reason=reason, **shown)
    if all(e == 0 if equality else e <= 0 for e in excess):
        return Enclosed(conclusion.name, Decision.CERTIFIED, bits, **shown)
    sizes = [1.0 + max(abs(mid_of(a)), abs(mid_of(b))) for a, b in zip(lhs, rhs, strict=True)]
    if all(upper(e) <= SETTLED * size for e, size in zip(beyond, sizes, strict=True)):
        return Enclosed(conclusion.name, Decision.WITHIN, bits, radius=max(upper(e) for e in beyond), **shown)
    return undecided(reason=f"open at {bits} bits: the sides differ by less than their width", final=False, **shown)


def mid_of(x: Any) -> float:
    """Midpoint as a float."""
    return float(x.mid())


def _rank(x: Any) -> float:
    return upper(x) if x.is_finite() else float("inf")


def _ends(x: Any) -> tuple[float, float]:
    return lower(x), upper(x)
