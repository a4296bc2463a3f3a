"""Correlated forget and retained points: where plain ascent is worse than doing nothing."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import (
    GREY,
    LOOKS,
    above_floor,
    axis_label,
    canvas,
    floor_line,
    median_and_spread,
    panel_titles,
    shared_legend,
)

STUDY = "ga_counter_regime"
CAPTION = (
    "Forget points that resemble retained ones (correlation c). In the shaded range the plain ascent step ends "
    "farther from the retrained model than the untouched model is (medians over seeds; bands from the 10th to the "
    "90th percentile). On the same instances the projected step is the retrained model, to rounding, wherever its "
    "multipliers stay nonnegative: all but a few of the most correlated ones."
)


def worse(dataset: xr.Dataset, name: str) -> np.ndarray:
    """Correlations at which plain ascent's median is above doing nothing's."""
    median = dataset[name].median("seed")
    above = median.sel(model="plain ascent") > median.sel(model="nothing")
    return dataset.correlation.values[above.values]


def plot(dataset: xr.Dataset) -> Figure:
    """Relative distance, linear, and 1 − cos, logarithmic."""
    figure, grid = canvas(1, 2, width=9.0, height=4.0)
    c = dataset.correlation.values
    for axis, name in zip(grid[0], ("distance", "gap"), strict=True):
        bad = worse(dataset, name)
        if len(bad):
            first = int(np.searchsorted(c, bad[0]))
            begin = (c[first - 1] + bad[0]) / 2 if first else c[0]
            axis.axvspan(begin, c[-1], color="#EEEEEE", zorder=0)
            axis.text(
                (begin + c[-1]) / 2,
                0.62 if name == "distance" else 0.5,
                "ascent worse\nthan doing\nnothing",
                ha="center",
                va="center",
                fontsize=8.5,
                color=GREY,
                transform=axis.get_xaxis_transform(),
            )
        for model in dataset.model.values:
            samples = dataset[name].sel(model=model).transpose("correlation", "seed").values
            samples = above_floor(samples) if name == "gap" else samples
            median_and_spread(axis, c, samples, {**LOOKS[model], "markevery": 2}, model)
        axis.set_xlabel(axis_label(dataset.correlation, "correlation c of forget and retained points"))
        axis.set_ylabel(axis_label(dataset[name]))
    grid[0][1].set_yscale("log")
    floor_line(grid[0][1], above_floor(dataset.gap), x=0.01)
    at = dataset.attrs
    panel_titles(grid[0], [f"distance, {at['k']} of {at['m']} points forgotten", "direction, same instances"])
    shared_legend(figure, grid[0][0], 3)
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """From which correlation on ascent hurts."""
    bad = {name: worse(dataset, name) for name in ("distance", "gap")}
    return [
        f"Plain ascent is worse than doing nothing from c = {values[0]:g} on, measured by {text} (median over seeds)."
        for values, text in ((bad["distance"], "distance"), (bad["gap"], "1 − cos"))
        if len(values)
    ]
