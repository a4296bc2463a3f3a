"""A strict run: float64, no implicit promotion, shapes checked, one hypothesis profile."""

import os
import signal
import sys

from forgetproof.runtime import start_jax

start_jax()

import jax
import psutil
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
install_import_hook(["theory"], "beartype.beartype")

from forgetproof.__main__ import main
from theory.evidence import check as sampling

sampling.CHUNK = 16  # hypothesis brings one instance at a time: a chunk is filled up with copies of it

MEMORY = 3 << 30  # bytes of a test process

settings.register_profile(
    "forgetproof",
    deadline=None,  # the first example compiles
    max_examples=int(os.environ.get("FORGETPROOF_EXAMPLES", "25")),
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("forgetproof")


@pytest.fixture(scope="module", autouse=True)
def bounded_memory():
    """Compiled programs pile up: drop them between files once they are many. Small ones serve every file."""
    yield
    if psutil.Process().memory_info().rss > MEMORY:
        jax.clear_caches()


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in an empty folder; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORGETPROOF_HOME", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["forgetproof", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests that a broken claim or solver is noticed test the tests: they run with the slow ones."""
    for item in items:
        if "mutant" in item.name.partition("[")[0]:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(
    params=[pytest.param("first", id="first_size"), pytest.param("others", id="other_sizes", marks=pytest.mark.slow)]
)
def sizes(request):
    """Which of a claim's sizes a property is tested on: each is a program to compile, so none is by two tests."""
    return request.param


@pytest.fixture
def interruptible():
    """Processes started by the test obey Ctrl-C, even where the tests run in the background and ignore it."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)
