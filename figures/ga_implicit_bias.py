"""Direction of the gradient flow against flow time."""

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.style import BLUE, GREEN, GREY, RED, canvas, legend, median_and_spread

STUDY = "ga_implicit_bias"
CAPTION = (
    "1 − cos between the loss-normalised gradient flow from 0 and the max-margin model, against flow time (median and "
    "10th to 90th percentile over seeds), with the derived bound log(m)/(γ*² s), γ* = 1/‖w*‖, dashed in the same "
    "colour. The bound holds at all times; in the end the direction converges faster than it says."
)
_LOOKS = (
    {"color": RED, "marker": "^"},
    {"color": BLUE, "marker": "s"},
    {"color": GREEN, "marker": "o"},
    {"color": GREY, "marker": "D"},
)


def plot(dataset: xr.Dataset) -> Figure:
    """One curve and one bound a dimension."""
    figure, grid = canvas(1, 1, width=6.4, height=4.2)
    axis = grid[0][0]
    for look, d in zip(_LOOKS, dataset.d.values, strict=False):
        one = dataset.sel(d=d)
        time = one.time.median("seed").values
        median_and_spread(
            axis, time, one.gap.transpose("record", "seed").values, {**look, "markevery": 3}, f"d = {d:g}"
        )
        axis.plot(time, one.bound.median("seed").values, color=look["color"], linestyle="--", linewidth=1.1)
    axis.set(xscale="log", yscale="log", xlabel="flow time s (loss-normalised)", ylabel="1 − cos(w(s), w*)")
    handles, labels = axis.get_legend_handles_labels()
    handles.append(Line2D([], [], color=GREY, linestyle="--", linewidth=1.1))
    legend(axis, handles=handles, labels=[*labels, r"bound $\log(m)/(\gamma_*^2 s)$"], loc="lower left")
    axis.set_title(f"{dataset.attrs['m']} Gaussian points, exponential loss", loc="left")
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Whether the bound held, and how close."""
    ratio = float((dataset.gap / dataset.bound).max())
    end = float(dataset.gap.isel(record=-1).max())
    return [
        f"1 − cos is at most {ratio:.3f} of its bound at any time, and {end:.1e} at the end, the worst of all seeds."
    ]
