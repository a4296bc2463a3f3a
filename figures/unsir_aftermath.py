"""What is left of the forgotten class after each method: time to relearn, distances, where its samples go."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, GREEN, RED, canvas, legend, panel_titles
from figures.unsir_outcome import spread

STUDY = "unsir_outcome"
CAPTION = (
    "After unlearning one class, another for each seed. (a) Epochs of training on the forgotten samples alone until "
    "their accuracy is what it was before; 50 where it never got there. (b) Distance of the weights to the trained "
    "and to the retrained network, which began elsewhere: even the trained one is as far from it as the row 'nothing' "
    "says. (c) The classes into which the forgotten training samples are put, from the most frequent on. "
    "Marks are medians, lines reach from the least to the largest of the seeds."
)
SHOWN: dict[str, dict[str, Any]] = {
    "nothing": {"color": BLACK, "marker": "o"},
    "unsir": {"color": BLUE, "marker": "s"},
    "retrain": {"color": GREEN, "marker": "*"},
}


def plot(dataset: xr.Dataset) -> Figure:
    """Relearning, distances, predictions."""
    figure, grid = canvas(1, 3, width=12.4, height=4.4)
    axes = list(grid[0])
    order = np.argsort(dataset.relearn.median("seed").values, kind="stable")
    names = [str(name).replace("_", " ") for name in dataset.model.values[order]]
    _rows(axes[0], dataset.relearn, order, BLUE, "s", None)
    for name, colour, marker, text in (
        ("from_trained", RED, "^", "to the trained"),
        ("from_retrained", GREEN, "*", "to the retrained"),
    ):
        _rows(axes[1], dataset[name], order, colour, marker, text)
    for axis, label in zip(axes, ("epochs to relearn", "distance of the weights"), strict=False):
        axis.set_yticks(range(len(order)), names, fontsize=7)
        axis.set_xlabel(label)
        axis.set_ylabel("method")
    axes[1].set_ylim(-0.6, 1.15 * len(order))  # room for the legend
    legend(axes[1], loc="upper center", ncols=2)
    _predictions(axes[2], dataset)
    panel_titles(axes, ["time to relearn", "weights", "where the forgotten go"])
    return figure


def _rows(axis: Axes, values: xr.DataArray, order: np.ndarray, colour: str, marker: str, label: str | None) -> None:
    samples = values.transpose("model", "seed").values[order]
    samples = np.where(np.isfinite(samples), samples, np.nan)
    rows = np.arange(len(order))
    axis.hlines(rows, samples.min(axis=1), samples.max(axis=1), color=colour, linewidth=1.0, alpha=0.5)
    axis.plot(np.median(samples, axis=1), rows, color=colour, marker=marker, linestyle="none", label=label)


def _predictions(axis: Axes, dataset: xr.Dataset) -> None:
    ranks = np.arange(1, dataset.sizes["class"] + 1)
    for offset, (model, look) in zip((-0.2, 0.0, 0.2), SHOWN.items(), strict=True):
        shares = -np.sort(-dataset.predictions.sel(model=model).transpose("seed", "class").values, axis=1)
        axis.vlines(ranks + offset, shares.min(axis=0), shares.max(axis=0), color=look["color"], alpha=0.5)
        axis.plot(ranks + offset, np.median(shares, axis=0), linestyle="none", label=NAMES[model], **look)
    axis.set_xticks(ranks)
    axis.set_xlabel("classes, most frequent first")
    axis.set_ylabel("forgotten samples (percent)")
    legend(axis)


NAMES = {"nothing": "trained", "unsir": "UNSIR", "retrain": "retrained"}


def findings(dataset: xr.Dataset) -> list[str]:
    """What was measured, in sentences."""
    relearn, near = (
        {model: spread(dataset[name].sel(model=model)) for model in SHOWN} for name in ("relearn", "from_retrained")
    )
    top = {model: dataset.predictions.sel(model=model).max("class") for model in SHOWN}
    gap = abs(dataset.predictions.sel(model="unsir") - dataset.predictions.sel(model="retrain")).sum("class") / 2
    return [
        f"Epochs to relearn the forgotten class: {relearn['unsir']} after UNSIR, {relearn['retrain']} retrained.",
        f"Distance to the retrained weights: {near['unsir']} from UNSIR's, {near['nothing']} from the trained ones.",
        f"The most frequent answer to forgotten samples takes {spread(top['unsir'])}% of them after UNSIR and "
        f"{spread(top['retrain'])}% after retraining; {spread(gap)}% of the answers differ in distribution.",
    ]
