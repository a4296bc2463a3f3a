"""Test error of trained, unlearned and retrained two-layer networks on the Gaussian mixture."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import GREY, LOOKS, ORANGE, canvas, median_and_spread, panel_titles, shared_legend

STUDY = "ga_mixture_test_error"
CAPTION = (
    "Two-layer ReLU networks at exact KKT points on a Gaussian mixture, all in coefficients: test error of the trained "
    "network, of its plain and projected ascent steps and of retraining from the same start (medians over seeds; bands "
    "from the 10th to the 90th percentile), against the length of the mean, the number of forgotten points and the "
    "dimension. Dotted: the linear max-margin model on all points, in closed form. Grey: the Bayes error, where it is "
    "in range."
)
_SCALE = 100.0
# plain and projected ascent lie on one another: an open ring about the marker shows both
_LOOKS = {**LOOKS, "plain ascent": {**LOOKS["plain ascent"], "markersize": 10.0, "fillstyle": "none"}}


def gap(dataset: xr.Dataset, name: str, model: str) -> np.ndarray:
    """Median over seeds of a model's error minus the trained network's, in percentage points, along a sweep."""
    error = dataset[f"error_{name}"]
    difference = error.sel(model=model) - error.sel(model="trained")
    return _SCALE * difference.median("seed").values


def plot(dataset: xr.Dataset) -> Figure:
    """Errors in percent, logarithmic, in three sweeps."""
    figure, grid = canvas(1, 3, width=11.0, height=3.9, sharey=True)
    at = dataset.attrs
    for axis, name in zip(grid[0], ("rho", "k", "d"), strict=True):
        x = dataset[name].values
        for model in dataset.model.values:
            samples = dataset[f"error_{name}"].sel(model=model).transpose(name, "seed").values
            median_and_spread(axis, x, _SCALE * np.maximum(samples, 0.5 / at["samples"]), _LOOKS[model], model)
        linear = _SCALE * dataset[f"linear_{name}"].median("seed").values
        axis.plot(x, linear, color=ORANGE, linestyle=":", marker="x", label="linear model, trained")
        axis.plot(x, _SCALE * dataset[f"bayes_{name}"].values, color=GREY, linewidth=1.0, label="Bayes error")
    everything = [
        _SCALE * dataset[f"{kind}_{name}"].values for kind in ("error", "linear") for name in ("rho", "k", "d")
    ]
    values = np.concatenate([part.ravel() for part in everything])
    values = values[np.isfinite(values) & (values > 0)]
    for axis in grid[0]:
        axis.set_yscale("log")
        axis.set_ylim(max(0.8 * values.min(), 1e-3), min(1.3 * values.max(), 100.0))
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    grid[0][0].set_ylabel("test error (%)")
    grid[0][0].set_xlabel(r"length of the mean $\rho\,d^{1/4}$")
    grid[0][1].set_xlabel(f"points forgotten $k$ of {at['m']}")
    grid[0][2].set_xlabel("dimension $d$")
    grid[0][2].set_xscale("log")
    rho, k, d = at["base_rho"], at["base_k"], at["base_d"]
    power = f"10^{{{np.log10(d):.0f}}}"
    panel_titles(
        grid[0],
        [
            rf"$k = {k:g}$, $d = {power}$",
            rf"$\rho = {rho:g}\,d^{{-1/4}}$, $d = {power}$",
            rf"$k = {k:g}$, $\rho = {rho:g}\,d^{{-1/4}}$",
        ],
    )
    shared_legend(figure, grid[0][0], 6)
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """How far the errors are apart, from what the dataset shows."""
    at = dataset.attrs
    trained = _SCALE * dataset.error_d.sel(model="trained").median("seed").values
    moved = {model: gap(dataset, "d", model) for model in dataset.model.values[1:]}
    widest = max(np.abs(values).max() for values in moved.values())
    most = int(dataset.k.values[-1])
    many = {model: gap(dataset, "k", model)[-1] for model in dataset.model.values[1:]}
    base = _SCALE * float(dataset.error_k.sel(model="trained").isel(k=-1).median("seed"))
    listed = ", ".join(f"{value:+.2f} ({model})" for model, value in many.items())
    linear = _SCALE * dataset.linear_d.median("seed").values
    return [
        f"With {at['base_k']:g} of {at['m']} points forgotten and d from {dataset.d.values[0]:.0e} to "
        f"{dataset.d.values[-1]:.0e}, the trained network's median test error is {trained.min():.1f} to "
        f"{trained.max():.1f}%, and unlearned and retrained ones are within {widest:.2f} percentage points of it.",
        f"With {most} of {at['m']} forgotten the error of {base:.1f}% changes by {listed} percentage points.",
        f"The linear max-margin model errs on {linear.min():.2f} to {linear.max():.2f}% of the same mixtures.",
    ]
