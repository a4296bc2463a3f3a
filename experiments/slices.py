"""Long studies in slices: what a part found is kept as soon as it is done, so that a killed run goes on after it.

The parts of a study lie in ``.forgetproof/slices/STUDY-DIGEST/``, a file a part. The digest is of the study's
parameters, the program's source and the device, so results of other settings or of older code are never taken.
"""

import functools
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.files import write_atomically
from experiments.ledger import home

Part = dict[str, np.ndarray]
_ROOT = Path(__file__).parents[1]
_NOT_A_PARAMETER = ("seeds", "sliced")  # more seeds keep the parts of the first ones


class Slices:
    """Parts of one study: ``slices(name, compute)`` returns what the part found, now or in a run that was killed."""

    def __init__(self, study: str, parameters: Mapping[str, Any]):
        """Parts are kept if ``parameters["sliced"]``; they must be functions of the parameters and their name."""
        kept = {name: value for name, value in parameters.items() if name not in _NOT_A_PARAMETER}
        text = json.dumps(kept, sort_keys=True, default=str) + source_digest() + jax.default_backend()
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._folder = _folder() / f"{study}-{digest}" if parameters["sliced"] else None

    def __call__(self, name: str, compute: Callable[[], Part]) -> Part:
        """The part of that name, a file name's worth of letters.

        Raises:
            OSError: its file cannot be written.
        """
        if self._folder is None:
            return compute()
        path = self._folder / f"{name}.npz"
        held = _read(path)
        if held is None:
            held = {key: np.asarray(value) for key, value in compute().items()}
            self._folder.mkdir(parents=True, exist_ok=True)
            stream = io.BytesIO()
            np.savez(stream, **held)  # type: ignore[arg-type]
            write_atomically(path, stream.getvalue(), durable=True)
        return held


def clear(studies: Iterable[str]) -> None:
    """Remove the parts of these studies, whatever their parameters: their results are published."""
    for study in studies:
        for folder in _folder().glob(f"{study}-*"):
            shutil.rmtree(folder, ignore_errors=True)


@functools.cache
def source_digest() -> str:
    """SHA-256 of the source of theory/ and experiments/, as this process first saw it."""
    found = hashlib.sha256()
    for part in ("theory", "experiments"):
        for path in sorted((_ROOT / part).rglob("*.py")):
            found.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def _folder() -> Path:
    return home() / "slices"


def _read(path: Path) -> Part | None:
    """The arrays of a whole file; None where there is none, or a damaged one, which is made again."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
