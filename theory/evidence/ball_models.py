r"""Linear models and data in balls: KKT residuals, separability, the max-margin solution, and (ε, δ, τ)-certificates.

The arrays are taken as the exact numbers that they are; every interval contains the exact value, every sign is proved.

Separability: w with all margins positive separates. Points are proved not separable by z ≥ 0, z ≠ 0 with
Σ z_i y_i x_i = 0 (Gordan): a w with positive margins would give 0 = ⟨w, Σ z_i y_i x_i⟩ = Σ z_i M_i > 0. A linear
program names the support of such a z; over the rationals, z spans the kernel of those points and all its entries
have one sign.

Max-margin: :func:`theory.evidence.ball_linalg.minimise` proves the active set and encloses the solution.

Certificate: the witness w/min M of θ' = w is feasible and parallel to it, so τ = 0 exactly, whatever multipliers
λ ≥ 0 are given; ε and δ are theirs.
"""

from typing import Any, NamedTuple

import numpy as np

from theory.evidence.ball import Balls, Undecidable, arb, array, cut, each, exactly, lower, matrix, product, upper
from theory.evidence.ball_linalg import minimise
from theory.evidence.ball_products import margins_and_combination


class Finding(NamedTuple):
    """One enclosed number, or one decided statement."""

    name: str
    interval: tuple[float, float] | None = None
    holds: bool | None = None  # of a statement; None: undecided, or a number alone
    says: str = ""

    @property
    def settled(self) -> bool:
        """Decided, and narrow: to 1e-6 of itself, or below 1e-30."""
        if self.interval is None:
            return self.holds is not None
        low, high = self.interval
        return high - low <= 1e-6 * abs(high) or abs(high) <= 1e-30


def number(name: str, value: Any, says: str = "") -> Finding:
    """An enclosed number."""
    return Finding(name, (lower(value), upper(value)), None, says)


def statement(name: str, value: Any, says: str) -> Finding:
    """``value`` > 0, decided where its ball tells."""
    holds = True if value > 0 else False if value <= 0 else None
    return Finding(name, (lower(value), upper(value)), holds, says)


def square_norm(x: Balls) -> Any:
    """Sum of the squares of all entries."""
    flat = x.ravel()
    return product(flat[None, :], flat[:, None], square=True)[0, 0]


def norm(x: Balls) -> Any:
    """Euclidean norm of all entries."""
    return square_norm(x).sqrt()


def cosine_gap(a: Balls, b: Balls) -> Any:
    """1 − cos of two arrays, as ½‖a/‖a‖ − b/‖b‖‖²."""
    size, other = norm(a), norm(b)
    unit = each(lambda v, w: v / size - w / other, a, b)
    return square_norm(unit) / 2


def largest(values: Any) -> Any:
    """The maximum of balls; 0 of none."""
    out = None
    for v in values:
        out = v if out is None or v >= out else out if out >= v else out.max(v)
    return arb(0) if out is None else out


def smallest(values: Any) -> Any:
    """The minimum of balls; 0 of none."""
    return -largest(-v for v in values)


class Residuals(NamedTuple):
    """The four KKT residuals of (P), as balls."""

    primal: Any
    dual: Any
    stationarity: Any
    complementarity: Any

    def findings(self) -> list[Finding]:
        """One number each."""
        return [number(name, value) for name, value in self._asdict().items()]


def residuals(margins: Balls, lam: Balls, stationarity: Any) -> Residuals:
    """Of margins (m,) and multipliers (m,); stationarity is the model's own."""
    primal = cut(largest([arb(0), *(1 - v for v in margins)]))
    dual = cut(largest([arb(0), *(-v for v in lam)]))
    return Residuals(primal, dual, stationarity, largest(a * (b - 1) for a, b in zip(lam, margins, strict=True)))


def kkt_residuals(Z: np.ndarray, w: np.ndarray, lam: np.ndarray) -> Residuals:
    """Of a linear model, from the rows y_i x_i (m, d), w (d,), lam (m,): balls, or all float64, many times faster."""
    if Z.dtype == object:
        rows, weights, multipliers = matrix(Z), w, lam
        margins, combined = rows * matrix(w[:, None]), (matrix(lam[None, :]) * rows).transpose()
    else:
        margins, combined = margins_and_combination(Z, w, lam)
        weights, multipliers = exactly(w), exactly(lam)
    gap = matrix(weights[:, None]) - combined
    length = cut((gap.transpose() * gap)[0, 0]).sqrt()
    return residuals(array(margins).ravel(), multipliers, length)


def linear_findings(
    X: np.ndarray,
    y: np.ndarray,
    w: np.ndarray | None,
    lam: np.ndarray,
    retained: np.ndarray,
    mu: np.ndarray | None = None,
) -> list[Finding]:
    """Everything about a linear model at the precision of ``flint.ctx``.

    Args:
        X: (m, d). y: ±1 (m,). w: weights (d,), or None for Σ λ_i y_i x_i over all points. lam: (m,).
        retained: points of (P), booleans (m,); if some are left out, w is an unlearned model and gets a certificate.
        mu: mean (d,) of the Gaussian mixture x = yμ + N(0, I/d), for the test error.
    """
    rows, multipliers = exactly(y[:, None] * X), exactly(lam)
    weights = product(multipliers[None, :], rows)[0] if w is None else exactly(w)
    Z, kept = rows[retained], multipliers[retained]
    found = kkt_residuals(Z, weights, kept)
    least = smallest(product(Z, weights[:, None])[:, 0])
    out = [statement("least margin", least, "w separates the points"), *found.findings()]
    if not retained.all() and least > 0:
        out += _linear_certificate(Z, weights, kept, least)
    out += _max_margin(Z, weights, y[retained][:, None] * X[retained])
    if mu is not None:
        out.append(number("test error", test_error(weights, exactly(mu)), "on the Gaussian mixture"))
    return out


def test_error(w: Balls, mu: Balls) -> Any:
    """Φ(−√d ⟨w, μ⟩/‖w‖) = erfc(√(d/2) ⟨w, μ⟩/‖w‖)/2 of a linear model on x = yμ + N(0, I/d)."""
    argument = product(w[None, :], mu[:, None])[0, 0] / norm(w) * (arb(len(w)) / 2).sqrt()
    return cut(argument.erfc()) / 2


def _linear_certificate(Z: Balls, w: Balls, lam: Balls, least: Any) -> list[Finding]:
    witness, multipliers = each(lambda v: v / least, w), each(lambda v: v / least, lam)
    found = kkt_residuals(Z, witness, multipliers)
    margins = product(Z, witness[:, None])[:, 0]
    gap = cut(sum((a * (b - 1) for a, b in zip(multipliers, margins, strict=True)), arb(0)))
    bound = (found.stationarity + cut(found.stationarity**2 + 4 * gap).sqrt()) / 2
    return [
        number("epsilon", found.stationarity, "stationarity of the witness w/min margin"),
        number("delta", cut(largest([arb(0), found.complementarity])), "complementarity of the witness"),
        number("tau", arb(0), "the witness is a positive multiple of w"),
        number("distance bound", bound, "from the witness to the retrained model, by the certificate"),
    ]


def _max_margin(Z: Balls, w: Balls, points: np.ndarray) -> list[Finding]:
    name = "max-margin solution"
    try:
        lam, slack, active = minimise(product(Z, Z.T), exactly(np.ones(len(Z))), np.ones(len(Z), bool))
    except Undecidable as fault:
        if not_separable(points):
            return [Finding("not separable", None, True, "a convex combination of the y_i x_i is exactly 0")]
        return [Finding(name, None, None, f"not enclosed: {fault}")]
    best = product(lam[None, :], Z)[0]
    off = [number("least slack", smallest(slack[~active]), "margin − 1 off the support")] if (~active).any() else []
    return [
        Finding(name, None, True, f"unique, with {int(active.sum())} of {len(Z)} points as support, by exact signs"),
        number("least multiplier", smallest(lam[active]), "of the support"),
        *off,
        number("its length", norm(best), "1/margin"),
        number("distance to it", norm(w - best)),
        number("1 - cos to it", cosine_gap(best, w)),
    ]


def not_separable(Z: np.ndarray) -> bool:
    """Whether z ≥ 0, z ≠ 0 with Σ z_i Z_i = 0 was found and proved over the rationals; False proves nothing."""
    import flint
    from scipy.optimize import linprog

    m, d = Z.shape
    system = np.vstack([Z.T, np.ones(m)])
    solved = linprog(np.zeros(m), A_eq=system, b_eq=np.append(np.zeros(d), 1.0), method="highs-ds")
    if solved.x is None:
        return False
    support = np.flatnonzero(solved.x > 0)
    exact = [[flint.fmpq(*float(v).as_integer_ratio()) for v in row] for row in Z[support].T]
    reduced, rank = flint.fmpq_mat(exact).rref()
    if rank != len(support) - 1:  # not one combination but many, or none: the support is not that of a vertex
        return False
    pivots = [next(j for j in range(len(support)) if reduced[i, j] != 0) for i in range(rank)]
    free = next(j for j in range(len(support)) if j not in pivots)
    return all(reduced[i, free] < 0 for i in range(rank))  # z_free = 1, the others −reduced[i, free]
