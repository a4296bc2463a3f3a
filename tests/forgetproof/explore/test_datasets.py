"""Slices of saved datasets."""

import contextlib
import csv
import io
import json
import shlex

import numpy as np
import pytest
import xarray as xr

from experiments.store import save_dataset
from experiments.study import labelled
from forgetproof.app import copying, datasets, page, widgets
from forgetproof.app.knobs import State, parse_query
from forgetproof.app.work import Outcome
from tests.command_line import one_line
from tests.forgetproof.explore.addresses import Address


@pytest.fixture
def saved(tmp_path):
    dims = ("d", "seed", "model")
    values = np.arange(24.0).reshape(4, 3, 2)
    dataset = xr.Dataset(
        {"gap": labelled(dims, values, "1 - cos")},
        {
            "d": labelled("d", [1.0, 10.0, 100.0, 1000.0], "dimension"),
            "seed": labelled("seed", np.arange(3), "repetition"),
            "model": labelled("model", ["plain", "projected"], "method"),
        },
        {"title": "A title"},
    )
    return save_dataset(dataset, tmp_path / "saved.nc")


def test_a_saved_dataset_is_sliced(saved, run):
    at = f"view=data&dataset={saved}&lines=none&at-model=projected"
    code, out, _ = run("explore", str(saved), "--at", at, "--json")
    assert code == 0
    numbers = list(json.loads(out)["numbers"].values())
    assert numbers == [3.0, 9.0, 15.0, 21.0]  # medians over three seeds of the second model
    dataset = datasets.open_dataset(saved)
    found = datasets.cut(dataset, datasets.settings(dataset, {}))
    assert (found.along, found.lines, found.names) == ("d", "model", ("plain", "projected"))
    np.testing.assert_array_equal(found.middle[1], [3.0, 9.0, 15.0, 21.0])
    assert datasets.picture(dataset, found).log == "x"
    assert len(datasets.as_csv(found).splitlines()) == 9


def test_an_address_names_a_slice_while_it_is_rewritten(saved):
    """From one variable to one without its dimensions and back."""
    dataset = datasets.open_dataset(saved)
    dataset["steps"] = labelled(("count",), np.arange(3.0), "steps")
    dataset = dataset.assign_coords(count=labelled("count", [1, 2, 3], "number"))

    address = Address(lambda given: datasets.settings(dataset, given))
    gap = {"dataset": str(saved), "variable": "gap", "along": "d", "lines": "model", "at-d": 10.0}
    steps = {"dataset": str(saved), "variable": "steps", "along": "count", "lines": "none", "at-count": 3}
    for values in (gap, steps, gap):
        widgets.write_address(address, State("data", values))
        assert datasets.settings(dataset, address).items() >= values.items() - {("dataset", str(saved))}


def test_copied_python_gives_the_slice(saved):
    page.open_all([saved])
    state = parse_query(f"view=data&dataset={saved}&lines=none&at-model=projected")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(copying.python(state), {})
    table = page.content(state, Outcome(None)).table
    assert len(table.splitlines()) == 5
    assert printed.getvalue().endswith(f"{table}\n")


@pytest.mark.slow
def test_copies_of_a_study_give_its_slice(run):
    state = parse_query("view=study&key=ga_counter_regime&profile=tiny&variable=gap&lines=none")
    code, out, _ = run(*shlex.split(copying.command(state))[1:])
    assert code == 0
    numbers = json.loads(out)["numbers"]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(copying.python(state), {})
    table = csv.DictReader(printed.getvalue().rstrip().splitlines()[-len(numbers) - 1 :])
    assert [float(row["median of gap"]) for row in table] == list(numbers.values())


def test_only_datasets_of_the_command_line_are_read(saved, run, tmp_path):
    code, _, err = run("explore", "--at", f"view=data&dataset={saved}", "--json")
    assert code == 2
    assert "expected one of the datasets opened" in one_line(err)


@pytest.mark.parametrize("damage", ["missing", "cut", "another", "empty folder"])
def test_a_damaged_dataset_is_one_line(damage, saved, run, tmp_path):
    path = {"missing": tmp_path / "none.nc", "empty folder": tmp_path / "empty"}.get(damage, saved)
    content = saved.read_bytes()
    if damage == "empty folder":
        path.mkdir()
    elif damage != "missing":
        saved.write_bytes(content[: len(content) // 2] if damage == "cut" else b"text")
    code, _, err = run("explore", str(path))
    assert code == 2
    assert str(path) in one_line(err)
