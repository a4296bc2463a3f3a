"""Retained margins and activation flips of a two-layer network, before and after one ascent step."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLACK, LOOKS, PURPLE, axis_label, canvas, panel_titles, shared_legend

STUDY = "ga_two_layer_margins"
CAPTION = (
    "(a, b) Every retained margin of every network, after forgetting k points (the largest k shown that keeps most "
    "points). At the exact KKT point all margins are at least 1. A plain step moves them, the projected step does not. "
    "(c) Retained activations that flip, medians over networks: the projected step flips none. Plain ascent takes "
    "autodiff's subgradient, Clarke ascent removes exactly what the forgotten points had put there; repeated ascent "
    "takes the step in small parts."
)
_LOOKS = {**LOOKS, "repeated ascent": {"color": PURPLE, "marker": "D", "linestyle": (0, (1, 1.2))}}
_SHOWN = 5  # points forgotten in the margin panels, or the nearest value there is


def _shown(dataset: xr.Dataset) -> int:
    k = dataset.k.values
    return int(k[np.argmin(np.abs(k - _SHOWN))])


def plot(dataset: xr.Dataset) -> Figure:
    """Margins at each dimension, and flips against k at the lowest."""
    dimensions, models = dataset.d.values, dataset.model.values
    figure, grid = canvas(1, len(dimensions) + 1, width=3.9 * (len(dimensions) + 1), height=4.2)
    draw = np.random.default_rng(0)
    for axis, d in zip(grid[0], dimensions, strict=False):
        one = dataset.margin.sel(d=d, k=_shown(dataset))
        for place, model in enumerate(models):
            values = one.sel(model=model).values.ravel()
            values = values[np.isfinite(values)]
            look = _LOOKS[model]
            axis.plot(
                place + draw.uniform(-0.3, 0.3, len(values)),
                values,
                linestyle="none",
                marker=look["marker"],
                color=look["color"],
                markersize=3.0,
                alpha=0.5,
            )
        axis.axhline(1.0, color=BLACK, linewidth=0.8, linestyle=":")
        axis.set_xticks(range(len(models)), [str(m).replace(" ", "\n") for m in models])
        axis.set_xlabel("network")
        axis.set_ylabel(axis_label(dataset.margin))
    axis = grid[0][-1]
    low = dataset.isel(d=0)
    for model in models:
        axis.plot(dataset.k, low.flips.sel(model=model).median("seed"), label=model, **_LOOKS[model])
    axis.set_yscale("symlog", linthresh=1.0)
    axis.set_xlabel(axis_label(dataset.k))
    axis.set_ylabel(axis_label(dataset.flips))
    at = dataset.attrs
    titles = [f"k = {_shown(dataset)}, d = {d:g}, m = {at['m']}, n = {at['n']}" for d in dimensions]
    panel_titles(grid[0], [*titles, f"flips, d = {dimensions[0]:g}"])
    shared_legend(figure, axis, len(models))
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Ranges of margins and flips."""
    found = []
    for d in dataset.d.values:
        one = dataset.sel(d=d, k=_shown(dataset))
        parts = []
        for model in ("plain ascent", "Clarke ascent", "projected ascent"):
            margin = one.margin.sel(model=model)
            flips = one.flips.sel(model=model).median()
            parts.append(f"{model} {float(margin.min()):.3g} to {float(margin.max()):.3g} ({float(flips):g} flips)")
        found.append(f"d = {d:g}, k = {_shown(dataset)}: retained margins after " + ", ".join(parts) + ".")
    return found
