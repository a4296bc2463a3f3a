"""The view of studies: one is run in a process of its own, which can be stopped at any moment."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import xarray as xr

from forgetproof.app.knobs import parse_query

_POLL = 0.2  # seconds


class StudyFailed(ValueError):
    """The study's process ended with an error; the message is its last line."""


class Studied(NamedTuple):
    """A study's dataset and its picture in the gallery's style."""

    key: str
    question: str
    dataset: xr.Dataset
    picture: bytes | None  # PNG
    caption: str
    findings: list[str]


def run(query: str) -> Iterator[tuple[int, int, Studied | None]]:
    """Run the study of a state: yields (seconds so far, 0, None), the result with the last.

    Closing the iterator ends the process.
    """
    from experiments.store import load_dataset

    state = parse_query(query)
    key, profile = str(state.values["key"]), str(state.values["profile"])
    with tempfile.TemporaryDirectory(prefix="forgetproof-") as folder:
        path, log = Path(folder) / "study.nc", Path(folder) / "errors.txt"
        with log.open("wb") as errors:
            command = [sys.executable, "-m", "forgetproof.app.studies", key, profile, str(path)]
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, stdin=subprocess.DEVNULL)
            began = time.monotonic()
            try:
                while child.poll() is None:
                    yield int(time.monotonic() - began), 0, None
                    time.sleep(_POLL)
            finally:
                child.kill()
                child.wait()
        if child.returncode != 0:
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise StudyFailed(f"The study {key} failed: {last[-1] if last else f'exit code {child.returncode}'}")
        yield 1, 1, _shown(key, load_dataset(path))


def _shown(key: str, dataset: xr.Dataset) -> Studied:
    from experiments.study import all_studies
    from figures import all_figures
    from forgetproof.app.keep import drawn

    module = next((module for module in all_figures().values() if key == module.STUDY), None)
    picture = None if module is None else drawn(lambda: module.plot(dataset), "png")
    findings = module.findings(dataset) if module is not None and hasattr(module, "findings") else []
    caption = "" if module is None else module.CAPTION
    return Studied(key, all_studies()[key].question, dataset, picture, caption, findings)


def _main(key: str, profile: str, path: str) -> None:
    """What the child process runs."""
    from forgetproof import start_jax

    start_jax()
    from experiments.store import save_dataset
    from experiments.study import all_studies, stamped

    study = all_studies()[key]
    save_dataset(stamped(study, getattr(study, profile)), path)


if __name__ == "__main__":
    _main(*sys.argv[1:])
