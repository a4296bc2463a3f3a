r"""The exact worst-case forget set of ridge regression, with a certificate, by branch and bound.

Bound (derived here). S is chosen and t more points T are to come from the candidates; with the Schur complement C of
I − H, r_T = C_TT⁻¹ c_T and r_S = a − M_T r_T (:class:`theory.solvers.worst_ridge.Extension`, a its ``chosen``). Let

    d_i = |C_ii| + the t − 1 largest |C_ij|, j ≠ i;   κ = max_j (|C_jj|/d_j + the t − 1 largest |C_ij|/d_i, i ≠ j);
    q_i = (c_i/d_i)²;   g = Mᵀa/‖a‖.

The rows of D⁻¹C_TT have absolute sums ≤ 1 and its columns ≤ κ, so by Schur's test ‖D⁻¹C_TT‖₂² ≤ κ, and
‖C_TT‖₂ ≤ ‖C‖₂ =: λ by interlacing. From c_T = C_TT r_T, and the same times D⁻¹,

    ‖r_T‖² ≥ max(Σ_T q_i/κ, Σ_T c_i²/λ²) ≥ ρ₀².   Also ‖r_S‖ ≥ ⟨a, r_S⟩/‖a‖ ≥ ‖a‖ − ‖g_T‖ ‖r_T‖.

So ‖r_F‖² ≥ min over ρ ≥ ρ₀ of (‖a‖ − ‖g_T‖ρ)₊² + ρ², which is convex in ρ with its minimum ‖a‖²/(1 + ‖g_T‖²) at
ρ = ‖a‖‖g_T‖/(1 + ‖g_T‖²), grows with ρ₀ and falls with ‖g_T‖. A point i in T leaves t − 1 others: the smallest q and
the largest |g| bound what they can be. The bound is attained where T is all that is left and C diagonal.

Only C_TT regular is used, so it holds for any symmetric I − H. How far it prunes depends on the off-diagonal of C:
well where N is several times d (leverages small) or d is far above N (the Gram matrix is near diagonal), worse where
N is near d and μ is small, and worse the larger k is.
"""

import heapq
from typing import Any, NamedTuple

import numpy as np

from theory.numerics import EPS, ROUNDINGS
from theory.solvers.worst_ridge import Extension, LeaveOut, check_size, exchange, extend, greedy, one_more

_ROUNDING = 1e-9  # relative: bounds are lowered by it, or by what a badly conditioned I − H may lose if that is more


class WorstSet(NamedTuple):
    """The best set found and what is proved of it."""

    indices: np.ndarray  # (k,), sorted
    value: float  # its ‖r_F‖²
    lower: float  # no set is below this
    nodes: int  # expanded
    sets: int  # evaluated exactly
    rounding: float  # relative allowance for float64: the proof is up to this

    @property
    def optimal(self) -> bool:
        """Whether the set is proved best, up to ``rounding``."""
        return self.lower >= self.value * (1.0 - self.rounding)

    @property
    def gap(self) -> float:
        """1 − lower/value: 0 where optimal, 1 where nothing is known."""
        return 0.0 if self.optimal else 1.0 - self.lower / self.value


def _largest_sum(xp: Any, values: Any, count: int, axis: int) -> Any:
    """Sum of the ``count`` largest entries along an axis."""
    ordered = xp.sort(values, axis=axis)
    start = values.shape[axis] - count
    return xp.sum(ordered[start:] if axis == 0 else ordered[:, start:], axis=axis)


def _with_each(xp: Any, q: Any, t: int) -> Any:
    """For every i the least sum of t entries of q, i among them."""
    least = xp.sort(q)[:t]
    return xp.sum(least[:-1]) + xp.maximum(q, least[-1])


def lower_bounds(part: Extension, t: int) -> Any:
    """For every candidate i a number that ‖r_F‖² is not below for any F = S ∪ T with i in T, |T| = t ≥ 1.

    (n,), numpy or JAX as ``part`` is; at least t candidates. Derived in the module docstring.
    """
    xp = part.C.__array_namespace__()
    size = xp.abs(part.C)
    diagonal = xp.diagonal(size)
    off = xp.where(xp.eye(len(diagonal), dtype=bool), 0.0, size)
    d = diagonal + _largest_sum(xp, off, t - 1, 1)
    kappa = xp.max(diagonal / d + _largest_sum(xp, off / d[:, None], t - 1, 0))
    norm = xp.max(xp.abs(xp.linalg.eigvalsh(part.C)))
    by_entries, by_norm = (_with_each(xp, q, t) for q in ((part.c / d) ** 2 / kappa, (part.c / norm) ** 2))
    inside = xp.maximum(by_entries, by_norm)  # ρ₀²
    squared = xp.sum(part.chosen**2)
    length = xp.sqrt(xp.where(squared > 0, squared, 1.0))
    g = (part.chosen @ part.M / length) ** 2
    most = xp.sort(g)[len(diagonal) - t :]
    pull = xp.sum(most[1:]) + xp.minimum(g, most[0])  # ‖g_T‖²
    length, rho = xp.where(squared > 0, length, 0.0), xp.sqrt(inside)
    beyond = inside + xp.maximum(length - xp.sqrt(pull) * rho, 0.0) ** 2
    return xp.where(rho * (1.0 + pull) >= length * xp.sqrt(pull), beyond, length**2 / (1.0 + pull))


def _surviving(host: LeaveOut, chosen: np.ndarray, candidates: np.ndarray, t: int, best: float, keep: float) -> Any:
    """Candidates whose bound times ``keep`` is below ``best``, with these; dropping some sharpens the others'."""
    while len(candidates) >= t:
        bounds = lower_bounds(extend(host, chosen, candidates), t) * keep
        kept = bounds < best
        if kept.all():
            return candidates, bounds
        candidates = candidates[kept]
    return candidates[:0], np.empty(0)


def _allowance(B: np.ndarray) -> float:
    """What rounding may do to a bound, relative."""
    eigenvalues = np.linalg.eigvalsh(B)
    condition = float(eigenvalues[-1] / max(eigenvalues[0], np.finfo(float).tiny))
    rounding = max(_ROUNDING, ROUNDINGS * EPS * condition)
    if rounding > 1e-3:
        raise ValueError(f"mu: too small, I - H has condition {condition:.1e}; expected at most 1e10")
    return rounding


def branch_and_bound(problem: LeaveOut, k: int, max_nodes: int = 100_000) -> WorstSet:
    """The set F of k points with the least ‖(I − H_FF)⁻¹ e_F‖², best bound first.

    Args:
        problem: of :func:`theory.solvers.worst_ridge.leave_out`. k: points to forget, 1 to N − 1.
        max_nodes: partial sets to expand; beyond it the search stops with the bound reached so far.

    Returns:
        :class:`WorstSet`; ``optimal`` unless the nodes ran out.

    Raises:
        ValueError: a bad k, max_nodes below 1, or an I − H too ill-conditioned for float64 to prove anything.
    """
    host, k = check_size(problem, k)
    if max_nodes < 1:
        raise ValueError(f"max_nodes: expected at least 1, got {max_nodes}")
    indices, value = exchange(host, greedy(host, k)[0])
    everything, rounding = np.arange(len(host.e)), _allowance(host.B)
    heap: list[tuple[float, int, np.ndarray, np.ndarray]] = [(0.0, 0, everything[:0], everything)]
    nodes = sets = made = 0
    while heap and heap[0][0] < value and nodes < max_nodes:
        bound, _, chosen, candidates = heapq.heappop(heap)
        nodes += 1
        t = k - len(chosen)
        if t == 1:
            losses = one_more(extend(host, chosen, candidates))
            sets += len(losses)
            at = int(np.argmin(losses))
            if losses[at] < value:
                indices, value = np.sort(np.append(chosen, candidates[at])), float(losses[at])
            continue
        survivors, bounds = _surviving(host, chosen, candidates, t, value, 1.0 - rounding)
        order = np.argsort(bounds, kind="stable")
        survivors, bounds = survivors[order], bounds[order]
        for place in range(len(survivors) - t + 1):
            made += 1
            below = max(bound, float(bounds[place]))
            child = np.append(chosen, survivors[place])
            heapq.heappush(heap, (below, made, child, survivors[place + 1 :]))
    lower = min(heap[0][0], value) if heap else value
    return WorstSet(indices, value, lower, nodes, sets, rounding)
