# /// script
# [tool.marimo.display]
# theme = "system"
# [tool.marimo.runtime]
# output_max_bytes = 20_000_000
# ///
# ruff: noqa: B018
# mypy: ignore-errors
"""The page's widgets and how they are wired; everything shown is computed in the modules beside this one."""

import marimo

app = marimo.App(width="medium", app_title="forgetproof explore")


@app.cell
def _():
    import marimo as mo

    from forgetproof.app import copying, datasets, jobs, knobs, page, widgets, work

    return copying, datasets, jobs, knobs, mo, page, widgets, work


@app.cell
def _(mo, widgets):
    initial, refused = widgets.read_address(mo.query_params())
    memory = {initial.view: dict(initial.values)}  # the settings of every view, while another is shown
    return initial, memory, refused


@app.cell
def _(initial, knobs, mo, refused, widgets):
    view = mo.ui.dropdown(
        options=widgets.view_options(),
        value=knobs.VIEWS[initial.view],
        label="explore",
        allow_select_none=False,
    )
    _complaints = [mo.callout(mo.md(f"The address was not understood: {refused}"), kind="warn")] if refused else []
    mo.vstack([mo.md("# forgetproof explore"), *_complaints, view])
    return (view,)


@app.cell
def _(jobs, mo):
    get_ended, set_ended = mo.state(0, allow_self_loops=True)
    get_progress, set_progress = mo.state(None)

    def _tell(progress):
        if progress is None:
            set_ended(lambda count: count + 1)
        else:
            set_progress(progress)

    job = jobs.Job(mo.Thread, _tell)
    return get_ended, get_progress, job, set_ended


@app.cell
def _(knobs, memory, mo, view, widgets):
    controls = mo.ui.dictionary(widgets.elements(mo.ui, knobs.knobs_of(view.value), memory.get(view.value, {})))
    file = widgets.file_choice(mo.ui, memory.get("data", {})) if view.value == "data" else None
    widgets.grid(mo, [*controls.elements.values(), *([file] if file is not None else [])])
    return controls, file


@app.cell
def _(controls, file, view, widgets):
    base = widgets.state_of(view.value, controls.value, None if file is None else file.value)
    return (base,)


@app.cell
def _(base, get_ended, job, work):
    get_ended()
    outcome = work.Outcome(None) if base.view == "data" else job.outcome(work.task_of(base))
    return (outcome,)


@app.cell
def _(job, mo, set_ended):
    def _run_again(_):
        job.again()
        set_ended(lambda count: count + 1)

    def _cancel(_):
        job.stop()

    cancel = mo.ui.button(label="cancel", kind="danger", on_click=_cancel)
    again = mo.ui.button(label="run again", on_click=_run_again)
    return again, cancel


@app.cell
def _(again, cancel, get_progress, mo, outcome, widgets):
    if outcome is None:
        _shown = mo.vstack([widgets.progress(mo, get_progress()), cancel])
    elif outcome.fault:
        _shown = mo.vstack([mo.callout(mo.md(outcome.fault), kind="warn"), again])
    else:
        _shown = None
    _shown
    return


@app.cell
def _(base, datasets, memory, mo, outcome, widgets):
    dataset, _fault = widgets.dataset_or_fault(base, outcome)
    _knobs = (datasets.variable_knob(dataset),) if dataset is not None else ()
    variable = mo.ui.dictionary(widgets.elements(mo.ui, _knobs, memory.get(base.view, {})))
    mo.callout(mo.md(_fault), kind="warn") if _fault else widgets.grid(mo, variable.elements.values())
    return dataset, variable


@app.cell
def _(base, dataset, datasets, memory, mo, variable, widgets):
    _knobs = datasets.slice_knobs(dataset, variable.value["variable"]) if dataset is not None else ()
    slicers = mo.ui.dictionary(widgets.elements(mo.ui, _knobs, memory.get(base.view, {})))
    widgets.grid(mo, slicers.elements.values())
    return (slicers,)


@app.cell
def _(base, memory, mo, slicers, variable, widgets):
    state = base.with_values(**variable.value, **slicers.value)
    memory[state.view] = {**memory.get(state.view, {}), **state.values}
    widgets.write_address(mo.query_params(), state)
    return (state,)


@app.cell
def _(dataset, mo, outcome, page, state):
    mo.stop(outcome is None or bool(outcome.fault) or (state.view == "data" and dataset is None))
    shown = page.content(state, outcome)
    return (shown,)


@app.cell
def _(mo, shown, widgets):
    mo.Html(widgets.panels(shown.charts))
    return


@app.cell
def _(jobs, mo):
    get_drawn, set_drawn = mo.state(0, allow_self_loops=True)
    get_drawing, set_drawing = mo.state(None)

    def _tell(progress):
        if progress is None:
            set_drawn(lambda count: count + 1)
        else:
            set_drawing(progress)

    phase_job = jobs.Job(mo.Thread, _tell)

    def _cancel(_):
        phase_job.stop()

    phase_cancel = mo.ui.button(label="cancel", kind="danger", on_click=_cancel)
    return get_drawing, get_drawn, phase_cancel, phase_job, set_drawn


@app.cell
def _(mo, phase_job, set_drawn, state, work):
    mo.stop(state.view != "network")
    phase_task = work.task_of(state, phase=True)

    def _start(_):
        phase_job.again()
        phase_job.outcome(phase_task, patience=0.0)
        set_drawn(lambda count: count + 1)

    phase_start = mo.ui.button(label="draw where the step hurts (trains 8 networks)", on_click=_start)
    return phase_start, phase_task


@app.cell
def _(get_drawing, get_drawn, mo, page, phase_cancel, phase_job, phase_start, phase_task, state, widgets, work):
    get_drawn()
    _found = work.known(phase_task)
    if _found is not None:
        _shown = mo.Html(widgets.panels(page.phase_charts(state)))
    elif phase_job.running:
        _shown = mo.vstack([widgets.progress(mo, get_drawing()), phase_cancel])
    else:
        _shown = phase_start
    _shown
    return


@app.cell
def _(mo, shown, widgets):
    mo.Html(widgets.numbers_table(shown.rows))
    return


@app.cell
def _(mo, shown, widgets):
    downloads = mo.ui.array(widgets.downloads(mo, shown))
    mo.hstack(list(downloads.elements), wrap=True, justify="start")
    return (downloads,)


@app.cell
def _(copying, mo, state, widgets):
    mo.Html(widgets.copies(copying.python(state), copying.command(state)))
    return


@app.cell
def _(mo, shown):
    mo.vstack([*([mo.image(shown.picture)] if shown.picture else []), mo.md(shown.markdown)])
    return


if __name__ == "__main__":
    app.run()
