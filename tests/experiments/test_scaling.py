"""The page on scaling says what was measured, and its model is the sum of its parts."""

import json

import numpy as np
import pytest

from experiments.scaling import DOCS, MIXTURE, ORTHOGONAL, sample
from experiments.scaling_page import model_seconds, operations, page


def test_the_page_is_what_the_measurements_say():
    kept = json.loads((DOCS / "scaling.json").read_text(encoding="utf-8"))
    assert (DOCS / "scaling.md").read_text(encoding="utf-8") == page(kept)
    assert all(run["relative_residual"] < 1e-10 for run in kept["runs"] if "failed" not in run)


def test_samples_are_what_their_names_say():
    X, y = sample(ORTHOGONAL, 300)
    G = X @ X.T
    off = np.abs(G - np.diag(np.diag(G))).max()
    assert np.abs(np.diag(G) - 1).max() < 0.01
    assert off < 0.01
    assert np.linalg.solve(y[:, None] * G * y, np.ones(300)).min() > 0  # all are support vectors
    X, y = sample(MIXTURE, 500)
    assert X.shape == (500, 784)
    assert (y * X[:, 0]).mean() * 28 == pytest.approx(6, abs=0.2)


def test_one_device_of_the_model_does_all_the_work_and_receives_nothing():
    run = {"m": 4096, "d": 4096}
    assert model_seconds(operations(run), 4096, 4096, 1, 1e10) == pytest.approx(operations(run) / 1e10)
    times = [model_seconds(operations(run), 4096, 4096, count, 1e10, 1e30) for count in (1, 2, 4)]
    assert times[0] > times[1] > times[2] > times[0] / 4  # the diagonal tiles are not shared
