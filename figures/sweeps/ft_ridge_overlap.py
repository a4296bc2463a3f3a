"""Fine-tuning over feature overlap and ridge: where it moves, and where it ends."""

import xarray as xr
from matplotlib.figure import Figure

from figures.style import canvas, floor_line
from figures.sweeps.panels import fixed, lines, middle, phase, titles, where

SWEEP = "ft_ridge_overlap"
CAPTION = (
    "Linear regression with more columns than rows. (a) How far fine-tuning moves the model, over the share of common "
    "columns and the ridge of pretraining: not at all without ridge; (b) its unlearning loss over the same; (c) the "
    "unlearning loss of every model without ridge. Medians over seeds."
)


def plot(dataset: xr.Dataset) -> Figure:
    """Two phase diagrams over (overlap, ridge) and lines along the overlap."""
    figure, grid = canvas(1, 3, width=13.0, height=3.9)
    shown = ("overlap", "ridge")
    phase(grid[0][0], fixed(dataset.movement, shown), *shown, log=True, text="movement of fine-tuning")
    tuned = fixed(dataset.unlearning, shown, {"model": "fine-tuned w_t"})
    phase(grid[0][1], tuned, *shown, log=True, text="UL of the fine-tuned model")
    data = fixed(dataset.unlearning, ("overlap", "model"))
    lines(grid[0][2], data, "overlap", "model", log="y")
    floor_line(grid[0][2], middle(data))
    grid[0][2].legend(fontsize=7.5)
    titles(grid[0], [where(dataset, None, shown), "the same", where(dataset, None, ("overlap",))])
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """The movement without ridge."""
    least = dataset.ridge[0]
    most = float(dataset.movement.sel(ridge=least).max())
    return [f"At ridge {float(least):g} fine-tuning moves the model by {most:.1e} of its length at most."]
