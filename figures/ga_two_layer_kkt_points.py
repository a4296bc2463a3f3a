"""Exact KKT points from the flow's end: residuals, iterations, and how often."""

import itertools
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLUE, ORANGE, RED, above_floor, canvas, floor_line, panel_titles, shared_legend

STUDY = "ga_two_layer_kkt_points"
CAPTION = (
    "From the activation pattern at the end of training to an exact Clarke-KKT point, every random problem a mark. "
    "(a) The worst of the KKT residuals, of the pre-activations at kinks and of t's range. (b) Newton steps, and (c) "
    "entries of the activation pattern that had to be flipped on the way."
)


def plot(dataset: xr.Dataset) -> Figure:
    """Three panels over the configurations."""
    figure, grid = canvas(1, 3, width=12.0, height=4.2)
    sizes, dimensions = dataset["size"].values, dataset.dimension.values
    panels = (above_floor(dataset.worst), dataset.iterations.values, dataset.flips.values)
    draw = np.random.default_rng(0)
    for axis, values in zip(grid[0], panels, strict=True):
        for j, (dimension, color, marker) in enumerate(zip(dimensions, (BLUE, ORANGE, RED), "o^s", strict=True)):
            for i in range(len(sizes)):
                y = values[i, j]
                x = i + 0.27 * (j - 1) + draw.uniform(-0.09, 0.09, len(y))
                label = f"d = {dimension}" if i == 0 else None
                axis.plot(x, y, linestyle="none", marker=marker, markersize=3.5, alpha=0.6, color=color, label=label)
        axis.set_xticks(range(len(sizes)), [str(s) for s in sizes])
        axis.set_xlim(-0.5, len(sizes) - 0.5)
        axis.set_xlabel("points and neurons")
    grid[0][0].set_yscale("log")
    grid[0][0].set_ylabel("worst residual")
    floor_line(grid[0][0], panels[0])
    grid[0][0].set_ylim(top=1e-11)
    grid[0][0].axhline(1e-12, color="black", linewidth=0.8, linestyle="--")
    grid[0][1].set_ylabel("Newton steps")
    grid[0][2].set_ylabel("flipped pairs")
    panel_titles(grid[0], ["residual (dashed: 1e-12)", "iterations", "flips"])
    shared_legend(figure, grid[0][0], 3)
    return figure


def table(dataset: xr.Dataset) -> dict[str, Any]:
    """Solved networks and worst residuals, a row a configuration."""
    columns = ["points, neurons, dimension", "solved", "complementarity", "|⟨w, x⟩| at kinks", "t outside [0, λ]"]
    columns += ["Newton steps (most)", "flips (most)", "kinks"]
    rows = []
    for size, dimension in itertools.product(dataset["size"].values, dataset.dimension.values):
        one = dataset.sel(size=size, dimension=dimension)
        ok = one.solved.astype(bool)
        inside = one.where(ok)
        worst = [f"{float(inside[key].max()):.1e}" for key in ("complementarity", "kink_error", "range_error")]
        counts = [f"{float(inside[key].median()):g} ({float(inside[key].max()):g})" for key in ("iterations", "flips")]
        kinks = f"{float(inside.kinks.min()):g} to {float(inside.kinks.max()):g}"
        rows.append([f"{size}, d = {dimension}", f"{int(ok.sum())} of {len(ok)}", *worst, *counts, kinks])
    return {"title": "Exact KKT points, size by size (worst residuals)", "columns": columns, "rows": rows}


def findings(dataset: xr.Dataset) -> list[str]:
    """How many in all, and why not."""
    ok = dataset.solved.values.astype(bool)
    failed = [f"status {s}" for s in np.unique(dataset.status.values[~ok])]
    why = (
        f" ({', '.join(failed)}; {int((~dataset.separated.values.astype(bool)).sum())} not separated)" if failed else ""
    )
    return [
        f"{ok.sum()} of {ok.size} networks reach an exact Clarke-KKT point{why}; "
        f"the objective rose after {int(dataset.rises.sum())} of {int(dataset.flips.sum())} flips."
    ]
