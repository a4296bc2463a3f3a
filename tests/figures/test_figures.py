"""Every picture draws from a saved dataset, with labelled axes, in the house style, and without pyplot."""

import ast
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

import figures
from experiments.study import all_studies
from figures import all_figures
from figures.style import LOOKS, above_floor, save
from tests.tiny_studies import case, tiny_dataset

FIGURES = all_figures()


# the tests of the studies run the same datasets from the other end, perhaps at the same time
NAMES = sorted(FIGURES, reverse=True)


def test_every_study_has_a_picture():
    assert {module.STUDY for module in FIGURES.values()} == set(all_studies())
    assert all(len(module.CAPTION) > 100 for module in FIGURES.values())


@pytest.mark.parametrize("name", [case(name, FIGURES[name].STUDY) for name in NAMES])
def test_a_picture_draws_from_a_saved_dataset(name, tmp_path, tmp_path_factory):
    module = FIGURES[name]
    dataset = tiny_dataset(module.STUDY, tmp_path_factory)
    figure = module.plot(dataset)
    files = save(figure, tmp_path / "pictures", name)
    assert [file.suffix for file in files] == [".png", ".svg"]
    assert all(file.stat().st_size > 1000 for file in files)
    subplots = figure.axes[0].get_subplotspec().get_gridspec()
    for axis in figure.axes:
        assert axis.has_data(), axis.get_title(loc="left")
        place = axis.get_subplotspec()
        shares_x = axis.get_shared_x_axes().get_siblings(axis)
        shares_y = axis.get_shared_y_axes().get_siblings(axis)
        assert axis.get_xlabel() or (len(shares_x) > 1 and place.rowspan.stop < subplots.nrows)
        assert axis.get_ylabel() or (len(shares_y) > 1 and place.colspan.start > 0)
    if hasattr(module, "findings"):
        assert all(text.endswith(".") and "nan" not in text for text in module.findings(dataset))


@pytest.mark.slow
@pytest.mark.parametrize("name", [case(name, FIGURES[name].STUDY) for name in NAMES])
def test_texts_do_not_overlap_and_stay_inside(name, tmp_path_factory):
    figure = FIGURES[name].plot(tiny_dataset(FIGURES[name].STUDY, tmp_path_factory))
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    for axis in figure.axes:
        labels = [t for t in axis.get_xticklabels() if t.get_text() and t.get_visible()]
        left, right = axis.get_window_extent(renderer).intervalx
        boxes = sorted((t.get_window_extent(renderer) for t in labels), key=lambda box: box.x0)
        boxes = [box for box in boxes if left - 1 <= (box.x0 + box.x1) / 2 <= right + 1]
        assert all(a.x1 <= b.x0 + 1 for a, b in itertools.pairwise(boxes)), axis.get_title(loc="left")
        outer = axis.get_tightbbox(renderer)
        assert outer.x0 >= -1
        assert outer.x1 <= figure.bbox.x1 + 1
        title = axis.title if axis.title.get_text() else axis._left_title
        assert title.get_window_extent(renderer).x1 <= figure.bbox.x1 + 1


def test_figures_run_no_experiment_and_leave_pyplot_alone():
    for path in Path(figures.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.split(".")[0] in ("experiments", "theory") or "pyplot" in n], path
    assert "matplotlib.pyplot" not in sys.modules


def test_methods_are_told_apart_without_colour():
    for group in (("nothing", "fine-tuning", "plain ascent", "projected ascent", "retraining", "decremental"),):
        assert len({LOOKS[name]["marker"] for name in group}) == len(group)
        assert len({str(LOOKS[name]["linestyle"]) for name in group}) == len(group)


def test_floor_keeps_nan_and_lifts_zero():
    np.testing.assert_array_equal(above_floor([0.0, 1e-30, np.nan, 0.5]), [1e-16, 1e-16, np.nan, 0.5])
