"""Which theorem speaks of this model and these data: every hypothesis with what it needs and what was measured."""

import math
from typing import Any

import numpy as np

Record = dict[str, Any]

ON_MARGIN = 1e-6  # |M − 1| below which a point counts as on the margin


def _row(
    theorem: str, claim: str, name: str, says: str, needed: str, measured: float, gap: float, note: str = ""
) -> Record:
    """One hypothesis; it holds where ``gap`` ≥ 0 (> 0 for strict ones), the amount by which it does."""
    return {
        "theorem": theorem,
        "claim": claim,
        "name": name,
        "statement": says,
        "needed": needed,
        "measured": measured if math.isfinite(measured) else None,
        "gap": gap if math.isfinite(gap) else None,
        "holds": bool(gap > 0 if (">" in needed or "<" in needed) and "=" not in needed else gap >= 0),
        "note": note,
    }


def _unused(theorem: str, claim: str, name: str, why: str) -> Record:
    empty = dict.fromkeys(("measured", "gap", "holds"))
    return {"theorem": theorem, "claim": claim, "name": name, "statement": why, "needed": "-", "note": ""} | empty


REGRESSION = _unused(
    "F1 to F4", "ft.*", "regression",
    "about linear regression with squared loss; a classifier's margins are no targets to interpolate",
)  # fmt: skip


def near_orthogonality(G: np.ndarray) -> tuple[float, float]:
    """(ψ, φ) of the points divided by one number, so that their mean square norm is 1."""
    unit = G / np.mean(np.diagonal(G))
    psi = float(np.max(np.abs(np.diagonal(unit) - 1.0)))
    return psi, float(np.max(np.abs(unit - np.diag(np.diagonal(unit))), initial=0.0))


def near_orthogonal_rows(G: np.ndarray) -> list[Record]:
    """L1 and L2: multiplier bounds, and every point a support vector."""
    m = len(G)
    psi, phi = near_orthogonality(G)
    a = 1.0 - psi - (m - 1) * phi
    note = f"ψ = {psi:.4g}, φ = {phi:.4g} at mean square norm 1; φ < {max(1 - psi, 0) / max(m - 1, 1):.3g} is needed"
    return [
        _row("L1", "ga.linear.multiplier_bounds", "near-orthogonality", "a = 1 − ψ − (m − 1)φ > 0", "> 0", a,
             a, note),
        _row("L2", "ga.linear.all_support_vectors", "strong near-orthogonality",
             "a > (m − 1)φ: L1's lower bound on every multiplier is positive", f"> {(m - 1) * phi:.4g}", a,
             a - (m - 1) * phi, note),
    ]  # fmt: skip


def linear_rows(
    G: np.ndarray, margins: np.ndarray, lam: np.ndarray, residuals: Record | None, projected: np.ndarray,
    ranks: tuple[int, int], exact_lam: np.ndarray | None, forget: np.ndarray, least: float,
) -> list[Record]:  # fmt: skip
    """The theorems on linear models.

    Args:
        G: inner products, the constant feature included. margins, lam: of the model scaled to least margin 1.
        residuals: of the model, None if it does not separate its points. projected: λ + κ of the projected step.
        ranks: of all points and of the retained ones. exact_lam: multipliers of the max-margin model of all points.
        forget: mask. least: least retained margin of the plain step.
    """
    rows = near_orthogonal_rows(G)
    kept = ~forget
    if exact_lam is None:
        rows.append(_unused("L2", "ga.linear.all_support_vectors", "all points support vectors",
                            "no max-margin model of all points was found"))  # fmt: skip
    else:
        share = float(np.mean(exact_lam > 0))
        rows.append(_row("L2", "ga.linear.all_support_vectors", "all points support vectors",
                         "the conclusion of L2, seen in the exact max-margin model", "share of points = 1", share,
                         share - 1.0))  # fmt: skip
    if residuals is None:
        why = "the model does not separate its points: it is no (ε, δ)-KKT point for any ε, δ"
        rows += [_unused("L3", "ga.linear.ascent_step", "trained model is an (ε, δ)-KKT point", why),
                 _unused("L4", "ga.linear.projected_exact", "trained model is an exact KKT point", why)]  # fmt: skip
    else:
        alpha = float(np.max((np.abs(G) @ np.where(forget, lam, 0.0))[kept]))
        epsilon, delta = residuals["stationarity"], residuals["complementarity"]
        bounds = "no bound: α ≥ 1"
        if alpha < 1:
            largest = float(np.max(lam[kept]))
            bounds = f"then ε ≤ {epsilon / (1 - alpha):.3g}, δ ≤ {(delta + 2 * alpha * largest) / (1 - alpha) ** 2:.3g}"
        rows.append(_row("L3", "ga.linear.ascent_step", "small overlap", "α = max over R of Σ_F λ_l |⟨x_l, x_i⟩| < 1",
                         "< 1", alpha, 1.0 - alpha,
                         f"an (ε, δ)-KKT point with ε = {epsilon:.3g}, δ = {delta:.3g}; {bounds}"))  # fmt: skip
        off = float(np.max(np.abs(margins[kept] - 1.0)))
        negative = float(np.min(projected[kept]))
        rows += [
            _row("L4", "ga.linear.projected_exact", "trained model is an exact KKT point",
                 "stationarity and complementarity are 0 (to 1e-6 of ‖w‖ and of the largest multiplier)", "0",
                 max(residuals["stationarity_relative"], delta / max(float(np.max(lam)), 1e-300)),
                 1e-6 - max(residuals["stationarity_relative"], delta / max(float(np.max(lam)), 1e-300))),
            _row("L4", "ga.linear.projected_exact", "all retained points on the margin", "M_i = 1 for i in R (to 1e-6)",
                 "max |M − 1| = 0", off, ON_MARGIN - off,
                 f"{int(np.sum(np.abs(margins[kept] - 1) <= ON_MARGIN))} of {int(kept.sum())} are"),
            _row("L4", "ga.linear.projected_exact", "multipliers stay non-negative", "min over R of λ + κ ≥ 0", ">= 0",
                 negative, negative + 1e-9 * float(np.max(lam)),
                 "" if ranks[1] == int(kept.sum()) else "the retained points are dependent: other expansions exist"),
        ]  # fmt: skip
    rows.append(_row("L4", "ga.linear.projected_keeps_margins", "room to project",
                     "the retained points do not span the forgotten ones, else the projected step is 0",
                     f"rank of all points > {ranks[1]}", float(ranks[0]), float(ranks[0] - ranks[1])))  # fmt: skip
    rows.append(_row("L7", "ga.linear.distance_to_retraining", "a feasible witness after plain ascent",
                     "all retained margins of the unlearned model are positive: its distance to retraining is bounded",
                     "> 0", least, least))  # fmt: skip
    why = "about two-layer networks; this model is linear"
    return [*rows, _unused("T2, T3", "ga.two_layer.*", "two-layer network", why), REGRESSION]


def two_layer_rows(
    G: np.ndarray, retained: int, dimension: int, residuals: Record | None, share: float | None,
    bounds: tuple[float, float] | None,
) -> list[Record]:  # fmt: skip
    """The theorems on two-layer networks.

    Args:
        G: inner products. retained: number of retained points. dimension: features, the constant included.
        residuals: Clarke residuals, None if the network does not separate its points.
        share: ‖P_R g‖/‖θ̃‖ of the full Clarke step. bounds: T2's on ε and τ.
    """
    m = len(G)
    psi, phi = near_orthogonality(G)
    rows = []
    if residuals is None or share is None or bounds is None:
        rows.append(_unused("T2", "ga.two_layer.ascent_certificate", "trained network is an (ε, δ)-KKT point",
                            "the network does not separate its points: no (ε, δ)-KKT point for any ε, δ"))  # fmt: skip
    else:
        rows.append(_row("T2", "ga.two_layer.ascent_certificate", "the retained part of the step is small",
                         "q = ‖P_R g‖/‖θ̃‖ < 1", "< 1", share, 1.0 - share,
                         f"an (ε, δ)-KKT point with ε = {residuals['stationarity']:.3g}, "
                         f"δ = {residuals['complementarity']:.3g}; then ε ≤ {bounds[0]:.3g}, "
                         f"τ ≤ {bounds[1]:.3g}"))  # fmt: skip
    a = 1.0 - psi - (retained - 1) * phi
    gaussian = 64.0 * m * m * math.log(max(m, 2))
    rows += [
        _row("T3", "ga.two_layer.certificate_size", "near-orthogonality of the retained points",
             "a = 1 − ψ − (|R| − 1)φ > 0", "> 0", a, a,
             f"ψ = {psi:.4g}, φ = {phi:.4g} at mean square norm 1"),
        _row("T3", "ga.two_layer.certificate_size", "dimension", "ε_d = 4mφ ≤ 1 and ψ < 1 − ε_d/4", "<= 1",
             4 * m * phi, min(1.0 - 4 * m * phi, 1.0 - m * phi - psi),
             f"d = {dimension}; independent Gaussian points would need d of about {gaussian:.1g} (φ ≈ 2√(log m / d))"),
    ]  # fmt: skip
    why = "about linear models; this one has a hidden layer"
    return [*rows, _unused("L1 to L4, L7", "ga.linear.*", "linear model", why), REGRESSION]
