"""Proofs of the steps of a claim by machine: real arithmetic, algebra, rewriting.

The negation of a scalar step goes to z3: unsatisfiable is *proved*, a model is a counterexample and is checked
again in sympy, anything else is *unknown*, never a pass; so is a step whose hypotheses nothing is known to meet,
unless its goal is a contradiction. Equalities between matrices of symbolic size are
decided by :mod:`theory.evidence.rewrite`, those between matrices of symbolic entries in the field of rational
functions. A step without a goal is *uncovered*.
"""

from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

from theory.claim import Claim
from theory.evidence.real import Translation, exact_value
from theory.evidence.rewrite import Irreducible, is_matrix_equality, vanishes
from theory.obligation import Obligation

__all__ = ["Decision", "Proof", "Sharpest", "Status", "decide", "proof_record", "proof_summary", "prove", "sharpen"]


class Status(StrEnum):
    """What a machine says about one step."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"  # out of time, or beyond the method
    UNCOVERED = "uncovered"  # no machine form is given


class Decision(NamedTuple):
    """The answer for one step."""

    status: Status
    by: str = ""  # "real arithmetic", "algebra", "rewriting", "symbolic entries"
    model: dict[str, str] | None = None  # of a refuted step: symbol -> exact value
    detail: str = ""


class Sharpest(NamedTuple):
    """How far a constant can be sharpened by the same proof: provable at ``value``, not at ``not_beyond``."""

    name: str
    stated: Fraction
    value: Fraction
    not_beyond: Fraction | None  # None: provable up to the end of the search
    refuted: bool  # a counterexample is known at ``not_beyond``


class Proof(NamedTuple):
    """All steps of one claim."""

    key: str
    steps: tuple[tuple[Obligation, Decision], ...]

    def count(self, status: Status) -> int:
        """How many steps have that status."""
        return sum(decision.status is status for _, decision in self.steps)

    @property
    def complete(self) -> bool:
        """Every step is proved, none is left to the reader."""
        return self.count(Status.PROVED) == len(self.steps)

    @property
    def good(self) -> bool:
        """Nothing is refuted or unknown."""
        return self.count(Status.REFUTED) + self.count(Status.UNKNOWN) == 0


def prove(claim: Claim, timeout_ms: int = 5000) -> Proof:
    """Decide every obligation of a claim.

    Raises:
        ValueError: a claim without obligations, two of the same name, ``uses`` that names no earlier one, or
            a relation that cannot be translated.
        ImportError: sympy or z3 is not installed.
    """
    if claim.obligations is None:
        raise ValueError(f"{claim.key}: expected a claim with obligations=..., this one has none")
    steps = claim.obligations()
    names = [step.name for step in steps]
    for position, step in enumerate(steps):
        if step.name in names[:position] or not set(step.uses) <= set(names[:position]):
            raise ValueError(f"{claim.key}: {step.name!r}: expected a new name, and uses that come before it")
    return Proof(claim.key, tuple((step, decide(step, timeout_ms)) for step in steps))


def decide(step: Obligation, timeout_ms: int = 5000) -> Decision:
    """Decide one step; a constant takes its stated value."""
    if step.goal is None:
        return Decision(Status.UNCOVERED)
    return _decide_at(step, None if step.constant is None else step.constant.stated, timeout_ms)


def sharpen(step: Obligation, timeout_ms: int = 5000, bisections: int = 20) -> Sharpest:
    """Bisect a step's constant between its stated value and ``beyond`` to the sharpest that is still provable.

    Raises:
        ValueError: no constant, or the stated value itself is not proved.
    """
    if step.constant is None:
        raise ValueError(f"{step.name}: expected an obligation with a constant")
    symbol, stated, beyond = step.constant
    name, good, bad = str(symbol), Fraction(str(stated)), Fraction(str(beyond))

    def status(value: Fraction) -> Status:
        return _decide_at(step, value, timeout_ms).status

    if status(good) is not Status.PROVED:
        raise ValueError(f"{step.name}: the stated {name} = {stated} is not proved")
    last = status(bad)
    if last is Status.PROVED:
        return Sharpest(name, good, bad, None, refuted=False)
    first = good
    for _ in range(bisections):
        middle = (good + bad) / 2
        found = status(middle)
        if found is Status.PROVED:
            good = middle
        else:
            bad, last = middle, found
    return Sharpest(name, first, good, bad, refuted=last is Status.REFUTED)


def proof_record(proof: Proof, timeout_ms: int = 5000, sharper: bool = False) -> dict[str, Any]:
    """A proof ready for JSON; with ``sharper`` the constants of the proved steps are sharpened."""
    steps = []
    for step, decision in proof.steps:
        found = None
        if sharper and step.constant is not None and decision.status is Status.PROVED:
            best = sharpen(step, timeout_ms)
            end = None if best.not_beyond is None else float(best.not_beyond)
            found = best._asdict() | {"stated": float(best.stated), "value": float(best.value), "not_beyond": end}
        shown = {
            "goal": None if step.goal is None else str(step.goal),
            "hypotheses": [str(h) for h in step.hypotheses],
            "constant": None if step.constant is None else f"{step.constant.symbol} = {step.constant.stated}",
            "status": decision.status.value,
        }
        steps.append(
            {"name": step.name, "why": step.why, "uses": list(step.uses), "sharpest": found}
            | shown
            | {"by": decision.by, "model": decision.model, "detail": decision.detail}
        )
    counts = {status.value: proof.count(status) for status in Status}
    return {"key": proof.key, **counts, "complete": proof.complete, "steps": steps}


def proof_summary(proof: Proof) -> dict[str, Any]:
    """What a claim's evidence says of its proof: how many steps, how many proved, and the names of the others."""

    def names(*statuses: Status) -> list[str]:
        return [step.name for step, decision in proof.steps if decision.status in statuses]

    return {
        "steps": len(proof.steps),
        "proved": proof.count(Status.PROVED),
        "uncovered": names(Status.UNCOVERED),
        "undecided": names(Status.REFUTED, Status.UNKNOWN),
    }


def _decide_at(step: Obligation, value: Any, timeout_ms: int) -> Decision:
    import sympy

    goal: Any = step.goal
    hypotheses = step.hypotheses
    if goal == sympy.true:
        return Decision(Status.UNKNOWN, detail="sympy made the goal True as it was written: evaluate=False keeps it")
    if step.constant is not None:
        at = {step.constant.symbol: sympy.Rational(str(value))}
        goal, hypotheses = goal.subs(at), tuple(sympy.sympify(h).subs(at) for h in hypotheses)
    if is_matrix_equality(goal):
        try:
            vanishes(goal.lhs - goal.rhs, hypotheses)
        except Irreducible as fault:
            return Decision(Status.UNKNOWN, "rewriting", detail=str(fault))
        return Decision(Status.PROVED, "rewriting")
    if isinstance(goal, sympy.Equality) and isinstance(goal.lhs, sympy.MatrixBase):
        zero = (goal.lhs - goal.rhs).to_DM(field=True).is_zero_matrix
        return Decision(Status.PROVED if zero else Status.REFUTED, "symbolic entries")
    if isinstance(goal, sympy.Equality) and not hypotheses and _same_rational_function(goal):
        return Decision(Status.PROVED, "algebra")
    return _by_real_arithmetic(goal, hypotheses, timeout_ms)


def _same_rational_function(goal: Any) -> bool:
    """Equal wherever both sides are defined: only polynomials pass, so that no denominator is lost."""
    import sympy

    symbols = sorted(goal.free_symbols, key=str)
    both = goal.lhs.is_polynomial(*symbols) and goal.rhs.is_polynomial(*symbols)
    return bool(both and sympy.expand(goal.lhs - goal.rhs) == 0)


def _by_real_arithmetic(goal: Any, hypotheses: tuple[Any, ...], timeout_ms: int) -> Decision:
    import sympy

    try:
        import z3
    except ImportError as fault:
        raise ImportError("machine proofs need z3: pip install 'forgetproof[exact]'") from fault
    translation = Translation()
    known = [translation.relation(h) for h in hypotheses]
    known += [fact for p in translation.take_parts() for fact in (p.condition, p.definition) if fact is not None]
    wanted = translation.relation(goal)
    questions = []  # each must follow from what is known before it
    for part in translation.take_parts():
        if part.condition is not None:
            questions.append((part.condition, tuple(known), "the goal is not defined there"))
        known.append(part.definition)
    questions.append((wanted, tuple(known), ""))
    for statement, facts, detail in questions:
        solver = _ask(z3, [*facts, z3.Not(statement)], timeout_ms)
        found = solver.check()
        if found == z3.unknown:
            return Decision(Status.UNKNOWN, "real arithmetic", detail=solver.reason_unknown())
        if found == z3.sat:
            return _refutation(solver.model(), translation, goal, hypotheses, detail)
    if goal != sympy.false and _ask(z3, known, timeout_ms).check() != z3.sat:
        return Decision(Status.UNKNOWN, "real arithmetic", detail="nothing is known to meet the hypotheses")
    return Decision(Status.PROVED, "real arithmetic")


def _ask(z3: Any, facts: list[Any], timeout_ms: int) -> Any:
    solver = z3.SolverFor("QF_NRA")
    solver.set("timeout", timeout_ms)
    solver.add(*facts)
    return solver


def _refutation(model: Any, translation: Translation, goal: Any, hypotheses: tuple[Any, ...], detail: str) -> Decision:
    """The model, once sympy agrees that it meets the hypotheses and violates the goal."""
    at = {s: exact_value(model.eval(v, model_completion=True)) for s, v in translation.symbols.items()}
    shown = {str(symbol): str(value) for symbol, value in sorted(at.items(), key=lambda pair: str(pair[0]))}
    meets = all(_truth(h, at) is True for h in hypotheses)
    if not meets or (not detail and _truth(goal, at) is not False):
        return Decision(Status.UNKNOWN, "real arithmetic", shown, "the model could not be confirmed")
    return Decision(Status.REFUTED, "real arithmetic", shown, detail)


def _truth(relation: Any, at: dict[Any, Any]) -> bool | None:
    import sympy

    found = sympy.sympify(relation).subs(at)
    found = found if found in (sympy.true, sympy.false) else sympy.simplify(found)
    return bool(found) if found in (sympy.true, sympy.false) else None
