"""Distance to retraining against the certificate's bound."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, RED, canvas, legend, panel_titles

STUDY = "ga_distance_bound"
CAPTION = (
    "Distance of approximate KKT points to the retrained model against the bound that their certificate (ε, δ, λ)"
    " gives, both over the norm of the retrained model. No point lies above the line y = x. (a) The bound with "
    "the sum of slacknesses is attained where the stationarity error dominates; (b) the coarser one, with the "
    "largest slackness times |R|, is looser."
)
_LOOKS = {
    "random KKT point": {"color": BLUE, "marker": "o", "markerfacecolor": "none"},
    "plain ascent": {"color": RED, "marker": "^"},
}


_EXACT = 1e-6  # below it a point is the retrained model: the bound takes a square root of rounding


def tightness(dataset: xr.Dataset, name: str) -> np.ndarray:
    """Distance over bound of every point that is not the retrained model itself."""
    distance, bound = dataset.distance.values, dataset[name].values
    counts = np.isfinite(distance) & (np.maximum(distance, bound) > _EXACT)
    return distance[counts] / bound[counts]


def plot(dataset: xr.Dataset) -> Figure:
    """Two panels: the sharp and the coarse bound."""
    figure, grid = canvas(1, 2, width=8.6, height=4.0, sharey=True)
    bounds = ("bound", "coarse_bound")
    labels = (
        r"bound $\sqrt{\varepsilon^2+2\sum_i\lambda_i(M_i-1)}\,/\,\|w^*\|$",
        r"bound $\sqrt{\varepsilon^2+2|R|\delta}\,/\,\|w^*\|$",
    )
    shown = np.stack([dataset[name].values for name in ("distance", *bounds)])
    shown = shown[np.isfinite(shown) & (shown > _EXACT)]
    ends = np.array([shown.min() / 1.5, shown.max() * 1.5])
    for axis, name, label in zip(grid[0], bounds, labels, strict=True):
        axis.plot(ends, ends, color=BLACK, linewidth=1.2, label="y = x (the bound)")
        for family, look in _LOOKS.items():
            one = dataset.sel(family=family)
            axis.plot(one[name], one.distance, linestyle="none", markersize=4, alpha=0.6, label=family, **look)
        axis.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel=label)
        legend(axis, loc="upper left")
    grid[0][0].set_ylabel(r"distance to the retrained model / $\|w^*\|$")
    panel_titles(grid[0], ["bound by the sum of slacknesses", "bound by |R| times the largest slackness"])
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Violations and tightness of the sharp bound."""
    found = []
    for family in dataset.family.values:
        ratio = tightness(dataset.sel(family=family), "bound")
        found.append(
            f"{family}: {np.sum(ratio > 1 + 1e-6)} of {len(ratio)} points are farther from retraining than their "
            f"certificate's bound; distance / bound is {np.median(ratio):.2f} in the median, {ratio.max():.3f} at most."
        )
    return found
