"""Counterexamples on disk: an instance as plain arrays in ``.npz``, with the claim's key and sizes. No pickles."""

import io
import json
import zipfile
from pathlib import Path

import jax
import numpy as np

from experiments.files import write_atomically
from theory.claim import Claim, Instance, example_instance
from theory.evidence.check import Refutation

MAX_BYTES = 2**28  # an instance is small; a larger file is refused before anything is allocated
_LEAF = "instance:"


class InstanceFileError(ValueError):
    """The file is not an instance of the claim; the message says why."""


def save_instance(folder: Path, claim: Claim, refutation: Refutation) -> Path:
    """Write the instance into ``folder`` (made if missing), atomically, and return the file's path."""
    leaves = jax.tree_util.tree_leaves_with_path(refutation.instance)
    arrays = {_LEAF + jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}
    header = {
        "key": claim.key,
        "sizes": refutation.sizes,
        "conclusion": refutation.conclusion,
        "lhs": refutation.lhs,
        "rhs": refutation.rhs,
    }
    buffer = io.BytesIO()
    arrays["header"] = np.array(json.dumps(header))
    np.savez(buffer, allow_pickle=False, **arrays)
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [f"{k}{v}" for k, v in sorted(refutation.sizes.items())]
    name = "-".join([claim.key, *sizes, *(f"{k}={v}" for k, v in claim.overrides.items())]) + ".npz"
    write_atomically(folder / name, buffer.getvalue())
    return folder / name


def load_instance(path: Path, claim: Claim) -> tuple[Instance, dict[str, int]]:
    """Read an instance of ``claim`` and its sizes.

    Raises:
        InstanceFileError: unreadable, damaged, too large, of another claim, or with other arrays
            than the claim's instances have.
    """
    arrays = read_arrays(path)
    key, sizes = _header(path, arrays)
    if key != claim.key:
        raise InstanceFileError(f"{path}: an instance of {key!r}, not of {claim.key!r}")
    if not all(0 <= v <= 10_000 for v in sizes.values()) or (
        sizes and set(sizes) not in [set(named) for named in claim.sizes]
    ):
        raise InstanceFileError(f"{path}: expected sizes named {', '.join(claim.sizes[0])} up to 10000, got {sizes}")
    template = example_instance(claim, sizes or claim.sizes[0])
    wanted, structure = jax.tree_util.tree_flatten_with_path(template)
    leaves = []
    for place, shape in wanted:
        name = jax.tree_util.keystr(place)
        array = arrays.pop(_LEAF + name, None)
        if array is None or array.shape != shape.shape or array.dtype != shape.dtype:
            found = "nothing" if array is None else f"{array.dtype}{list(array.shape)}"
            raise InstanceFileError(f"{path}: expected {name} as {shape.dtype}{list(shape.shape)}, got {found}")
        leaves.append(jax.numpy.asarray(array))
    if arrays:
        raise InstanceFileError(f"{path}: unexpected array {next(iter(arrays))!r}")
    return jax.tree_util.tree_unflatten(structure, leaves), sizes


def instance_key(path: Path) -> str:
    """Key of the claim that a saved instance belongs to. Raises as :func:`load_instance`."""
    return _header(path, read_arrays(path))[0]


def _header(path: Path, arrays: dict[str, np.ndarray]) -> tuple[str, dict[str, int]]:
    try:
        header = json.loads(str(arrays.pop("header")[()]))
        return str(header["key"]), {str(k): int(v) for k, v in header["sizes"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise InstanceFileError(f"{path}: not a saved instance (no readable header)") from None


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file by name, no pickles. Raises as :func:`load_instance`."""
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
            if total > MAX_BYTES:
                raise InstanceFileError(f"{path}: {total} bytes unpacked, more than the {MAX_BYTES} allowed")
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except InstanceFileError:
        raise
    except FileNotFoundError:
        raise InstanceFileError(f"{path}: no such file") from None
    except Exception as fault:  # zipfile and numpy raise many kinds on damaged input; all mean the same to the user
        raise InstanceFileError(f"{path}: not a readable .npz file ({type(fault).__name__})") from None
