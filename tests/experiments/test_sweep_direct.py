"""A grid computed in this process is the grid that a store holds."""

import json

import numpy as np
import pytest
import xarray as xr

from experiments.engine.dataset import load_sweep
from experiments.engine.direct import cell_numbers, compute_directly, compute_parts
from experiments.engine.grid import GridError, make_grid
from tests.experiments import faulty_sweep
from tests.experiments.quick_sweep import SWEEP
from tests.experiments.sweep_stores import WIDTH, filled


def test_it_is_the_stores_bit_for_bit(tmp_path):
    filled(tmp_path / "store")
    stored = load_sweep(tmp_path / "store")
    found = compute_directly(SWEEP, make_grid(SWEEP, SWEEP.tiny, {}), WIDTH)
    xr.testing.assert_identical(found.drop_attrs(deep=False), stored.drop_vars("status").drop_attrs(deep=False))
    assert found.attrs.items() <= stored.attrs.items()


def test_it_says_how_far_it_is():
    parts = list(compute_parts(SWEEP, make_grid(SWEEP, SWEEP.tiny, {}), WIDTH))
    assert [done for done, _, _ in parts] == [4, 6, 9, 9]  # size 2 has no second seed
    assert {total for _, total, _ in parts} == {9}
    assert [dataset is None for _, _, dataset in parts] == [True, True, True, False]


def test_numbers_of_a_cell_have_the_names_of_its_labels():
    found = compute_directly(SWEEP, make_grid(SWEEP, SWEEP.tiny, {}), WIDTH)
    cell = found.sel(x=0.2, size=1, seed=1)
    numbers = cell_numbers(cell)
    assert list(numbers) == ["end", "powers, 1.0", "powers, 2.0"]
    assert numbers["powers, 2.0"] == float(cell["powers"].sel(power=2.0))
    assert np.isnan(list(cell_numbers(found.sel(x=0.2, size=2, seed=1)).values())).all()


def test_a_cell_that_fails_is_told():
    sweep = faulty_sweep.SWEEP
    found = compute_directly(sweep, make_grid(sweep, sweep.tiny, {}), 4)
    assert json.loads(found.attrs["failures"])


def test_a_grid_without_meaning_is_refused():
    with pytest.raises(GridError, match="no cell of quick_sweep has a meaning"):
        compute_directly(SWEEP, make_grid(SWEEP, SWEEP.tiny, {"size": 2, "seed": 1}), WIDTH)
