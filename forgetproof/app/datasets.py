"""Slices of labelled datasets: saved sweeps and studies, and studies run from the page."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from figures.style import BLACK, BLUE, GREEN, LOOKS, ORANGE, PURPLE, RED
from forgetproof.app.charts import Chart, Series
from forgetproof.app.knobs import Knob, Value
from forgetproof.app.live import number

_REPEATED = ("seed", "instance", "repetition")
"""Dimensions over which a slice is the median and the range, never one curve each."""
_MOST_LINES = 6
_COLOURS = (BLUE, RED, GREEN, ORANGE, PURPLE, BLACK)
_MARKERS = ("s", "^", "o", "D", "v", "*")


class Slice(NamedTuple):
    """Curves through a variable: rows of ``middle`` are lines, with the range over repetitions."""

    variable: str
    along: str
    lines: str
    x: np.ndarray
    names: tuple[str, ...]
    middle: np.ndarray  # (line, x) median
    low: np.ndarray
    high: np.ndarray
    held: dict[str, Value]  # where the other dimensions are

    def point(self, row: int, column: int) -> str:
        """What a point is called."""
        line = "" if self.lines == "none" else f", {self.names[row]}"
        return f"{self.variable}{line}, {self.along} = {self.x[column]:g}"


def open_dataset(path: Path | str) -> xr.Dataset:
    """A sweep's store (a folder) or a study's dataset (a netCDF file).

    Raises:
        ValueError: no such file, not a dataset of this program, or damaged: one line that names it.
    """
    from experiments.engine.dataset import load_sweep
    from experiments.store import load_dataset

    path = Path(path)
    try:
        return load_sweep(path) if path.is_dir() else load_dataset(path)
    except OSError as fault:
        raise ValueError(f"{path}: {fault.strerror or fault}") from fault


def variables(dataset: xr.Dataset) -> list[str]:
    """Variables of numbers that have an axis to be drawn along."""
    return [str(name) for name, v in dataset.data_vars.items() if v.dtype.kind in "fiub" and _axes(dataset, str(name))]


def _axes(dataset: xr.Dataset, variable: str) -> list[str]:
    """Dimensions with numbers for coordinates that are no repetitions, the longest first."""
    dims = [str(dim) for dim in dataset[variable].dims]
    numeric = [d for d in dims if d in dataset.coords and dataset[d].dtype.kind in "fiu" and d not in _REPEATED]
    return sorted(numeric, key=lambda d: -dataset.sizes[d])


def variable_knob(dataset: xr.Dataset) -> Knob:
    """Which variable to draw.

    Raises:
        ValueError: the dataset has none that can be drawn.
    """
    names = tuple(variables(dataset))
    if not names:
        raise ValueError("dataset: expected a variable with numbers along an axis, found none")
    return Knob("variable", "variable", names, names[0])


def slice_knobs(dataset: xr.Dataset, variable: str) -> tuple[Knob, ...]:
    """What the curve runs along, what its lines are, and where the other dimensions are held."""
    axes = _axes(dataset, variable)
    dims = [str(dim) for dim in dataset[variable].dims if dim not in _REPEATED]
    words = [d for d in dims if d not in axes]
    lines = ("none", *words, *[d for d in axes if len(axes) > 1])
    first = lines[1] if words else "none"
    knobs = [Knob("along", "along", tuple(axes), axes[0]), Knob("lines", "lines", lines, first)]
    for dim in dims:
        values: tuple[Value, ...] = tuple(v.item() for v in dataset[dim].values) if dim in dataset.coords else ()
        if len(values) > 1 and all(not isinstance(v, float) or np.isfinite(v) for v in values):
            label = f"hold {dataset[dim].attrs.get('long_name', dim)}"
            knobs.append(Knob(f"at-{dim}", label, values, values[len(values) // 2]))
    return tuple(knobs)


def settings(dataset: xr.Dataset, given: Mapping[str, Any]) -> dict[str, Value]:
    """Values of all knobs: those given, as text, and the others' defaults.

    Raises:
        ValueError: a value that is none of a knob's, or a place on a dimension that the variable does not have.
    """

    def read(knob: Knob) -> Value:
        return knob.read(str(given[knob.name])) if knob.name in given else knob.default

    variable = read(variable_knob(dataset))
    found = {"variable": variable, **{k.name: read(k) for k in slice_knobs(dataset, str(variable))}}
    unknown = [name for name in given if name.startswith("at-") and name not in found]
    if unknown:
        places = ", ".join(name for name in found if name.startswith("at-")) or "none"
        raise ValueError(f"{unknown[0]}: {variable} has no such dimension to hold; it has {places}")
    return found


def cut(dataset: xr.Dataset, values: Mapping[str, Value]) -> Slice:
    """The curves that the knobs' values name."""
    name, along, lines = (str(values[key]) for key in ("variable", "along", "lines"))
    lines = "none" if lines == along else lines
    array = dataset[name].astype(float)
    held = {
        dim: values[f"at-{dim}"] for dim in map(str, array.dims) if dim not in (along, lines) and f"at-{dim}" in values
    }
    array = array.sel(held) if held else array
    kept = [d for d in (lines, along) if d in array.dims]
    rest = [d for d in array.dims if d not in kept]
    found = array.transpose(*rest, *kept).values.reshape(-1, *(array.sizes[d] for d in kept))
    found = found[:, None, :] if len(kept) == 1 else found
    names = (name,) if lines == "none" else tuple(_named(lines, v) for v in dataset[lines].values)
    with np.errstate(all="ignore"):
        empty = np.isnan(found).all(axis=0)
        filled = np.where(empty[None], 0.0, found)
        low, middle, high = (
            np.where(empty, np.nan, part) for part in np.nanpercentile(filled, (10.0, 50.0, 90.0), axis=0)
        )
    return Slice(name, along, lines, dataset[along].values.astype(float), names, middle, low, high, held)


def _named(dim: str, value: Any) -> str:
    return str(value) if isinstance(value, str) else f"{dim} = {value:g}"


def picture(dataset: xr.Dataset, found: Slice) -> Chart:
    """The slice's medians, at most six lines of them spread over the dimension, with the range over repetitions."""
    chosen = np.unique(np.linspace(0, len(found.names) - 1, min(_MOST_LINES, len(found.names))).round().astype(int))
    series = []
    known = set(found.names) <= set(LOOKS)
    for index, row in enumerate(chosen):
        colour = _COLOURS[index % len(_COLOURS)]
        label = found.names[row] if found.lines != "none" else ""
        look: dict[str, Any] = {"color": colour, "linestyle": "-", "marker": _MARKERS[index % len(_MARKERS)]}
        look = {**(LOOKS[found.names[row]] if known else look), "markersize": 4}
        series.append(Series(label, found.x, found.middle[row], look))
        for edge in (found.low[row], found.high[row]):
            if not np.array_equal(edge, found.middle[row], equal_nan=True):
                series.append(Series("", found.x, edge, {"color": look["color"], "linestyle": ":"}))
    shown = np.concatenate([np.ravel(s.y) for s in series])
    shown = shown[np.isfinite(shown)]
    log = ("x" if _spread(found.x) else "") + ("y" if _spread(shown) else "")
    ends = ", ".join(f"{found.names[row]}: {found.middle[row][0]:.3g} to {found.middle[row][-1]:.3g}" for row in chosen)
    along, variable = dataset[found.along], dataset[found.variable]
    held = "".join(f", {dim} = {v if isinstance(v, str) else f'{v:g}'}" for dim, v in found.held.items())
    return Chart(
        "slice",
        f"{found.variable} along {found.along}{held}",
        f"Medians along {found.along} from {number(found.x[0])} to {number(found.x[-1])}{held}. {ends}.",
        str(along.attrs.get("long_name", found.along)),
        str(variable.attrs.get("long_name", found.variable)),
        tuple(series),
        log=log,
    )


def _spread(values: np.ndarray) -> bool:
    """Whether values are positive and span two decades: a logarithmic axis shows them."""
    return len(values) > 0 and bool(values.min() > 0) and float(values.max() / values.min()) >= 100.0


def as_csv(found: Slice) -> str:
    """The slice at full precision: one row a point of a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    measured = [found.along, f"median of {found.variable}", "10th percentile", "90th percentile"]
    lined = found.lines != "none"
    writer.writerow([*([found.lines] if lined else []), *measured, *found.held])
    for row, name in enumerate(found.names):
        for column, x in enumerate(found.x):
            values = (x, found.middle[row, column], found.low[row, column], found.high[row, column])
            writer.writerow([*([name] if lined else []), *(repr(float(v)) for v in values), *found.held.values()])
    return text.getvalue()
