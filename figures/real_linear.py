"""Linear models of real data: distance to retraining and test accuracy of every method."""

import itertools
import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.style import GREY, LOOKS, canvas

STUDY = "real_linear"
CAPTION = (
    "Max-margin linear models of real data after forgetting 1, 5 and 20 points: filled marks, the support vectors"
    " with the largest multipliers; hollow marks, random points. Top two rows: distance to the retrained model "
    "over its norm. With few points (m < d) projected ascent is nearer to retraining than doing nothing, but "
    "exact only where no support vector was forgotten, since not all points are on the margin. Fine-tuning, which"
    " keeps training on the retained points, comes nearest of the approximate methods. With many points (m > d) "
    "the retained points span the space, so the projected step is 0 and its marks are level with doing nothing. "
    "Bottom two rows: test accuracy. Decremental unlearning is always the retrained model."
)

_SAME = 1e-9  # relative distance below which a model is the retrained one; drawn on a line of its own


def plot(dataset: xr.Dataset) -> Figure:
    """Columns: data sets. Rows: distance and test accuracy, few and many points each."""
    names, regimes, counts = dataset.data.values, dataset.regime.values, dataset.k.values
    figure, grid = canvas(
        2 * len(regimes), len(names), width=1.2 + 3.0 * len(names), height=9.2, sharex=True, sharey="row"
    )
    methods = [str(m) for m in dataset.model.values]
    distances = dataset.distance.values[dataset.distance.values > _SAME]
    floor = 0.2 * distances.min()
    spread = 0.72 * (np.arange(len(methods)) / max(len(methods) - 1, 1) - 0.5)
    for row, (measure, regime) in enumerate([(m, r) for m in ("distance", "test_accuracy") for r in regimes]):
        for column, name in enumerate(names):
            axis = grid[row][column]
            for index, method in enumerate(methods):
                if measure == "distance" and method == "retraining":
                    continue
                for choice, face in zip(dataset.choice.values, (LOOKS[method]["color"], "white"), strict=True):
                    values = dataset[measure].sel(data=name, regime=regime, model=method, choice=choice).values
                    axis.plot(
                        np.arange(len(counts)) + spread[index] + (0.03 if face == "white" else -0.03),
                        np.where(values < _SAME, floor, values) if measure == "distance" else values,
                        color=LOOKS[method]["color"],
                        marker=LOOKS[method]["marker"],
                        markerfacecolor=face,
                        markersize=7.0 if method == "retraining" else 5.5,
                        linestyle="none",
                    )
            for edge in np.arange(len(counts) - 1) + 0.5:
                axis.axvline(edge, color=GREY, linewidth=0.5)
            axis.grid(visible=False, axis="x")
            axis.set_xticks(np.arange(len(counts)), [f"{k}" for k in counts])
            hypotheses = dataset.sel(data=name, regime=regime)
            if np.isfinite(hypotheses.dimension):
                axis.set_title(f"{name}, m = {int(hypotheses.points)}, d = {int(hypotheses.dimension)}", loc="left")
            else:
                axis.set_title(f"{name}: not separable", loc="left")
            if row == 2 * len(regimes) - 1:
                axis.set_xlabel("points forgotten k (points)")
        text = "distance to retraining\n/ norm" if measure == "distance" else "test accuracy (%)"
        grid[row][0].set_ylabel(f"{regime}\n{text}")
        if measure == "distance":
            for axis in grid[row]:
                axis.set_yscale("log")
                axis.set_ylim(floor / 3, 2 * distances.max())
                axis.axhline(floor, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
            grid[row][-1].annotate(
                "retrained model (below $10^{-9}$)", (0.02, floor), xycoords=("axes fraction", "data"),
                xytext=(0, 5), textcoords="offset points", fontsize=8, color=GREY,
            )  # fmt: skip
    handles = [
        Line2D([], [], color=LOOKS[m]["color"], marker=LOOKS[m]["marker"], linestyle="none", label=m) for m in methods
    ]
    handles += [
        Line2D([], [], color=GREY, marker="o", linestyle="none", markerfacecolor=face, label=str(choice))
        for choice, face in zip(dataset.choice.values, (GREY, "white"), strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Which hypotheses fail, and what the certificate still gives."""
    run = np.isfinite(dataset.a.values)
    cells = np.isfinite(dataset.alpha.values)
    near = int(np.sum(dataset.a.values[run] > 0))
    signs = int(np.sum(dataset.least_multiplier.values[cells] >= 0))
    small = int(np.sum(dataset.alpha.values[cells] < 1))
    found = [
        f"Near-orthogonality 1 − ψ − (m − 1)φ > 0 holds on {near} of {run.sum()} training sets (φ is at least "
        f"{np.nanmin(dataset.phi.values):.2f} at mean square norm 1), and α < 1 for {small} of {cells.sum()} "
        "forget sets.",
        f"Between {100 * np.nanmin(dataset.on_margin.values):.0f} % and "
        f"{100 * np.nanmax(dataset.on_margin.values):.0f} % of the training points are on the margin, and λ_R + κ ≥ 0 "
        f"for {signs} of {cells.sum()} forget sets, so projected ascent need not be exact.",
    ]
    projected = dataset.distance.sel(model="projected ascent")
    changed = dataset.distance.sel(model="nothing") > _SAME
    exact = projected.where((dataset.points < dataset.dimension) & changed)
    count = int(np.sum(exact.values < _SAME))
    found.append(
        f"With m < d projected ascent is the retrained model (distance below 1e-9) on {count} of "
        f"{int(np.sum(np.isfinite(exact.values)))} forget sets whose loss changes the model; its median distance is "
        f"{np.nanmedian(exact.values):.2g} of the retrained model's norm."
    )
    few = dataset.distance.where((dataset.points < dataset.dimension) & changed)
    medians = {str(m): float(few.sel(model=m).median()) for m in dataset.model.values if m not in ("retraining",)}
    ranked = ", ".join(f"{name} {value:.2g}" for name, value in sorted(medians.items(), key=lambda item: item[1]))
    found.append(f"Median distance to retraining there, nearest first: {ranked}.")
    bound, distance = dataset.distance_bound.values, dataset.witness_distance.values
    feasible = np.isfinite(bound)
    total = int(np.sum(np.isfinite(dataset.distance.values)))
    broken = int(np.sum(distance[feasible] > bound[feasible] + 1e-9))
    found.append(
        f"The certificate needs none of these hypotheses: {int(feasible.sum())} of {total} unlearned models have one "
        f"(the others have a retained margin ≤ 0), and its distance bound is broken by {broken}."
    )
    seconds = dataset.seconds.sel(regime=dataset.regime.values[-1]).median(("data", "k", "choice"), skipna=True)
    if np.all(np.isfinite(seconds.values)):
        text = ", ".join(f"{m} {1e3 * float(seconds.sel(model=m)):.3g} ms" for m in seconds.model.values[1:])
        found.append(f"Median time with {int(np.nanmax(dataset.points.values))} points: {text}.")
    for attribute, text in (("not_separable", "Not separable, left out"), ("skipped", "Nothing left to retain")):
        names = json.loads(dataset.attrs[attribute])
        if names:
            found.append(f"{text}: {'; '.join(names)}.")
    return found


def table(dataset: xr.Dataset) -> dict[str, Any]:
    """Every method side by side, a row for each data set, regime, choice of k points and method."""
    columns = ["data, m × d, forgotten, method", "least retained margin", "forget accuracy (%)", "test accuracy (%)"]
    columns += ["ε", "δ", "τ", "distance bound", "distance to retraining", "1 − cos", "time (ms)"]
    rows = []
    order = [dataset[axis].values for axis in ("data", "regime", "choice", "k", "model")]
    for data, regime, choice, k, model in itertools.product(*order):
        cell = dataset.sel(data=data, regime=regime, choice=choice, k=k, model=model)
        if not np.isfinite(cell.distance.values):
            continue
        size = f"{int(cell.points)} × {int(cell.dimension)}"
        label = f"{data}, {size}, {k} {'support vectors' if 'support' in str(choice) else choice}, {model}"
        shown = ("margin", "forget_accuracy", "test_accuracy", "epsilon", "delta", "tau", "distance_bound", "distance")
        values = [float(cell[name]) for name in (*shown, "gap")] + [1e3 * float(cell.seconds)]
        rows.append([label, *(f"{v:.3g}" if np.isfinite(v) else "none" for v in values)])
    return {"title": f"All {len(rows)} models, method by method", "columns": columns, "rows": rows}
