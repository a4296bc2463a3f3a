"""1 − cos to the retrained model against dimension, data size and forget size."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import (
    LOOKS,
    above_floor,
    axis_label,
    canvas,
    floor_line,
    median_and_spread,
    panel_titles,
    shared_legend,
)

STUDY = "ga_distance_to_retraining"
CAPTION = (
    "Angle to the retrained model, as 1 − cos, on Gaussian points (median and 10th to 90th percentile over seeds). "
    "Plain ascent comes closer the higher the dimension; projected ascent is the retrained model to rounding wherever "
    "all points stay support vectors. Fine-tuning here is a fixed number of steps of the loss-normalised gradient flow "
    "on the retained points, which itself turns slowly to the retrained model."
)


def plot(dataset: xr.Dataset) -> Figure:
    """Three panels: d, m and k."""
    figure, grid = canvas(1, 3, width=10.2, height=4.0, sharey=True)
    everything = above_floor(np.concatenate([dataset[f"gap_{name}"].values.ravel() for name in "dmk"]))
    for axis, name in zip(grid[0], "dmk", strict=True):
        gaps = dataset[f"gap_{name}"]
        for method in dataset.model.values:
            samples = above_floor(gaps.sel(model=method).transpose(name, "seed").values)
            median_and_spread(axis, dataset[name].values, samples, LOOKS[method], method)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel(axis_label(dataset[name], f"{dataset[name].attrs['long_name']} {name}"))
        if name != "d":
            axis.set_xticks(dataset[name].values, [f"{v:g}" for v in dataset[name].values])
            axis.minorticks_off()
        floor_line(axis, everything)
    grid[0][0].set_ylabel("1 − cos to the retrained model")
    base = {name: dataset.attrs[f"base_{name}"] for name in "dmk"}
    panel_titles(
        grid[0],
        [", ".join(f"{other} = {base[other]}" for other in "dmk" if other != name) for name in "dmk"],
    )
    shared_legend(figure, grid[0][0], 4)
    return figure
