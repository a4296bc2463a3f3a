r"""The worst-case forget set of ridge regression: which k points does the retrained model still predict best?

With penalty μ‖w‖², hat matrix H = X(XᵀX + μI)⁻¹Xᵀ and residual e = y − Hy, the model retrained without F misses
the forgotten labels by r_F = (I − H_FF)⁻¹ e_F (derived in :mod:`theory.claims.wc.ridge.retrained_error`). Worst-case
selection minimises ‖r_F‖² over |F| = k: forgetting shows least on such an F. No model is retrained here.

:func:`enumerate_sets` is exact for some 1e6 sets; :func:`greedy` and :func:`exchange` are heuristics; exact beyond
enumeration is :func:`theory.solvers.branch_and_bound.branch_and_bound`. Host code (numpy), outside ``jit``.
"""

import itertools
import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.checks import as_float_array, is_traced

_CHUNK = 1 << 16  # sets per batched solve
MOST_SETS = 20_000_000  # a minute or two of enumeration


class LeaveOut(NamedTuple):
    """A ridge problem as far as forgetting sees it. Host or JAX arrays."""

    B: Any  # (N, N), I − H: symmetric, eigenvalues in (0, 1]
    e: Any  # (N,): residual of the model trained on everything


class Extension(NamedTuple):
    """The points of S left out; what leaving out T ⊂ candidates as well does. Host or JAX arrays."""

    chosen: Any  # r_S (s,): errors on S once S is left out
    M: Any  # (s, n): r_S becomes r_S − M_T r_T
    C: Any  # (n, n): r_T = C_TT⁻¹ c_T
    c: Any  # (n,): errors on the candidates once S is left out


def as_ridge(X: Any, y: Any, mu: Any) -> tuple[Float[Array, "N d"], Float[Array, " N"], Float[Array, ""]]:
    """Rows (N, d), labels (N,) and a penalty > 0, checked.

    Raises:
        ValueError: bad shapes, NaN, or mu ≤ 0.
        RuntimeError: x64 is off.
    """
    points, labels = as_float_array(X, "X", 2), as_float_array(y, "y", 1)
    if len(labels) != len(points):
        raise ValueError(f"y: expected {len(points)} labels, one per row of X, got {len(labels)}")
    strength = as_float_array(mu, "mu", 0)
    if not is_traced(strength) and not strength > 0:
        raise ValueError(f"mu: expected a ridge penalty > 0, got {float(strength):g}")
    return points, labels, strength


def leave_out(X: Any, y: Any, mu: Any) -> LeaveOut:
    """I − H and the residual of ridge regression, accurate also where H is near I.

    Args:
        X: (N, d) rows. y: (N,) labels. mu: of the penalty μ‖w‖², > 0, in units of squared singular values of X.

    Raises: as :func:`as_ridge`.
    """
    points, labels, strength = as_ridge(X, y, mu)
    left, sigma, _ = jnp.linalg.svd(points, full_matrices=True)
    values = jnp.zeros(len(points)).at[: len(sigma)].set(sigma)
    B = (left * (strength / (strength + values**2))[None, :]) @ left.T
    return LeaveOut(B, B @ labels)


def forget_losses(problem: LeaveOut, sets: Any) -> np.ndarray:
    """‖r_F‖² of many forget sets, each (k,) indices: (n, k) -> (n,), in squared units of y."""
    B, e = np.asarray(problem.B), np.asarray(problem.e)
    rows = np.asarray(sets)
    found = np.linalg.solve(B[rows[:, :, None], rows[:, None, :]], e[rows][:, :, None])
    return np.sum(found[:, :, 0] ** 2, axis=1)


def extend(problem: LeaveOut, chosen: Any, candidates: Any) -> Extension:
    """Leave out ``chosen`` (indices, maybe none), and prepare for more of ``candidates`` by the Schur complement."""
    B, e = problem
    xp = B.__array_namespace__()
    rest, c = B[candidates][:, candidates], e[candidates]
    if len(chosen) == 0:
        return Extension(e[:0], rest[:0], rest, c)
    cross = B[chosen][:, candidates]
    solved = xp.linalg.solve(B[chosen][:, chosen], xp.concatenate([e[chosen][:, None], cross], axis=1))
    r, M = solved[:, 0], solved[:, 1:]
    return Extension(r, M, rest - cross.T @ M, c - cross.T @ r)


def one_more(part: Extension) -> np.ndarray:
    """‖r_F‖² for F = S and one candidate more, of every candidate (n,)."""
    r = part.c / np.diagonal(part.C)
    return np.sum((part.chosen[:, None] - part.M * r[None, :]) ** 2, axis=0) + r**2


def check_size(problem: LeaveOut, k: Any) -> tuple[LeaveOut, int]:
    """The problem as host arrays, and k.

    Raises:
        ValueError: k is not a whole number from 1 to N − 1.
    """
    count = len(problem.e)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k < count:
        raise ValueError(f"k: expected a whole number from 1 to {count - 1} points to forget, got {k!r}")
    return LeaveOut(*(np.asarray(part) for part in problem)), int(k)


def enumerate_sets(problem: LeaveOut, k: int) -> tuple[np.ndarray, float]:
    """The worst-case forget set (k,) and its ‖r_F‖², by trying all.

    Raises:
        ValueError: a bad k, or more than MOST_SETS sets.
    """
    host, k = check_size(problem, k)
    count = len(host.e)
    if math.comb(count, k) > MOST_SETS:
        raise ValueError(
            f"k: {k} of {count} points make {math.comb(count, k):.3g} sets, more than {MOST_SETS:.3g}; "
            "use branch_and_bound"
        )
    best, value = np.arange(k), np.inf
    sets = itertools.combinations(range(count), k)
    while chunk := list(itertools.islice(sets, _CHUNK)):
        rows = np.array(chunk)
        losses = forget_losses(host, rows)
        at = int(np.argmin(losses))
        if losses[at] < value:
            best, value = rows[at], float(losses[at])
    return best, value


def greedy(problem: LeaveOut, k: int) -> tuple[np.ndarray, float]:
    """One point at a time, each the best given those before; (indices sorted, ‖r_F‖²)."""
    host, k = check_size(problem, k)
    chosen = np.empty(0, int)
    for _ in range(k):
        candidates = np.setdiff1d(np.arange(len(host.e)), chosen)
        chosen = np.append(chosen, candidates[np.argmin(one_more(extend(host, chosen, candidates)))])
    chosen = np.sort(chosen)
    return chosen, float(forget_losses(host, chosen[None])[0])


def exchange(problem: LeaveOut, start: Any) -> tuple[np.ndarray, float]:
    """Swap one point for another while that helps, the best swap first; (indices sorted, ‖r_F‖²)."""
    host, k = check_size(problem, len(start))
    chosen = np.sort(np.asarray(start))
    value = float(forget_losses(host, chosen[None])[0])
    while True:
        outside = np.setdiff1d(np.arange(len(host.e)), chosen)
        losses = np.stack([one_more(extend(host, np.delete(chosen, out), outside)) for out in range(k)])
        out, into = np.unravel_index(int(np.argmin(losses)), losses.shape)
        swapped = np.sort(np.append(np.delete(chosen, out), outside[into]))
        better = float(forget_losses(host, swapped[None])[0])
        if not better < value * (1.0 - 1e-12):  # rounding must not swap for ever
            return chosen, value
        chosen, value = swapped, better
