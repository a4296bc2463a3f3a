"""Max-margin linear models of many points: :func:`theory.solvers.margin.solve_margin` without an m × m matrix.

The points are split over JAX's devices, and only products with them run over all m: see
:mod:`theory.solvers.working_set`. What is solved in one piece is the working set, a few times the support.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from theory.checks import as_forget_mask, as_labels
from theory.solvers.device_rows import Rows, place
from theory.solvers.kkt import residuals_at
from theory.solvers.margin import MarginSolution, NotSeparable
from theory.solvers.nonneg_qp import Status
from theory.solvers.working_set import Solved, working_set_qp

REACHED = 1e-10
"""Relative KKT residual that a solution must show."""


def solve_margin_blocked(
    X: Any, y: Any, *, forget: Any = None, warm_start: MarginSolution | None = None, throw: bool = True
) -> MarginSolution:
    """Exact max-margin model of up to tens of thousands of points, with its four KKT residuals over all of them.

    Args:
        X: points (m, d), of any rank; or :class:`Rows` from :func:`place`, to check and split them once for many calls.
        y: labels ±1 (m,). forget: points left out (indices or mask); their margins are still reported.
        warm_start: a solution on the same points, such as the trained model's.
        throw: raise when no solution was found; else read ``status``.

    Returns:
        :class:`MarginSolution`. ``rounds`` counts the working sets solved, ``exchanges`` the points that entered one.

    Raises:
        ValueError: bad shapes, values, labels or forget set; more than the free memory (with the bytes).
        NotSeparable: the points cannot be separated through the origin (with the certificate).
        RuntimeError: x64 is off, or no solution with residuals ≤ 1e-10 was found.
    """
    rows = place(X)
    m = rows.m
    labels = np.asarray(as_labels(y, m))
    retained = np.ones(m, bool) if forget is None else ~np.asarray(as_forget_mask(forget, m))
    support = slack = None
    if warm_start is not None:
        support, slack = np.asarray(warm_start.support), np.asarray(warm_start.margins) - 1.0
        if support.shape != (m,):
            raise ValueError(f"warm_start: expected a solution on {m} points, got one on {len(support)}")
    found = working_set_qp(rows, labels, np.ones(m), None, retained, support, slack)
    solution = _finished(rows, labels, retained, found)
    if throw:
        _raise_unless_optimal(rows, labels, solution)
    return solution


def _finished(rows: Rows, y: np.ndarray, retained: np.ndarray, found: Solved) -> MarginSolution:
    w, margins = found.combination, found.slack + 1.0
    stationarity = jnp.asarray(np.linalg.norm(w - rows.combine(found.lam * y)))
    residuals = residuals_at(jnp.asarray(found.lam), jnp.asarray(margins), stationarity, jnp.asarray(retained))
    relative = residuals.worst_relative(jnp.linalg.norm(w), jnp.max(found.lam))
    status = found.status
    if status is Status.OPTIMAL and not float(relative) <= REACHED:
        status = Status.ITERATION_LIMIT
    return MarginSolution(
        lam=jnp.asarray(found.lam),
        coefficients=jnp.asarray(found.lam * y),
        margins=jnp.asarray(margins),
        support=jnp.asarray(found.lam > 0),
        residuals=residuals,
        relative_residual=relative if status is Status.OPTIMAL else jnp.asarray(jnp.inf),
        certificate=jnp.asarray(found.ray),
        status=jnp.asarray(int(status)),
        rounds=jnp.asarray(found.rounds),
        exchanges=jnp.asarray(found.entered),
        w=jnp.asarray(w),
    )


def _raise_unless_optimal(rows: Rows, y: np.ndarray, solution: MarginSolution) -> None:
    status = Status(int(solution.status))
    if status is Status.INFEASIBLE:
        ray = np.asarray(solution.certificate)
        residual = float(np.linalg.norm(rows.combine(ray * y)))
        raise NotSeparable(
            f"X, y: expected points separable through the origin; a convex combination of {int((ray > 0).sum())} of "
            f"the y_i x_i has norm {residual:.2e}, so no w has all margins >= 1 "
            "(append a constant feature for an intercept, or remove or relabel one of these points)",
            ray,
            residual,
        )
    if status is not Status.OPTIMAL:
        length = float(jnp.linalg.norm(solution.w))
        bound = f"; no w has a margin above {1 / length:.1e} of its length" if length > 0 else ""
        raise RuntimeError(f"solve_margin_blocked: {status.message}{bound}")
