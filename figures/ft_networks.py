"""CE-FT, ICE-FT and KL-FT against the weight of their second loss."""

from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, canvas, legend, median_and_spread, panel_titles

STUDY = "ft_networks"
CAPTION = (
    "Discriminative losses on a network, for the weight α: the retained loss plus α times cross-entropy to wrong "
    "labels (CE-FT), the inverse weighting (ICE-FT), and a divergence to the other classes (KL-FT). Unlearning, "
    "retained and test accuracy, and the share of forgotten samples that a confidence attack calls non-members; the "
    "levels are retraining and fine-tuning. Medians and 10th to 90th percentiles over classes and seeds."
)
LOOKS: dict[str, dict[str, Any]] = {
    "ce_ft": {"color": BLUE, "marker": "s", "linestyle": "-."},
    "ice_ft": {"color": ORANGE, "marker": "v", "linestyle": "--"},
    "kl_ft": {"color": RED, "marker": "o", "linestyle": "-"},
}
LINES: dict[str, dict[str, Any]] = {
    "retrain": {"color": GREEN, "linestyle": (0, (5, 1))},
    "fine_tune": {"color": PURPLE, "linestyle": (0, (1, 1.2))},
}
NAMES = {"ce_ft": "CE-FT", "ice_ft": "ICE-FT", "kl_ft": "KL-FT", "retrain": "retraining", "fine_tune": "fine-tuning"}


def plot(dataset: xr.Dataset) -> Figure:
    """One panel a metric."""
    figure, grid = canvas(1, 4, width=12.4, height=3.4)
    for axis, metric in zip(grid[0], dataset.metric.values, strict=True):
        for loss, look in LOOKS.items():
            samples = dataset.curves.sel(loss=loss, metric=metric).stack(run=("class", "seed"))
            median_and_spread(axis, dataset.alpha.values, samples.transpose("alpha", "run").values, look, NAMES[loss])
        for model, look in LINES.items():
            level = float(dataset.lines.sel(model=model, metric=metric).median())
            axis.axhline(level, linewidth=1.3, label=NAMES[model], **look)
        axis.axvline(1.0, color=BLACK, linewidth=0.5)
        axis.set_xscale("log")
        axis.set_xlabel("weight α")
        axis.set_ylabel(f"{metric} (percent)")
    legend(grid[0][0], loc="center right")
    panel_titles(grid[0], ["unlearning", "retained", "test", "membership"])
    return figure
