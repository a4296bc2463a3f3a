"""Two-layer ascent: ε, τ, flips and kinks over dimension, step and start."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import canvas, floor_line
from figures.sweeps.panels import fixed, lines, middle, phase, slope, titles, where

SWEEP = "ga_two_layer"
CAPTION = (
    "One ascent step on two-layer ReLU networks at exact KKT points, in coefficients. (a) ε and (b) τ of its "
    "certificate against the dimension at the theorem's step; (c) ε against the step; (d) ε over dimension and step; "
    "(e) share of pairs on the kink; (f) share of retained pairs off the kink that the step flips. Medians over "
    "seeds."
)


def plot(dataset: xr.Dataset) -> Figure:
    """Six panels, the remaining axes at their first values."""
    figure, grid = canvas(2, 3, width=13.0, height=7.4)
    axes, at = list(grid.ravel()), _at(dataset)
    for axis, name, power in ((axes[0], "epsilon", -0.5), (axes[1], "tau", -1.0)):
        data = fixed(dataset[name], ("d", "m"), at)
        lines(axis, data, "d", "m")
        slope(axis, data.isel(m=0), "d", power, f"d^({power:g})")
        if name == "tau":
            floor_line(axis, middle(data))
    ends = [0, len(dataset.d) // 2, -1] if len(dataset.d) > 2 else [0, -1]
    lines(axes[2], fixed(dataset.epsilon, ("fraction", "d"), at).isel(d=ends), "fraction", "d", log="y")
    phase(axes[3], fixed(dataset.epsilon, ("d", "fraction"), at), "d", "fraction", log=True, text="ε")
    lines(axes[4], fixed(dataset.kinks, ("d", "scale"), at), "d", "scale", log="x")
    lines(axes[5], fixed(dataset.flips, ("d", "n"), at), "d", "n", log="x")
    for axis in axes[:3] + axes[4:]:
        axis.legend(fontsize=8)
    above = [where(dataset, at, ("d", "m")), "same", where(dataset, at, ("d", "fraction"))]
    titles(axes, [*above, "same", where(dataset, at, ("d", "scale")), where(dataset, at, ("d", "n"))])
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """The step with the least ε."""
    epsilon = dataset.epsilon.median([name for name in dataset.epsilon.dims if name != "fraction"])
    best = float(epsilon.fraction[int(np.argmin(epsilon.values))])
    return [f"Over all networks the median ε is least at {best:g} times the theorem's step."]


def _at(dataset: xr.Dataset) -> dict[str, float]:
    nearest = abs(dataset.fraction.values - 1.0).argmin()
    return {"fraction": dataset.fraction.values[nearest]}
