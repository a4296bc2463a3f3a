"""One image of every prompt, before and after forgetting."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from figures.style import RED, canvas, panel_titles

STUDY = "wc_prompts"
CAPTION = (
    "One image of every prompt, from the same noise: rows are classes, columns styles, and forgotten prompts are "
    "framed. The trained flow, and after fine-tuning, erasing and retraining without the prompts, for a random set "
    "(top) and for the set of the last selection (bottom). A retrained flow never saw the framed prompts: where it "
    "draws them all the same, it has put them together from their class in other styles and their style in other "
    "classes."
)
_MODELS = ("trained", "fine-tuning", "erasing", "retraining")


def plot(dataset: xr.Dataset) -> Figure:
    """Two rows of mosaics."""
    choices = [str(dataset.choice.values[0]), str(dataset.choice.values[-1])]
    figure, grid = canvas(2, len(_MODELS), width=11.0, height=10.2)
    for row, choice in enumerate(choices):
        forgotten = dataset.forget.sel(choice=choice).isel(seed=-1).values.astype(bool)
        for axis, model in zip(grid[row], _MODELS, strict=True):
            _mosaic(axis, dataset.picture.sel(model=model, choice=choice).values, forgotten, dataset.prompt.values)
            axis.set_ylabel("class" if model == _MODELS[0] else " ")
    titles = [f"{model}, {forgotten}" for forgotten in ("random set", "selected") for model in _MODELS]
    panel_titles(list(grid.ravel()), titles)
    return figure


def _mosaic(axis: Axes, pictures: np.ndarray, forgotten: np.ndarray, prompts: np.ndarray) -> None:
    styles = list(dict.fromkeys(str(name).split()[1] for name in prompts))
    side, rows = pictures.shape[1] + 1, len(prompts) // len(styles)
    sheet = np.ones((rows * side, len(styles) * side))
    for index, picture in enumerate(pictures):
        top, left = (side * place for place in divmod(index, len(styles)))
        sheet[top : top + side - 1, left : left + side - 1] = -picture
        if forgotten[index]:
            axis.add_patch(Rectangle((left - 1, top - 1), side, side, fill=False, edgecolor=RED, linewidth=1.8))
    axis.imshow(sheet, cmap="gray", vmin=-1.0, vmax=1.0)
    axis.set_xlim(-2, sheet.shape[1])
    axis.set_ylim(sheet.shape[0], -2)
    axis.grid(False)
    axis.set_xticks((np.arange(len(styles)) + 0.5) * side - 1, styles, rotation=60, ha="right", fontsize=7)
    axis.set_yticks((np.arange(rows) + 0.5) * side - 1, [str(c) for c in range(rows)], fontsize=7)
    axis.set_xlabel("style")
