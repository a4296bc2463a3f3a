"""The charts of the linear and the two-layer view."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array

from figures.style import BLACK, BLUE, GREEN, LOOKS, ORANGE, RED
from forgetproof.app import linear, network
from forgetproof.app.charts import Chart, Heat, Rule, Series
from forgetproof.app.rows import ROUNDING, Row

_HERE = {"color": BLACK, "marker": "o", "markersize": 8, "linestyle": "none"}
_EDGE = "#A855C8"  # tells from white, black, blue and red
_STAR = {"color": "#000001", "marker": "*", "markersize": 12, "linestyle": "none", "edge": "#FFFFFF"}  # on any theme


def margins(
    found: np.ndarray | Array, forget: np.ndarray, m: int, methods: Sequence[str], shrink: float | None
) -> Chart:
    """Margins y N(x) of every point, one row of ``found`` a method; the points to forget come last, shaded."""
    order = np.argsort(forget[:m], kind="stable")
    k = int(forget[:m].sum())
    size = 5 if m <= 40 else 3
    series = tuple(
        Series(name, np.arange(m), row[:m][order], {**LOOKS[name], "linestyle": "none", "markersize": size})
        for name, row in zip(methods, found, strict=True)
    )
    known = shrink is not None and np.isfinite(shrink) and shrink > 0
    words = "; ".join(
        f"{name}: least retained {row[:m][~forget[:m]].min():.3g}, mean forgotten {row[:m][forget[:m]].mean():.3g}"
        for name, row in zip(methods, found, strict=True)
    )
    return Chart(
        "margins",
        "Margins before and after",
        f"Margins. {words}.",
        f"points, the {k} to forget last",
        "margin",
        series,
        band=(m - k - 0.5, m - 0.5),
        rules=(Rule("y", float(shrink), "theorem: 1 − α on retained points", RED),) if known and shrink else (),
        x_range=(-0.7, m - 0.3),
    )


def bounds(rows: Sequence[Row]) -> Chart:
    """Found against bound on a logarithmic axis, with their ratio, for the rows that have a bound.

    What is below ROUNDING is drawn there: of two zeros neither is the larger.
    """
    bounded = [row for row in rows if row.bound is not None]
    found, bound = (
        np.array([max(float(v), ROUNDING) if np.isfinite(float(v)) else np.nan for v in values])
        for values in ([row.value for row in bounded], [row.bound for row in bounded])
    )
    place = np.arange(len(bounded))
    words = "; ".join(f"{row.name}: {float(row.value):.3g} of at most {float(row.bound):.3g}" for row in bounded)
    return Chart(
        "bounds",
        "Certificate against bound",
        f"Found against bound. {words}.",
        f"value (at least {ROUNDING:g}); right: found/bound",
        "",
        (
            Series("bound", bound, place, {"color": ORANGE, "marker": "|", "markersize": 7}),
            Series("found", found, place, {"color": BLACK, "marker": "o", "markersize": 5}),
        ),
        log="x",
        names=tuple(row.name.replace(", ", ",\n").replace(" of the", "\nof the") for row in bounded),
        notes=tuple(row.ratio(2) for row in bounded),
    )


def distance(result: linear.Linear) -> Chart:
    """Distance to retraining against the step, the present step marked."""
    start = result.step.distance
    square, product = result.parabola
    squared = start[0] ** 2 - linear.FRACTIONS * product + linear.FRACTIONS**2 * square
    curve = np.sqrt(np.maximum(squared, 0.0))
    best = linear.FRACTIONS[int(np.argmin(curve))]
    at = np.asarray([result.fraction])
    projected = {**LOOKS["projected ascent"], "linestyle": "none", "markersize": 7}
    return Chart(
        "step",
        "Distance to retraining against the step",
        f"Relative distance to retraining: {start[0]:.3g} before, {start[1]:.3g} after the step "
        f"c = {result.fraction:g}; least at c = {best:g}.",
        "step c",
        "relative distance to retraining",
        (
            Series("plain ascent", linear.FRACTIONS, curve, {**LOOKS["plain ascent"], "marker": None}),
            Series("this step", at, start[1:2], _HERE),
            Series("projected ascent", at, start[2:3], projected),
        ),
        rules=(Rule("y", float(start[0]), "doing nothing"),),
        y_range=(0.0, 1.06 * float(max(curve.max(), start[0], 1e-12))),
    )


def epsilon(result: network.Network) -> Chart:
    """ε of the theorem's witness against the step, with its lower bound; the present step marked."""
    fixed, lower = result.step.curve
    at = np.asarray([result.fraction])
    best = network.FRACTIONS[int(np.argmin(fixed))]
    return Chart(
        "step",
        "ε against the step",
        f"Stationarity {result.step.epsilon[0]:.3g} at c = {result.fraction:g}; least at c = {best:g}.",
        "step c",
        "ε of the witness",
        (
            Series("trained multipliers", network.FRACTIONS, fixed, {"color": BLUE, "linestyle": "-"}),
            Series("|1 − c| ‖(I − P_R) r‖", network.FRACTIONS, lower, {"color": GREEN, "linestyle": "--"}),
            Series("this step", at, result.step.epsilon[:1], _HERE),
            Series("this step, refitted", at, result.step.epsilon[1:2], {**_HERE, "color": ORANGE, "marker": "v"}),
        ),
        y_range=(0.0, 1.06 * float(max(fixed.max(), 1e-12))),
    )


def phase(
    ratio: np.ndarray,
    correlations: np.ndarray,
    fractions: np.ndarray,
    here: tuple[float, float],
    measure: str,
    boundary: np.ndarray | None = None,
) -> Chart:
    """Where the step hurts: ``measure`` after it over before it; red is more. The present point is the star."""
    with np.errstate(divide="ignore"):
        field = np.log10(ratio)
    series = [Series("here", np.asarray(here[:1]), np.asarray(here[1:]), _STAR)]
    if boundary is not None:
        shown = np.where(boundary <= fractions[-1], boundary, np.nan)
        line = {"color": _EDGE, "linestyle": "-"}
        series.insert(0, Series("beyond this line it hurts", correlations, shown, line))
    near = ratio[int(np.argmin(abs(correlations - here[0]))), int(np.argmin(abs(fractions - here[1])))]
    spans = (float(correlations[0]), float(correlations[-1])), (float(fractions[0]), float(fractions[-1]))
    return Chart(
        "phase",
        "Where the step hurts (red)",
        f"At correlation {here[0]:g} and step {here[1]:g} the step leaves {near:.3g} times the {measure}.",
        "correlation of forget and retained points",
        "step c",
        tuple(series),
        rules=() if boundary is None else (Rule("x", float(np.sqrt(0.5)), "1/√2: for c = 1 and d → ∞", _EDGE),),
        heat=Heat(field, *spans),
        x_range=spans[0],
        y_range=spans[1],
    )
