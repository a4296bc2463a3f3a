"""Other solvers of the same problems: the hard margin without intercept, the Clarke QP, a training loop.

Each is used as its fastest exact form allows.

scikit-learn's SVC has an intercept. On data mirrored through the origin (−x with label −y added) symmetry
makes it 0, and the multipliers of a point and its mirror image add up to the point's multiplier in ours.
libsvm keeps the kernel in float32: no tolerance takes its residual much below 1e-8.
"""

import importlib.util
from typing import Any

import numpy as np

from experiments.benchmarks.measure import peer

HARD = 1e12  # C: multipliers never reach it
TORCH_MISSING = "PyTorch is not installed and was left out; with its CPU build installed the loop in it is measured too"


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
    solution = _solve_clarabel(P, q, A, b, tol)
    return np.array(solution.x), np.array(solution.z)


def _solve_clarabel(P: object, q: np.ndarray, A: object, b: np.ndarray, tol: float) -> Any:
    clarabel = peer("clarabel")
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tol
    return clarabel.DefaultSolver(P, q, A, b, [clarabel.NonnegativeConeT(len(b))], settings).solve()


def clarke_qp(Z: Any, u: Any, G: Any, y: Any, kinks: Any, slack: Any = 0.0) -> tuple[Any, Any, Any, Any]:
    """(P, q, A, b) of the Clarke-KKT QP: ½‖Σ_j …‖² − ⟨W, Σ_j …⟩ + Σ slackᵢ λᵢ over (λ, t at kinks), A x ≤ b.

    Args:
        Z: pre-activations (m, n). u, G, y: output weights, Gram matrix, labels. kinks: pairs whose t is free (m, n).
    """
    sp = peer("scipy.sparse")
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
    point, count = np.nonzero(kinks)[0], int(kinks.sum())
    below = sp.csc_matrix((np.ones(count), (np.arange(count), free[kinks])), shape=(count, size))
    owner = sp.csc_matrix((np.ones(count), (np.arange(count), point)), shape=(count, size))
    A = sp.vstack([-sp.eye_array(size), below - owner]).tocsc()
    return sp.triu(quadratic).tocsc(), linear, A, np.zeros(A.shape[0])


def clarabel_value(problem: tuple[Any, Any, Any, Any], tol: float) -> float:
    """Minimum of ½ xᵀP x + qᵀx subject to A x ≤ b, by Clarabel."""
    return float(_solve_clarabel(*problem, tol).obj_val)


def has_torch() -> bool:
    """Whether PyTorch, an optional peer, can be imported."""
    return importlib.util.find_spec("torch") is not None


def torch_training(u: np.ndarray, W: np.ndarray, X: np.ndarray, y: np.ndarray, steps: int, rate: float) -> np.ndarray:
    """Weights after ``steps`` of gradient descent on log L (exponential loss) by PyTorch's autograd, on one thread."""
    torch = peer("torch")
    torch.set_num_threads(1)
    out, points, labels = (torch.from_numpy(np.array(a)) for a in (u, X, y))
    weights = torch.from_numpy(np.array(W)).requires_grad_()
    for _ in range(steps):
        margins = labels * (torch.relu(points @ weights.T) @ out)
        (slope,) = torch.autograd.grad(torch.logsumexp(-margins, 0), weights)
        with torch.no_grad():
            weights -= rate * slope
    return np.asarray(weights.detach())
