"""Every leave-one-out model of every pair of digits: its distance to retraining, and the certificate's bound."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, LOOKS, above_floor, canvas, floor_line, legend, panel_titles

STUDY = "real_leave_one_out"
CAPTION = (
    "Support vectors of each pair of digits left out, one at a time; leaving out any other point changes nothing. "
    "(a) Distance to the retrained model over its norm: medians of a pair's models, and for the step on the support "
    "the range from the 10th to the 90th percentile; pairs in the order of their number of support vectors. (b) The "
    "step's distance against the bound that its certificate gives without retraining; no mark lies above the line."
)
_STEP = {**LOOKS["projected ascent"], "color": BLUE}


def _look(model: str) -> dict[str, Any]:
    return _STEP if model == "support step" else LOOKS[model]


def plot(dataset: xr.Dataset) -> Figure:
    """Two panels: distances by pair, and distance against bound."""
    figure, grid = canvas(1, 2, width=9.6, height=4.2)
    left, right = grid[0]
    order = np.argsort(dataset.support.values, kind="stable")
    shown = dataset.isel(pair=order)
    x = np.arange(len(order))
    step = shown.distance.sel(model="support step").values
    for model in dataset.model.values:
        values = above_floor(shown.distance.sel(model=model).values)
        left.plot(x, np.nanmedian(values, axis=1), label=str(model), **{**_look(str(model)), "linestyle": "none"})
    low, high = np.nanpercentile(above_floor(step), (10, 90), axis=1)
    left.vlines(x, low, high, color=BLUE, alpha=0.3, linewidth=2.0)
    left.set_yscale("log")
    every = max(1, len(order) // 9)
    places = x[::every]
    left.set_xticks(places, [str(shown.pair.values[i]) for i in places])
    left.set(xlabel="pair, fewest support vectors first", ylabel="distance to retraining / its norm")
    floor_line(left, above_floor(shown.distance.values), x=0.02)
    legend(left, loc="center right")
    bound, distance = above_floor(dataset.bound.values), above_floor(dataset.distance.sel(model="support step").values)
    kept = np.isfinite(dataset.bound.values) & (dataset.distance.sel(model="support step").values > 1e-9)
    ends = np.array([distance[kept].min() / 2, bound[kept].max() * 2])
    right.plot(ends, ends, color=BLACK, linewidth=1.2, label="y = x (the bound)")
    right.plot(bound[kept], distance[kept], linestyle="none", marker="s", markersize=2.5, alpha=0.35, color=BLUE,
               label="support step")  # fmt: skip
    right.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    right.set(xlabel="bound of the certificate / norm", ylabel="distance to retraining / norm")
    legend(right, loc="upper left")
    panel_titles(grid[0], ["distance to retraining, pair by pair", "distance against its bound"])
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Counts, medians and the bound."""
    step = dataset.distance.sel(model="support step").values
    counted = np.isfinite(step)
    medians = {str(m): float(np.nanmedian(dataset.distance.sel(model=m).values)) for m in dataset.model.values}
    kept = counted & (step > 1e-9)
    ratio = step[kept] / dataset.bound.values[kept]
    nearer = int((step < dataset.distance.sel(model="nothing").values)[counted].sum())
    return [
        f"{dataset.attrs['source']}, {dataset.attrs['images']} images: all {dataset.sizes['pair']} pairs are separable "
        f"through the origin, with {int(dataset.support.min())} to {int(dataset.support.max())} support vectors of "
        f"{int(dataset.points.min())} to {int(dataset.points.max())} points; residuals of the trained and retrained "
        f"models at most {float(dataset.residual.max()):.1e}.",
        f"{int(counted.sum())} models without one support vector: the step on the support is the retrained model for "
        f"{int(dataset.exact.sum())}, and nearer to it than the trained model for {nearer}. "
        "Median distance over norm: " + ", ".join(f"{name} {value:.2g}" for name, value in medians.items()) + ".",
        f"The certificate's bound is broken by {int((ratio > 1 + 1e-6).sum())} of {ratio.size}; distance over bound is "
        f"{np.median(ratio):.2g} at the median and {ratio.max():.2g} at most.",
    ]


def table(dataset: xr.Dataset) -> dict[str, Any]:
    """A row a pair."""
    columns = ["pair", "points", "support vectors", "margin", "steps that are retraining"]
    columns += [f"median distance, {model}" for model in dataset.model.values] + ["median bound", "worst residual"]
    rows = []
    for name in dataset.pair.values:
        one = dataset.sel(pair=name)
        medians = [float(np.nanmedian(one.distance.sel(model=model).values)) for model in dataset.model.values]
        values = [1.0 / float(one.length), *medians, float(np.nanmedian(one.bound.values)), float(one.residual)]
        text = [f"{value:.3g}" for value in values]
        rows.append([str(name), f"{int(one.points)}", f"{int(one.support)}", text[0], f"{int(one.exact)}", *text[1:]])
    return {"title": f"All {len(rows)} pairs", "columns": columns, "rows": rows}
