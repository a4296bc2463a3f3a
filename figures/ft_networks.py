"""FT's remedies on a network: CE-FT, ICE-FT and KL-FT against their weight, and masks against what they remove."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    canvas,
    legend,
    median_and_spread,
    panel_titles,
)

STUDY = "ft_networks"
CAPTION = (
    "FT's remedies on a network, one class forgotten. Above, the discriminative losses for the weight α: the retained "
    "loss plus α times cross-entropy to wrong labels (CE-FT), the inverse weighting (ICE-FT), and a divergence to the "
    "other classes (KL-FT). Below, masks on the last layer's features, for the share of the largest mean from which "
    "a feature counts as used. Unlearning, retained and test accuracy, and the share of forgotten samples that a "
    "confidence attack calls non-members; the levels are retraining and fine-tuning. Medians and 10th to 90th "
    "percentiles over classes and seeds."
)
LOOKS: dict[str, dict[str, Any]] = {
    "ce_ft": {"color": BLUE, "marker": "s", "linestyle": "-."},
    "ice_ft": {"color": ORANGE, "marker": "v", "linestyle": "--"},
    "kl_ft": {"color": RED, "marker": "o", "linestyle": "-"},
}
MASKS: dict[str, dict[str, Any]] = {
    "retention_mask": {"color": SKY, "marker": "D", "linestyle": "-."},
    "forget_mask": {"color": BLACK, "marker": "^", "linestyle": "-"},
}
LINES: dict[str, dict[str, Any]] = {
    "retrain": {"color": GREEN, "linestyle": (0, (5, 1))},
    "fine_tune": {"color": PURPLE, "linestyle": (0, (1, 1.2))},
}
NAMES = {
    "ce_ft": "CE-FT",
    "ice_ft": "ICE-FT",
    "kl_ft": "KL-FT",
    "retention_mask": "retention mask",
    "forget_mask": "forget mask",
    "retrain": "retraining",
    "fine_tune": "fine-tuning",
}
METRICS = ("UA", "RA", "TA", "MIA")


def plot(dataset: xr.Dataset) -> Figure:
    """One panel a metric, losses above and masks below."""
    figure, grid = canvas(2, 4, width=12.4, height=6.4)
    for row, family, axis_name, looks in ((0, "curves", "alpha", LOOKS), (1, "masks", "used", MASKS)):
        for axis, metric in zip(grid[row], METRICS, strict=True):
            _panel(axis, dataset[family].sel(metric=metric), axis_name, looks)
            for model, look in LINES.items():
                level = float(dataset.lines.sel(model=model, metric=metric).median())
                axis.axhline(level, linewidth=1.3, label=NAMES[model], **look)
            axis.set_xscale("log")
            axis.set_ylabel(f"{metric} (percent)")
            axis.set_xlabel("weight α" if row == 0 else "share that counts as used")
            axis.set_ylim(-5, 105)
        legend(grid[row][0], loc="best")
    for axis in grid[1]:
        axis.set_xticks(dataset.used.values, [f"{value:g}" for value in dataset.used.values])
        axis.minorticks_off()
    panel_titles(list(grid.ravel()), ["unlearning", "retained", "test", "membership"] * 2)
    return figure


def _panel(axis: Axes, values: xr.DataArray, axis_name: str, looks: dict[str, dict[str, Any]]) -> None:
    (family,) = {"loss", "mask"} & set(values.dims)
    for name, look in looks.items():
        samples = values.sel({family: name}).stack(run=("class", "seed")).transpose(axis_name, "run").values
        median_and_spread(axis, values[axis_name].values, samples, look, NAMES[name])


def gap(dataset: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    """Mean distance of METRICS to those of the retrained network, percentage points."""
    metrics = list(METRICS)
    return abs(values.sel(metric=metrics) - dataset.lines.sel(model="retrain", metric=metrics)).mean("metric")


def best(dataset: xr.Dataset) -> dict[str, tuple[str, xr.DataArray]]:
    """Each remedy's name with the setting of the smallest average gap, and its values (metric, class, seed)."""
    found = {}
    families = (("curves", "loss", "alpha", "α"), ("masks", "mask", "used", "share"))
    for family, kind, axis_name, letter in families:
        for name in dataset[kind].values:
            values = dataset[family].sel({kind: name})
            at = int(np.argmin(gap(dataset, values).mean(("class", "seed")).values))
            text = f"{NAMES[str(name)]}, {letter} = {float(values[axis_name][at]):g}"
            found[str(name)] = text, values.isel({axis_name: at}, drop=True)
    return found


def findings(dataset: xr.Dataset) -> list[str]:
    """What was measured, in sentences."""
    tuned = dataset.lines.sel(model="fine_tune")
    sentences = [
        f"On {dataset.attrs['setting']}; means over classes {', '.join(map(str, dataset['class'].values))} and "
        f"{dataset.sizes['seed']} seeds.",
        f"Fine-tuning forgets {float(tuned.sel(metric='UA').mean()):.1f}% of the class; its average gap to retraining "
        f"is {float(gap(dataset, tuned).mean()):.1f} points.",
    ]
    ends = [f"{text}: {float(gap(dataset, values).mean()):.1f}" for text, values in best(dataset).values()]
    return [*sentences, f"The smallest average gaps, in points: {'; '.join(ends)}."]


def table(dataset: xr.Dataset) -> dict[str, Any]:
    """Each class and remedy, at the setting of the smallest average gap."""
    rows = []
    models = {NAMES[str(m)]: dataset.lines.sel(model=m) for m in dataset.model.values}
    models |= dict(best(dataset).values())
    for text, values in models.items():
        for label in dataset["class"].values:
            own = values.sel({"class": label})
            average = _spread(gap(dataset, values).sel({"class": label}))
            shares = [_spread(own.sel(metric=metric)) for metric in METRICS]
            seconds = f"{float(own.sel(metric='seconds').median()):.2f}"
            rows.append([text, str(label), *shares, average, seconds])
    return {
        "title": f"Classes {', '.join(map(str, dataset['class'].values))} on {dataset.attrs['setting']}: mean ± "
        "standard deviation over seeds",
        "columns": ["method", "class", *(f"{metric} (%)" for metric in METRICS), "average gap", "seconds"],
        "rows": rows,
    }


def _spread(values: xr.DataArray) -> str:
    return f"{float(values.mean()):.1f} ± {float(np.std(values.values, ddof=min(1, values.size - 1))):.1f}"
