"""Gaussian mixture: what unlearning does to the test error, over ρ, d and k."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import canvas
from figures.sweeps.panels import fixed, lines, phase, titles, where

SWEEP = "ga_mixture"
CAPTION = (
    "Two-layer networks on the Gaussian mixture. (a) Test error against the length of the mean for every network; (b) "
    "the plain ascent step's test error less the trained network's, over ρ and k, and (c) over ρ and d. Medians over "
    "seeds."
)
_TEXT = "change of the test error"


def plot(dataset: xr.Dataset) -> Figure:
    """Errors along ρ, and two phase diagrams of the change."""
    figure, grid = canvas(1, 3, width=13.0, height=3.9)
    at = {"d": dataset.d.values[len(dataset.d) // 2], "k": dataset.k.values[-1]}
    lines(grid[0][0], fixed(dataset.error, ("rho", "model"), at), "rho", "model", log="")
    grid[0][0].legend(fontsize=8)
    change = dataset.change.sel(model="plain ascent")
    phase(grid[0][1], fixed(change, ("rho", "k"), at), "rho", "k", boundary=0.0, text=_TEXT)
    phase(grid[0][2], fixed(change, ("rho", "d"), at), "rho", "d", boundary=0.0, text=_TEXT)
    fixed_at = [where(dataset, at, shown) for shown in (("rho",), ("rho", "k"), ("rho", "d"))]
    titles(grid[0], fixed_at)
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """The largest median change."""
    change = dataset.change.median("seed")
    found = []
    for model in ("plain ascent", "projected ascent", "retraining"):
        values = change.sel(model=model).values
        if np.isfinite(values).any():
            found.append(
                f"{model}: the median test error moves by {100 * np.nanmax(np.abs(values)):.1f} points at most."
            )
    return found
