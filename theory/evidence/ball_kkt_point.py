r"""The exact Clarke-KKT point next to a two-layer network, enclosed.

Proof (derived here). Fix activations s ∈ {0,1}^{m×n}, a set of kinks A_j for every neuron, and a support S. Ask for
w_j = u_j Σ_i y_i t_ij x_i with t_ij = s_ij λ_i off the kinks and ⟨w_j, x_i⟩ = 0 at them: with D = diag(y)

    t at the kinks solves G_AA D_A t_A = −G_AN D_N (s∘λ)_N,   so   z_j = u_j (G_:N − G_:A G_AA⁻¹ G_AN) D_N (s_j∘λ)_N,

linear in λ, and so are the margins: M = Q λ. Solve Q_SS λ_S = 1, λ = 0 elsewhere, in balls. The point is an exact
Clarke-KKT point if λ_S > 0, the margins outside S exceed 1, 0 ≤ t_ij ≤ λ_i at the kinks, and off them z_ij has the
sign that s_ij says: each is read off a ball. Where λ_i = 0, t_ij = 0 whatever the sign. G_AA is regular by its solve.
"""

from typing import NamedTuple

import numpy as np

from theory.evidence.ball import Balls, Undecidable, each, exactly, product
from theory.evidence.ball_linalg import solve


class ExactPoint(NamedTuple):
    """Balls that contain an exact Clarke-KKT point."""

    W: Balls  # (n, d)
    lam: Balls  # (m,)
    t: Balls  # (m, n)
    margins: Balls  # (m,)
    kinks: int


def enclose_kkt_point(
    X: Balls, y: Balls, u: Balls, active: np.ndarray, kinks: np.ndarray, support: np.ndarray
) -> ExactPoint:
    """The exact Clarke-KKT point with these activations (m, n), kinks (m, n) and support (m,), guessed in floats.

    Raises:
        Undecidable: no proof that there is one: a sign is open or wrong, or a system may be singular.
    """
    m, n = active.shape
    G, padding = product(X, X.T), [v.is_zero() for v in u]
    Q = exactly(np.zeros((m, m)))
    maps = []  # neuron by neuron: t_j = T λ and z_j = u_j V λ
    for j in range(n):
        A, on = np.flatnonzero(kinks[:, j]), active[:, j] & ~kinks[:, j]
        T = exactly(np.diag(on.astype(np.float64)))
        if len(A):
            load = product(G[A], each(lambda a, b: a * b, y[:, None], T))
            T[A] = each(lambda a, b: -a * b, y[A][:, None], solve(G[np.ix_(A, A)], load))
        V = product(G, each(lambda a, b: a * b, y[:, None], T))
        maps.append((T, V))
        Q[on] = Q[on] + each(lambda v, a=u[j]: v * a * a, each(lambda a, b: a * b, y[on][:, None], V[on]))
    S = np.flatnonzero(support)
    lam = exactly(np.zeros(m))
    lam[S] = solve(Q[np.ix_(S, S)], exactly(np.ones(len(S))))
    margins = product(Q, lam[:, None])[:, 0]
    if not all(lam[i] > 0 for i in S) or not all(margins[i] > 1 for i in np.flatnonzero(~support)):
        raise Undecidable("a multiplier or margin of the guessed support")
    t = np.stack([product(T, lam[:, None])[:, 0] for T, _ in maps], 1)
    z = np.stack([product(V, lam[:, None])[:, 0] for _, V in maps], 1)
    z = each(lambda v, a: v * a, z, u[None, :])
    for i, j in np.ndindex(m, n):
        if padding[j]:
            continue
        if kinks[i, j]:
            if not (0 <= t[i, j] <= lam[i]):
                raise Undecidable("a multiplier at a kink")
        elif not (z[i, j] > 0 if active[i, j] else z[i, j] < 0):
            raise Undecidable("the sign of a pre-activation")
    weights = product(each(lambda a, b: a * b, y[:, None], t).T, X)
    return ExactPoint(each(lambda a, b: a * b, u[:, None], weights), lam, t, margins, int(kinks.sum()))
