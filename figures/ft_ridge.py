"""Where fine-tuning moves: the ridge transition, and fewer columns than rows."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    above_floor,
    canvas,
    floor_line,
    legend,
    median_and_spread,
    panel_titles,
)

STUDY = "ft_ridge"
CAPTION = (
    "Fine-tuning forgets once pretraining does not interpolate. (a) Unlearning loss over the golden model's, against "
    "the ridge strength: 0 without ridge, the golden model's with a strong one; the line is the closed form. "
    "(b) How far fine-tuning moves the model. (c) Without ridge it moves only where labels are noisy and there are "
    "fewer columns than rows. Medians and 10th to 90th percentiles over seeds."
)


def plot(dataset: xr.Dataset) -> Figure:
    """UL and movement against μ; movement against d."""
    figure, grid = canvas(1, 3, width=10.6, height=3.7)
    axes = grid[0]
    x = dataset.ridge.values
    every = max(len(x) // 15, 1)
    median_and_spread(
        axes[0], x, dataset.tuned.transpose("ridge", "seed").values,
        {"color": PURPLE, "marker": "D", "linestyle": "none", "markevery": every}, r"fine-tuned $w_t$",
    )  # fmt: skip
    axes[0].plot(x, dataset.closed_form.median("seed"), color=BLACK, linewidth=1.2, label=r"closed form of UL($w_t$)")
    median_and_spread(
        axes[0], x, dataset.pretrained.transpose("ridge", "seed").values,
        {"color": GREY, "marker": "o", "linestyle": "-", "markevery": every}, r"pretrained $w_o$",
    )  # fmt: skip
    axes[0].axhline(1.0, color=GREEN, linestyle=(0, (5, 1)), linewidth=1.2, label=r"golden $w_g$")
    axes[0].set_ylabel("unlearning loss UL / UL of the golden model")
    legend(axes[0], loc="upper left")
    median_and_spread(
        axes[1], x, dataset.ridge_movement.transpose("ridge", "seed").values,
        {"color": PURPLE, "marker": "D", "linestyle": "-", "markevery": every}, None,
    )  # fmt: skip
    axes[1].set_ylabel(r"movement $\|w_t-w_o\|\,/\,\|w_t\|$")
    axes[1].set_yscale("log")
    for axis in axes[:2]:
        axis.set_xscale("log")
        axis.set_xlabel("ridge μ (mean squared row norm)")
    looks = ({"color": BLUE, "marker": "s"}, {"color": ORANGE, "marker": "o"}, {"color": RED, "marker": "^"})
    for look, noise in zip(looks, dataset.noise.values, strict=False):
        samples = above_floor(dataset.movement.sel(noise=noise).transpose("d", "seed").values)
        median_and_spread(axes[2], dataset.d.values, samples, look, f"noise {100 * noise:g} %")
    rows = dataset.attrs["retained_rows"] + dataset.attrs["forget_rows"]
    axes[2].set_yscale("log")
    axes[2].axvline(rows, color=GREY, linewidth=0.9, linestyle="--")
    axes[2].annotate(
        f" d = m = {rows}", (rows, 0.93), xycoords=("data", "axes fraction"), fontsize=8.5, color=GREY, ha="left"
    )
    axes[2].set_xlabel("columns d")
    axes[2].set_ylabel(r"movement $\|w_t-w_o\|\,/\,\|w_o\|$")
    floor_line(axes[2], above_floor(np.asarray(dataset.movement)))
    legend(axes[2], loc="center right", title="label noise / signal")
    panel_titles(axes, ["ridge: unlearning loss", "ridge: movement", "no ridge, fewer columns"])
    return figure
