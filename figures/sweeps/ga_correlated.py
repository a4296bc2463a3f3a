"""Phase diagram of plain ascent on correlated forget sets: where it is worse than doing nothing."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import GREY, LOOKS, axis_label, canvas, median_and_spread
from figures.sweeps.panels import fixed, middle, phase, titles, where

SWEEP = "ga_correlated"
CAPTION = (
    "Linear models whose k forgotten points have correlation c with retained ones of their label. Colour: distance of "
    "the plain ascent step's model to the retrained one, over the distance of the untouched model; above 1, beyond "
    "the black line, the step does harm (median over seeds). Right: the same against c, for plain and for projected "
    "ascent."
)


_RATIO = "distance to retraining /\nthat of doing nothing"


def plot(dataset: xr.Dataset) -> Figure:
    """Phase diagrams over (c, k) in the lowest and the highest dimension, and lines against c."""
    figure, grid = canvas(1, 3, width=13.0, height=3.9)
    shown = ("correlation", "k")
    ends = {"m": dataset.m.values[-1]}, {"m": dataset.m.values[-1], "d": dataset.d.values[-1]}
    for axis, at in zip(grid[0], ends, strict=False):
        phase(axis, fixed(dataset.harm, shown, at), *shown, boundary=1.0, text=_RATIO)
    c = dataset.correlation.values
    apart = [k for k in dataset.k.values if 2 * k <= ends[1]["m"]] or [dataset.k.values[0]]
    paired = {**ends[1], "k": apart[-1]}  # no two forget points share a retained one
    for name, label, look in (
        ("harm", "plain ascent", "plain ascent"),
        ("projected_harm", "projected ascent", "projected ascent"),
    ):
        samples = fixed(dataset[name], ("correlation",), paired).values
        known = np.isfinite(samples).any(axis=1)
        median_and_spread(grid[0][2], c[known], samples[known], LOOKS[look], label)
    grid[0][2].plot(c, c / np.sqrt(1.0 - c**2), color=GREY, linestyle=":", label="c/√(1 − c²), d → ∞")
    grid[0][2].axhline(1.0, color="black", linewidth=1.2)
    grid[0][2].set_ylim(-0.1, 3.5)
    grid[0][2].set_xlabel(axis_label(dataset.correlation))
    grid[0][2].set_ylabel(_RATIO)
    grid[0][2].legend(fontsize=8)
    titles(grid[0], [*(where(dataset, at, shown) for at in ends), where(dataset, paired, ("correlation",))])
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """From which correlation on ascent hurts, in each dimension."""
    found = []
    for d in dataset.d.values:
        harm = fixed(dataset.harm, ("correlation", "k"), {"m": dataset.m.values[-1], "d": d})
        table, first = middle(harm), {}
        for j, k in enumerate(harm.k.values):
            worse = np.flatnonzero(table[:, j] > 1.0)
            first[int(k)] = f"{harm.correlation.values[worse[0]]:g}" if len(worse) else "none"
        listed = ", ".join(f"{c} (k = {k})" for k, c in first.items())
        found.append(f"d = {d:g}: plain ascent is worse than doing nothing from these correlations on: {listed}.")
    return found
