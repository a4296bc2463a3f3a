"""Phase diagram of plain ascent on correlated forget sets: where it is worse than doing nothing."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import canvas, panel_titles
from figures.sweeps.panels import fixed, lines, middle, phase, where

SWEEP = "ga_correlated"
CAPTION = (
    "Linear models whose k forgotten points have correlation c with retained ones of their label. Colour: distance of "
    "the plain ascent step's model to the retrained one, over the distance of the untouched model; above 1, beyond "
    "the black line, the step does harm (median over seeds). Right: the same against c, for plain and for projected "
    "ascent."
)


def plot(dataset: xr.Dataset) -> Figure:
    """Phase diagram over (c, k), and lines against c at the first and the last k."""
    figure, grid = canvas(1, 2, width=10.0, height=4.0)
    harm = fixed(dataset.harm, ("correlation", "k"), _at(dataset))
    phase(grid[0][0], harm, "correlation", "k", boundary=1.0, text="plain ascent's distance / doing nothing's")
    chosen = harm.isel(k=sorted({0, len(harm.k) // 2, len(harm.k) - 1}))
    lines(grid[0][1], chosen, "correlation", "k", log="")
    grid[0][1].axhline(1.0, color="black", linewidth=1.2)
    grid[0][1].legend(fontsize=8)
    panel_titles(grid[0], [where(dataset, _at(dataset), ("correlation", "k")), "1: as far as doing nothing"])
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """From which correlation on ascent hurts, for the first and the last k that show it."""
    harm = fixed(dataset.harm, ("correlation", "k"), _at(dataset))
    table, found = middle(harm), []
    for j, k in enumerate(harm.k.values):
        worse = np.flatnonzero(table[:, j] > 1.0)
        if len(worse):
            found.append(
                f"k = {k}: plain ascent is worse than doing nothing from c = {harm.correlation.values[worse[0]]:g} on."
            )
    return found


def _at(dataset: xr.Dataset) -> dict[str, float]:
    return {"m": dataset.m.values[-1], "d": dataset.d.values[-1]}
