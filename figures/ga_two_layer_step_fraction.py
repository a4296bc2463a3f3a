"""ε of the two-layer network against the step as a fraction of the theorem's, and against τ."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    RED,
    above_floor,
    axis_label,
    canvas,
    legend,
    panel_titles,
    shared_legend,
)

STUDY = "ga_two_layer_step_fraction"
CAPTION = (
    "(a, b) Stationarity error ε against the step c in units of the theorem's step, medians over networks. The witness "
    "θ − c (I − P_R) g keeps every retained pre-activation, so every kink: its Clarke residual is a V with its "
    "tip at c = 1. A residual with autodiff's subgradient, blind to kinks, reports a large error at every step, even "
    "for the exact KKT point. The stepped network θ − c g leaves its kinks, so that its own residual shows no V. "
    "(c) What an error in direction (τ) buys: the ascent step's network certified along witnesses from θ − (I − P_R) g "
    "(left) to an exact KKT point (ε = 0). On the way a pair that is a kink at one end only has no free subgradient, "
    "so that ε first rises."
)
_CURVES = {
    "fixed": (BLACK, "o", "witness, trained multipliers"),
    "refitted": (BLUE, "s", "witness, Clarke residual"),
    "naive": (RED, "^", "witness, autodiff's residual"),
    "stepped": (GREEN, "D", "stepped network, Clarke residual"),
}


def plot(dataset: xr.Dataset) -> Figure:
    """A panel a dimension, and the trade-off."""
    dimensions = dataset.d.values
    figure, grid = canvas(1, len(dimensions) + 1, width=4.0 * (len(dimensions) + 1), height=4.2)
    every = max(len(dataset.fraction) // 9, 1)
    for axis, d in zip(grid[0], dimensions, strict=False):
        one = dataset.sel(d=d)
        for name, (color, marker, label) in _CURVES.items():
            middle = one[name].median("seed", skipna=True)
            axis.plot(
                one.fraction, middle, color=color, marker=marker, markevery=every, markerfacecolor="none", label=label
            )
        axis.plot(
            one.fraction,
            one.lower.median("seed"),
            color=ORANGE,
            linestyle="--",
            label=r"lower bound $|1-c|\,\|(I-P_R)g\|$",
        )
        axis.set_xlabel("step c (theorem's step = 1)")
        axis.set_ylim(bottom=0.0)
        axis.set_ylabel(axis_label(dataset.fixed, "stationarity error ε"))
    axis = grid[0][-1]
    for d, color, marker in zip(dimensions, (BLUE, RED), ("o", "^"), strict=False):
        one = dataset.sel(d=d)
        tau = one.trade_tau.median("seed", skipna=True)
        epsilon = one.trade_epsilon.median("seed", skipna=True)
        axis.plot(above_floor(tau), epsilon, color=color, marker=marker, markerfacecolor="none", label=f"d = {d:g}")
    axis.set_xscale("log")
    axis.set_xlabel("τ = 1 − cos to the witness")
    axis.set_ylabel("ε of the witness")
    axis.set_ylim(bottom=0.0)
    legend(axis, loc="upper right")
    at = dataset.attrs
    titles = [f"m = {at['m']}, n = {at['n']}, k = {at['k']}, d = {d:g}" for d in dimensions]
    panel_titles(grid[0], [*titles, "trade-off at c = 1"])
    shared_legend(figure, grid[0][0], columns=3)
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Where the tip is, and what the naive residual says at the exact point."""
    middle = dataset.median("seed", skipna=True)
    tip = middle.fraction.values[np.argmin(middle.fixed.values, axis=1)]
    full = int(np.argmin(np.abs(dataset.fraction.values - 1.0)))
    found = []
    for i, d in enumerate(dataset.d.values):
        one = middle.sel(d=d)
        found.append(
            f"d = {d:g}: ε of the witness is smallest at c = {tip[i]:g} ({float(one.fixed[full]):.2g} with the trained "
            f"multipliers, {float(one.refitted[full]):.2g} refitted), autodiff's residual there is "
            f"{float(one.naive[full]):.2g}; at c = 0, for the trained network on the retained points, they are "
            f"{float(one.refitted[0]):.2g} and {float(one.naive[0]):.2g} (‖θ‖ = {float(one['size']):.2g})."
        )
    return found
