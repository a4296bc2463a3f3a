"""Heuristics against the exact worst-case forget set of ridge regression."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, canvas, legend, panel_titles

STUDY = "wc_ridge_gap"
CAPTION = (
    "Worst-case forget sets of ridge regression: the retrained model's squared error on the forget set over the "
    "smallest possible, which branch and bound certifies. (a) By how the set is chosen; bi-level selection starts from "
    "a random set at a nominal reach of about 100, γ = 0. (b) Share of that start still in the set at the end, against "
    "the reach α Σ (max g − min g) of every run: left of 1, proved, nothing changes (marks shifted a little to tell "
    "them apart). (c) Bi-level selection by its step, from a random set (filled) and from equal weights k/N (hollow), "
    "γ = 0: medians over problems and seeds. (d) Partial sets that branch and bound expands against the number of "
    "forget sets; a cross is a search that stopped at its limit."
)
LOOKS = {
    "retrain": {"color": BLUE, "marker": "s"},
    "retrain, gradient stopped": {"color": ORANGE, "marker": "o"},
    "sign descent": {"color": PURPLE, "marker": "D"},
}
PROBLEMS = (BLACK, BLUE, RED, GREEN, ORANGE, PURPLE)
MARKS = ("o", "s", "^", "D", "v", "P")


def _shown(dataset: xr.Dataset) -> float:
    """The nominal reach nearest to 100."""
    return float(dataset.reach.values[np.argmin(np.abs(np.log10(dataset.reach.values) - 2.0))])


def _from_set(dataset: xr.Dataset) -> xr.Dataset:
    return dataset.sel(start="random set", gamma=0.0)


def plot(dataset: xr.Dataset) -> Figure:
    """Choices, overlap, steps, and the cost of exactness."""
    figure, grid = canvas(2, 2, width=10.4, height=7.6)
    (first, second), (third, fourth) = grid
    _choices(first, dataset)
    runs = dataset.sel(start="random set")
    for shift, (lower, look) in zip((-0.02, 0.0, 0.02), LOOKS.items(), strict=True):
        chosen = runs.sel(lower=lower)
        reach, kept = chosen.actual.values.ravel(), chosen.overlap.values.ravel() + shift
        second.plot(reach, kept, linestyle="none", alpha=0.5, label=lower, markersize=4.0, **look)
    second.axvline(1.0, color=GREY, linewidth=1.0, linestyle="--")
    second.set_xscale("log")
    second.set_xlabel("reach α Σ (max g − min g)")
    second.set_ylabel("share of the start kept")
    second.set_ylim(-0.08, 1.42)
    second.set_yticks(np.linspace(0.0, 1.0, 6))
    legend(second, loc="upper right", title="lower level")
    for lower, look in LOOKS.items():
        for start, line in (("random set", "-"), ("k/N", "--")):
            values = dataset.bilevel.sel(lower=lower, start=start, gamma=0.0).median(("problem", "seed"))
            third.plot(
                dataset.reach, values, linestyle=line, label=lower if line == "-" else None,
                markerfacecolor=look["color"] if line == "-" else "white", **look,
            )  # fmt: skip
    random = float(dataset.ratio.sel(selector="random").median())
    third.axhline(random, color=GREY, linewidth=1.0, linestyle=":", label="random set")
    third.axvline(1.0, color=GREY, linewidth=1.0, linestyle="--")
    third.set_xscale("log")
    third.set_yscale("log")
    third.set_xlabel("nominal reach α · iterations · loss gap")
    third.set_ylabel("error / worst case's")
    third.set_ylim(bottom=0.15)
    legend(third, loc="lower left", ncols=2)
    _effort(fourth, dataset)
    panel_titles(
        [first, second, third, fourth],
        ["how the set is chosen", "what a step cannot reach", "the step of bi-level selection", "branch and bound"],
    )
    return figure


def _choices(axis: Axes, dataset: xr.Dataset) -> None:
    """One column a choice, one mark a problem and seed."""
    shown = _from_set(dataset).sel(reach=_shown(dataset))
    columns = {str(name): dataset.ratio.sel(selector=name) for name in dataset.selector.values}
    for lower in LOOKS:
        words = lower.replace(", gradient ", ",\ngradient\n").replace("sign ", "sign\n")
        columns[f"bi-level:\n{words}"] = shown.bilevel.sel(lower=lower)
    spread = np.linspace(-0.25, 0.25, len(dataset.problem))
    for at, values in enumerate(columns.values()):
        for place, name in enumerate(dataset.problem.values):
            samples = values.sel(problem=name).values
            axis.plot(
                np.full(len(samples), at + spread[place]), samples, linestyle="none", color=PROBLEMS[place % 6],
                marker=MARKS[place % 6], markersize=4.0, alpha=0.7, label=str(name) if at == 0 else None,
            )  # fmt: skip
    axis.set_yscale("log")
    labels = [name.replace("smallest ", "smallest\n").replace("and ", "and\n") for name in columns]
    axis.set_xticks(range(len(columns)), labels, fontsize=6.5)
    axis.set_xlabel("choice of the forget set")
    axis.set_ylabel("error / worst case's")
    legend(axis, loc="upper center", bbox_to_anchor=(0.4, 1.0))


def _effort(axis: Axes, dataset: xr.Dataset) -> None:
    """Nodes against the number of sets; runs that stopped are crossed and carry their gap."""
    for place, shape in enumerate(dataset["shape"].values):
        nodes, gap = dataset.nodes.sel(shape=shape), dataset.gap.sel(shape=shape)
        sets = dataset.sets.broadcast_like(nodes).values.ravel()
        solved = gap.values.ravel() == 0
        look: dict[str, Any] = {"color": PROBLEMS[place], "linestyle": "none", "markersize": 5.0}
        counts = nodes.values.ravel()
        axis.plot(sets[solved], counts[solved], marker=MARKS[place], label=str(shape), alpha=0.7, **look)
        axis.plot(sets[~solved], counts[~solved], marker="x", **look)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("forget sets in all")
    axis.set_ylabel("partial sets expanded (nodes)")
    legend(axis, loc="lower right")


def findings(dataset: xr.Dataset) -> list[str]:
    """The gaps, the trap, and where branch and bound stops."""
    medians = {str(name): float(dataset.ratio.sel(selector=name).median()) for name in dataset.selector.values}
    exact = {str(name): int((dataset.ratio.sel(selector=name) < 1 + 1e-9).sum()) for name in dataset.selector.values}
    count = dataset.sizes["problem"] * dataset.sizes["seed"]
    text = ", ".join(f"{name} {value:.3g} (exact on {exact[name]} of {count})" for name, value in medians.items())
    found = [f"Median error over the worst case's: {text}."]
    held = dataset.sel(start="random set")
    below = held.actual.values < 1
    changed = held.overlap.values < 1
    found.append(
        f"Of {int(below.sum())} runs with reach below 1, {int((below & changed).sum())} changed the set they started "
        f"from; the least reach at which one changed is {held.actual.values[changed].min():.3g}."
    )
    for start in dataset.start.values:
        best = dataset.bilevel.sel(start=start, gamma=0.0).median(("problem", "seed"))
        text = "; ".join(
            f"{lower}: {float(best.sel(lower=lower).min()):.3g} at best (nominal reach "
            f"{float(dataset.reach[int(np.argmin(best.sel(lower=lower).values))]):g}), "
            f"{float(best.sel(lower=lower).isel(reach=-1)):.3g} at {float(dataset.reach[-1]):g}"
            for lower in map(str, dataset.lower.values)
        )
        found.append(f"Bi-level selection from {start}, median error over the worst case's: {text}.")
    stopped = dataset.gap.values > 0
    largest = float(dataset.sets.where((dataset.gap == 0).any(("shape", "repeat"))).max())
    end = f"; where it stopped the gap is {dataset.gap.values.max():.2g} at most." if stopped.any() else "."
    found.append(
        f"Branch and bound certified {int((~stopped).sum())} of {stopped.size} problems within "
        f"{dataset.attrs['max_nodes']} nodes, the largest with {largest:.1g} forget sets to choose from{end}"
    )
    return found
