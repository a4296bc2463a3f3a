"""A running page and a browser."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from experiments.store import save_dataset
from experiments.study import labelled
from tests.forgetproof.explore.browser import CHROMIUM, Page


@pytest.fixture(scope="session")
def shots(tmp_path_factory) -> Path:
    """Where screenshots and timings are kept: $FORGETPROOF_SHOTS, or pytest's folder."""
    folder = Path(os.environ.get("FORGETPROOF_SHOTS") or tmp_path_factory.mktemp("explore"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> Path:
    d, seeds = 10.0 ** np.arange(2, 7), 5
    values = (1 + np.arange(seeds))[None, :, None] / d[:, None, None] * np.array([1.0, 0.1])
    dataset = xr.Dataset(
        {"gap": labelled(("d", "seed", "model"), values, "1 - cos to retraining")},
        {
            "d": labelled("d", d, "dimension"),
            "seed": labelled("seed", np.arange(seeds), "repetition"),
            "model": labelled("model", ["plain ascent", "projected ascent"], "method"),
        },
        {"title": "Distance to the retrained model"},
    )
    return save_dataset(dataset, tmp_path_factory.mktemp("saved") / "gap.nc")


@pytest.fixture(scope="session")
def started(tmp_path_factory) -> Path:
    """The folder in which the page is started."""
    return tmp_path_factory.mktemp("started")


@pytest.fixture(scope="session")
def address(saved, started):
    """A running page's address, with its token."""
    command = [sys.executable, "-m", "forgetproof", "explore", str(saved), "--at", "view=linear", "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=started)
    assert server.stdout is not None
    yield server.stdout.readline().split()[-1]
    server.terminate()
    assert server.wait(20) in (0, -15, 143)
    server.stdout.close()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def tab(browser, address):
    opened = Page(browser, address, viewport={"width": 1280, "height": 1400})
    yield opened
    opened.close()
