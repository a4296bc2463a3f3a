"""Decoded images kept as ``.npy`` files in the user's cache folder: checked at every use, rebuilt when damaged."""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

import numpy as np

from experiments.images.parquet import Wanted, decode_apart
from experiments.images.shards import find_shards
from experiments.images.source import ImageSet

_VERSION = 1  # of the decoded form
_FOOTER = 2**16  # bytes at the end of a file that its key reads: Parquet's table of contents
_ABANDONED = 86_400.0  # seconds after which another process's unfinished work is thrown away
_PARTS = ("train_x", "train_y", "test_x", "test_y")


def cache_home() -> Path:
    """Where decoded images are kept: ``forgetproof/images`` in the user's cache folder ($XDG_CACHE_HOME)."""
    usual = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or usual) / "forgetproof" / "images"


def decoded(folder: Path, wanted: Wanted, cache: bool, limit: int | None) -> ImageSet:
    """The images of a folder, from the cache where its files are unchanged, see :func:`load_images`.

    With ``cache`` the arrays are memory-mapped; a damaged entry is built again.

    Raises:
        ValueError: files that are refused, or a cache folder that cannot be written.
    """
    shards = find_shards(folder)
    name = folder.absolute().name
    if not cache:
        with tempfile.TemporaryDirectory() as scratch:
            classes = decode_apart(shards, wanted, Path(scratch), limit)
            return _load(name, Path(scratch), classes, mapped=False)
    place = cache_home() / _key(shards, wanted)
    found = _read(name, place)
    if found is not None:
        return found
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place.parent)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".building-") as scratch:
            built = Path(scratch) / "whole"
            built.mkdir()
            classes = decode_apart(shards, wanted, built, limit)
            print_of = _load(name, built, classes, mapped=True).fingerprint()
            (built / "about.json").write_text(json.dumps({"classes": classes, "fingerprint": print_of}))
            shutil.rmtree(place, ignore_errors=True)  # a damaged one
            with contextlib.suppress(FileExistsError, OSError):  # another process was quicker
                os.rename(built, place)
            built = place if place.is_dir() else built
            return _load(name, built, classes, mapped=built is place)
    except OSError as fault:
        raise ValueError(f"{place.parent}: cannot keep decoded images ({fault.strerror}); pass --no-cache") from None


def _key(shards: dict[str, list[Path]], wanted: Wanted) -> str:
    """From each file's name, size, time of change and last bytes, and how the images are read."""
    digest = hashlib.sha256(json.dumps([_VERSION, wanted]).encode())
    for split, paths in shards.items():
        for path in paths:
            about = path.stat()
            with path.open("rb") as stream:
                stream.seek(max(0, about.st_size - _FOOTER))
                tail = hashlib.sha256(stream.read()).hexdigest()
            digest.update(json.dumps([split, path.name, about.st_size, about.st_mtime_ns, tail]).encode())
    return digest.hexdigest()[:32]


def _read(name: str, place: Path) -> ImageSet | None:
    """A whole entry; None where there is none or any byte of it changed."""
    try:
        about = json.loads((place / "about.json").read_text())
        found = _load(name, place, int(about["classes"]), mapped=True)
        return found if found.fingerprint() == about["fingerprint"] else None
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def _load(name: str, place: Path, classes: int, mapped: bool) -> ImageSet:
    mode: Literal["r"] | None = "r" if mapped else None
    train_x, train_y, test_x, test_y = (
        np.load(place / f"{part}.npy", mmap_mode=mode, allow_pickle=False) for part in _PARTS
    )
    return ImageSet(name, train_x, train_y, test_x, test_y, classes)


def _sweep(home: Path) -> None:
    """Throw away what a killed process left half-built."""
    for path in home.glob(".building-*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED:
                shutil.rmtree(path, ignore_errors=True)
