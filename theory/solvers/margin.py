"""Max-margin linear model: minimise ½‖w‖² subject to yᵢ⟨w, xᵢ⟩ ≥ 1 (no intercept).

Solved in the dual by :func:`theory.solvers.nonneg_qp.nonneg_qp`; only the Gram matrix is
needed, so the input dimension costs nothing once G is there.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from theory.checks import as_data, as_forget_mask, as_gram, as_labels, is_traced
from theory.numerics import EPS, gram_norm, masked_min, norm
from theory.solvers.extended import Extended, accurate_matmul, columns, exactly, once, power_scale
from theory.solvers.kkt import KKTResiduals, residuals_at
from theory.solvers.nonneg_qp import NonnegQP, Status, nonneg_qp

_THINNEST = 1e13  # longer weights (points of length 1) are rounding noise: 1/w is below the points' own rounding


class NotSeparable(ValueError):
    """The data admit no max-margin solution; ``certificate`` is the convex combination that proves it."""

    def __init__(self, message: str, certificate: np.ndarray, residual: float):
        super().__init__(message)
        self.certificate = certificate
        self.residual = residual


class MarginSolution(NamedTuple):
    """A max-margin model with its residuals."""

    lam: Float[Array, " m"]  # multipliers
    coefficients: Float[Array, " m"]  # λ ∘ y: w = Xᵀ coefficients
    margins: Float[Array, " m"]  # yᵢ⟨w, xᵢ⟩, of left-out points too
    support: Bool[Array, " m"]  # points with λ > 0
    residuals: KKTResiduals
    relative_residual: Float[Array, ""]  # the largest of the four, relative to its scale
    certificate: Float[Array, " m"]  # infeasible: z >= 0, sum z = 1, Σ zᵢ yᵢ xᵢ = 0; else 0
    status: Int[Array, ""]  # a Status
    rounds: Int[Array, ""]  # linear systems of the block phase
    exchanges: Int[Array, ""]  # indices that entered or left the active set
    w: Float[Array, " d"] | None  # weights; None when only a Gram matrix was given


def margin_from_gram(
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"] | None = None,
    start: Bool[Array, " m"] | None = None,
) -> MarginSolution:
    """:func:`solve_margin` on a Gram matrix, for use inside ``jit`` and ``vmap``: no checks, no exceptions."""
    retained = jnp.ones(len(y), bool) if retained is None else retained
    K = y[:, None] * G * y[None, :]
    ones = jnp.ones_like(y)
    solved = nonneg_qp(K, ones, allowed=retained, start=start, magnitude=ones)
    reach = jnp.abs(K) @ solved.lam
    return _finish(solved, y, K @ solved.lam, gram_norm(solved.lam, K), jnp.zeros(()), retained, reach, None)


def margin_from_points(
    X: Float[Array, "m d"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"] | None = None,
    start: Bool[Array, " m"] | None = None,
    extended: bool = True,
) -> MarginSolution:
    """:func:`solve_margin` on points, for use inside ``jit`` and ``vmap``: no checks, no exceptions.

    Without ``extended`` (static) no twice float64 is compiled in: right for small problems with margins that are
    not thin; where it would be needed, ``relative_residual`` is inf.
    """
    retained = jnp.ones(len(y), bool) if retained is None else retained
    Z = y[:, None] * X
    scale = power_scale(jnp.max(jnp.abs(Z), axis=1))
    unit = scale[:, None] * Z
    solved = nonneg_qp(
        unit @ unit.T, scale, allowed=retained, start=start, factor=unit, magnitude=scale, extended=extended
    )
    ray = solved.ray * scale
    solved = solved._replace(
        lam=solved.lam * scale, low=solved.low * scale, ray=ray / jnp.where(jnp.any(ray > 0), jnp.sum(ray), 1.0)
    )
    w, stationarity = Z.T @ solved.lam, jnp.zeros(())
    if extended:  # with thin margins the terms of w cancel: sum them in twice float64, then round once
        total = once(jnp.any(solved.low != 0), _combine, exactly(w), Z, solved.lam, solved.low)
        w = total.rounded()
        stationarity = norm((total.hi - w) + total.rounding() - Z.T @ solved.low)
    reach = norm(w) * jnp.sqrt(jnp.sum(unit * unit, axis=1)) / scale
    return _finish(solved, y, Z @ w, norm(w), stationarity, retained, reach, w)


def _combine(Z: Array, lam: Array, low: Array) -> Extended:
    product = accurate_matmul(exactly(Z.T), columns(Extended(lam, low)))
    return product.each(lambda part: part[:, 0])


def _finish(
    solved: NonnegQP,
    y: Array,
    margins: Array,
    size: Array,
    stationarity: Array,
    retained: Array,
    reach: Array,
    w: Array | None,
) -> MarginSolution:
    """Residuals, and a last look: ``reach`` is the size of the terms of each margin, which float64 rounds."""
    residuals = residuals_at(solved.lam, margins, stationarity, retained)
    largest = jnp.max(solved.lam)
    relative = residuals.worst_relative(size, largest)
    share = solved.lam / jnp.where(largest > 0, largest, 1.0)
    misfit = jnp.where(retained, jnp.maximum(1.0 - margins, share * (margins - 1.0)), 0.0)
    rounding = 16 * EPS * (len(y) if w is None else len(w)) * reach
    thinnest = masked_min(reach, solved.lam > 0)  # 1 / the margin in units of the points' length
    shown = jnp.all(misfit <= 1e-10 + rounding) & (thinnest <= _THINNEST)
    status = jnp.where((solved.status == Status.OPTIMAL) & ~shown, int(Status.ITERATION_LIMIT), solved.status)
    return MarginSolution(
        lam=solved.lam,
        coefficients=solved.lam * y,
        margins=margins,
        support=solved.lam > 0,
        residuals=residuals,
        relative_residual=jnp.where(status == Status.OPTIMAL, relative, jnp.inf),
        certificate=solved.ray,
        status=status,
        rounds=solved.rounds,
        exchanges=solved.exchanges,
        w=w,
    )


_from_gram = jax.jit(margin_from_gram)
_from_points = jax.jit(margin_from_points)


def solve_margin(
    X: Any = None, y: Any = None, *, gram: Any = None, forget: Any = None, warm_start: Any = None, throw: bool = True
) -> MarginSolution:
    """Exact max-margin linear model with its four KKT residuals.

    Args:
        X: points (m, d); leave out to work from ``gram``. Any rank, duplicates and m > d are fine.
        y: labels ±1 (m,); one class alone is a valid problem (no intercept).
        gram: X Xᵀ (m, m), instead of X; then ``w`` is None and ``coefficients`` holds the model.
        forget: points left out (indices or mask); their margins are still reported.
        warm_start: mask (m,) of the points thought to be support vectors.
        throw: raise when no solution was found; inside ``jit`` never raises, read ``status``.

    Returns:
        :class:`MarginSolution`.

    Raises:
        ValueError: bad shapes, values, labels or forget set; both or neither of X and ``gram``.
        NotSeparable: the points cannot be separated through the origin (with the certificate).
        RuntimeError: x64 is off, or the active set did not settle (``ITERATION_LIMIT``).
    """
    if (X is None) == (gram is None):
        raise ValueError("solve_margin: expected exactly one of X and gram")
    if y is None:
        raise ValueError("y: expected labels -1 or +1, got None")
    if gram is None:
        points, labels = as_data(X, y)
    else:
        points = as_gram(gram)
        labels = as_labels(y, points.shape[0])
    m = points.shape[0]
    retained = jnp.ones(m, bool) if forget is None else ~as_forget_mask(forget, m)
    start = None if warm_start is None else jnp.asarray(warm_start, bool)
    if start is not None and start.shape != (m,):
        raise ValueError(f"warm_start: expected a boolean mask of shape ({m},), got shape {start.shape}")
    solution = (_from_points if gram is None else _from_gram)(points, labels, retained, start)
    if throw and not is_traced(solution.status):
        _raise_unless_optimal(solution, points, labels, gram is not None)
    return solution


def _raise_unless_optimal(solution: MarginSolution, points: Array, labels: Array, is_gram: bool) -> None:
    status = Status(int(solution.status))
    if status is Status.OPTIMAL:
        return
    if status is Status.INFEASIBLE:
        ray = solution.certificate * labels
        residual = float(gram_norm(ray, points) if is_gram else norm(points.T @ ray))
        involved = int(jnp.sum(solution.certificate > 0))
        raise NotSeparable(
            f"X, y: expected points separable through the origin; a convex combination of {involved} of the "
            f"y_i x_i has norm {residual:.2e}, so no w has all margins >= 1 "
            "(append a constant feature for an intercept, or remove or relabel one of these points)",
            np.asarray(solution.certificate),
            residual,
        )
    raise RuntimeError(f"solve_margin: {status.message}")
