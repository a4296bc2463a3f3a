r"""Two-layer ReLU networks in balls: Clarke-KKT residuals, the exact KKT point nearby, and one step's certificate.

Signs of pre-activations are proved. A kink is a pre-activation that is exactly 0, and multipliers t are replaced by the
nearest admissible ones, so that the stationarity is that of an exact Clarke subgradient. A pre-activation of 1e-17 is
no kink: a trained network with such pairs has a large residual, though an exact Clarke-KKT point with those
pairs on their kinks may be proved to lie within rounding of it (:mod:`theory.evidence.ball_kkt_point`). Then the
ascent step is taken from that point. The witness of the step is proved in :mod:`theory.two_layer_certificate`; it
is scaled to least retained margin 1, so that it is feasible exactly.
"""

from typing import Any, NamedTuple

import numpy as np

from theory.evidence.ball import Balls, Undecidable, arb, cut, each, exactly, mid, product
from theory.evidence.ball_kkt_point import enclose_kkt_point
from theory.evidence.ball_linalg import solve
from theory.evidence.ball_models import Finding, cosine_gap, largest, norm, number, residuals, smallest, statement

NEAR_KINK = 1e-9  # of ‖w_j‖‖x_i‖: pairs counted as near the kink


class Network(NamedTuple):
    """A two-layer network with multipliers: W (n, d), u (n,), lam (m,), t (m, n)."""

    W: Balls
    u: Balls
    lam: Balls
    t: Balls


def _combined(X: Balls, y: Balls, u: Balls, t: Balls) -> Balls:
    """Σ_i u_j y_i t_ij x_i, one row a neuron."""
    return each(lambda a, b: a * b, u[:, None], product(each(lambda a, b: a * b, y[:, None], t).T, X))


def network_findings(X: np.ndarray, y: np.ndarray, net: Network, retained: np.ndarray) -> list[Finding]:
    """Everything about a two-layer network at the precision of ``flint.ctx``.

    Args:
        X: (m, d). y: ±1 (m,). net: exact balls; t the multipliers meant, not necessarily admissible.
        retained: points of (P), booleans (m,). If some are left out, ``net`` is the trained network and the
            theorem's ascent step on the others is certified too (its terms are those of t).
    """
    points, labels = exactly(X), exactly(y)
    z = product(points, net.W.T)
    margins = each(lambda a, b: a * b, labels, product(each(_relu, z), net.u[:, None])[:, 0])
    admissible, near = _admissible(z, net, X)
    everywhere = norm(net.W - _combined(points, labels, net.u, admissible))
    meant = norm(net.W - _combined(points, labels, net.u, net.t))
    undecided = sum(not (v > 0 or v < 0 or v.is_zero()) for v in z.ravel())
    kinks = sum(bool(v.is_zero()) for v in z.ravel())
    out = [
        statement("least margin", smallest(margins), "the network classifies every point"),
        *residuals(margins, net.lam, everywhere).findings(),
        number("stationarity as meant", meant, "with the multipliers t as they are given"),
        Finding(
            "signs",
            None,
            None if undecided else True,
            f"{kinks} kinks, {int(near.sum()) - kinks} more pairs within {NEAR_KINK:g}",
        ),
    ]
    whose = net._replace(t=admissible)
    try:
        point = enclose_kkt_point(points, labels, net.u, mid(z) > 0, near, _support(net.lam))
    except Undecidable as fault:
        out.append(Finding("exact Clarke-KKT point", None, None, f"none proved near: {fault}"))
    else:
        out += [
            Finding("exact Clarke-KKT point", None, True, f"proved by signs, with {point.kinks} pairs on their kink"),
            number("distance to it", norm(net.W - point.W)),
            number("1 - cos to it", cosine_gap(point.W, net.W), "tau at epsilon = delta = 0"),
        ]
        whose, margins = Network(point.W, net.u, point.lam, point.t), point.margins
    if not retained.all():
        out += _step(points, labels, whose, margins, retained)
    return out


def _support(lam: Balls) -> np.ndarray:
    values = mid(lam)
    return values > NEAR_KINK * values.max()


def _relu(v: Any) -> Any:
    return v if v > 0 else arb(0) if v <= 0 else v.nonnegative_part()


def _admissible(z: Balls, net: Network, X: np.ndarray) -> tuple[Balls, np.ndarray]:
    """t moved into the Clarke subdifferential, and the pairs (m, n) at or near a kink."""
    scale = np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(mid(net.W), axis=1)[None, :]

    def moved(v: Any, t: Any, lam: Any) -> Any:
        if v.is_zero():
            return t if 0 <= t <= lam else lam if t > lam else arb(0)
        return lam if v > 0 else arb(0) if v < 0 else lam.union(arb(0))

    return each(moved, z, net.t, net.lam[:, None]), np.abs(mid(z)) <= NEAR_KINK * scale


def _step(X: Balls, y: Balls, net: Network, margins: Balls, retained: np.ndarray) -> list[Finding]:
    """θ̃ = θ − (I − P_R) g keeps θ's retained pre-activations, so its retained margins and kinks are θ's."""
    kept = np.flatnonzero(retained)
    g = _combined(X[~retained], y[~retained], net.u, net.t[~retained])
    R = X[kept]
    try:
        coefficients = solve(product(R, R.T), product(R, g.T))
    except Undecidable as fault:
        return [Finding("ascent step", None, None, f"not enclosed: {fault}")]
    projected = product(coefficients.T, R)
    unlearned = net.W - g
    witness = unlearned + projected
    epsilon = norm(witness - _combined(R, y[kept], net.u, net.t[kept]))
    least = smallest(margins[kept])  # of the witness too: its pre-activations are the network's
    if not least > 0:
        return [statement("retained margin", least, "the step is certified where every retained margin is positive")]
    slack = largest([arb(0), *(a * (b / least - 1) / least for a, b in zip(net.lam[kept], margins[kept], strict=True))])
    return [
        number("epsilon", epsilon / least, "stationarity of the witness, scaled to least margin 1"),
        number("delta", cut(slack), "complementarity of the witness"),
        number("tau", cosine_gap(unlearned, witness), "1 - cos(unlearned, witness)"),
        number("norm of P_R g", norm(projected)),
    ]
