"""UNSIR: its stages, the other methods, and several classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLUE, GREEN, RED, canvas, legend, median_and_spread, panel_titles

STUDY = "unsir_outcome"
CAPTION = (
    "UNSIR on images. (a) One class forgotten, another for each seed: accuracy on the forgotten and the retained "
    "training samples before and after impair and repair, with the class's own noise and with the public notebook's, "
    "made against label 0 for every class. (b) The same for every method: forgetting without harm has the two marks "
    "far apart. (c) Accuracy, (d) update steps and (e) seconds without compilation for 1 to 7 classes: UNSIR dash-dot, "
    "retraining in long dashes. (f) As (a) for the notebook's two classes, on test samples. Lines are medians, with "
    "all seeds, their range, or their 10th to 90th percentiles."
)
LOOKS: dict[str, dict[str, Any]] = {
    "unsir": {"color": BLUE, "marker": "s", "linestyle": "-."},
    "retrain": {"color": GREEN, "marker": "*", "linestyle": (0, (5, 1))},
}
SIDES = (("forget accuracy", RED, "^", "forgotten"), ("retained accuracy", BLUE, "s", "retained"))
TEST = (("forget test accuracy", RED, "^", "forgotten"), ("retained test accuracy", BLUE, "s", "retained"))


def plot(dataset: xr.Dataset) -> Figure:
    """Stages, methods; accuracy, steps and seconds against the number of classes; stages of two classes."""
    figure, grid = canvas(2, 3, width=12.6, height=7.6)
    axes = list(grid.ravel())
    _stages(axes[0], dataset.stages, SIDES)
    _methods(axes[1], dataset)
    for metric, colour, marker, text in SIDES:
        for procedure, look in LOOKS.items():
            samples = dataset.several.sel(procedure=procedure, metric=metric).transpose("k", "seed").values
            label = text if procedure == "unsir" else None
            shown = {"color": colour, "marker": marker, "linestyle": look["linestyle"]}
            median_and_spread(axes[2], dataset.k.values, samples, shown, label)
    axes[2].set_ylim(-5, 105)
    for axis, name in ((axes[3], "several_steps"), (axes[4], "several_seconds")):
        for procedure, look in LOOKS.items():
            samples = dataset[name].sel(procedure=procedure).transpose("k", "seed").values
            median_and_spread(axis, dataset.k.values, samples, look, {"unsir": "UNSIR"}.get(procedure, "retraining"))
        axis.set_yscale("log")
    for axis, label in zip(axes[2:5], ("accuracy (percent)", "update steps", "seconds"), strict=True):
        axis.set_xlabel("forgotten classes")
        axis.set_ylabel(label)
        axis.set_xticks(dataset.k.values)
    _stages(axes[5], dataset.pair_stages, TEST)
    legend(axes[2], loc="center right")
    legend(axes[3])
    panel_titles(axes, ["UNSIR's stages", "all methods", "accuracy", "steps", "time", "classes 0 and 2, test samples"])
    return figure


def _stages(axis: Axes, stages: xr.DataArray, sides: Sequence[Sequence[str]]) -> None:
    names = stages.stage.values
    for metric, colour, marker, text in sides:
        values = stages.sel(metric=metric).transpose("stage", "seed").values
        for s in range(values.shape[1]):
            axis.plot(range(len(names)), values[:, s], color=colour, marker=marker, linestyle="none", alpha=0.35)
        for own, label in ((slice(0, 3), text), (slice(3, 5), None)):  # the notebook's label is another run
            middle = np.median(values[own], axis=1)
            axis.plot(range(len(names))[own], middle, color=colour, marker=marker, label=label)
    axis.set_xticks(range(len(names)), [name.replace(", ", ",\n") for name in names], fontsize=8)
    axis.set_xlabel("stage")
    axis.set_ylabel("accuracy (percent)")
    axis.set_ylim(-5, 125)
    axis.set_yticks(range(0, 101, 20))
    legend(axis, loc="upper center", ncols=2)


def _methods(axis: Axes, dataset: xr.Dataset) -> None:
    """A row a method, from the least forgotten at the top; lines reach from the worst to the best seed."""
    order = np.argsort(dataset.quality.sel(metric="forget accuracy").median("seed").values, kind="stable")
    for metric, colour, marker, _ in SIDES:
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

    def text(stage: str, metric: str) -> str:
        return spread(dataset.stages.sel(stage=stage, metric=metric)) + "%"

    steps = dataset.several_steps.median("seed").sel(procedure="unsir")
    ratio, most = float(steps.isel(k=-1) / steps.isel(k=0)), int(dataset.k[-1])
    gone, kept = "forget accuracy", "retained accuracy"
    return [
        f"On {dataset.attrs['setting']}; means ± standard deviations over {dataset.sizes['seed']} seeds.",
        f"Forgotten class: {text('trained', gone)} before, {text('impaired', gone)} after impair, "
        f"{text('repaired', gone)} after repair; retained: {text('trained', kept)}, {text('impaired', kept)}, "
        f"{text('repaired', kept)}.",
        f"With the notebook's label 0 for every class: {text('label 0, repaired', gone)} on the forgotten class, "
        f"{text('label 0, repaired', kept)} on the retained ones after repair.",
        f"{most} classes took {ratio:.2f} times the update steps of one.",
    ]


def spread(values: xr.DataArray) -> str:
    """Mean ± standard deviation."""
    return f"{float(values.mean()):.1f} ± {float(values.std(ddof=min(1, values.size - 1))):.1f}"


def table(dataset: xr.Dataset) -> dict[str, Any]:
    """Every method's numbers."""
    head = ["method", *(f"{name} (%)" for name in dataset.metric.values), "steps", "seconds"]
    rows = []
    for model in dataset.model.values:
        own = dataset.sel(model=model)
        seconds = own.seconds.median("seed")
        shares = [spread(own.quality.sel(metric=metric)) for metric in dataset.metric.values]
        rows.append([str(model), *shares, f"{int(own.steps.median('seed'))}", f"{float(seconds):.2f}"])
    return {"title": f"Every method on {dataset.attrs['setting']}", "columns": head, "rows": rows}
