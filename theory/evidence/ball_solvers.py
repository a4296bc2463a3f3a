"""Solvers that balls enclose by what they solve, not by what they compute: the exact solutions.

A solver is recognised in a jaxpr by the name of its compiled function. Its entry gets that function's arguments by
name and returns its results in order.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from theory.evidence import ball_linalg
from theory.evidence.ball import OPEN, TRUE, Undecidable, Unenclosed, as_truth, exactly, product

Value = Any


def _nonneg_qp(given: dict[str, Value]) -> dict[str, Value]:
    """:func:`theory.solvers.nonneg_qp.nonneg_qp`: the exact minimiser, with nothing left to ``low``."""
    q = given["q"]
    allowed = given.get("allowed", as_truth(np.ones(len(q), bool)))
    if (allowed == OPEN).any():
        raise Undecidable("which indices a problem has")
    if "point" in given and "factor" in given:
        q = q + product(given["factor"], given["point"][:, None])[:, 0]
    lam, slack, active = ball_linalg.minimise(given["K"], q, allowed == TRUE)
    zeros, none = exactly(np.zeros(len(q))), np.asarray(0)
    return {"lam": lam, "low": zeros, "slack": slack, "active": as_truth(active), "ray": zeros, "status": none}


_NAMED: dict[str, tuple[Callable[[dict[str, Value]], dict[str, Value]], dict[str, int]]] = {
    "nonneg_qp": (_nonneg_qp, {"K": 2, "q": 1, "allowed": 1, "factor": 2, "point": 1}),
}


def enclose(name: str, inner: Any, values: Sequence[Value]) -> list[Value] | None:
    """Results of the solver ``name``, or None if there is none of that name.

    Args:
        inner: its closed jaxpr. values: its arguments. Results that the entry does not give are Unenclosed.
    """
    if name not in _NAMED:
        return None
    solver, arguments = _NAMED[name]
    named = zip(inner.jaxpr.debug_info.arg_names, values, strict=True)
    given = {argument: value for argument, value in named if argument in arguments}
    broken = next((value for value in given.values() if isinstance(value, Unenclosed)), None)
    if broken is not None:
        return [broken] * len(inner.jaxpr.outvars)
    batch = any(np.ndim(value) != arguments[argument] for argument, value in given.items())
    if batch:  # which axis of an array is the batch's is not in the jaxpr
        raise Undecidable(f"a batch of problems of {name}", lasting=True)
    found = solver(given)
    results = [str(path).split(".")[-1] for path in inner.jaxpr.debug_info.result_paths]
    out = [found.get(result, Unenclosed(f"{result} of {name}", lasting=True)) for result in results]
    if any(
        isinstance(v, np.ndarray) and v.shape != o.aval.shape for v, o in zip(out, inner.jaxpr.outvars, strict=True)
    ):
        raise Undecidable(f"a batch of problems of {name}", lasting=True)
    return out
