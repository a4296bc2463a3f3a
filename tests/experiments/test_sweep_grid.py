"""Grids of sweeps: values checked, every cell in exactly one chunk, chunks of one shape."""

import numpy as np
import pytest

from experiments.engine.grid import GridError, cell_at, cell_values, chunk_width, make_chunks, make_grid, parse_values
from experiments.engine.model import all_sweeps
from tests.experiments.quick_sweep import SWEEP

BAD = {
    "unknown name": ({"y": [1]}, "y: no axis or setting of quick_sweep; expected one of x, size, power, seed, steps"),
    "text": ({"x": ["a"]}, "x: expected finite numbers, got 'a'"),
    "a bare text": ({"x": "0.5"}, "x: expected finite numbers, got '0.5'"),
    "truth value": ({"x": [True]}, "x: expected finite numbers, got True"),
    "infinite": ({"x": [float("inf")]}, "x: expected finite numbers, got inf"),
    "not whole": ({"size": [1.5]}, "size: expected whole numbers, got 1.5"),
    "too small": ({"size": [0]}, "size: expected at least 1, got 0"),
    "out of range": ({"x": [0.5, 2]}, "x: expected values from 0 to 1, got 2"),
    "none": ({"x": []}, "x: expected at least one value, got none"),
    "twice": ({"x": [0.5, 0.25, 0.5]}, "x: the value 0.5 is given twice"),
    "several settings": ({"steps": [1, 2]}, "steps: expected finite numbers"),
    "setting below 1": ({"steps": 0}, "steps: expected one whole number >= 1, got 0"),
    "too many": ({"x": np.linspace(0, 1, 400_000).tolist()}, "grid: 32,000,000 cells, more than 10,000,000"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_grids_are_refused(case):
    changes, message = BAD[case]
    with pytest.raises(GridError, match="^" + message.replace("(", r"\(").split(", got")[0]):
        make_grid(SWEEP, SWEEP.grid, changes)


VALUES = {
    "1,2.5,1e3": [1, 2.5, 1e3],
    "3": [3],
    "0..3": [0, 1, 2, 3],
    "lin:0:1:5": [0, 0.25, 0.5, 0.75, 1],
    "log:1e2:1e12:6": [1e2, 1e4, 1e6, 1e8, 1e10, 1e12],
}


@pytest.mark.parametrize("text", VALUES)
def test_values_as_written(text):
    np.testing.assert_allclose(parse_values(text), VALUES[text], rtol=1e-12)


@pytest.mark.parametrize("text", ["", "a", "1,,2", "3..1", "0..x", "lin:0:1", "log:0:1:3", "lin:0:1:0", "log:1:inf:3"])
def test_bad_values_are_refused(text):
    with pytest.raises(GridError, match=r"expected numbers such as 1,2,5"):
        parse_values(text)


@pytest.mark.parametrize("width", [1, 4, 5, 1000])
def test_every_defined_cell_is_in_one_chunk_of_its_shape(width):
    grid = make_grid(SWEEP, SWEEP.tiny, {"x": [0.1, 0.2, 0.3, 0.4, 0.5]})
    chunks = make_chunks(SWEEP, grid, width)
    cells = np.concatenate([chunk.cells for chunk in chunks])
    rows = [cell_at(SWEEP, grid, int(cell)) for cell in range(5 * 2 * 2)]
    assert sorted(cells) == [i for i, row in enumerate(rows) if not SWEEP.undefined(row)]
    assert all(1 <= len(chunk.cells) <= width for chunk in chunks)
    for chunk in chunks:
        assert set(cell_values(SWEEP, grid, chunk.cells)["size"]) == {chunk.shape["size"]}
    assert list(rows[0]) == ["x", "size", "seed"]
    assert rows[1] == {"x": 0.1, "size": 1, "seed": 1}, "the last axis runs fastest"


def test_a_grid_without_a_meaning_is_refused():
    with pytest.raises(GridError, match="no cell of quick_sweep has a meaning"):
        make_chunks(SWEEP, make_grid(SWEEP, SWEEP.tiny, {"size": 2, "seed": 1}), 4)


def test_chunks_fit_the_device():
    sweep = all_sweeps()["ga_linear"]
    grid = make_grid(sweep, sweep.grid, {})
    assert chunk_width(sweep, grid, False, 1e12) == sweep.chunk
    assert chunk_width(sweep, grid, True, 1e12) == 64 * sweep.chunk
    largest = sweep.cell_bytes({"m": 40})
    assert chunk_width(sweep, grid, True, 400 * largest) == 100
    assert chunk_width(sweep, grid, True, 1.0) == 1


@pytest.mark.parametrize("key", all_sweeps())
def test_sweeps_are_well_formed(key):
    sweep = all_sweeps()[key]
    assert sweep.module == f"experiments.sweeps.{key}"
    assert set(sweep.axes) <= set(sweep.grid)
    assert set(sweep.grid) == set(sweep.tiny)
    assert list(sweep.axes)[-1] == "seed"
    for result in sweep.results.values():
        assert all(name in sweep.labels or sweep.axes[name].role == "inner" for name in result.over)
    for base in (sweep.grid, sweep.tiny):
        grid = make_grid(sweep, base, {})
        assert make_chunks(sweep, grid, sweep.chunk)
