"""τ to the nearest exact KKT point of the retained problem, and 1 − cos to the retrained network."""

import xarray as xr
from matplotlib.figure import Figure

from figures.style import LOOKS, above_floor, axis_label, canvas, median_and_spread, panel_titles, shared_legend

STUDY = "ga_two_layer_exact_certificate"
CAPTION = (
    "(a, b) (0, 0, τ) certificates: 1 − cos from each network to the nearest exact KKT point of the retained problem "
    "among those that the methods' activation patterns lead to. (c, d) 1 − cos to the network retrained from the same "
    "start, taken to its exact KKT point: another KKT point, farther away. Medians over networks, bands from the 10th "
    "to the 90th percentile. Fine-tuning is a short run of the flow on the retained points."
)


def plot(dataset: xr.Dataset) -> Figure:
    """τ and the distance to retraining, against k and d."""
    figure, grid = canvas(2, 2, width=9.2, height=7.0, sharey="row")
    for row, measure in enumerate(("nearest", "retrained_gap")):
        for axis, name in zip(grid[row], ("k", "d"), strict=True):
            for model in dataset.model.values:
                if model == "retraining":
                    continue  # it is such a point
                values = dataset[f"{measure}_{name}"].sel(model=model).transpose(name, "seed").values
                median_and_spread(axis, dataset[name].values, above_floor(values), LOOKS[model], model)
            axis.set_yscale("log")
            axis.set_xlabel(axis_label(dataset[name]))
        grid[row][1].set_xscale("log")
    grid[0][0].set_ylabel("τ to the nearest exact KKT point")
    grid[1][0].set_ylabel("1 − cos to the retrained network")
    at = dataset.attrs
    titles = [f"m = {at['m']}, n = {at['n']}, d = {at['base_d']:g}", f"k = {at['base_k']}"]
    panel_titles(grid.ravel().tolist(), titles * 2)
    shared_legend(figure, grid[0][0], 5)
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Medians at the base point, and who is nearer how often."""
    base = dataset.sel(d=dataset.attrs["base_d"])
    tau, gap = base.tau_d, base.retrained_gap_d
    middle, far = tau.median("seed"), gap.median("seed")
    said = ", ".join(f"{m} {float(middle.sel(model=m)):.2g}" for m in dataset.model.values if m != "retraining")
    apart = ", ".join(f"{m} {float(far.sel(model=m)):.2g}" for m in dataset.model.values if m != "retraining")
    plain = (tau.sel(model="plain ascent") < tau.sel(model="nothing")).mean()
    projected = (tau.sel(model="Clarke ascent") < tau.sel(model="projected ascent")).mean()
    return [
        f"Median τ to the exact KKT point of the network's own pattern: {said}; the best network of plain ascent has "
        f" {float(tau.sel(model='plain ascent').min()):.1g}.",
        f"Median 1 − cos to the retrained network: {apart}.",
        f"Plain ascent is nearer to an exact KKT point than doing nothing in {100 * float(plain):.0f}% of networks; "
        f"with the same subgradient the plain step is nearer than the projected one in {100 * float(projected):.0f}%.",
    ]
