"""Rigorous interpretation of a traced JAX function: every operation on balls instead of floats.

Works on the jaxpr, so on claims of one's own too. What a function computes in float64 is taken as a formula over the
reals; its float constants are the dyadic rationals that they are. Integers are computed as they are. An operation
that has no enclosure yields :class:`~theory.evidence.ball.Unenclosed`, which spreads to what depends on it and no
further. So does a loop that stops on a comparison of floats: it iterates towards a limit that its last iterate is
not. Solvers known by name (:mod:`theory.evidence.ball_solvers`) are enclosed as the exact solutions they approximate.
"""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.extend import core

from theory.evidence import ball, ball_linalg
from theory.evidence import ball_primitives as primitives
from theory.evidence.ball import FALSE, OPEN, TRUE, Balls, Undecidable, Unenclosed, exactly, shaped
from theory.evidence.ball_primitives import kind, value_of
from theory.evidence.ball_solvers import enclose

Value = Any  # Balls for floats, Truth for booleans, NumPy or JAX arrays for the rest, or Unenclosed
MAX_ENTRIES = 300_000  # computed by one interpretation, of all arrays together

_TRANSPARENT = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr"}
_TRANSPARENT |= {"remat": "jaxpr", "checkpoint": "jaxpr", "custom_jvp_call": "call_jaxpr"}
_TRANSPARENT |= {"custom_vjp_call": "call_jaxpr", "custom_vjp_call_jaxpr": "fun_jaxpr"}


def interpret(closed: Any, arguments: Sequence[Value], needed: Sequence[bool] | None = None) -> list[Value]:
    """Enclosures of a closed jaxpr's results at the precision of ``flint.ctx``.

    Args:
        closed: from ``jax.make_jaxpr``. arguments: one value an input: ``exactly`` of floats, ``as_truth`` of
            booleans, other arrays as they are. needed: which results are wanted; the others come as Unenclosed.
    """
    return _Interpreter().closed(closed, arguments, needed)


def as_values(leaves: Sequence[Any]) -> list[Value]:
    """Exact values of arrays, by their dtype; Unenclosed for those of a type that stands for no real numbers."""
    return [_value(leaf) for leaf in leaves]


def _value(leaf: Any) -> Value:
    try:
        return value_of(leaf)
    except Undecidable as fault:
        return Unenclosed(str(fault), fault.lasting)


class _Interpreter:
    """One run; counts the entries that it computes."""

    def __init__(self) -> None:
        self.entries = 0

    def closed(self, closed: Any, arguments: Sequence[Value], needed: Sequence[bool] | None = None) -> list[Value]:
        consts = as_values(closed.consts)
        return self.run(closed.jaxpr, consts, arguments, needed)

    def run(
        self, jaxpr: Any, consts: Sequence[Value], arguments: Sequence[Value], needed: Sequence[bool] | None = None
    ) -> list[Value]:
        wanted = [True] * len(jaxpr.outvars) if needed is None else list(needed)
        live = {v for v, w in zip(jaxpr.outvars, wanted, strict=True) if w and not isinstance(v, core.Literal)}
        alive = []
        for eqn in reversed(jaxpr.eqns):
            if any(v in live for v in eqn.outvars):
                alive.append((eqn, [v in live for v in eqn.outvars]))
                live |= {v for v in eqn.invars if not isinstance(v, core.Literal)}
        known: dict[Any, Value] = dict(zip(jaxpr.constvars, consts, strict=True))
        known |= dict(zip(jaxpr.invars, arguments, strict=True))

        def read(v: Any) -> Value:
            return _value(v.val) if isinstance(v, core.Literal) else known[v]

        for eqn, outputs in reversed(alive):
            try:
                results = self.apply(eqn, [read(v) for v in eqn.invars], outputs)
            except Undecidable as fault:
                results = [Unenclosed(str(fault), fault.lasting)] * len(eqn.outvars)
            known |= dict(zip(eqn.outvars, results, strict=True))
        unwanted = Unenclosed("not asked for")
        return [read(v) if w else unwanted for v, w in zip(jaxpr.outvars, wanted, strict=True)]

    def apply(self, eqn: Any, values: list[Value], needed: list[bool]) -> list[Value]:
        name, params = eqn.primitive.name, eqn.params
        if name in _TRANSPARENT:
            inner = params[_TRANSPARENT[name]]
            solved = enclose(params.get("name", ""), inner, values)
            if solved is not None:
                return solved
            return (
                self.closed(inner, values, needed) if hasattr(inner, "consts") else self.run(inner, [], values, needed)
            )
        control = {
            "scan": self.scan,
            "while": self.repeat,
            "cond": self.branch,
            "custom_linear_solve": self.linear_solve,
        }.get(name)
        if control is not None:
            return control(eqn, values, needed)
        if name == "platform_index":
            return [np.asarray(0, np.int32)]
        broken = next((v for v in values if isinstance(v, Unenclosed)), None)
        if broken is not None:
            return [broken] * len(eqn.outvars)
        self.entries += sum(v.aval.size for v in eqn.outvars)
        if self.entries > MAX_ENTRIES:
            raise Undecidable(f"a computation of more than {MAX_ENTRIES:,} numbers", lasting=True)
        return primitives.apply(eqn, values)

    def scan(self, eqn: Any, values: list[Value], needed: list[bool]) -> list[Value]:
        p = eqn.params
        consts, carry = values[: p["num_consts"]], values[p["num_consts"] : p["num_consts"] + p["num_carry"]]
        sequences = values[p["num_consts"] + p["num_carry"] :]
        rows: list[list[Value]] = [[] for _ in eqn.outvars[p["num_carry"] :]]
        for step in range(p["length"]):
            at = p["length"] - 1 - step if p["reverse"] else step
            here = [s if isinstance(s, Unenclosed) else s[at] for s in sequences]
            here = [h if isinstance(h, np.ndarray | Unenclosed | jax.Array) else _scalar(h) for h in here]
            found = self.closed(p["jaxpr"], [*consts, *carry, *here])
            carry = found[: p["num_carry"]]
            for row, entry in zip(rows, found[p["num_carry"] :], strict=True):
                row.append(entry)
        ordered = [row[::-1] if p["reverse"] else row for row in rows]
        outputs = [v.aval for v in eqn.outvars[p["num_carry"] :]]
        return [*carry, *(_stacked(row, aval) for row, aval in zip(ordered, outputs, strict=True))]

    def repeat(self, eqn: Any, values: list[Value], needed: list[bool]) -> list[Value]:
        p = eqn.params
        a, b = p["cond_nconsts"], p["cond_nconsts"] + p["body_nconsts"]
        cond_consts, body_consts, carry = values[:a], values[a:b], values[b:]
        while True:
            inputs = [
                Unenclosed("a loop that stops on a comparison of floats", lasting=True)
                if kind(v.aval) == "f"
                else value
                for v, value in zip(p["cond_jaxpr"].jaxpr.invars, [*cond_consts, *carry], strict=True)
            ]
            goes_on = self.closed(p["cond_jaxpr"], inputs)[0]
            if isinstance(goes_on, Unenclosed):
                return [goes_on] * len(eqn.outvars)
            if np.ndim(goes_on):
                raise Undecidable("a batch of loops of different lengths", lasting=True)
            if goes_on == OPEN:
                raise Undecidable("a loop whose end is not decided")
            if goes_on == FALSE:
                return carry
            carry = self.closed(p["body_jaxpr"], [*body_consts, *carry])

    def branch(self, eqn: Any, values: list[Value], needed: list[bool]) -> list[Value]:
        which, operands = values[0], values[1:]
        if isinstance(which, Unenclosed):
            return [which] * len(eqn.outvars)
        branches = eqn.params["branches"]
        if kind(eqn.invars[0].aval) != "b":
            return self.closed(branches[min(max(int(which), 0), len(branches) - 1)], operands, needed)
        if which != OPEN:
            return self.closed(branches[int(which == TRUE)], operands, needed)
        no, yes = (self.closed(part, operands, needed) for part in branches)
        return [_joined(which, a, b) for a, b in zip(no, yes, strict=True)]

    def linear_solve(self, eqn: Any, values: list[Value], needed: list[bool]) -> list[Value]:
        """x with A x = b, A the linear map ``matvec`` written out as a matrix."""
        lengths = eqn.params["const_lengths"]
        consts = values[: lengths.matvec]
        right = values[sum(lengths) :]
        broken = next((v for v in (*consts, *right) if isinstance(v, Unenclosed)), None)
        if broken is not None or len(right) != 1:
            return [broken or Unenclosed("a linear solve of several arrays")] * len(eqn.outvars)
        b, matvec = right[0], eqn.params["jaxprs"].matvec
        n = b.size
        columns = []
        for k in range(n):
            unit = exactly(np.eye(1, n, k).reshape(b.shape))
            image = self.closed(matvec, [*consts, unit])[0]
            if isinstance(image, Unenclosed):
                return [image]
            columns.append(image.ravel())
        A = np.array(columns, object).reshape(n, n).T
        return [_by_blocks(A, b.ravel()).reshape(b.shape)]


def _by_blocks(A: Balls, b: Balls) -> Balls:
    """A⁻¹b, block by block where a batch made A block diagonal."""
    out = b.copy()
    for block in ball_linalg.blocks(ball_linalg.nonzero(A)):
        out[block] = ball_linalg.solve(A[np.ix_(block, block)], b[block])
    return out


def _scalar(entry: Any) -> np.ndarray:
    out = np.empty((), object) if not isinstance(entry, np.generic) else np.empty((), entry.dtype)
    out[()] = entry
    return out


def _stacked(rows: list[Value], aval: Any) -> Value:
    broken = next((row for row in rows if isinstance(row, Unenclosed)), None)
    if broken is not None:
        return broken
    if not rows:
        return value_of(np.zeros(aval.shape, aval.dtype))
    if kind(aval) == "f":
        return shaped([entry for row in rows for entry in row.ravel()], aval.shape)
    return np.stack([np.asarray(row) for row in rows])


def _joined(which: Value, no: Value, yes: Value) -> Value:
    broken = next((v for v in (no, yes) if isinstance(v, Unenclosed)), None)
    if broken is not None:
        return broken
    if no.dtype == object or no.dtype == np.int8:
        return ball.choose(which, no, yes)
    if np.array_equal(no, yes):
        return no
    raise Undecidable("an integer that depends on an undecided comparison")
