"""Linear ascent: distance to retraining and its certified bound over d, m and k."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import canvas
from figures.sweeps.panels import fixed, lines, middle, phase, slope, titles, where

SWEEP = "ga_linear"
CAPTION = (
    "One plain ascent step on linear models of Gaussian points. (a) The distance of its witness to the retrained "
    "model falls with the dimension at every number of points; (b) its certified bound over the measured distance; "
    "(c) distance over d and k. Medians over seeds, bands from the 10th to the 90th percentile."
)


def plot(dataset: xr.Dataset) -> Figure:
    """Scaling in d for every m, the bound's ratio, and a phase diagram over (d, k)."""
    figure, grid = canvas(1, 3, width=13.0, height=3.9)
    distance = fixed(dataset.witness_distance, ("d", "m"))
    lines(grid[0][0], distance, "d", "m", text="distance of the step's witness to the retrained model / ‖w*‖")
    slope(grid[0][0], distance.isel(m=-1), "d", -0.5, "d^(−1/2)")
    ratio = (fixed(dataset.bound, ("d", "m")) / distance).assign_attrs(
        long_name="certified bound / distance", units="1"
    )
    lines(grid[0][1], ratio, "d", "m")
    at = {"m": dataset.m.values[-1]}
    phase(grid[0][2], fixed(dataset.witness_distance, ("d", "k"), at), "d", "k", log=True, text="distance / ‖w*‖")
    for axis in grid[0][:2]:
        axis.legend(fontsize=8)
    titles(grid[0], [where(dataset, None, ("d", "m")), "how loose the bound is", where(dataset, at, ("d", "k"))])
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Violations of the bound, and the power of d."""
    gap, bound = dataset.witness_distance.values, dataset.bound.values
    known = np.isfinite(gap) & np.isfinite(bound)
    above = int(np.sum(gap[known] > bound[known] * (1 + 1e-9) + 1e-12))
    found = [f"The certified bound holds on {int(known.sum()) - above} of {int(known.sum())} models."]
    distance = fixed(dataset.witness_distance, ("d", "m"))
    d, values = distance.d.values, middle(distance)[:, -1]
    good = np.isfinite(values) & (values > 1e-13) & (d >= 100 * distance.m.values[-1])
    if good.sum() > 1:
        power = np.polyfit(np.log(d[good]), np.log(values[good]), 1)[0]
        found.append(f"At m = {distance.m.values[-1]} the distance goes as d to the power {power:.2f}.")
    return found
