"""Remaining and unlearning loss along fine-tuning."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import LOOKS, MATH, above_floor, axis_label, canvas, floor_line, panel_titles, shared_legend

STUDY = "ft_fine_tuning"
CAPTION = (
    "Losses while each model is fine-tuned on the retained rows, over the mean square label (medians over seeds). "
    "Fine-tuning leaves the pretrained model where it is: remaining and unlearning loss stay 0, so it forgets "
    "nothing and is the fine-tuned model. The golden model has a large unlearning loss. With distinct features both "
    "masks equal it; with overlap the forget mask breaks the remaining loss until fine-tuning repairs it."
)


def plot(dataset: xr.Dataset) -> Figure:
    """Rows RL and UL, columns distinct and overlapping features."""
    figure, grid = canvas(2, 2, width=9.0, height=6.2, sharex=True, sharey="row")
    median = dataset.median("seed")
    count = len(dataset.step)
    sizes = {"pretrained w_o": 8.0, "golden w_g": 9.0, "retention mask": 7.0, "forget mask": 5.5, "fine-tuned w_t": 4.0}
    for column, features in enumerate(dataset.features.values):
        for row, name in enumerate(("remaining", "unlearning")):
            axis = grid[row][column]
            for index, model in enumerate(dataset.model.values):
                values = median[name].sel(features=features, model=model).values
                every = (index * max(count // 40, 1), max(count // 8, 1))
                axis.plot(
                    dataset.step.values,
                    above_floor(values) if row == 0 else values,
                    label=MATH.get(model, model),
                    **{**LOOKS[model], "markevery": every, "markersize": sizes[model]},
                )
            if row == 0:
                axis.set_yscale("log")
                floor_line(axis, above_floor(median[name].sel(features=features)))
            else:
                axis.set_xlabel(axis_label(dataset.step))
            if column == 0:
                axis.set_ylabel(axis_label(dataset[name]))
    highest = float(median.unlearning.max())
    grid[1][0].set_ylim(-0.08 * highest, 1.08 * highest)  # the row shares it
    names = [str(f) for f in dataset.features.values]
    panel_titles(list(grid.ravel()), [f"RL, {f}" for f in names] + [f"UL, {f}" for f in names])
    shared_legend(figure, grid[0][0], 5)
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """How far fine-tuning moved the pretrained model."""
    moved = float(dataset.movement.sel(model="pretrained w_o").max())
    loss = float(np.abs(dataset.unlearning.sel(model="pretrained w_o")).max())
    return [
        f"Fine-tuning moved the pretrained model by at most {moved:.1e} of its norm; its unlearning loss was at most "
        f"{loss:.1e} of the mean square label."
    ]
