"""Kinks at exact KKT points: how many, and what the kink tolerance does."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import (
    BLUE,
    ORANGE,
    RED,
    above_floor,
    axis_label,
    canvas,
    floor_line,
    legend,
    median_and_spread,
    panel_titles,
)

STUDY = "ga_two_layer_kinks"
CAPTION = (
    "(a–d) Share of all (neuron, point) pairs that sit exactly on the kink at the KKT point a network's training leads "
    "to, and share with a multiplier strictly between 0 and λ there, which no residual with autodiff's subgradient can "
    "represent. (e) Clarke residual against the kink tolerance: the exact point needs only rounding; the flow's end "
    "needs a tolerance that covers the chatter of its steps about the kinks, and a tolerance near 1 proves nothing, "
    "since every pair is then a kink."
)


def plot(dataset: xr.Dataset) -> Figure:
    """Four census panels and the tolerance."""
    figure, grid = canvas(1, 5, width=15.5, height=3.9, gridspec_kw={"width_ratios": (1, 1, 1, 1, 1.5)})
    for axis, name in zip(grid[0], ("m", "d_over_m", "n", "scale"), strict=False):
        x = dataset[name].values
        for part, color, marker, label in (("kinks", BLUE, "o", "on the kink"), ("inside", RED, "x", "0 < t < λ")):
            look = {"color": color, "marker": marker, "linestyle": "-" if part == "kinks" else ":", "linewidth": 2.0}
            look |= {"markerfacecolor": "none", "markersize": 8.0 if part == "kinks" else 5.0}
            median_and_spread(axis, x, 100 * dataset[f"{part}_{name}"].transpose(name, "seed").values, look, label)
        axis.set_xscale("log")
        axis.set_ylim(0, 60)
        axis.set_ylabel("share of pairs (%)")
        axis.set_xlabel(axis_label(dataset[name]))
        if name in ("m", "n"):
            axis.set_xticks(x, [f"{v:g}" for v in x])
            axis.minorticks_off()
    axis = grid[0][4]
    shown = []
    for key, color, marker, label in (("flow", ORANGE, "D", "flow's end"), ("exact", BLUE, "s", "exact KKT point")):
        samples = above_floor(dataset[f"residual_{key}"].transpose("kink_tolerance", "seed").values)
        shown.append(samples)
        look = {"color": color, "marker": marker, "linestyle": "-", "markerfacecolor": "none"}
        median_and_spread(axis, dataset.kink_tolerance.values, samples, look, label)
    axis.set_xscale("log")
    axis.set_yscale("log")
    floor_line(axis, np.concatenate(shown))
    axis.set_xlabel(axis_label(dataset.kink_tolerance))
    axis.set_ylabel("Clarke residual / ‖θ‖")
    at = dataset.attrs
    panel_titles(grid[0], ["points", "dimension", "width", "initialisation", "kink tolerance"])
    for column in (0, 4):
        legend(grid[0][column], loc="center left" if column else "upper left")
    figure.suptitle(
        f"m = {at['base_m']}, n = {at['base_n']}, d = {at['base_d_over_m'] * at['base_m']:g} and start neurons of "
        f"length {at['base_scale']:g}, where not varied",
        fontsize=9.5,
    )
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """The base point's census and the residuals."""
    d = dataset.attrs["base_d_over_m"]
    kinks, inside = (100 * float(dataset[f"{part}_d_over_m"].sel(d_over_m=d).median()) for part in ("kinks", "inside"))
    flow = dataset.residual_flow.median("seed")
    best = float(flow.sel(kink_tolerance=1e-2, method="nearest"))
    return [
        f"At m = {dataset.attrs['base_m']}, n = {dataset.attrs['base_n']}, d = {d * dataset.attrs['base_m']:g}: "
        f"{kinks:.3g}% of pairs sit on the kink, {inside:.3g}% with a multiplier strictly between 0 and λ (medians).",
        f"The flow's end has relative Clarke residual {float(flow[0]):.2g} with the tightest kink tolerance and "
        f"{best:.2g} at tolerance 0.01; the exact point "
        f"{float(dataset.residual_exact.sel(kink_tolerance=1e-12, method='nearest').median()):.1g} at 1e-12.",
    ]
