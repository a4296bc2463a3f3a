r"""The ridge model retrained without F misses the forgotten labels by (I − H_FF)⁻¹ e_F: no retraining is needed.

w = argmin ‖Xw − y‖² + μ‖w‖², H = XA⁻¹Xᵀ with A = XᵀX + μI, e = y − Xw = (I − H)y; w_R the same without the rows F.

Proof (derived here). A w = Xᵀy, and leaving out F, (A − X_FᵀX_F) w_R = Xᵀy − X_Fᵀy_F. With r_F = y_F − X_F w_R this
says A w_R = Aw − X_Fᵀ r_F, so w_R = w − A⁻¹X_Fᵀ r_F. Applying X_F: y_F − r_F = y_F − e_F − H_FF r_F, that is
(I − H_FF) r_F = e_F. For μ > 0 the eigenvalues of I − H are μ/(μ + σ²) or 1, in (0, 1], hence so are those of its
principal block I − H_FF: it is regular, and ‖r_F‖ ≥ ‖e_F‖, a retrained model never predicts what it forgot better than
the model that saw it. For one point r_i = e_i/(1 − H_ii).

The worst-case forget set of size k, hardest to unlearn, minimises ‖r_F‖² over |F| = k: theory.solvers.worst_ridge.
"""

import random
from fractions import Fraction
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ft.rational_instances import ENTRIES
from theory.claims.wc.ridge import ridge_steps
from theory.numerics import norm
from theory.solvers.rational import ONE, ZERO, Matrix, MatrixMaker, pick_rows, rational_matrix, same


class RidgeForget(NamedTuple):
    """A ridge problem and the rows to forget."""

    X: Float[Array, "N d"]
    y: Float[Array, " N"]
    mu: Float[Array, ""]
    forget: Bool[Array, " N"]


class Retrained(NamedTuple):
    """The formula's objects and those of a model fitted without F."""

    e: Float[Array, " N"]
    r: Float[Array, " N"]  # (I − H_FF)⁻¹ e_F, 0 elsewhere
    shift: Float[Array, " d"]  # A⁻¹X_Fᵀ r_F
    w: Float[Array, " d"]  # trained on everything
    retrained: Float[Array, " d"]  # w_R, by least squares on R
    condition: Float[Array, ""]  # (μ + ‖X‖²)/μ, of every linear system here
    size: Float[Array, ""]  # of a prediction or label


def latent(sizes: Sizes) -> int:
    """X, y, forget order, μ."""
    return sizes["N"] * (sizes["d"] + 2) + 1


def build(sizes: Sizes, z: Float[Array, " n"]) -> RidgeForget:
    """Any rows and labels; μ between 1e-3 and 10 times the mean squared row norm."""
    N, d = sizes["N"], sizes["d"]
    X, y, order = z[: N * d].reshape(N, d), z[N * d : -1 - N], z[-1 - N : -1]
    mu = 10.0 ** (2.0 * jnp.tanh(z[-1]) - 1.0) * (jnp.mean(jnp.sum(X**2, axis=1)) + 1e-3)
    return RidgeForget(X, y, mu, jnp.argsort(jnp.argsort(order, stable=True), stable=True) < sizes["k"])


def solve(i: RidgeForget) -> Retrained:
    """Hat matrix by the N × N Gram matrix; the retrained model by the d × d normal equations of its rows."""
    N, d = i.X.shape
    G = i.X @ i.X.T
    B = i.mu * jnp.linalg.inv(G + i.mu * jnp.eye(N))
    e = B @ i.y
    both = i.forget[:, None] & i.forget[None, :]
    r = jnp.linalg.solve(jnp.where(both, B, jnp.eye(N)), jnp.where(i.forget, e, 0.0))

    def fit(kept: Array) -> Array:
        rows = jnp.where(kept[:, None], i.X, 0.0)
        return jnp.linalg.solve(rows.T @ rows + i.mu * jnp.eye(d), rows.T @ i.y)

    A = i.X.T @ i.X + i.mu * jnp.eye(d)
    size = jnp.max(jnp.abs(i.y)) * jnp.sqrt(float(N)) + 1e-300
    condition = (jnp.abs(i.mu) + norm(i.X) ** 2) / jnp.abs(i.mu)
    return Retrained(
        e, r, jnp.linalg.solve(A, i.X.T @ r), fit(jnp.ones(N, bool)), fit(~i.forget), condition, condition * size
    )


def _at_forget(i: RidgeForget, values: Float[Array, " N"]) -> Float[Array, " N"]:
    return jnp.where(i.forget, values, 0.0)


def exact(sizes: Sizes, seed: int, matrix: MatrixMaker = rational_matrix) -> dict[str, bool]:
    """The identities over the rationals, F the first k rows, with every model from its normal equations."""
    rng, (N, d, k) = random.Random(seed), (sizes["N"], sizes["d"], sizes["k"])
    X = matrix([[rng.choice(ENTRIES) for _ in range(d)] for _ in range(N)])
    y, mu = matrix([[rng.choice(ENTRIES)] for _ in range(N)]), abs(rng.choice(ENTRIES)) + 1

    def scalar(value: Fraction, n: int) -> Matrix:
        return matrix([[value if i == j else ZERO for j in range(n)] for i in range(n)])

    def fit(rows: range) -> Matrix:
        kept, labels = pick_rows(X, rows), pick_rows(y, rows)
        return (kept.transpose() * kept + scalar(mu, d)).inv() * (kept.transpose() * labels)

    F, R = range(k), range(k, N)
    X_F, y_F = pick_rows(X, F), pick_rows(y, F)
    inverse = (X.transpose() * X + scalar(mu, d)).inv()
    w, retrained = fit(range(N)), fit(R)
    r = (scalar(ONE, k) - X_F * inverse * X_F.transpose()).inv() * (y_F - X_F * w)
    return {
        "error": same(y_F - X_F * retrained, r),
        "weights": same(w - retrained, inverse * (X_F.transpose() * r)),
    }


def _negative() -> RidgeForget:
    """Rows 1 and 1, y = (1, 0), μ = −3: A = −1, H_11 = −1, e_1 = 2, r_1 = 1."""
    X, y = np.ones((2, 1)), np.array([1.0, 0.0])
    return RidgeForget(jnp.asarray(X), jnp.asarray(y), jnp.asarray(-3.0), jnp.asarray([True, False]))


CLAIM = Claim(
    key="wc.ridge.retrained_error",
    title="The retrained ridge model's error on the forget set is (I − H_FF)⁻¹ e_F, without retraining",
    statement=r"y_F-X_Fw_R = (I-H_{FF})^{-1}e_F =: r_F,\quad w_R = w-(X^TX+\mu I)^{-1}X_F^Tr_F,\quad \|r_F\|\ge\|e_F\|",
    source="derived here",
    status="proved",
    sizes=(
        {"N": 2, "d": 1, "k": 1},
        {"N": 6, "d": 3, "k": 2},
        {"N": 6, "d": 9, "k": 5},
        {"N": 15, "d": 15, "k": 6},
    ),
    latent=latent,
    build=build,
    assumptions=(Assumption("ridge", r"\mu > 0", lambda i: i.mu - 1e-12),),
    solve=solve,
    conclusions=(
        Conclusion(
            "error",
            r"y_F-X_Fw_R = (I-H_{FF})^{-1}e_F",
            lhs=lambda i, s: _at_forget(i, i.y - i.X @ s.retrained),
            rhs=lambda i, s: s.r,
            relation="==",
            scale=lambda i, s: s.condition * s.size,
        ),
        Conclusion(
            "weights",
            r"w-w_R = (X^TX+\mu I)^{-1}X_F^Tr_F",
            lhs=lambda i, s: s.w - s.retrained,
            rhs=lambda i, s: s.shift,
            relation="==",
            scale=lambda i, s: s.condition * s.size / jnp.sqrt(jnp.abs(i.mu)),
        ),
        Conclusion(
            "no better than before",
            r"\|r_F\| \ge \|e_F\|",
            lhs=lambda i, s: norm(s.r),
            rhs=lambda i, s: norm(_at_forget(i, s.e)),
            relation=">=",
            tight=True,
            scale=lambda i, s: s.condition * s.size,
        ),
    ),
    counterexamples=(Counterexample("ridge", _negative, "a negative penalty turns the leverage's sign"),),
    exact=exact,
    obligations=ridge_steps.retrained_error,
    notes="Nothing is assumed of the rows: more or fewer than columns, dependent, zero.",
)
