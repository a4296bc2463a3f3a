"""One step of a proof, as data for a machine to decide; :mod:`theory.evidence.prove` decides it.

Relations are sympy's. Their symbols are real (``symbols(..., real=True)``); a sign is a hypothesis, not an
assumption of the symbol. Vectors and matrices of any size are ``MatrixSymbol``: an equality between them is
decided by rewriting, with the hypotheses (equalities whose left-hand side is one product) as rules.

sympy cancels x/x while an expression is written, before anyone can ask whether x is 0: a quotient that would
cancel is given its own symbol and the equation that defines it.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

Relation = Any  # of sympy; this module stays light


class Constant(NamedTuple):
    """A number in the goal whose sharpest provable value can be searched for."""

    symbol: Any  # sympy symbol that stands for it in the goal
    stated: Any  # rational
    beyond: Any  # rational on the sharper side, where the search ends


class Obligation(NamedTuple):
    """The hypotheses imply the goal; without a goal it is a step of the proof that no machine has checked."""

    name: str
    why: str  # the step, in the proof's words
    goal: Relation | None = None
    hypotheses: tuple[Relation, ...] = ()
    uses: tuple[str, ...] = ()  # earlier obligations of the same list whose goals appear among the hypotheses
    constant: Constant | None = None


def uncovered(name: str, why: str) -> Obligation:
    """A step of the proof that is left to the reader."""
    return Obligation(name, why)


def restated(steps: Sequence[Obligation], values: Mapping[str, float]) -> tuple[Obligation, ...]:
    """The steps with other values of their constants: each named one in every step where it occurs.

    Raises:
        ValueError: a name that is no step's constant; the message lists those there are.
    """
    stated = {str(c.symbol): c.stated for step in steps if (c := step.constant) is not None}
    for name in values:
        if name not in stated:
            known = ", ".join(f"{k} = {v}" for k, v in stated.items()) or "none"
            raise ValueError(f"no step of the proof has a constant {name!r}; there is {known}")

    def changed(step: Obligation) -> Obligation:
        c = step.constant
        if c is None or str(c.symbol) not in values:
            return step
        return step._replace(constant=c._replace(stated=Fraction(str(values[str(c.symbol)]))))

    return tuple(changed(step) for step in steps)
