"""Studies at their tiniest, run once a test session: what one test process ran, another reads."""

import os

import pytest
import xarray as xr

from experiments.store import load_dataset, save_dataset
from experiments.study import all_studies


def tiny_dataset(key: str, folders: pytest.TempPathFactory) -> xr.Dataset:
    """The study's tiny dataset, from the session's shared folder if any process has put it there."""
    folder = folders.getbasetemp()
    shared = folder.parent if os.environ.get("PYTEST_XDIST_WORKER") else folder
    path = shared / f"tiny_{key}.nc"
    if path.exists():
        return load_dataset(path)
    study = all_studies()[key]
    dataset = study.run(study.tiny)
    save_dataset(dataset, path)
    return dataset
