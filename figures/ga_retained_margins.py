"""Retained margins before and after the ascent step."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import LOOKS, axis_label, canvas, legend, panel_titles

STUDY = "ga_retained_margins"
CAPTION = (
    "Margins of the retained points after one plain ascent step scatter around those of the trained model, the less "
    "the higher the dimension and the more the larger the forget set; the projected step leaves every one in place. "
    "(a) One model, every retained point. (b, c) Least and largest change over the retained points, median over seeds, "
    "against the dimension."
)


def plot(dataset: xr.Dataset) -> Figure:
    """One model's margins, then the extreme changes against the dimension for each forget count."""
    counts = dataset.k.values
    figure, grid = canvas(1, 1 + len(counts), width=3.3 * (1 + len(counts)), height=3.5)
    axes = grid[0]
    middle = len(dataset.d) // 2
    one = dataset.margin.isel(k=-1, seed=0, d=middle).dropna("point", how="all")
    order = np.argsort(one.sel(model="plain ascent").values)
    for method in dataset.model.values:
        look = {**LOOKS[method], "linestyle": "none", "markersize": 4.5}
        face = "none" if method == "projected ascent" else look["color"]
        size = 7.5 if method == "projected ascent" else 4.0
        axes[0].plot(
            1 + np.arange(len(order)),
            one.sel(model=method).values[order],
            label=method,
            **{**look, "markersize": size, "markerfacecolor": face},
        )
    axes[0].set_xlabel("retained point, sorted (rank)")
    axes[0].set_ylabel(axis_label(dataset.margin))
    top = float(one.max())
    low = float(one.min())
    axes[0].set_ylim(low - 0.05 * (top - low), top + 0.42 * (top - low))
    legend(axes[0], loc="upper left")
    change = dataset.margin - dataset.margin.sel(model="trained")
    for axis, k in zip(axes[1:], counts, strict=True):
        for method in ("plain ascent", "projected ascent"):
            moved = change.sel(model=method, k=k)
            low, high = moved.min("point").median("seed"), moved.max("point").median("seed")
            axis.plot(dataset.d, high, label=method, **LOOKS[method])
            axis.plot(dataset.d, low, **LOOKS[method])
            axis.fill_between(dataset.d, low, high, color=LOOKS[method]["color"], alpha=0.15, linewidth=0)
        axis.set_xscale("log")
        axis.set_xlabel(axis_label(dataset.d))
        axis.set_ylabel("change of a retained margin")
        legend(axis, loc="lower right")
    d = dataset.d.values[middle]
    points = "point" if counts[-1] == 1 else "points"
    panel_titles(
        axes,
        [f"d = {d:g}, {counts[-1]} {points} forgotten"]
        + [f"{k} point{'s' if k > 1 else ''} forgotten of {dataset.attrs['m']}" for k in counts],
    )
    return figure
