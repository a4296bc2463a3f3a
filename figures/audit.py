"""The pictures of an audit, drawn from its record: margins before, and every method after."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from figures.style import BLACK, GREY, LOOKS, ORANGE, RED, SKY, canvas, legend, panel_titles

MARGINS = (
    "Margins of the trained model in increasing order, in units of its least margin where the model separates its "
    "points. Marked: the points to forget. The dashed line is margin 1, the dotted one the wrong side."
)
METHODS = (
    "Every method after unlearning. (a) ε of the certificate over the length of its witness; no bar where a retained "
    "margin is not positive. (b) {distance} (c) accuracy on the points to forget, the retained ones and, where given, "
    "test points."
)
DISTANCE = {
    "linear": "distance of the witness to the retrained model (bars) and the certificate's bound on it (ticks), over "
    "the retrained model's length.",
    "two-layer": "1 − cos to the network retrained from one random start (bars), and τ of the certificate with "
    "ε = δ = 0 (ticks).",
}


def margins(record: dict[str, Any]) -> Figure:
    """Sorted margins before unlearning with the forget set marked."""
    values = np.asarray(record["before"]["margins"])
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(values), int)
    rank[order] = np.arange(len(values))
    forget = np.asarray(record["model"]["forget"])
    figure, grid = canvas(width=8.0, height=3.2)
    axis = grid[0][0]
    axis.plot(np.arange(len(values)), values[order], color=BLACK, marker=".", linestyle="none", label="retained")
    axis.plot(rank[forget], values[forget], color=RED, marker="o", markersize=6, linestyle="none", label="to forget")
    if record["before"]["separates"]:
        axis.axhline(1.0, color=GREY, linewidth=0.9, linestyle="--", zorder=0)
        if values.max() > 30.0:
            axis.set_yscale("log")
    if values.min() <= 0:
        axis.axhline(0.0, color=GREY, linewidth=0.9, linestyle=":", zorder=0)
    axis.set_xlabel("points, in order of their margin (points)")
    axis.set_ylabel("margin / least margin" if record["before"]["separates"] else "margin")
    legend(axis, loc="upper left")
    return figure


def methods(record: dict[str, Any]) -> Figure:
    """ε, distance and accuracies of every method."""
    entries = record["methods"]
    names = [entry["name"] for entry in entries]
    at = np.arange(len(names))
    figure, grid = canvas(1, 3, width=10.5, height=1.5 + 0.34 * len(names), sharey=True)
    axes = grid[0]
    colours = [LOOKS.get(name, {"color": SKY})["color"] for name in names]
    linear = record["model"]["kind"] == "linear"
    _bars(axes[0], at, _column(entries, "epsilon_relative"), colours, "ε / length of the witness")
    _bars(axes[1], at, _column(entries, "distance" if linear else "direction_gap"), colours,
          "distance / length" if linear else "1 − cos")  # fmt: skip
    bound = _column(entries, "distance_bound" if linear else "exact_tau")
    shown = np.maximum(bound, axes[1].get_xlim()[0])
    axes[1].plot(shown, at, color=BLACK, marker="|", markersize=11, markeredgewidth=2, linestyle="none")
    kinds = {"forget_accuracy": (RED, "o", "forget"), "retained_accuracy": (BLACK, "s", "retained")}
    kinds |= {"test_accuracy": (ORANGE, "^", "test")}
    for index, (key, (colour, marker, label)) in enumerate(kinds.items()):
        values = _column(entries, key)
        if np.isfinite(values).any():  # beside each other, since they often agree
            axes[2].plot(
                values, at + 0.22 * (index - 1), color=colour, marker=marker, linestyle="none", label=label, alpha=0.85
            )
    axes[2].set_xlabel("accuracy (%)")
    legend(axes[2], loc="best")
    axes[0].set_yticks(at, names)
    axes[0].invert_yaxis()
    panel_titles(axes, ("certificate", "distance to retraining", "accuracy"))
    return figure


def methods_caption(kind: str) -> str:
    """The caption of :func:`methods` for a "linear" or "two-layer" model."""
    return METHODS.format(distance=DISTANCE[kind])


def _column(entries: list[dict[str, Any]], key: str) -> np.ndarray:
    return np.array([np.nan if entry.get(key) is None else entry[key] for entry in entries], float)


def _bars(axis: Any, at: np.ndarray, values: np.ndarray, colours: list[str], label: str) -> None:
    """Horizontal bars on a log scale; what is 0 to rounding ends at its left edge."""
    floor = 1e-16
    axis.set_xscale("log")
    axis.barh(at, np.maximum(values, 1.5 * floor) - floor, left=floor, color=colours, height=0.6)
    axis.set_xlim(floor, 3.0 * max(np.nanmax(values, initial=1e-3), 1e-3))
    axis.set_xlabel(label)
