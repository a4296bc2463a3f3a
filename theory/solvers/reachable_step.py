r"""Can projected gradient change a forget set at all with this step and this many iterations?

Worst-case selection moves weights w ∈ [0, 1]^N, Σw = k, by w ← Π(w − α g), g_i = ℓ_i + 2γw_i, from the indicator of a
forget set F, and takes the k largest weights at the end. After t iterations (proved in
:mod:`theory.claims.wc.selection.fixed_losses`, whatever the losses are at each iteration)

    max_{j ∉ F} w_j − min_{i ∈ F} w_i ≤ −1 + α Σ_t (max g − min g):

below 1 the sum α Σ_t (max g − min g) leaves F in place, and no weight vector is the indicator of another set before it
is 2. With the losses of one model it is α · iterations · gap.
"""

from typing import Any, NamedTuple

import numpy as np

from theory.checks import as_float_array


class Reach(NamedTuple):
    """How far the iterations can move weights that start at 0 and 1."""

    reach: float  # α Σ_t (max g − min g), a pure number
    can_change: bool  # reach ≥ 1: the k largest weights may be others than at the start
    can_swap: bool  # reach ≥ 2: the weights may be those of another set
    least_alpha: float  # with which reach = 1; infinite where all losses are equal
    message: str  # one line for the user


def reachable(alpha: float, iterations: int, losses: Any, gamma: float = 0.0) -> Reach:
    """Whether projected gradient from a binary start can change the selected forget set.

    Args:
        alpha: step of the weights, > 0. iterations: of the weights, ≥ 1.
        losses: (N,) of one model, or (iterations, N) of each iteration's; in the unit of 1/alpha.
        gamma: strength of γ‖w‖², which adds 2γw_i to the gradient.

    Raises:
        ValueError: a bad argument, named.
    """
    if not alpha > 0 or not np.isfinite(alpha):
        raise ValueError(f"alpha: expected a finite step > 0, got {alpha}")
    if iterations < 1:
        raise ValueError(f"iterations: expected at least 1, got {iterations}")
    if not np.isfinite(gamma):
        raise ValueError(f"gamma: expected a finite number, got {gamma}")
    values = np.asarray(as_float_array(losses, "losses", np.ndim(losses) if np.ndim(losses) == 2 else 1))
    if values.ndim == 2 and len(values) != iterations:
        raise ValueError(f"losses: expected {iterations} rows, one per iteration, got {len(values)}")
    gaps = np.ptp(np.atleast_2d(values), axis=1) + 2.0 * abs(gamma)
    total = float(gaps.sum() if values.ndim == 2 else gaps[0] * iterations)
    reach, least = alpha * total, 1.0 / total if total > 0 else np.inf
    said = f"alpha = {alpha:g} over {iterations} iterations: alpha times the loss gaps is {reach:.3g}"
    if reach < 1:
        message = f"{said}, below 1: the forget set stays as it started; raise alpha to {least:.3g} at least"
    elif reach < 2:
        message = f"{said}, below 2: the largest weights may change, but no weights reach another set"
    else:
        message = f"{said}: the forget set can change"
    return Reach(reach, reach >= 1, reach >= 2, least, message)
