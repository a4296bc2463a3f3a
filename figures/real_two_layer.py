"""Unlearned two-layer networks on digits against retraining, and retrained networks against each other."""

import itertools
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLACK, LOOKS, above_floor, canvas, panel_titles, shared_legend

STUDY = "real_two_layer"
CAPTION = (
    "Distance of unlearned networks to the network retrained from the same start, as 1 − cos of the weights (top) and "
    "of the outputs on the test points (bottom); every random start a mark, the line through the medians. Dashed: the "
    "median distance between networks retrained from different starts (absent where it is rounding: they are then the "
    "same network). All networks but the fine-tuned and the stepped ones are exact KKT points."
)
_MEASURES = {"gap": ("spread", "1 − cos of weights"), "output_gap": ("output_spread", "1 − cos of test outputs")}
_LEAST = 1e-8  # below it two networks count as one


def plot(dataset: xr.Dataset) -> Figure:
    """A column a data set."""
    names, ks = dataset.data.values, dataset.k.values
    figure, grid = canvas(2, len(names), width=4.6 * len(names), height=6.8, sharex=True, sharey="row")
    methods = [model for model in dataset.model.values if model != "retraining"]
    for row, (measure, (spread, label)) in enumerate(_MEASURES.items()):
        for axis, name in zip(grid[row], names, strict=True):
            for at, model in enumerate(methods):
                found = dataset[measure].sel(data=name, model=model).transpose("k", "start")
                values = above_floor(found.values)
                look, x = LOOKS[model], np.arange(len(ks)) + 0.14 * (at - (len(methods) - 1) / 2)
                axis.plot(np.repeat(x, values.shape[1]), values.ravel(), linestyle="none", marker=look["marker"],
                          color=look["color"], alpha=0.45, markersize=4.0)  # fmt: skip
                middle = found.copy(data=values).median("start", skipna=True)  # NaN where every start is
                axis.plot(x, middle.values, **{**look, "markersize": 0.0}, label=model)
            apart = dataset[spread].sel(data=name).median("pair", skipna=True).values
            apart = np.where(apart > _LEAST, apart, np.nan)
            for i, value in enumerate(apart):
                label_once = "retrained, different starts" if i == int(np.argmax(np.isfinite(apart))) else None
                axis.plot([i - 0.42, i + 0.42], [value, value], color=BLACK, linestyle="--", label=label_once)
            axis.set_yscale("log")
            axis.set_xticks(range(len(ks)), [f"{k}" for k in ks])
        grid[row][0].set_ylabel(f"{label} to retraining")
    for axis in grid[-1]:
        axis.set_xlabel("points forgotten")
    panel_titles(grid[0], [str(name) for name in names])
    shared_legend(figure, grid[1][0], 3)
    return figure


def table(dataset: xr.Dataset) -> dict[str, Any]:
    """Medians over starts, a row a data set, k and method."""
    columns = ["data, forgotten, method", "least retained margin / ‖θ‖", "forget accuracy (%)", "test accuracy (%)"]
    columns += ["ε / ‖θ̃‖ (τ = 0)", "τ (ε = δ = 0)", "1 − cos of weights", "1 − cos of outputs"]
    shown = ("margin", "forget_accuracy", "test_accuracy", "epsilon", "tau", "gap", "output_gap")
    rows = []
    for data, k, model in itertools.product(dataset.data.values, dataset.k.values, dataset.model.values):
        cell = dataset.sel(data=data, k=k, model=model)
        values = [float(cell[name].where(np.isfinite(cell[name])).median("start", skipna=True)) for name in shown]
        rows.append([f"{data}, {k}, {model}", *(f"{v:.3g}" if np.isfinite(v) else "none" for v in values)])
    return {"title": f"All {len(rows)} medians, method by method", "columns": columns, "rows": rows}


def findings(dataset: xr.Dataset) -> list[str]:
    """Hypotheses, who is nearest, and the spread among retrained networks."""
    found = []
    for data in dataset.data.values:
        one = dataset.sel(data=data)
        facts = {key: float(one[key]) for key in ("psi", "phi", "kinks")}
        bounds = {key: float(one[f"step_{key}"].max()) for key in ("epsilon", "epsilon_bound", "tau", "tau_bound")}
        found.append(
            f"{data}: near-orthogonality fails (ψ = {facts['psi']:.2g}, φ = {facts['phi']:.2g}, so that "
            f"1 − ψ − (m − 1)φ < 0 at m = {dataset.attrs['train']}); {100 * facts['kinks']:.3g}% of pairs sit on the "
            "kink. The step's certificate still holds, for what it says: "
            f"ε / ‖θ̃‖ at most {bounds['epsilon_bound']:.2g} and τ at most {bounds['tau_bound']:.2g}, "
            f"measured {bounds['epsilon']:.2g} and {bounds['tau']:.2g} (worst)."
        )
    others = [model for model in dataset.model.values if model != "retraining"]
    middle = dataset.output_gap.median("start", skipna=True).sel(model=others)
    nearest = middle.idxmin("model").values.ravel()
    names, counts = np.unique(nearest.astype(str), return_counts=True)
    said = ", ".join(f"{name} in {count}" for name, count in zip(names, counts, strict=True))
    found.append(f"Nearest to the retrained network's test outputs, of {nearest.size} forget sets: {said}.")
    spread = dataset.output_spread.median("pair", skipna=True)
    least = middle.min("model")
    found.append(
        f"In {int((spread < least).sum())} of {nearest.size} forget sets networks retrained from different starts are "
        "nearer to each other in their outputs than any unlearned network is to retraining (medians)."
    )
    return found
