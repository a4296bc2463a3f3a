"""The view of sweeps: its sliders, and that its cells are those that ``forgetproof sweep`` computes."""

import contextlib
import io
import shlex

import jax
import numpy as np
import pytest

from experiments.engine.dataset import load_sweep
from experiments.engine.direct import cell_numbers
from experiments.engine.grid import make_grid
from experiments.engine.model import Axis, all_sweeps
from forgetproof.app import axes, copying, page, sweeps, work
from forgetproof.app.axes import axis_knobs, further_labels
from forgetproof.app.knobs import knobs_of, parse_query
from forgetproof.app.rows import as_numbers

KEYS = list(all_sweeps())


@pytest.mark.parametrize("key", KEYS)
def test_every_axis_has_a_slider_within_its_range(key):
    sweep = all_sweeps()[key]
    knobs = {knob.name: knob for knob in axis_knobs(key)}
    assert len(knobs) == 2 + len(sweep.axes) + len(further_labels(sweep))  # no axis is called "along"
    for name, axis in sweep.axes.items():
        values = knobs[name].values
        assert set(sweep.grid[name]) <= set(values)
        assert len(values) > 1
        assert list(values) == sorted(set(values))
        assert all(axis.least <= value <= axis.most for value in values)
        assert knobs[name].default in values
    make_grid(sweep, sweep.grid, {name: list(knobs[name].values) for name in sweep.axes})
    assert not sweep.undefined({name: knobs[name].default for name in sweep.axes})


POSITIONS = {
    "around a single size": (("m", "shape", True, 2, 50), (12,), (6, 12, 24)),
    "within the range": (("m", "shape", True, 8, 20), (12,), (12,)),
    "no new sizes": (("m", "shape", True, 2, 50), (6, 12), (6, 12)),
    "geometric": (("d", "batch", False, 1.0, 1e9), (1e2, 1e4), (1e2, 1e3, 1e4)),
    "arithmetic": (("c", "batch", False, 0.0, 1.0), (0.0, 0.5, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0)),
    "whole": (("k", "batch", True, 1, 9), (1, 2, 4), (1, 2, 3, 4)),
    "inner": (("c", "inner", False, 0.0, 9.0), (0.0, 1.0), (0.0, 1.0)),
}


@pytest.mark.parametrize("case", POSITIONS)
def test_positions_are_the_grids_and_between(case):
    (name, role, whole, least, most), given, expected = POSITIONS[case]
    assert axes._positions(name, Axis(name, "1", role, whole, least, most), given) == expected


@pytest.mark.parametrize("key", KEYS)
def test_a_state_survives_its_address_at_every_position(key):
    for knob in knobs_of("sweep", key):
        for value in knob.values if knob.name != "key" else (key,):
            state = parse_query(f"view=sweep&key={key}").with_values(**{knob.name: value})
            assert parse_query(state.query) == state


def test_states_along_a_line_share_it():
    state = parse_query("view=sweep&key=ga_two_layer&along=d")
    task = work.task_of(state)
    assert work.task_of(state.with_values(d=1e3, fraction=0.5, result="tau")) == task
    assert work.task_of(state.with_values(k=1)) != task
    assert work.task_of(state.with_values(along="k")) != task


LINE = "view=sweep&key=ft_ridge_overlap&along=overlap&m=20&result=unlearning&noise=0&ridge=0.1"


@pytest.fixture(scope="module")
def line():
    return work.run(work.task_of(parse_query(LINE)), lambda done, total: None, lambda: False).result


def test_the_cell_is_marked_on_the_line(line):
    state = parse_query(LINE).with_values(overlap=0.3)
    chart = sweeps.picture(state, line)
    numbers = as_numbers(sweeps.rows(state, line))
    here = chart.series[-1]
    assert set(here.x) == {0.3}
    np.testing.assert_array_equal(here.y, [v for name, v in numbers.items() if name.startswith("unlearning, ")])
    drawn = {series.label: series for series in chart.series}
    np.testing.assert_array_equal(drawn["golden w_g"].y, line["unlearning"].sel(model="golden w_g").squeeze())
    assert sweeps.note(state, line) == ""


def test_a_cell_is_what_the_sweep_says(line):
    """Interpolating pretraining: fine-tuning moves nothing. The golden model without common columns forgets all."""
    at = {"overlap": 0.0, "noise": 0.0}
    numbers = as_numbers(sweeps.rows(parse_query(LINE).with_values(**at), line))
    assert abs(numbers["unlearning, golden w_g"] - 1.0) < 1e-9
    assert numbers["remaining, golden w_g"] < 1e-20


def test_cells_without_a_meaning_say_what_to_move():
    state = parse_query("view=sweep&key=ga_linear&along=d&m=10&k=16")
    with pytest.raises(sweeps.NoCell, match="move m or k"):
        list(sweeps.run(state.query))


def test_parts_of_one_sweep_wait_for_each_other(monkeypatch):
    """What is run again after a stop would else compute the same part beside the one that still runs."""
    monkeypatch.setattr(sweeps, "_PATIENCE", 0.01)
    first, second = (sweeps._alone("some", iter([(1, 2, None), (2, 2, "line")])) for _ in range(2))
    with sweeps._computing["some"]:
        assert next(second) == (0, 0, None)
        assert next(sweeps._alone("other", iter([(1, 1, "line")]))) == (1, 1, "line")
    assert list(second) == [(1, 2, None), (2, 2, "line")]
    assert list(first) == [(1, 2, None), (2, 2, "line")]
    assert not sweeps._computing["some"].locked()


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)  # dask's sockets
@pytest.mark.parametrize("key", [key for key in KEYS if key != "unsir"])
def test_copies_give_the_numbers(key, run, tmp_path):
    """Python in this process, and the command with its own workers."""
    state = parse_query(f"view=sweep&key={key}")
    shown = as_numbers(page.numbers(state))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        exec(copying.python(state), {})
    found = {name: float(value) for name, value in (line.rsplit(": ", 1) for line in printed.getvalue().splitlines())}
    np.testing.assert_equal(found, shown)
    words = shlex.split(copying.command(state))
    code, out, _ = run(*words[1:], "--workers", "1")
    assert code == 0, out
    swept = cell_numbers(sweeps.cell_of(state, load_sweep(tmp_path / words[-1])).drop_vars("status"))
    assert swept.keys() == shown.keys()
    for name, value in swept.items():
        np.testing.assert_allclose(value, shown[name], rtol=1e-6, atol=1e-12, err_msg=name)
