"""The complement of the worst-case forget set as a training set, and the step that selects nothing."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, GREY, PURPLE, RED, canvas, legend, median_and_spread, panel_titles

STUDY = "wc_coreset"
CAPTION = (
    "What the worst-case forget set leaves. (a) Test accuracy of a network trained on what is left without the worst "
    "set and without a random set of that size, against the share left, all for equally many steps; the line at the "
    "top is training on everything. Medians with the 10th to 90th percentile of the repetitions. (b) Share of the "
    "random start still selected at the end, against the step α of the weights: 1.000 is a selection that did not "
    "move. (c) The same against the reach α Σ (max g − min g): left of 1, proved, nothing can move."
)
LOOKS = {
    "without the worst set": {"color": RED, "marker": "^", "linestyle": "-"},
    "without a random set": {"color": BLACK, "marker": "o", "linestyle": "--"},
}


def plot(dataset: xr.Dataset) -> Figure:
    """Coreset curve, overlap against the step and against the reach."""
    figure, grid = canvas(1, 3, width=11.6, height=3.9)
    first, second, third = grid.ravel()
    for name, look in LOOKS.items():
        samples = dataset.curve.sel(left=name).transpose("kept", "seed").values
        median_and_spread(first, 100.0 * dataset.kept, samples, look, name)
    everything = float(dataset.everything.median())
    first.axhline(everything, color=GREY, linewidth=1.0, linestyle=":", label="everything")
    first.set_xlabel("samples left (percent)")
    first.set_ylabel("test accuracy (percent)")
    legend(first, loc="lower right")
    overlap = dataset.overlap.transpose("alpha", "seed").values
    median_and_spread(second, dataset.alpha, overlap, {"color": BLUE, "marker": "s", "linestyle": "-"}, None)
    second.set_xscale("log")
    second.set_xlabel("step α (1/nats)")
    second.set_ylabel("share of the start kept")
    reach = dataset.reach.transpose("alpha", "seed").values
    third.plot(reach.ravel(), overlap.ravel(), color=PURPLE, marker="D", linestyle="none", alpha=0.7)
    third.axvline(1.0, color=GREY, linewidth=1.0, linestyle="--")
    third.set_xscale("log")
    third.set_xlabel("reach α Σ (max g − min g)")
    third.set_ylabel("share of the start kept")
    for axis in (second, third):
        axis.set_ylim(0.0, 1.05)
    panel_titles([first, second, third], ["what is left, as a training set", "the α trap", "what a step can reach"])
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Accuracies left, and the trap."""
    found = []
    for share in dataset.kept.values:
        worst, random = (dataset.curve.sel(kept=share, left=name) for name in LOOKS)
        lost = dataset.everything - worst
        found.append(
            f"With {100 * share:g}% of the samples left: {float(worst.mean()):.1f}% without the worst set, "
            f"{float(random.mean()):.1f}% without a random one; training on everything is {float(lost.mean()):.1f} "
            "points above the former."
        )
    text = "; ".join(f"{float(a):g}: {float(dataset.overlap.sel(alpha=a).mean()):.3f}" for a in dataset.alpha.values)
    held = dataset.reach.values < 1
    moved = int((held & (dataset.overlap.values < 1)).sum())
    found.append(
        f"Mean overlap with the start after {dataset.attrs['iterations']} iterations, by α: {text}. Of "
        f"{int(np.sum(held))} runs with reach below 1, {moved} moved."
    )
    return found
