"""Unlearning loss against the overlap of features."""

import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLACK, LOOKS, MATH, canvas, median_and_spread, panel_titles, shared_legend

STUDY = "ft_overlap"
CAPTION = (
    "Unlearning and remaining loss over the mean square label, against the share of columns that retained and "
    "forget rows both use (median and 10th to 90th percentile over seeds). The retention mask never touches "
    "the retained predictions, but forgets less the larger the overlap, and nothing at full overlap; the "
    "forget mask forgets all and breaks the retained predictions. The dotted line through the "
    "golden model's stars is its closed form."
)
_SHOWN = ("pretrained w_o", "golden w_g", "retention mask", "forget mask")


def plot(dataset: xr.Dataset) -> Figure:
    """UL, then RL before any fine-tuning."""
    figure, grid = canvas(1, 2, width=8.6, height=3.9)
    x = 100.0 * dataset.overlap.values
    for axis, name in zip(grid[0], ("unlearning", "remaining"), strict=True):
        for model in _SHOWN:
            look = dict(LOOKS[model])
            if model == "golden w_g":
                look |= {"markersize": 9.0}
                if name == "unlearning":
                    look |= {"linestyle": "none"}
            samples = dataset[name].sel(model=model).transpose("overlap", "seed").values
            median_and_spread(axis, x, samples, look, MATH.get(model, model))
        axis.set_xlabel("columns both sides use (%)")
    grid[0][0].plot(
        x,
        dataset.closed_form.median("seed").values,
        color=BLACK,
        linewidth=1.0,
        linestyle=":",
        label="closed form of UL($w_g$)",
    )
    grid[0][0].set_ylabel("unlearning loss UL (mean square label)")
    grid[0][1].set_ylabel("remaining loss RL (mean square label)")
    panel_titles(grid[0], ["forget rows", "retained rows, before fine-tuning"])
    shared_legend(figure, grid[0][0], 5)
    return figure
