"""``forgetproof sweep`` and ``forgetproof figures``: one line for every mistake, and the way through once."""

import json

import pytest

from experiments.engine.dataset import load_sweep
from experiments.engine.model import all_sweeps
from tests.command_line import one_line
from tests.experiments.sweep_stores import empty, invented

MISTAKES = {
    "unknown sweep": (["sweep", "nope"], "no sweep named 'nope'; expected one of ft_ridge_overlap, "),
    "unknown axis": (
        ["sweep", "ga_linear", "--set", "z=1"],
        "z: no axis or setting of ga_linear; expected one of d",
    ),
    "no values": (["sweep", "ga_linear", "--set", "d"], "--set: expected NAME=VALUES such as d=100,1000, got 'd'"),
    "bad values": (["sweep", "ga_linear", "--set", "d=a"], "--set d: expected numbers such as 1,2,5"),
    "twice": (["sweep", "ga_linear", "--set", "d=1e3", "--set", "d=1e4"], "--set: d is given twice"),
    "no grid file": (["sweep", "ga_linear", "--grid", "g.toml"], "g.toml: No such file or directory"),
    "bad grid file": (["sweep", "ga_linear", "--grid", "bad.toml"], "bad.toml: expected TOML such as d = [100, 1000]"),
    "a grid of text": (["sweep", "ga_linear", "--grid", "text.toml"], "d: expected finite numbers, got 'many'"),
    "nothing to resume": (["sweep", "ga_linear", "--resume"], "no such store; 'forgetproof sweep' makes one"),
    "store is a file": (["sweep", "ga_linear", "--store", "bad.toml"], "bad.toml: exists; go on with it by --resume"),
    "store is something else": (["sweep", "ga_linear", "--store", ".", "--resume"], "not a store of a sweep"),
    "no scheduler": (
        ["sweep", "ga_linear", "--scheduler", "nowhere"],
        "--scheduler: no scheduler answers at 'nowhere'",
    ),
    "both": (
        ["sweep", "ga_linear", "--scheduler", "tcp://a:1", "--workers", "2"],
        "the processes are those of --scheduler",
    ),
    "no store to draw": (["figures", "ga_linear"], "no such store; 'forgetproof sweep' makes one"),
    "nothing so named": (["figures", "nope"], "no study, sweep or store 'nope'; sweeps are ft_ridge_overlap"),
    "no report": (["figures", "ga_step_fraction"], "no such file; 'forgetproof reproduce' writes it"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_one_line(run, tmp_path, case):
    (tmp_path / "bad.toml").write_text("d = [1,")
    (tmp_path / "text.toml").write_text('d = ["many"]')
    arguments, message = MISTAKES[case]
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in one_line(err)


def test_sweeps_are_listed(run):
    code, out, _ = run("sweep", "--json")
    assert code == 0
    assert [record["sweep"] for record in json.loads(out)] == list(all_sweeps())
    assert all(key in run("sweep")[1] for key in all_sweeps())


def test_pictures_are_drawn_from_a_store(run, tmp_path):
    sweep = all_sweeps()["ga_correlated"]
    folder = tmp_path / "kept"
    store, grid, chunks = empty(folder, sweep, width=64)
    code, _, err = run("figures", str(folder))
    assert code == 2
    assert "nothing to draw yet; no cell is computed" in one_line(err)
    for index, chunk in enumerate(chunks):
        store.write(index, invented(sweep, grid, chunk))
    code, out, _ = run("figures", str(folder), "--out", "pictures")
    assert code == 0
    assert "pictures/sweep_ga_correlated.png" in out
    assert (tmp_path / "pictures" / "sweep_ga_correlated.svg").stat().st_size > 1000


@pytest.mark.slow
def test_a_sweep_from_the_command_line(run, tmp_path):
    (tmp_path / "grid.toml").write_text("d = [100.0]\nk = [1]\nm = [4]\nseed = [0, 1, 2]\n")
    given = ("sweep", "ga_correlated", "--grid", "grid.toml", "--set", "correlation=lin:0:0.9:4", "--workers", "1")
    code, out, err = run(*given, "--json")
    assert (code, err) == (0, "")
    record = json.loads(out)[0]
    assert (record["cells"], record["computed"], record["failures"]) == (12, 12, [])
    assert record["store"] == ".forgetproof/sweeps/ga_correlated"
    assert (load_sweep(tmp_path / record["store"]).status == 1).all()
    assert "exists; go on with it by --resume" in one_line(run(*given)[2])
    code, out, _ = run("sweep", "ga_correlated", "--resume")
    assert code == 0
    assert "0 of 12 cells computed" in out
    assert run("figures", "ga_correlated")[0] == 0
