"""Weights to ``.npz`` or ``.safetensors``, whole or not at all."""

import io
from pathlib import Path

import numpy as np

from experiments.files import write_atomically
from experiments.readers import FileFault, kind_of
from experiments.readers.models import KINDS, Model


def require_writable(path: Path | str, force: bool) -> Path:
    """The path of a model's file to be written, checked before the work starts.

    Raises:
        FileFault: a suffix other than KINDS, a missing folder, or a file that is there already without ``force``.
    """
    path = Path(path)
    kind_of(path, KINDS)
    if path.exists() and not force:
        raise FileFault(f"{path}: exists already; pass --force to replace it")
    if not path.absolute().parent.is_dir():
        raise FileFault(f"{path}: its folder does not exist")
    return path


def write_model(path: Path, model: Model) -> None:
    """Write the model's arrays under the names, shapes and types that it was read with.

    Raises:
        OSError: the file cannot be written. ModuleNotFoundError: safetensors is missing.
    """
    arrays = model.arrays()
    if path.suffix.lower() == ".npz":
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        write_atomically(path, buffer.getvalue())
        return
    from safetensors.numpy import save

    write_atomically(path, save({name: np.asarray(value, order="C") for name, value in arrays.items()}))
