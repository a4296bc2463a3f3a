"""Samples of a worst-case forget set beside random ones, and the search for the set."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, RED, canvas, panel_titles, shared_legend

CAPTION = (
    "(a) Samples of the set that is hardest to forget, those of lowest loss first, with their labels. (b) As many of a "
    "random set of the same kind. (c) Iteration by iteration, the loss of the unlearned network on the set that it "
    "forgot and on everything, and the share of the random start that is still in the set."
)
COLUMNS, ROWS = 8, 6


def plot(
    chosen: np.ndarray,
    random: np.ndarray,
    labels: tuple[np.ndarray, np.ndarray],
    record: dict[str, Any],
) -> Figure:
    """Two sheets of images and the curves of the search.

    Args:
        chosen, random: images (n, H, W, C), 8 bits a channel; the first COLUMNS × ROWS are drawn. labels: of both.
        record: with ``loss_forgotten``, ``loss_all`` and ``overlap``, one number an iteration.
    """
    figure, grid = canvas(1, 3, width=11.5, height=4.0, width_ratios=[1.0, 1.0, 1.1])
    axes = list(grid[0])
    for axis, images, own in zip(axes[:2], (chosen, random), labels, strict=True):
        _sheet(axis, images[: COLUMNS * ROWS], own)
    at = np.arange(1, len(record["overlap"]) + 1)
    axes[2].plot(at, record["loss_forgotten"], color=RED, marker="^", label="loss on the forgotten set")
    axes[2].plot(at, record["loss_all"], color=BLACK, marker="o", label="loss on everything")
    if min(*record["loss_forgotten"], *record["loss_all"]) > 0:
        axes[2].set_yscale("log")
    axes[2].set_xlabel("iteration")
    axes[2].set_ylabel("mean loss (nats)")
    axes[2].xaxis.get_major_locator().set_params(integer=True)
    shares = axes[2].twinx()
    shares.plot(at, record["overlap"], color=BLUE, marker="s", linestyle="--", label="share of the start left")
    shares.set_ylim(-0.05, 1.05)
    shares.set_ylabel("share of the start left", color=BLUE)
    shares.grid(False)
    shared_legend(figure, axes[2], 2)
    panel_titles(axes, ["hardest to forget", "random", "the search"])
    return figure


def _sheet(axis: Axes, images: np.ndarray, labels: np.ndarray) -> None:
    """Images in rows of COLUMNS with their labels beneath."""
    high, wide, channels = images.shape[1:]
    rows = -(-len(images) // COLUMNS)
    band = max(2, round(0.45 * high))  # for the label
    sheet = np.full((rows * (high + band), COLUMNS * (wide + 1), channels), 255, np.uint8)
    for index, (image, label) in enumerate(zip(images, labels, strict=False)):
        row, column = divmod(index, COLUMNS)
        top, left = row * (high + band), column * (wide + 1)
        sheet[top : top + high, left : left + wide] = image
        axis.text(left + wide / 2, top + high + band / 2, str(label), ha="center", va="center", fontsize=6.5)
    axis.imshow(sheet if channels == 3 else sheet[..., 0], cmap="gray", vmin=0, vmax=255)
    axis.grid(False)
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)
