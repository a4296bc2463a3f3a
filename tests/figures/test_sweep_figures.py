"""Pictures of sweeps draw whatever a store holds, with labels that fit."""

import pytest

from experiments.engine.dataset import load_sweep
from experiments.engine.model import all_sweeps
from figures.style import save
from figures.sweeps import all_sweep_figures
from tests.experiments.sweep_stores import empty, invented

FIGURES = all_sweep_figures()
FAST = ("ga_correlated",)


def case(key: str) -> object:
    return pytest.param(key, marks=[] if key in FAST else [pytest.mark.slow])


def dataset(key, folder, size, part=1.0):
    """A store of invented numbers, the first part of its chunks."""
    sweep = all_sweeps()[key]
    base = sweep.tiny if size == "tiny" else sweep.grid
    store, grid, chunks = empty(folder / f"{key}-{size}", sweep, base, 32)
    for index in range(max(1, int(part * len(chunks)))):
        store.write(index, invented(sweep, grid, chunks[index], index))
    return load_sweep(store.folder)


def test_every_sweep_has_a_picture():
    assert {module.SWEEP for module in FIGURES.values()} == set(all_sweeps())
    assert all(len(module.CAPTION) > 100 for module in FIGURES.values())


@pytest.mark.parametrize("key", [case(key) for key in FIGURES])
@pytest.mark.parametrize("size", ["tiny", pytest.param("default", marks=pytest.mark.slow)])
def test_a_picture_draws_from_a_store(key, size, tmp_path):
    module = FIGURES[key]
    part = 0.6 if size == "default" else 1.0
    measured = dataset(module.SWEEP, tmp_path, size, part)
    figure = module.plot(measured)
    for axis in figure.axes:
        assert axis.has_data()
        assert axis.get_ylabel()
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    for axis in figure.axes:
        box = axis.get_tightbbox(renderer)
        assert box.x0 >= -2
        assert box.x1 <= figure.bbox.x1 + 2
        assert box.y0 >= -2
        assert box.y1 <= figure.bbox.y1 + 2
    assert all(file.stat().st_size > 1000 for file in save(figure, tmp_path / "pictures", key))
    assert all(text.endswith(".") and "nan" not in text for text in module.findings(measured))
