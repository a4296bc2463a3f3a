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

    from forgetproof.app import copying, datasets, jobs, knobs, page, runs, unmoved, widgets, work

    return copying, datasets, jobs, knobs, mo, page, runs, unmoved, widgets, work


@app.cell
def _(mo, unmoved, widgets):
    initial, refused = widgets.read_address(mo.query_params())
    memory = {initial.view: dict(initial.values)}  # the settings of every view, while another is shown
    pending = {"state": initial}
    watch = unmoved.Watch()
    get_view, set_view = mo.state(initial.view)
    return get_view, memory, pending, refused, set_view, watch


@app.cell
def _(get_view, knobs, mo, refused, widgets):
    view = mo.ui.dropdown(
        options=widgets.view_options(),
        value=knobs.VIEWS[get_view()],
        label="explore",
        allow_select_none=False,
    )
    _complaints = [widgets.message(mo, f"The address was not understood: {refused}")] if refused else []
    mo.vstack([mo.md("# forgetproof explore"), *_complaints, view])
    return (view,)


@app.cell
def _(jobs, mo):
    job, get_ended, get_progress, ended = jobs.page_job(mo)
    return ended, get_ended, get_progress, job


@app.cell
def _(knobs, memory, mo, view, widgets):
    _knobs = (knobs.sweep_choice(),) if view.value == "sweep" else knobs.knobs_of(view.value)
    controls = mo.ui.dictionary(widgets.elements(mo.ui, _knobs, memory.get(view.value, {})))
    file = widgets.file_choice(mo.ui, memory.get("data", {})) if view.value == "data" else None
    widgets.grid(mo, [*controls.elements.values(), *([file] if file is not None else [])])
    return controls, file


@app.cell
def _(controls, knobs, memory, mo, view, widgets):
    _knobs = knobs.knobs_of("sweep", controls.value["key"])[1:] if view.value == "sweep" else ()
    axes = mo.ui.dictionary(widgets.elements(mo.ui, _knobs, memory.get(view.value, {})))
    widgets.grid(mo, axes.elements.values())
    return (axes,)


@app.cell
def _(axes, controls, file, view, widgets):
    asked = {**controls.value, **axes.value}
    base = widgets.state_of(view.value, asked, None if file is None else file.value)
    return asked, base


@app.cell
def _(base, get_ended, job, work):
    get_ended()
    outcome = work.Outcome(None) if base.view == "data" else job.outcome(work.task_of(base))
    return (outcome,)


@app.cell
def _(ended, job, mo):
    def _run_again(_):
        job.again()
        ended()

    def _cancel(_):
        job.stop()
        ended()

    cancel = mo.ui.button(label="cancel", kind="danger", on_click=_cancel)
    again = mo.ui.button(label="run again", on_click=_run_again)
    return again, cancel


@app.cell
def _(again, cancel, get_progress, mo, outcome, widgets):
    if outcome is None:
        _shown = mo.vstack([widgets.progress(mo, get_progress()), cancel])
    elif outcome.fault:
        _shown = mo.vstack([widgets.message(mo, outcome.fault), again])
    else:
        _shown = None
    _shown
    return


@app.cell
def _(base, datasets, memory, mo, outcome, pending, widgets):
    dataset, _fault = widgets.dataset_or_fault(base, outcome)
    _unmet = widgets.unmet(pending, base, dataset)
    _knobs = (datasets.variable_knob(dataset),) if dataset is not None else ()
    variable = mo.ui.dictionary(widgets.elements(mo.ui, _knobs, memory.get(base.view, {})))
    _chosen = widgets.message(mo, _fault) if _fault else widgets.grid(mo, variable.elements.values())
    mo.vstack([widgets.message(mo, _unmet), _chosen]) if _unmet else _chosen
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
    phase_job, get_drawn, get_drawing, drawn = jobs.page_job(mo)

    def _cancel(_):
        phase_job.stop()
        drawn()

    phase_cancel = mo.ui.button(label="cancel", kind="danger", on_click=_cancel)
    return drawn, get_drawing, get_drawn, phase_cancel, phase_job


@app.cell
def _(drawn, mo, phase_job, state, work):
    mo.stop(state.view != "network")
    phase_task = work.task_of(state, phase=True)

    def _start(_):
        phase_job.again()
        phase_job.outcome(phase_task, patience=0.0)
        drawn()

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
def _(get_drawn, mo, page, state, widgets):
    get_drawn()
    phase_downloads = mo.ui.array(widgets.chart_downloads(mo, page.phase_charts(state)))
    mo.hstack(list(phase_downloads.elements), wrap=True, justify="start") if phase_downloads.elements else None
    return (phase_downloads,)


@app.cell
def _(asked, knobs, mo, shown, state, unmoved, watch, widgets):
    _labels = {knob.name: knob.label for knob in knobs.knobs_of(state.view, state.values.get("key"))}
    _notes = [unmoved.settled_note(asked, state), watch.note(state, shown.rows, _labels), shown.note]
    mo.Html(widgets.notes(_notes) + widgets.numbers_table(shown.rows))
    return


@app.cell
def _(mo, shown, widgets):
    downloads = mo.ui.array(widgets.downloads(mo, shown))
    mo.hstack(list(downloads.elements), wrap=True, justify="start")
    return (downloads,)


@app.cell
def _(jobs, memory, mo, page, runs, set_view):
    get_run, get_running, follow_run = jobs.followed(mo, runs.RUNNING)
    run_said = {}  # why this page could not start a run, by "fault"
    follow_run()  # one that another page started

    def _cancel(_):
        runs.RUNNING.stop()
        follow_run()

    def _open(_):
        page.open_also(runs.RUNNING.asked.folder)
        memory["data"] = {"dataset": str(runs.RUNNING.asked.folder)}
        set_view("data")

    run_cancel = mo.ui.button(label="cancel the run", kind="danger", on_click=_cancel)
    run_show = mo.ui.button(label="open its dataset", on_click=_open)
    return follow_run, get_run, get_running, run_cancel, run_said, run_show


@app.cell
def _(controls, mo, view, widgets):
    mo.stop(view.value != "sweep")
    run_grid, run_folder = widgets.run_inputs(mo.ui, controls.value["key"])
    mo.vstack(
        [mo.md("**Compute a whole grid**, on all cores, into a folder"), widgets.grid(mo, [run_grid, run_folder])]
    )
    return run_folder, run_grid


@app.cell
def _(controls, follow_run, mo, run_folder, run_grid, run_said, widgets):
    def _start(_):
        widgets.start_run(run_said, controls.value["key"], run_grid.value, run_folder.value)
        follow_run()

    run_start = mo.ui.button(label="compute the grid", on_click=_start)
    return (run_start,)


@app.cell
def _(get_run, get_running, mo, run_cancel, run_said, run_show, run_start, widgets):
    get_run(), get_running()
    widgets.run_panel(mo, run_said, run_start, run_cancel, run_show)
    return


@app.cell
def _(copying, dataset, mo, state, widgets):
    mo.stop(state.view == "data" and dataset is None)
    mo.Html(widgets.copies(copying.python(state), copying.command(state)))
    return


@app.cell
def _(mo, shown):
    mo.vstack([*([mo.image(shown.picture)] if shown.picture else []), mo.md(shown.markdown)])
    return


if __name__ == "__main__":
    app.run()
