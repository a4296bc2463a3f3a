"""Worst-case forget sets of ridge regression: how far the heuristics stay from the exact worst case."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import canvas
from figures.sweeps.panels import fixed, lines, phase, titles, where

SWEEP = "wc_ridge"
CAPTION = (
    "Retrained error on the forget set over that of the exact worst case (1: found). (a) The bi-level heuristic with "
    "exact retraining against the reach of its step, (b) its phase diagram over reach and k, (c) every choice against "
    "N. Medians over seeds; white: branch and bound did not finish."
)


def plot(dataset: xr.Dataset) -> Figure:
    """Ratios against the step, over (N, k), and against N."""
    figure, grid = canvas(1, 3, width=13.0, height=3.9)
    at = {"lower": "retrain", "selector": "greedy", "k": dataset.k.values[0]}
    lines(grid[0][0], fixed(dataset.bilevel, ("reach", "N"), at), "reach", "N")
    most = {**at, "N": dataset.N.values[-1]}
    phase(
        grid[0][1], fixed(dataset.bilevel, ("reach", "k"), most), "reach", "k", log=True, text="bi-level / worst case"
    )
    lines(grid[0][2], fixed(dataset.ratio, ("N", "selector"), at), "N", "selector", log="y")
    for axis in (grid[0][0], grid[0][2]):
        axis.legend(fontsize=8)
    titles(
        grid[0],
        [
            where(dataset, at, ("reach", "N")),
            where(dataset, most, ("reach", "k")),
            where(dataset, at, ("N", "reach")),
        ],
    )
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """How often the heuristics find the worst case."""
    found = []
    for name in dataset.selector.values:
        ratio = dataset.ratio.sel(selector=name).values
        known = ratio[np.isfinite(ratio)]
        if len(known):
            found.append(f"{name}: the exact worst case on {np.mean(known <= 1 + 1e-9):.0%} of {len(known)} problems.")
    return found
