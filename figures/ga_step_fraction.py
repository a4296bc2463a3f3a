"""ε against the step as a fraction of the theorem's."""

import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, ORANGE, RED, axis_label, canvas, panel_titles, shared_legend

STUDY = "ga_step_fraction"
CAPTION = (
    "Stationarity error ε of the stepped model against the step size c, in units of the theorem's step: a V with its "
    "tip at c = 1. With the trained multipliers it follows the formula exactly; with the best multipliers it is "
    "smaller, but not below the derived lower bound. (b) From an approximate KKT point the tip is rounded at the "
    "error that was there before."
)


def plot(dataset: xr.Dataset) -> Figure:
    """One panel a starting point."""
    starts = dataset.start.values
    figure, grid = canvas(1, len(starts), width=8.6, height=3.9, sharey=True)
    every = max(len(dataset.fraction) // 14, 1)
    for axis, start in zip(grid[0], starts, strict=True):
        one = dataset.sel(start=start)
        axis.plot(one.fraction, one.formula, color=BLACK, label=r"formula $\|v+(1-c)\,\lambda_l y_l x_l\|$")
        axis.plot(
            one.fraction,
            one.fixed,
            color=RED,
            marker="^",
            linestyle="none",
            markevery=every,
            label="trained multipliers",
        )
        axis.plot(
            one.fraction,
            one.refitted,
            color=BLUE,
            marker="s",
            linestyle="none",
            markevery=every,
            markerfacecolor="none",
            label="best multipliers",
        )
        axis.plot(
            one.fraction,
            one.lower,
            color=ORANGE,
            linestyle="--",
            label=r"lower bound $|1-c|\,\lambda_l\|(I-P_R)x_l\|$ ($v=0$)",
        )
        axis.set_xlabel("step c (theorem's step = 1)")
    grid[0][0].set_ylim(0, 1.05 * float(dataset.formula.max()))
    grid[0][0].set_ylabel(axis_label(dataset.fixed, "stationarity error ε"))
    panel_titles(grid[0], [f"from an {start}" for start in starts])
    shared_legend(figure, grid[0][0], 2)
    return figure
