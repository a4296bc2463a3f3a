"""UNSIR over forgotten classes, noise penalty, retained sample and rates."""

import xarray as xr
from matplotlib.figure import Figure

from figures.style import canvas
from figures.sweeps.panels import fixed, lines, phase, titles, where

SWEEP = "unsir"
METRICS = ("forget accuracy", "retained accuracy")
CAPTION = (
    "UNSIR on a small convolutional network and digits, medians over seeds: accuracy on the forgotten classes (a) and "
    "on the retained ones (b) after repair, over the number of classes and the noise penalty; (c) update steps; (d) "
    "both accuracies against the learning rates of impair and repair, in units of the published ones."
)


def plot(dataset: xr.Dataset) -> Figure:
    """Two phase diagrams over (classes, penalty), the steps, and what the rates do."""
    figure, grid = canvas(2, 2, width=10.0, height=7.4)
    panels = grid.ravel()
    shown = ("classes", "penalty")
    at = {"sample": dataset["sample"].values[-1], "rate": dataset["rate"].values[-1], "stage": "repaired"}
    for axis, metric in zip(panels, METRICS, strict=False):
        phase(axis, fixed(dataset.accuracy, shown, {**at, "metric": metric}), *shown, text=f"{metric} (percent)")
    lines(panels[2], fixed(dataset.steps, ("classes", "sample"), at), "classes", "sample", log="")
    both = dataset.accuracy.sel(metric=list(METRICS))
    lines(panels[3], fixed(both, ("rate", "metric"), at), "rate", "metric", log="x", text="accuracy (percent)")
    for axis in panels[2:]:
        axis.legend(fontsize=8)
    places = [where(dataset, at, names) for names in (shown, ("classes", "sample"), ("rate",))]
    titles(list(panels), [f"forgotten, {places[0]}", "retained", *places[1:]])
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Medians after repair, at each rate."""
    repaired = dataset.accuracy.sel(stage="repaired")
    shown = repaired.median([n for n in repaired.dims if n not in ("rate", "metric")])
    forgot, kept = (shown.sel(metric=metric) for metric in METRICS)
    return [
        f"At {float(rate):g} times the published rates the median accuracy after repair is "
        f"{float(forgot.sel(rate=rate)):.1f}% on forgotten and {float(kept.sel(rate=rate)):.1f}% on retained samples."
        for rate in dataset["rate"].values
    ]
