"""Checkpoints of a run: arrays and what they belong to in one ``.safetensors`` file, whole or not there.

A file is replaced by a rename once its successor is on the disk, so a process that is killed at any moment leaves the
last whole one. A checksum over the description and every array tells damage from a sound file.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.files import write_atomically

_SEALED = "forgetproof"  # the entry of the file's metadata
_ABOUT = "about"
_CHECKSUM = "sha256"
_HEADER = 2**20  # bytes that the description and the names may take


class CheckpointFault(ValueError):
    """A checkpoint that is damaged or of another run; the message names the file and says why."""


def save(path: Path, tree: Any, about: dict[str, Any]) -> None:
    """Write the arrays of a pytree and a description that JSON can hold.

    Raises:
        OSError: the file cannot be written, for instance on a full disk; the previous one stays.
    """
    from safetensors.numpy import save as serialise

    arrays = {name: np.asarray(leaf, order="C") for name, leaf in _named(tree).items()}
    described = json.dumps(about, sort_keys=True)
    sealed = json.dumps({_ABOUT: described, _CHECKSUM: _checksum(arrays, described)})
    write_atomically(path, serialise(arrays, {_SEALED: sealed}), durable=True)  # one entry: their order is not fixed


def load(path: Path, like: Any) -> tuple[Any, dict[str, Any]]:
    """The pytree and the description.

    Args:
        like: a pytree of the same structure, its leaves arrays or shapes with types.

    Raises:
        CheckpointFault: damaged, or arrays of other names, shapes or types. FileNotFoundError: no such file.
    """
    arrays, about = _read(path, sum(_size(leaf) for leaf in _named(like).values()))
    wanted = {name: (leaf.shape, np.dtype(leaf.dtype)) for name, leaf in _named(like).items()}
    held = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    for name in sorted(wanted.keys() | held.keys()):
        if wanted.get(name) != held.get(name):
            raise CheckpointFault(
                f"{path}: belongs to another network: {name[:80]} is {_shown(held.get(name))}, "
                f"expected {_shown(wanted.get(name))}"
            )
    leaves = [jnp.asarray(arrays[name]) for name in _named(like)]
    return jax.tree.unflatten(jax.tree.structure(like), leaves), about


def describe(path: Path) -> dict[str, Any]:
    """The description alone, without reading the arrays. Errors as :func:`load`."""
    return _header(path)[0]


def _header(path: Path) -> tuple[dict[str, Any], str, str]:
    """The description, its text, and the checksum."""
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            sealed = json.loads(json.loads(stream.read(min(length, _HEADER)))["__metadata__"][_SEALED])
        about, checksum = json.loads(sealed[_ABOUT]), sealed[_CHECKSUM]
        if isinstance(about, dict):
            return about, sealed[_ABOUT], checksum
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise CheckpointFault(f"{path}: not a checkpoint, or damaged")


def _read(path: Path, size: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load as parse

    about, described, checksum = _header(path)
    if path.stat().st_size > size + _HEADER + 8:
        raise CheckpointFault(
            f"{path}: belongs to another network, or is damaged: larger than the {size} bytes expected"
        )
    try:
        arrays = parse(path.read_bytes())
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError):
        raise CheckpointFault(f"{path}: damaged; remove it or start afresh") from None
    if checksum != _checksum(arrays, described):
        raise CheckpointFault(f"{path}: damaged (its checksum differs); remove it or start afresh")
    return arrays, about


def _named(tree: Any) -> dict[str, Any]:
    """Leaves by their place in the tree, in the tree's order."""
    return {jax.tree_util.keystr(place): leaf for place, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _checksum(arrays: dict[str, np.ndarray], described: str) -> str:
    digest = hashlib.sha256(described.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _size(leaf: Any) -> int:
    return int(np.prod(leaf.shape)) * np.dtype(leaf.dtype).itemsize


def _shown(kind: tuple[Any, Any] | None) -> str:
    return "not there" if kind is None else f"{kind[1]}{list(kind[0])}"
