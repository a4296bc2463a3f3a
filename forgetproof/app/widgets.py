"""From states to marimo's widgets and back, and the page's HTML."""

import math
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from forgetproof.app import datasets, live, runs
from forgetproof.app.charts import Chart
from forgetproof.app.knobs import VIEWS, Knob, State, read_state, settled
from forgetproof.app.page import OPENED, Content, dataset_of
from forgetproof.app.progress import Progress
from forgetproof.app.rows import Row, as_csv
from forgetproof.app.work import Outcome


def read_address(parameters: Any) -> tuple[State, str]:
    """The state that the page's address names, and what was wrong with it where the default state is taken."""
    given = {name: value for name, value in parameters.to_dict().items() if name != "access_token"}
    try:
        several = [name for name, value in given.items() if not isinstance(value, str)]
        if several:
            raise ValueError(f"{several[0]}: expected one value, got several")
        state = read_state(given)
        if state.view == "data" and (OPENED or state.values):
            datasets.settings(dataset_of(state, None), state.values)
        return state, ""
    except ValueError as fault:
        return read_state({}), str(fault)


_CODE, _SET = re.compile("`([^`]+)`"), r"<code>\1</code>"
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


def unmet(pending: dict[str, State], base: State, dataset: Any) -> str:
    """Why the slice of a study that the page's address names cannot be shown; it is looked at once."""
    if dataset is None or base.view != "study":
        return ""
    asked = pending.pop("state", base)
    try:
        if base.values.items() <= asked.values.items():
            datasets.settings(dataset, asked.values)
    except ValueError as fault:
        return f"The address was not understood: {fault}"
    return ""


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
        bound = "" if row.bound is None else shown(row.bound)
        broken = " BROKEN" if row.broken else ""
        cells = f"<td>{shown(row.value)}</td>" + (f"<td>{bound}{broken}</td><td>{row.ratio(3)}</td>" if bounded else "")
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


def start_run(said: dict[str, str], key: str, grid: str, folder: str) -> None:
    """Start the server's run; ``said`` keeps why it cannot be started."""
    said.clear()
    try:
        runs.RUNNING.start(runs.Asked(key, grid, runs.checked(folder)))
    except ValueError as fault:
        said["fault"] = str(fault)


def run_panel(ui: Any, said: Mapping[str, str], start: Any, cancel: Any, show: Any) -> Any:
    """The server's run as it is: how far with a button that cancels it, or how it ended with one that opens it."""
    run = runs.RUNNING
    named = "" if run.asked is None else run.asked.named
    refused = [message(ui, said["fault"])] if "fault" in said else []
    if run.stopping:
        return ui.vstack([ui.status.spinner(title=f"stopping {named} …"), *refused])
    if run.going:
        return ui.vstack([ui.Html(f"<p>{escape(named)}</p>"), progress(ui, run.progress), cancel, *refused])
    if run.whole:
        return ui.vstack([start, message(ui, f"Computed: {named}.", "success"), show, *refused])
    return ui.vstack([start, *([message(ui, run.said)] if run.said and not refused else []), *refused])


def message(ui: Any, text: str, kind: str = "warn") -> Any:
    """A text in a box. Only `code` in it is set: the rest may hold what an address or a file brought."""
    return ui.callout(ui.Html(f"<p>{_CODE.sub(_SET, escape(text))}</p>"), kind=kind)


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
