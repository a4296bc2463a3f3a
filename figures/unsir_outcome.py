"""UNSIR: its stages, the other methods, and several classes."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLUE, GREEN, RED, canvas, legend, median_and_spread, panel_titles

STUDY = "unsir_outcome"
CAPTION = (
    "UNSIR on images, one class forgotten. (a) Accuracy on the forgotten and the retained training samples before and "
    "after impair and repair, with the class's own noise and with the public notebook's, which is made against label 0 "
    "for every class. (b) Every method: forgetting without harm has the two marks far apart. "
    "(c) Update steps and (d) seconds for 1 to 7 classes, UNSIR and retraining. Medians with all seeds, or their 10th "
    "to 90th percentiles."
)
LOOKS: dict[str, dict[str, Any]] = {
    "unsir": {"color": BLUE, "marker": "s", "linestyle": "-."},
    "retrain": {"color": GREEN, "marker": "*", "linestyle": (0, (5, 1))},
}


def plot(dataset: xr.Dataset) -> Figure:
    """Stages, methods, steps and seconds."""
    figure, grid = canvas(2, 2, width=10.6, height=7.4)
    axes = list(grid.ravel())
    _stages(axes[0], dataset)
    _methods(axes[1], dataset)
    for axis, name in ((axes[2], "several_steps"), (axes[3], "several_seconds")):
        for procedure, look in LOOKS.items():
            samples = dataset[name].sel(procedure=procedure).transpose("k", "seed").values
            median_and_spread(axis, dataset.k.values, samples, look, {"unsir": "UNSIR"}.get(procedure, "retraining"))
        axis.set_xlabel("forgotten classes")
        axis.set_xticks(dataset.k.values)
        axis.set_yscale("log")
    axes[2].set_ylabel("update steps")
    axes[3].set_ylabel("seconds")
    legend(axes[2])
    panel_titles(axes, ["UNSIR's stages", "all methods", "steps", "time"])
    return figure


def _stages(axis: Axes, dataset: xr.Dataset) -> None:
    names = dataset.stage.values
    for metric, colour, marker, text in (
        ("forget accuracy", RED, "^", "forgotten"),
        ("retained accuracy", BLUE, "s", "retained"),
    ):
        values = dataset.stages.sel(metric=metric).transpose("stage", "seed").values
        for s in range(values.shape[1]):
            axis.plot(range(len(names)), values[:, s], color=colour, marker=marker, linestyle="none", alpha=0.35)
        axis.plot(range(len(names)), np.median(values, axis=1), color=colour, marker=marker, label=text)
    axis.set_xticks(range(len(names)), [name.replace(", ", ",\n") for name in names])
    axis.set_xlabel("stage")
    axis.set_ylabel("accuracy (percent)")
    axis.set_ylim(-5, 105)
    legend(axis, loc="center right")


def _methods(axis: Axes, dataset: xr.Dataset) -> None:
    """A row a method, from the least forgotten at the top; lines reach from the worst to the best seed."""
    order = np.argsort(dataset.quality.sel(metric="forget accuracy").median("seed").values, kind="stable")
    for metric, colour, marker in (("forget accuracy", RED, "^"), ("retained accuracy", BLUE, "s")):
        values = dataset.quality.sel(metric=metric).transpose("model", "seed").values[order]
        rows = np.arange(len(order))
        axis.hlines(rows, values.min(axis=1), values.max(axis=1), color=colour, linewidth=1.0, alpha=0.5)
        axis.plot(np.median(values, axis=1), rows, color=colour, marker=marker, linestyle="none")
    names = [str(name).replace("_", " ") for name in dataset.model.values[order]]
    axis.set_yticks(rows, names, fontsize=7)
    axis.set_xlabel("accuracy (percent)")
    axis.set_ylabel("method")
    axis.set_xlim(-5, 105)


def findings(dataset: xr.Dataset) -> list[str]:
    """What was measured, in sentences."""

    def text(values: xr.DataArray) -> str:
        return f"{float(values.mean()):.1f} ± {float(values.std()):.1f}%"

    after, steps = dataset.stages.sel(stage="repaired"), dataset.several_steps.median("seed").sel(procedure="unsir")
    ratio, most = float(steps.isel(k=-1) / steps.isel(k=0)), int(dataset.k[-1])
    forgotten, retained = (after.sel(metric=metric) for metric in ("forget accuracy", "retained accuracy"))
    return [
        f"After UNSIR the accuracy on the forgotten class is {text(forgotten)}, on the retained ones {text(retained)}.",
        f"{most} classes took {ratio:.2f} times the update steps of one.",
    ]
