"""From states to marimo's widgets and back, and the page's HTML."""

import math
import time
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from forgetproof.app import live, runs
from forgetproof.app.charts import Chart
from forgetproof.app.jobs import STOPPED, Job, Progress
from forgetproof.app.knobs import VIEWS, Knob, State, read_state, settled
from forgetproof.app.page import OPENED, Content, dataset_of
from forgetproof.app.rows import Row, as_csv
from forgetproof.app.work import Outcome


def read_address(parameters: Any) -> tuple[State, str]:
    """The state that the page's address names, and what was wrong with it where the default state is taken."""
    given = {name: value for name, value in parameters.to_dict().items() if name != "access_token"}
    try:
        several = [name for name, value in given.items() if not isinstance(value, str)]
        if several:
            raise ValueError(f"{several[0]}: expected one value, got several")
        return read_state(given), ""
    except ValueError as fault:
        return read_state({}), str(fault)


DECIDING = ("view", "key", "profile", "dataset", "variable")  # what other settings there are, and their values


def write_address(parameters: Any, state: State) -> None:
    """Make the address name the state; only what changed is sent.

    Names are sent one by one, and somebody may reload or copy the address in between: in this order it always
    names a state. Settings go before what decides on them does, and come after it.
    """
    wanted = {"view": state.view, **{name: _text(value) for name, value in state.values.items()}}
    changed = [i for i, name in enumerate(DECIDING) if parameters.get(name) != wanted.get(name)]
    kept = DECIDING[: changed[0] + 1] if changed else wanted
    gone = [name for name in parameters.to_dict() if name not in kept or name not in wanted]
    for name in sorted(gone, key=_decides, reverse=True):
        parameters.remove(name)
    for name in sorted(wanted, key=_decides):
        if parameters.get(name) != wanted[name]:
            parameters.set(name, wanted[name])


def _decides(name: str) -> int:
    return DECIDING.index(name) if name in DECIDING else len(DECIDING)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def elements(ui: Any, knobs: Iterable[Knob], values: Mapping[str, Any]) -> dict[str, Any]:
    """A slider for every numeric knob and a list for every other, at the values given where they are possible."""
    return {knob.name: _element(ui, knob, values.get(knob.name)) for knob in knobs}


def _element(ui: Any, knob: Knob, given: Any) -> Any:
    try:
        value = knob.default if given is None else knob.read(str(given))
    except ValueError:  # what a list could hold before it changed
        value = knob.default
    if knob.numeric and len(knob.values) > 1:
        steps = list(knob.values)
        return ui.slider(steps=steps, value=value, label=knob.label, show_value=True, full_width=True)
    options = {str(v): v for v in knob.values}
    return ui.dropdown(options=options, value=str(value), label=knob.label, allow_select_none=False, full_width=True)


def file_choice(ui: Any, values: Mapping[str, Any]) -> Any:
    """A list of the datasets that were opened; None if there are none."""
    names = list(OPENED)
    if not names:
        return None
    value = values.get("dataset") if values.get("dataset") in names else names[0]
    return ui.dropdown(options=names, value=value, label="dataset", allow_select_none=False, full_width=True)


def state_of(view: str, values: Mapping[str, Any], file: str | None) -> State:
    """The state that the widgets name; the knobs of a slice come later."""
    if view == "data":
        return State(view, {} if file is None else {"dataset": file})
    return settled(State(view, dict(values)))


def grid(ui: Any, elements: Iterable[Any]) -> Any:
    """Widgets beside each other, below each other on a narrow screen; nothing for none."""
    cells = "".join(f"<div>{element}</div>" for element in elements)
    return ui.Html(f'<div class="fp-controls">{cells}</div>') if cells else None


def view_options() -> dict[str, str]:
    """Title to view."""
    return {title: view for view, title in VIEWS.items()}


def dataset_or_fault(state: State, outcome: Outcome | None) -> tuple[Any, str]:
    """The dataset that the state slices, or None and why."""
    if state.view == "data" and not OPENED:
        return None, "No dataset is open: start with `forgetproof explore FOLDER` or `forgetproof explore FILE.nc`."
    try:
        return dataset_of(state, outcome), ""
    except ValueError as fault:
        return None, str(fault)


def panel(chart: Chart) -> str:
    """A chart with its title."""
    return f"<figure><figcaption>{escape(chart.title)}</figcaption>{live.svg(chart)}</figure>"


def panels(charts: Iterable[Chart]) -> str:
    """Charts beside each other, below each other on a narrow screen."""
    return f'<div class="fp-panels">{"".join(map(panel, charts))}</div>'


def shown(value: Any) -> str:
    """A number to six digits; a dash where there is none, such as the theorem's for α ≥ 1."""
    return "–" if math.isnan(float(value)) else f"{float(value):.6g}"


def notes(lines: Iterable[str]) -> str:
    """Lines beside the numbers; the empty ones are left out."""
    return "".join(f'<p class="fp-note" role="status">{escape(line)}</p>' for line in lines if line)


def numbers_table(rows: Iterable[Row]) -> str:
    """The numbers, and where there are bounds these and the tightness, to six digits; a broken bound is marked."""
    lines, rows = [], list(rows)
    bounded = any(row.bound is not None for row in rows)
    for row in rows:
        ratio = "" if row.tightness is None else f"{row.tightness:.3f}"
        bound = "" if row.bound is None else shown(row.bound)
        broken = " BROKEN" if row.broken else ""
        cells = f"<td>{shown(row.value)}</td>" + (f"<td>{bound}{broken}</td><td>{ratio}</td>" if bounded else "")
        kind = ' class="fp-broken"' if row.broken else ""
        lines.append(f'<tr{kind} data-row="{escape(row.name)}"><td>{escape(row.name)}</td>{cells}</tr>')
    head = "<tr><th>number</th><th>value</th>" + ("<th>bound</th><th>tightness</th>" if bounded else "") + "</tr>"
    return f'<table class="fp-numbers"><thead>{head}</thead><tbody>{"".join(lines)}</tbody></table>'


def downloads(ui: Any, content: Content) -> list[Any]:
    """Buttons for the CSV of the numbers, of a curve beside them, and for each picture."""
    table = content.table or as_csv(content.rows)
    made = [ui.download(table.encode(), filename="numbers.csv", mimetype="text/csv", label="CSV")]
    if content.curve:
        made.append(ui.download(content.curve.encode(), filename="curve.csv", mimetype="text/csv", label="curve CSV"))
    return [*made, *chart_downloads(ui, content.charts)]


def chart_downloads(ui: Any, charts: Iterable[Chart]) -> list[Any]:
    """Buttons for each picture as PNG and as SVG; a file is made when its button is pressed."""
    from forgetproof.app import keep

    made = []
    for chart in charts:
        for form, kind in (("png", "image/png"), ("svg", "image/svg+xml")):

            def draw(chart: Chart = chart, form: str = form) -> bytes:
                return keep.file(chart, form)

            name = f"{chart.key}.{form}"
            made.append(ui.download(draw, filename=name, mimetype=kind, label=f"{chart.key} {form.upper()}"))
    return made


def run_inputs(ui: Any, key: str) -> tuple[Any, Any]:
    """Which grid of a sweep to compute, and into which folder."""
    options = {runs.described(key, grid): grid for grid in runs.GRIDS}
    first = next(iter(options))
    grid = ui.dropdown(options=options, value=first, label="grid", allow_select_none=False, full_width=True)
    return grid, ui.text(value=f"swept/{key}", label="folder", full_width=True)


def start_run(job: Job, task: dict[str, str], key: str, grid: str, folder: str) -> None:
    """Start a run and keep what it is in ``task``: "task", or "fault" where it cannot be started."""
    task.clear()
    try:
        task["task"] = "run?" + runs.request(key, grid, folder, time.time())
    except ValueError as fault:
        task["fault"] = str(fault)
        return
    job.again()
    job.outcome(task["task"], patience=0.0)


def run_outcome(job: Job, task: dict[str, str]) -> tuple[Path | None, str]:
    """The folder of a run that has ended well, and what to say of one that has not."""
    if "task" not in task:
        return None, task.get("fault", "")
    outcome = job.outcome(task["task"], patience=0.0)
    if outcome == STOPPED:
        return None, runs.stopped(task["task"].partition("?")[2])
    if outcome is None:
        return None, ""
    return (None if outcome.result is None else Path(outcome.result)), outcome.fault


def progress(ui: Any, now: Progress | None) -> Any:
    """How far the work is, with its rate and the time left."""
    if now is None or not now.total:
        seconds = f", {now.done} s" if now is not None and now.done else ""
        return ui.status.spinner(title=f"computing{seconds} …")
    done, total = now.done, now.total
    share = min(100, round(100 * done / total))
    pace = "" if now.left is None else f", {now.rate:,.3g} a second, {_duration(now.left)} left"
    return ui.Html(
        f"<label>computing: {done:,} of {total:,}{pace} "
        f'<progress value="{done}" max="{total}" style="width: 100%">{share}%</progress></label>'
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def copies(python: str, command: str) -> str:
    """What can be copied, each with its button: the address, a command, Python."""
    address = _button("address", "copy the shareable address")
    parts = [f"<p>{address}</p>"]
    for label, text in (("copy as command", command), ("copy as Python", python)):
        parts.append(f'<div class="fp-copied"><pre tabindex="0">{escape(text)}</pre>{_button("text", label)}</div>')
    return "".join(parts)


def _button(what: str, label: str) -> str:
    return f'<button type="button" data-copies="{what}" data-label="{label}">{label}</button>'
