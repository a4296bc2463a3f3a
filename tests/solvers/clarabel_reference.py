"""The Clarke-KKT QP over (λ, t) written out for Clarabel: an independent solver, in explicit matrices."""

from typing import Any

import clarabel
import numpy as np
import scipy.sparse as sp


def clarke_value(
    Z: Any, u: Any, G: Any, y: Any, square: float, kinks: Any, slack: Any = 0.0, tolerance: float = 1e-12
) -> float:
    """Minimum of ‖W − Σ…‖² + 2 Σ slackᵢ λᵢ, with ‖W‖² = ``square`` and pre-activations Z."""
    Z, u, G, y, kinks = (np.asarray(a) for a in (Z, u, G, y, kinks))
    m, n = Z.shape
    K = y[:, None] * G * y[None, :]
    free = np.full((m, n), -1)
    free[kinks] = m + np.arange(kinks.sum())
    size = m + int(kinks.sum())
    quadratic, linear = sp.lil_matrix((size, size)), np.zeros(size)
    linear[:m] = slack
    for j in range(n):
        variable = np.where((Z[:, j] > 0) & ~kinks[:, j], np.arange(m), free[:, j])
        rows = np.flatnonzero(variable >= 0)
        quadratic[np.ix_(variable[rows], variable[rows])] += u[j] ** 2 * K[np.ix_(rows, rows)]
        linear[variable[rows]] -= u[j] * y[rows] * Z[rows, j]
    i, j = np.nonzero(kinks)
    below = sp.csc_matrix((np.ones(len(i)), (np.arange(len(i)), free[i, j])), shape=(len(i), size))
    owner = sp.csc_matrix((np.ones(len(i)), (np.arange(len(i)), i)), shape=(len(i), size))
    constraints = sp.vstack([-sp.eye_array(size), below - owner]).tocsc()
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
    cone = [clarabel.NonnegativeConeT(constraints.shape[0])]
    right = np.zeros(constraints.shape[0])
    upper = sp.triu(quadratic).tocsc()
    solution = clarabel.DefaultSolver(upper, linear, constraints, right, cone, settings).solve()
    return square + 2.0 * solution.obj_val
