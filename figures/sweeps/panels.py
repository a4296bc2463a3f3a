"""Panels that the pictures of sweeps share: a quantity against one axis, and a phase diagram over two.

Axes that a panel does not show are fixed at their first value, seeds aside: a panel's title says where.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize, TwoSlopeNorm

from figures.style import GREY, above_floor, axis_label, panel_titles

COLOURS = "viridis"
MARKERS = "osD^vP*X"


def fixed(data: xr.DataArray, shown: tuple[str, ...], at: Mapping[str, Any] | None = None) -> xr.DataArray:
    """``data`` over ``shown`` and ``seed`` alone: other axes at the value of ``at``, else the first."""
    chosen = dict(at or {})
    for name in data.dims:
        if name in shown or name == "seed":
            continue
        value = chosen.get(str(name), data[name].values[0])
        data = data.sel({name: value})
    return data.transpose(*shown, "seed") if "seed" in data.dims else data.transpose(*shown)


def where(dataset: xr.Dataset, at: Mapping[str, Any] | None, shown: tuple[str, ...]) -> str:
    """What is fixed, for a title: "m = 10, k = 1"."""
    text = []
    for name in dataset.dims:
        if name in shown or name == "seed" or dataset[name].dtype.kind == "U":
            continue
        value = (at or {}).get(str(name), dataset[name].values[0])
        text.append(f"{name} = {_short(value)}")
    return ", ".join(text)


def middle(data: xr.DataArray) -> np.ndarray:
    """Median over seeds; NaN where no seed has a value."""
    values = data.values
    if "seed" not in data.dims:
        return values
    known = np.isfinite(values).any(axis=-1)
    return np.where(known, np.nanmedian(np.where(known[..., None], values, 0.0), axis=-1), np.nan)


def lines(axis: Axes, data: xr.DataArray, x: str, family: str | None = None, log: str = "xy", text: str = "") -> None:
    """Median over seeds against ``x``, a line for every value of ``family``, with a band from the 10th to the 90th."""
    values = [None] if family is None else list(data[family].values)
    colours = mpl.colormaps[COLOURS](np.linspace(0.0, 0.85, len(values)))
    for colour, marker, value in zip(colours, MARKERS * len(values), values, strict=False):
        part = data if value is None else data.sel({family: value})
        samples = part.transpose(x, "seed").values if "seed" in part.dims else part.values[:, None]
        samples = above_floor(samples) if "y" in log else samples
        known = np.isfinite(samples).any(axis=1)
        if not known.any():
            continue
        low, mid, high = np.nanpercentile(samples[known], (10, 50, 90), axis=1)
        name = None if value is None else str(value) if isinstance(value, str) else f"{family} = {_short(value)}"
        at = part[x].values[known]
        axis.plot(at, mid, color=colour, marker=marker, label=name)
        axis.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
    if "x" in log:
        axis.set_xscale("log")
    if "y" in log:
        axis.set_yscale("log")
    axis.set_xlabel(axis_label(data[x]))
    axis.set_ylabel(textwrap.fill(text or axis_label(data), 36))


def phase(
    axis: Axes, data: xr.DataArray, x: str, y: str, *, log: bool = False, boundary: float | None = None, text: str = ""
) -> None:
    """Median over seeds as colours over two axes, each value a cell of equal size; white where there is none.

    ``boundary``: the level at which the colours turn, drawn as a line between cells.
    """
    table = middle(data.transpose(y, x, "seed"))
    norm: Any = Normalize()
    finite = table[np.isfinite(table)]
    if boundary is not None and finite.size:
        below, above = boundary - float(finite.min()), float(finite.max()) - boundary
        least = 0.1 * max(below, above, 1e-9)  # of either side on the scale
        norm = TwoSlopeNorm(boundary, boundary - max(below, least), boundary + max(above, least))
    elif log and finite.size:
        table = np.where(np.isfinite(table), above_floor(table), np.nan)
        norm = LogNorm(float(np.nanmin(table)), max(float(np.nanmax(table)), 1.01 * float(np.nanmin(table))))
    colours = "RdBu_r" if boundary is not None else COLOURS
    image = axis.pcolormesh(
        np.arange(table.shape[1] + 1), np.arange(table.shape[0] + 1), table, cmap=colours, norm=norm
    )
    if boundary is not None:
        _edges(axis, table, boundary)
    for dim, ticks, labels in ((x, axis.set_xticks, axis.set_xticklabels), (y, axis.set_yticks, axis.set_yticklabels)):
        values = data[dim].values
        every = range(0, len(values), 1 + len(values) // 9)
        ticks([i + 0.5 for i in every])
        labels([_short(values[i]) for i in every])
    axis.grid(False)
    axis.set_xlabel(axis_label(data[x]))
    axis.set_ylabel(axis_label(data[y]))
    figure: Any = axis.figure
    bar = figure.colorbar(image, ax=axis, shrink=0.9)
    bar.set_label(textwrap.fill(text or axis_label(data), 36), fontsize=8.5)
    bar.outline.set_visible(False)


def titles(axes: Sequence[Axes], texts: Sequence[str]) -> None:
    """Titles (a), (b), ..., in two lines where they are long."""
    panel_titles(axes, [textwrap.fill(text, 34) for text in texts])


def _edges(axis: Axes, table: np.ndarray, level: float) -> None:
    """A line between neighbours on different sides of the level."""
    above = table > level
    known = np.isfinite(table)
    for i, j in np.argwhere(known):
        if j + 1 < table.shape[1] and known[i, j + 1] and above[i, j] != above[i, j + 1]:
            axis.plot([j + 1, j + 1], [i, i + 1], color="black", linewidth=1.8)
        if i + 1 < table.shape[0] and known[i + 1, j] and above[i, j] != above[i + 1, j]:
            axis.plot([j, j + 1], [i + 1, i + 1], color="black", linewidth=1.8)


def _short(value: Any) -> str:
    """1e4 for 10000, no sign or leading zeros in exponents."""
    if isinstance(value, str):
        return value
    text = f"{value:g}" if abs(value) < 1e4 else f"{value:.3g}" if value % 10**4 else f"{value:.0e}"
    head, e, power = text.partition("e")
    return f"{head}e{int(power)}" if e else text


def slope(axis: Axes, data: xr.DataArray, x: str, power: float, text: str) -> None:
    """A dotted guide of that power through the median at the last value of ``x``."""
    values = middle(data.transpose(x, "seed"))
    at = data[x].values
    good = np.isfinite(values) & (values > 1e-15)
    if good.sum() < 2:
        return
    base, level = at[good][-1], values[good][-1]
    axis.plot(at, level * (at / base) ** power, color=GREY, linestyle=":", linewidth=1.2, label=text, zorder=0)
