"""Studies at their tiniest, run once a test session: what one test process ran, another reads."""

import os

import pytest
import xarray as xr
from _pytest.mark import ParameterSet

from experiments.store import load_dataset, save_dataset
from experiments.study import all_studies

SLOW = {
    "ga_counter_regime",
    "ga_mixture_test_error",
    "ga_two_layer_dimension",
    "ga_two_layer_exact_certificate",
    "ga_two_layer_flow",
    "ga_two_layer_kinks",
    "ga_two_layer_step_fraction",
    "real_leave_one_out",
    "real_linear",
    "real_two_layer",
    "wc_ridge_gap",
}
"""Studies that compile for many seconds even at their tiniest, with the long ones of the main job."""


def case(name: str, study: str) -> ParameterSet:
    """A parameter of a test of one study or picture, among the slow tests where the study is slow."""
    slow = study in SLOW or all_studies()[study].long
    return pytest.param(name, marks=[pytest.mark.slow] if slow else [])


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
