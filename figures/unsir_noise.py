"""The error-maximising noise of every class."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import canvas

STUDY = "unsir_outcome"
CAPTION = (
    "Error-maximising noise of every class, the mean over its batch: the images that the impair step labels with the "
    "class. None shows it, for each was made to be as unlike it as the network can tell. Red is above the mean pixel "
    "and blue below, on one scale for all classes."
)


def plot(dataset: xr.Dataset) -> Figure:
    """One picture a class, five in a row."""
    count = len(dataset["class"])
    columns = min(count, 5)
    figure, grid = canvas(-(-count // columns), columns, width=8.0, height=1.75 * -(-count // columns))
    most = float(np.abs(dataset.noise).max())
    for index, axis in enumerate(grid.ravel()):
        picture = dataset.noise.isel({"class": index})
        axis.imshow(picture, cmap="RdBu_r", vmin=-most, vmax=most)
        axis.grid(False)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_xlabel(f"class {int(dataset['class'][index])}")
        axis.set_ylabel("pixel rows" if index % columns == 0 else " ")
    return figure
