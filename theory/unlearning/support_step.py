"""Leaving out one support vector at a time, at the cost of one Cholesky factor of the support.

Let S be the support, its points independent, K = Z_S Z_Sᵀ with Z = diag(y) X, H = K⁻¹, w = Z_Sᵀ λ. For l in S the step

    λ′ = λ − (λ_l / H_ll) H[:, l],   w′ = Z_Sᵀ λ′

has λ′_l = 0 and moves no margin of S but that of l, since K H[:, l] = e_l. So w′ is the shortest vector with the
margins that w has on S without l: projected ascent (ga.linear.projected_exact) on the support alone, and the first
step of a decremental solver (Cauwenberghs & Poggio 2000). Projecting on *all* retained points moves nothing once they
span the space; projecting on the support still moves. If λ′ ≥ 0 and no margin elsewhere falls below 1, w′ meets the KKT
conditions of the retained problem, hence is the retrained model (derived here).

Columns of H come tile by tile, so that memory is the factor and one block of models, whatever the number of points.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from theory.solvers.device_rows import NUMBER, Rows, require_free
from theory.solvers.working_set import factor_points


class SupportStep(NamedTuple):
    """Models without one of b support vectors each; row i leaves out point ``left_out[i]``."""

    left_out: Int[np.ndarray, " b"]
    support: Int[np.ndarray, " s"]
    multipliers: Float[np.ndarray, "b s"]  # λ′ on the support, 0 at the point left out, perhaps negative elsewhere
    moved_squared: Float[np.ndarray, " b"]  # ‖w − w′‖² = λ_l² / H_ll

    def weights(self, rows: Rows, y: Float[np.ndarray, " m"]) -> Float[np.ndarray, "b d"]:
        """w′ of each model."""
        return combination(rows, y, self.support, self.multipliers)


def combination(
    rows: Rows, y: Float[np.ndarray, " m"], support: Int[np.ndarray, " s"], multipliers: Float[np.ndarray, "b s"]
) -> Float[np.ndarray, "b d"]:
    """Σ λᵢ yᵢ xᵢ over the support, for each row of multipliers."""
    spread = np.zeros((len(multipliers), rows.m))
    spread[:, support] = multipliers * y[support]
    return rows.combine(spread)


def support_steps(
    rows: Rows, y: Float[np.ndarray, " m"], lam: Float[np.ndarray, " m"], block: int | None = None
) -> Iterator[SupportStep]:
    """The step for every support vector, in blocks.

    Args:
        rows, y: placed points and their labels. lam: multipliers of the trained model, an exact KKT point.
        block: models at a time, at most a tile of the factor (default).

    Raises:
        ValueError: dependent support vectors, a block below 1, or more than the free memory.
    """
    if block is not None and block < 1:
        raise ValueError(f"block: expected at least 1 model, got {block}")
    support = np.flatnonzero(lam > 0)
    factor = factor_points(rows, y, support)
    if not factor.sound:
        raise ValueError(f"X: expected independent support vectors, got {len(support)} dependent ones")
    most = min(block or factor.block, factor.block)
    needed = (factor.block * 3 * len(support) + most * (2 * rows.m + rows.dimension)) * NUMBER
    require_free(needed, f"a block of {most} models of {rows.m} points", "use a smaller block", rows.devices)
    for tile in range(factor.side):
        columns = factor.inverse_columns(tile)
        for first in range(0, columns.shape[1], most):
            part = columns[:, first : first + most]
            models = np.arange(part.shape[1])
            own = tile * factor.block + first + models  # place in the support of each point left out
            drop = lam[support[own]] / part[own, models]
            multipliers = lam[support] - drop[:, None] * part.T
            multipliers[models, own] = 0.0
            yield SupportStep(support[own], support, multipliers, drop * lam[support[own]])
