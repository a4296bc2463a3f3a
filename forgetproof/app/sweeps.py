"""The view of sweeps: one cell of a sweep, and the line of cells through it along one axis.

The cells are those that ``forgetproof sweep`` computes, by the same function. The whole line is computed at once, so
that moving along it computes nothing; lines along all batch axes share one compiled program a shape.
"""

import hashlib
import shlex
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from experiments.engine.direct import cell_numbers, compute_parts
from experiments.engine.grid import Grid, GridError, make_grid
from experiments.engine.model import Sweep, all_sweeps
from figures.style import BLACK
from forgetproof.app import datasets
from forgetproof.app.axes import axis_knobs, further_labels
from forgetproof.app.charts import Chart, Series
from forgetproof.app.datasets import Slice
from forgetproof.app.knobs import State, Value, parse_query
from forgetproof.app.rows import Row

_PATIENCE = 0.2  # seconds
_computing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""One part of a sweep at a time: what is run again after a stop waits for the part that still runs, and uses what it
compiled or trained."""


class NoCell(ValueError):
    """The line has no cell with a meaning; the message says what to move."""


def sweep_at(state: State) -> Sweep:
    """The sweep that a state names."""
    return all_sweeps()[str(state.values["key"])]


def line_changes(state: State) -> dict[str, Any]:
    """The line through the state's cell as other values for the sweep's grid."""
    sweep, along = sweep_at(state), str(state.values["along"])
    positions = {knob.name: knob.values for knob in axis_knobs(sweep.key)}
    outer = sweep.axes_of("batch", "shape")
    return {name: list(positions[name]) if name == along else state.values[name] for name in outer}


def line_grid(state: State) -> Grid:
    """:func:`line_changes` made; inner axes have the values of the sweep's grid."""
    sweep = sweep_at(state)
    return make_grid(sweep, sweep.grid, line_changes(state))


def line_width(sweep: Sweep) -> int:
    """Cells a chunk: the longest line of a traced sweep, one of another, which can be stopped after each."""
    if not sweep.vmapped:
        return 1
    batch = sweep.axes_of("batch")
    return max(len(knob.values) for knob in axis_knobs(sweep.key) if knob.name in batch)


def line_query(state: State) -> str:
    """The part of a state that its line depends on."""
    sweep = sweep_at(state)
    fixed = {"result", str(state.values["along"]), *sweep.axes_of("inner"), *further_labels(sweep)}
    return state.with_values(**{k.name: k.default for k in axis_knobs(sweep.key) if k.name in fixed}).query


def run(query: str) -> Iterator[tuple[int, int, xr.Dataset | None]]:
    """The line of a state's cell: yields (cells done, cells in all, None), the dataset with the last.

    Raises:
        NoCell: no cell of the line has a meaning.
    """
    state = parse_query(query)
    sweep = sweep_at(state)
    try:
        yield from _alone(sweep.key, compute_parts(sweep, line_grid(state), line_width(sweep)))
    except GridError as fault:
        along = state.values["along"]
        raise NoCell(f"No cell along {along} has a meaning: {_way_back(state, outside={str(along)})}.") from fault


def _alone(key: str, parts: Iterator[Any]) -> Iterator[Any]:
    """The parts, none of them while another of the same sweep is computed."""
    while True:
        while not _computing[key].acquire(timeout=_PATIENCE):
            yield 0, 0, None
        try:
            part = next(parts, None)
        finally:
            _computing[key].release()
        if part is None:
            return
        yield part


def cell_of(state: State, line: xr.Dataset) -> xr.Dataset:
    """The state's cell, at its values of inner axes."""
    return line.sel({name: state.values[name] for name in sweep_at(state).axes})


def rows(state: State, line: xr.Dataset) -> list[Row]:
    """All numbers of the state's cell."""
    return [Row(name, value) for name, value in cell_numbers(cell_of(state, line)).items()]


def cut(state: State, line: xr.Dataset) -> Slice:
    """The chosen result along the line; its first labels are the curves, all else is held."""
    sweep, (result, along) = sweep_at(state), (str(state.values[name]) for name in ("result", "along"))
    labels = [name for name in sweep.results[result].over if name in sweep.labels]
    held: dict[str, Value] = {f"at-{name}": state.values[name] for name in (*sweep.axes, *labels[1:])}
    values = {"variable": result, "along": along, "lines": labels[0] if labels else "none", **held}
    if along in line[result].dims:
        return datasets.cut(line, values)
    spread = line.assign({result: line[result].expand_dims({along: line[along]})})  # the same all along an inner axis
    return datasets.cut(spread, values)


def picture(state: State, line: xr.Dataset) -> Chart:
    """The curves with the state's cell marked."""
    found = cut(state, line)
    at = float(state.values[found.along])
    column = int(np.flatnonzero(found.x == at)[0])
    here = {"color": BLACK, "marker": "o", "markersize": 8, "linestyle": "none"}
    points = Series("this cell", np.full(len(found.names), at), found.middle[:, column], here)
    chart = datasets.picture(line, found)
    told = "; ".join(f"{name}: {y:.4g}" for name, y in zip(found.names, points.y, strict=True))
    return chart._replace(
        key="line",
        words=f"{found.variable} along {found.along}, at {found.along} = {at:g}: {told}.",
        series=(*chart.series, points),
    )


def note(state: State, line: xr.Dataset) -> str:
    """Why the cell has no numbers, where it has none; else nothing."""
    sweep = sweep_at(state)
    if sweep.undefined(state.values):
        return f"This cell has no meaning: {_way_back(state)}."
    cell = cell_numbers(cell_of(state, line))
    failures = str(line.attrs["failures"])
    if failures != "{}":
        return f"Cells failed: {failures}"
    return (
        "–: the cell has no such number, or its solver did not converge." if np.isnan(list(cell.values())).any() else ""
    )


def _way_back(state: State, outside: frozenset[str] | set[str] = frozenset()) -> str:
    """Which slider leads to a cell with a meaning."""
    sweep = sweep_at(state)
    positions = {knob.name: knob.values for knob in axis_knobs(sweep.key)}
    helping = [
        name
        for name in sweep.axes_of("batch", "shape")
        if name not in outside and any(not sweep.undefined({**state.values, name: value}) for value in positions[name])
    ]
    return f"the sweep leaves it out; move {' or '.join(helping)}" if helping else "the sweep leaves it out"


def statement(state: State) -> str:
    """Markdown: the question, what the results are, and the settings that have no slider."""
    sweep = sweep_at(state)
    results = "\n".join(
        f"- `{name}`: {result.long_name}" + (f" (in {result.units})" if result.units != "1" else "")
        for name, result in sweep.results.items()
    )
    settings = ", ".join(f"{name} = {value}" for name, value in line_grid(state).settings.items())
    held = f"\n\nHeld at the sweep's own values: {settings}." if settings else ""
    return f"### {sweep.title}\n\n{sweep.question}\n\n{results}{held}"


def command(state: State) -> str:
    """``forgetproof sweep`` of the line's cells."""
    digest = hashlib.sha256(line_query(state).encode()).hexdigest()[:8]
    changes = [part for name, value in line_changes(state).items() for part in ("--set", f"{name}={_listed(value)}")]
    store = f"swept/{state.values['key']}-{digest}"
    return shlex.join(["forgetproof", "sweep", str(state.values["key"]), *changes, "--store", store])


def _listed(value: Any) -> str:
    return ",".join(map(repr, value)) if isinstance(value, list) else repr(value)


def python(state: State) -> str:
    """Python that computes the line in one process and prints the cell's numbers."""
    sweep = sweep_at(state)
    at = {name: state.values[name] for name in sweep.axes}
    return (
        f"# forgetproof explore --at '{state.query}'\n"
        "import forgetproof\n\nforgetproof.start_jax()\n"
        "from experiments.engine.direct import cell_numbers, compute_directly\n"
        "from experiments.engine.grid import make_grid\n"
        "from experiments.engine.model import all_sweeps\n\n"
        f"sweep = all_sweeps()[{sweep.key!r}]\n"
        f"grid = make_grid(sweep, sweep.grid, {line_changes(state)!r})\n"
        f"line = compute_directly(sweep, grid, width={line_width(sweep)})\n"
        f"numbers = cell_numbers(line.sel({at!r}))\n"
    )
