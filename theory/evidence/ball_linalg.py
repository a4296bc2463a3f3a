r"""Verified linear algebra: balls that contain the exact solutions.

Linear systems: ``arb_mat.solve`` encloses A⁻¹b for every A in the ball and proves A regular, or fails.

Minimisers (derived here). λ minimises ½λᵀKλ − qᵀλ over λ ≥ 0, K ⪰ 0, if and only if s = Kλ − q ≥ 0, λ ≥ 0 and
λ∘s = 0. Guess the support S, solve K_SS λ_S = q_S with balls and put λ = 0 elsewhere. If every ball of λ_S is
positive and every ball of s outside S is too, the conditions hold exactly: s vanishes on S by the solve. The
minimiser is then unique: two minimisers λ, λ' satisfy λ'ᵀs = 0, so λ' vanishes outside S, where K_SS is regular.
With K the Gram matrix of the rows y_i x_i and q = 1 these are the KKT conditions of the max-margin problem, so
w = Σ λ_i y_i x_i is *the* max-margin model. A multiplier or a slack whose ball contains 0 leaves it undecided.

Eigenvalues are enclosed one by one in each diagonal block (of rows and columns linked by entries that are not 0),
where they must be simple; equal ones of different blocks are no obstacle, and where the balls of several overlap each
becomes their hull, since their order is open. Singular values are roots of eigenvalues of A Aᵀ (or AᵀA, the smaller).
Rows that are exactly 0 give singular values 0 with unit vectors on the left. A singular vector that belongs to a value
not known to be positive is only known to have entries in [−1, 1]. The balls contain *one* exact decomposition.
"""

import numpy as np

from theory.evidence.ball import Balls, Undecidable, arb, array, cut, each, exactly, matrix, mid, product, shaped

_EXCHANGES = 8  # of indices in a guessed support that the balls show to be wrong


def solve(A: Balls, b: Balls) -> Balls:
    """A⁻¹ b, for b (n,) or (n, k).

    Raises:
        Undecidable: no proof that A is regular at this precision.
    """
    if A.shape[0] == 0:
        return b
    right = b[:, None] if b.ndim == 1 else b
    try:
        found = array(matrix(A).solve(matrix(right)))
    except ZeroDivisionError:
        raise Undecidable("a linear system that may be singular") from None
    return found[:, 0] if b.ndim == 1 else found


def cholesky(A: Balls) -> Balls:
    """Lower factor of a symmetric positive definite matrix; reads the lower triangle.

    Raises:
        Undecidable: a pivot is not known to be positive.
    """
    n = A.shape[0]
    L = shaped([arb(0)] * (n * n), (n, n))
    for j in range(n):
        for i in range(j, n):
            rest = A[i, j] - sum((L[i, k] * L[j, k] for k in range(j)), arb(0))
            if i == j:
                if not rest > 0:
                    raise Undecidable("a Cholesky pivot that may not be positive")
                L[i, i] = rest.sqrt()
            else:
                L[i, j] = rest / L[j, j]
    return L


def blocks(linked: np.ndarray) -> list[list[int]]:
    """Index sets that no entry of the square boolean matrix ``linked`` connects."""
    rest, out = set(range(len(linked))), []
    while rest:
        block = grown = {min(rest)}
        while grown:
            grown = {int(j) for i in grown for j in np.flatnonzero(linked[i] | linked[:, i])} - block
            block = block | grown
        out.append(sorted(block))
        rest -= block
    return out


def nonzero(A: Balls) -> np.ndarray:
    """Where a matrix is not exactly 0."""
    return np.array([not v.is_zero() for v in A.ravel()], bool).reshape(A.shape)


def eigh(A: Balls) -> tuple[Balls, Balls]:
    """Ascending eigenvalues (n,) and orthonormal eigenvectors (columns) of a symmetric matrix.

    Raises:
        Undecidable: eigenvalues of one block that cannot be told apart at this precision.
    """
    n = len(A)
    values, vectors = exactly(np.zeros(n)), exactly(np.zeros((n, n)))
    for block in blocks(nonzero(A)):
        values[block], vectors[np.ix_(block, block)] = _simple_eigh(A[np.ix_(block, block)])
    order = np.argsort(mid(values)).tolist()
    values, vectors = values[order], vectors[:, order]
    for k in range(1, n):
        if values[k].overlaps(values[k - 1]):
            values[k] = values[k].union(values[k - 1])
    for k in range(n - 1, 0, -1):
        if values[k].overlaps(values[k - 1]):
            values[k - 1] = values[k].union(values[k - 1])
    return values, vectors


def _simple_eigh(A: Balls) -> tuple[Balls, Balls]:
    import flint

    n = len(A)
    if n == 1:
        return A[0], exactly(np.ones((1, 1)))
    try:
        values, vectors = flint.acb_mat(matrix(A)).eig(right=True)
    except ValueError:
        raise Undecidable("eigenvalues too close to be told apart") from None
    columns = []
    for k in range(n):  # a simple eigenvalue is real with a real eigenvector; the ball's is one up to a factor
        column = [vectors[i, k] for i in range(n)]
        largest = max(column, key=lambda entry: float(abs(entry).mid()))
        real = [(entry / largest).real for entry in column]
        length = sum((cut(v * v) for v in real), arb(0)).sqrt()
        columns.append(shaped([v / length for v in real], (n,)))
    return shaped([v.real for v in values], (n,)), np.stack(columns, 1)


def svd(A: Balls) -> tuple[Balls, Balls, Balls]:
    """Thin A = U diag(s) V with s descending: U (m, r), s (r,), V (r, d), r = min(m, d).

    Raises:
        Undecidable: singular values that cannot be told apart at this precision.
    """
    m, d = A.shape
    if d < m:
        left, values, right = svd(A.T)
        return right.T, values, left.T
    rows = [i for i in range(m) if not all(v.is_zero() for v in A[i])]
    B = A[rows]
    eigenvalues, vectors = eigh(product(B, B.T))
    unit = arb(-1).union(arb(1))
    U, s, V = np.empty((m, m), object), np.empty(m, object), np.empty((m, d), object)
    for out, filling in ((U, arb(0)), (s, arb(0)), (V, unit)):
        out.fill(filling)
    for k in range(len(rows)):
        value, vector = cut(eigenvalues[len(rows) - 1 - k]).sqrt(), vectors[:, len(rows) - 1 - k]
        s[k], U[rows, k] = value, vector
        if value > 0:
            V[k] = each(lambda v, by=value: v / by, product(vector[None, :], B)[0])
    for k, zero in enumerate(i for i in range(m) if i not in rows):
        U[zero, len(rows) + k] = arb(1)
    return U, s, V


def _support(K: np.ndarray, q: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Support of a minimiser of ½λᵀKλ − qᵀλ over λ ≥ 0 in float64 (Lawson and Hanson's method): a guess."""
    m = len(q)
    lam, active = np.zeros(m), np.zeros(m, bool)
    for _ in range(3 * m + 10):
        gain = np.where(allowed & ~active, q - K @ lam, -np.inf)
        if not gain.max(initial=-np.inf) > 1e-12 * np.abs(q).max(initial=0.0):
            break
        active[int(gain.argmax())] = True
        while active.any():
            trial = np.zeros(m)
            trial[active] = np.linalg.lstsq(K[np.ix_(active, active)], q[active], rcond=None)[0]
            if (trial[active] > 0).all():
                lam = trial
                break
            falling = active & (trial <= 0)
            step = np.min(lam[falling] / (lam[falling] - trial[falling]), initial=1.0)
            lam = lam + step * (trial - lam)
            active &= lam > 1e-14 * np.abs(lam).max(initial=0.0)
            lam = np.where(active, lam, 0.0)
    return active


def minimise(K: Balls, q: Balls, allowed: np.ndarray) -> tuple[Balls, Balls, np.ndarray]:
    """The unique minimiser of ½λᵀKλ − qᵀλ over λ ≥ 0, λ = 0 outside ``allowed``; K ⪰ 0.

    Args:
        K: (m, m). q: (m,). allowed: plain booleans (m,).

    Returns:
        λ (0 exactly outside its support), the slack Kλ − q (0 exactly on it), and the support.

    Raises:
        Undecidable: a multiplier or slack that may be 0, or a singular system.
    """
    active = _support(mid(K), mid(q), allowed)
    for _ in range(_EXCHANGES):
        S = np.flatnonzero(active)
        lam = exactly(np.zeros(len(q)))
        lam[S] = solve(K[np.ix_(S, S)], q[S])
        slack = product(K, lam[:, None])[:, 0] - q
        slack[S] = exactly(np.zeros(len(S)))
        wrong = [i for i in S if lam[i] < 0] + [i for i in np.flatnonzero(allowed & ~active) if slack[i] < 0]
        if not wrong:
            break
        active[wrong] ^= True
    open_signs = [i for i in S if not lam[i] > 0] + [i for i in np.flatnonzero(allowed & ~active) if not slack[i] > 0]
    if open_signs:
        raise Undecidable(f"the sign of the multiplier or slack of index {int(open_signs[0])}")
    return lam, slack, active
