"""Other solvers of the hard-margin problem without intercept, each as its fastest exact form allows.

scikit-learn's SVC has an intercept. On data mirrored through the origin (−x with label −y added) symmetry
makes it 0, and the multipliers of a point and its mirror image add up to the point's multiplier in ours.
libsvm keeps the kernel in float32: no tolerance takes its residual much below 1e-8.
"""

import numpy as np

from experiments.benchmarks.measure import peer

HARD = 1e12  # C: multipliers never reach it


def svc_mirrored(X: np.ndarray, y: np.ndarray, tol: float, gram: bool = False) -> np.ndarray:
    """Multipliers (m,) by SVC(linear) on points, or by SVC(precomputed) when ``X`` is their Gram matrix."""
    svm = peer("sklearn.svm")
    inputs = np.block([[X, -X], [-X, X]]) if gram else np.concatenate([X, -X])
    model = svm.SVC(kernel="precomputed" if gram else "linear", C=HARD, tol=tol)
    model.fit(inputs, np.concatenate([y, -y]))
    lam = np.zeros(2 * len(y))
    lam[model.support_] = np.abs(model.dual_coef_[0])
    return lam[: len(y)] + lam[len(y) :]


def svc_plain(X: np.ndarray, y: np.ndarray, tol: float) -> np.ndarray:
    """Dual coefficients of SVC on the points as they are: a *different* problem, with an intercept, half the size."""
    svm = peer("sklearn.svm")
    return np.asarray(svm.SVC(kernel="linear", C=HARD, tol=tol).fit(X, y).dual_coef_[0])


def linear_svc(X: np.ndarray, y: np.ndarray, tol: float) -> np.ndarray:
    """Weights (d,) by LinearSVC (liblinear's dual coordinate descent) without intercept."""
    svm = peer("sklearn.svm")
    model = svm.LinearSVC(loss="hinge", C=HARD, tol=tol, fit_intercept=False, max_iter=100_000, dual=True)
    return np.asarray(model.fit(X, y).coef_[0])


def clarabel_dual(K: np.ndarray, tol: float) -> np.ndarray:
    """Multipliers by Clarabel on the dual, from the signed Gram matrix: m variables, m bounds."""
    m = len(K)
    sparse = peer("scipy.sparse")
    return _clarabel(sparse.csc_matrix(np.triu(K)), -np.ones(m), -sparse.identity(m, format="csc"), np.zeros(m), tol)[0]


def clarabel_primal(Z: np.ndarray, tol: float) -> np.ndarray:
    """Multipliers by Clarabel on the primal, from the rows yᵢxᵢ: d variables, m constraints."""
    m, d = Z.shape
    sparse = peer("scipy.sparse")
    return _clarabel(sparse.identity(d, format="csc"), np.zeros(d), sparse.csc_matrix(-Z), -np.ones(m), tol)[1]


def _clarabel(P: object, q: np.ndarray, A: object, b: np.ndarray, tol: float) -> tuple[np.ndarray, np.ndarray]:
    clarabel = peer("clarabel")
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tol
    solution = clarabel.DefaultSolver(P, q, A, b, [clarabel.NonnegativeConeT(len(b))], settings).solve()
    return np.array(solution.x), np.array(solution.z)
