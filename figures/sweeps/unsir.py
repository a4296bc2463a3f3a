"""UNSIR over forgotten classes, noise penalty and retained sample."""

import xarray as xr
from matplotlib.figure import Figure

from figures.style import canvas
from figures.sweeps.panels import fixed, lines, phase, titles, where

SWEEP = "unsir"
CAPTION = (
    "UNSIR on a small convolutional network and digits, medians over seeds: accuracy on the forgotten classes (a) and "
    "on the retained ones (b) after repair, over the number of classes and the noise penalty; (c) update steps."
)


def plot(dataset: xr.Dataset) -> Figure:
    """Two phase diagrams over (classes, penalty), and the steps."""
    figure, grid = canvas(1, 3, width=13.0, height=3.9)
    shown, at = ("classes", "penalty"), {"sample": dataset["sample"].values[-1], "stage": "repaired"}
    for axis, metric in zip(grid[0], ("forget accuracy", "retained accuracy"), strict=False):
        phase(axis, fixed(dataset.accuracy, shown, {**at, "metric": metric}), *shown, text=f"{metric} (percent)")
    lines(grid[0][2], fixed(dataset.steps, ("classes", "sample"), at), "classes", "sample", log="")
    grid[0][2].legend(fontsize=8)
    titles(grid[0], [f"forgotten, {where(dataset, at, shown)}", "retained", where(dataset, at, ("classes", "sample"))])
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Medians after repair."""
    repaired = dataset.accuracy.sel(stage="repaired").median(
        [*(n for n in dataset.accuracy.dims if n not in ("stage", "metric"))]
    )
    forgot, kept = (float(repaired.sel(metric=name)) for name in ("forget accuracy", "retained accuracy"))
    return [f"After repair the median accuracy is {forgot:.1f}% on forgotten and {kept:.1f}% on retained samples."]
