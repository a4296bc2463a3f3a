"""Residuals of a two-layer network along the loss-normalised flow."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLUE, GREEN, RED, above_floor, canvas, panel_titles, shared_legend

STUDY = "ga_two_layer_flow"
CAPTION = (
    "Along the loss-normalised flow, networks scaled to least margin 1 (medians; bands: all seeds). The Clarke "
    "residual falls with flow time, as the start's part of θ fades: smaller starts are nearer from the beginning. A "
    "residual with autodiff's subgradient stalls, because the flow keeps pairs on their kinks. 1 − cos to the exact "
    "KKT point of the end's activation pattern falls like the square of the Clarke residual."
)
_CURVES = {
    "autodiff": (RED, "^", "autodiff's residual / ‖θ‖"),
    "clarke": (BLUE, "o", "Clarke residual / ‖θ‖"),
    "gap": (GREEN, "s", "1 − cos to the exact KKT point"),
}


def plot(dataset: xr.Dataset) -> Figure:
    """A panel per start and dimension."""
    cells = [(scale, d) for d in dataset.d.values for scale in dataset.scale.values]
    columns = len(dataset.scale)
    rows = len(cells) // columns
    figure, grid = canvas(rows, columns, width=4.3 * columns, height=2.9 * rows + 0.5, sharex=True, sharey=True)
    for axis, (scale, d) in zip(grid.ravel(), cells, strict=True):
        one = dataset.sel(scale=scale, d=d)
        time = one.time.median("seed")
        for name, (color, marker, label) in _CURVES.items():
            values = above_floor(one[name].transpose("record", "seed").values)
            known = np.isfinite(values).all(axis=1)
            axis.plot(time[known], np.median(values[known], axis=1), color=color, marker=marker, label=label)
            axis.fill_between(
                time[known], values[known].min(axis=1), values[known].max(axis=1), color=color, alpha=0.15, linewidth=0
            )
        axis.set_xscale("log")
        axis.set_yscale("log")
    for axis in grid[-1]:
        axis.set_xlabel("flow time s")
    for axis in grid[:, 0]:
        axis.set_ylabel("residual")
    panel_titles(grid.ravel().tolist(), [f"d = {d:g}, start neurons of length {scale:g}" for scale, d in cells])
    shared_legend(figure, grid[0][0], 3)
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Residuals at the end of the flow."""
    end = dataset.isel(record=-1).median("seed")
    return [
        f"d = {d:g}, start {scale:g}: after {dataset.attrs['steps']} steps the Clarke residual is "
        f"{float(end.clarke.sel(scale=scale, d=d)):.2g} of ‖θ‖, autodiff's "
        f"{float(end.autodiff.sel(scale=scale, d=d)):.2g}, "
        f"and 1 − cos to the exact KKT point {float(end.gap.sel(scale=scale, d=d)):.2g} (medians)."
        for d in dataset.d.values
        for scale in dataset.scale.values
    ]
