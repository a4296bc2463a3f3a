"""Random against worst-case forget sets of an image classifier."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, canvas, legend, panel_titles

STUDY = "wc_selection"
CAPTION = (
    "Worst-case forget sets of an image classifier. (a) The network retrained without the forget set, by how the set "
    "is chosen: errors on it (UA) and the share of it that a confidence attack calls non-members (MIA); one mark a "
    "repetition, a bar at the mean. Lowest loss: the samples that the trained network fits best, without a bi-level "
    "scheme. (b) Average gap of each method to retraining (UA, RA, TA, MIA) on the random and on the worst set of sign "
    "descent; lines reach from the least to the largest repetition. (c) Weights of all training samples at the end of "
    "the selection, all repetitions. (d) Classes in each forget set, mean over repetitions."
)
SETS = {"random": (BLACK, "o"), "lowest loss": (ORANGE, "v")} | {
    "worst, sign descent": (RED, "^"),
    "worst, retraining": (PURPLE, "D"),
}
LOWER = {"sign descent": (RED, "-"), "retraining": (PURPLE, "--")}


def plot(dataset: xr.Dataset) -> Figure:
    """Retraining, methods, weights, classes."""
    figure, grid = canvas(2, 2, width=10.6, height=7.8)
    axes = list(grid.ravel())
    _retrained(axes[0], dataset)
    _methods(axes[1], dataset)
    edges = np.linspace(0.0, 1.0, 21)
    for name, (colour, line) in LOWER.items():
        counts = np.histogram(dataset.w.sel(lower=name).values, edges)[0] / dataset.sizes["seed"]
        axes[2].stairs(np.maximum(counts, 0.1), edges, color=colour, linestyle=line, linewidth=1.6, label=name)
    axes[2].set_yscale("log")
    axes[2].set_xlabel("weight w of a sample")
    axes[2].set_ylabel("samples per bin and repetition")
    legend(axes[2], title="lower level")
    for name, (colour, marker) in SETS.items():
        shares = 100.0 * dataset.composition.sel(set=name).mean("seed")
        axes[3].plot(dataset["class"], shares, color=colour, marker=marker, linewidth=1.0, label=name)
    axes[3].set_xticks(dataset["class"].values)
    axes[3].set_xlabel("class")
    axes[3].set_ylabel("share of the forget set (percent)")
    axes[3].set_ylim(0.0, 135.0 * float(dataset.composition.mean("seed").max()))
    legend(axes[3], ncols=2, loc="upper right")
    panel_titles(axes, ["retraining", "methods against retraining", "weights after selection", "which classes"])
    return figure


def _retrained(axis: Axes, dataset: xr.Dataset) -> None:
    """Columns of sets, UA left and MIA right in each."""
    looks: tuple[tuple[str, str, str, float], ...] = (("UA", BLUE, "s", -0.17), ("MIA", GREEN, "D", 0.17))
    for metric, colour, marker, shift in looks:
        values = dataset.retrained.sel(metric=metric).transpose("set", "seed").values
        places = np.arange(len(values)) + shift
        spread = np.linspace(-0.07, 0.07, values.shape[1])
        axis.bar(places, values.mean(axis=1), width=0.3, color=colour, alpha=0.25)
        for s in range(values.shape[1]):
            text = metric if s == 0 else None
            axis.plot(places + spread[s], values[:, s], color=colour, marker=marker, linestyle="none", ms=4, label=text)
    names = [str(name).replace(", ", ",\n").replace(" loss", "\nloss") for name in dataset["set"].values]
    axis.set_xticks(range(len(names)), names)
    axis.set_xlabel("forget set")
    axis.set_ylabel("percent")
    axis.set_ylim(bottom=-0.02 * axis.get_ylim()[1])
    legend(axis)


def _methods(axis: Axes, dataset: xr.Dataset) -> None:
    """A row a method."""
    rows = np.arange(dataset.sizes["method"])[::-1]
    for name, shift in (("random", 0.13), ("worst, sign descent", -0.13)):
        colour, marker = SETS[name]
        values = dataset.gap.sel(compared=name).transpose("method", "seed").values
        axis.hlines(rows + shift, values.min(axis=1), values.max(axis=1), color=colour, linewidth=1.0, alpha=0.6)
        text = f"{name.split(',')[0]} set"
        axis.plot(values.mean(axis=1), rows + shift, color=colour, marker=marker, linestyle="none", label=text)
    axis.set_yticks(rows, [str(name).replace("_", " ") for name in dataset.method.values])
    axis.set_xlabel("average gap to retraining (percentage points)")
    axis.set_ylabel("method")
    axis.set_xlim(left=0.0)
    legend(axis)


def _text(values: Any) -> str:
    """Mean and standard deviation over repetitions."""
    flat = np.asarray(values, float).ravel()
    return f"{flat.mean():.2f} ± {flat.std(ddof=1):.2f}" if flat.size > 1 else f"{flat.mean():.2f}"


def findings(dataset: xr.Dataset) -> list[str]:
    """Retraining on each set, and the methods' gaps."""
    found = []
    for metric in ("UA", "MIA", "RA", "TA"):
        values = dataset.retrained.sel(metric=metric)
        text = "; ".join(f"{name} {_text(values.sel(set=name))}" for name in dataset["set"].values)
        found.append(f"{metric} of the retrained network in percent: {text}.")
    gaps = dataset.gap.transpose("compared", "method", "seed")
    text = "; ".join(
        f"{str(name).replace('_', ' ')} {_text(gaps[0, i])} and {_text(gaps[1, i])}"
        for i, name in enumerate(dataset.method.values)
    )
    found.append(f"Average gap to retraining in points, random and worst set: {text}.")
    kept = dataset.kept.mean("seed")
    found.append(
        f"{100 * float(kept.sel(set='worst, sign descent', other='random')):.0f}% of the sign-descent selection are "
        f"still its random start, {100 * float(kept.sel(set='worst, sign descent', other='lowest loss')):.0f}% are "
        f"among the samples of lowest trained loss ({dataset.attrs['setting']}, "
        f"{100 * dataset.attrs['share']:g}% forgotten)."
    )
    return found
