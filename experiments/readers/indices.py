"""Which points to forget: a list on the command line such as ``3,17,20-25``, or a file of indices."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from experiments.readers import FileFault, kind_of, read_bytes
from experiments.readers.numpy_files import parse_npy, parse_npz

KINDS = (".txt", ".csv", ".npy", ".npz", ".json")
_PART = re.compile(r"(\d{1,12})(?:-(\d{1,12}))?")
LIST_BYTES = 2**26  # an index list is small, whatever the limit for data is


def parse_indices(text: str, m: int, source: str = "--forget") -> np.ndarray:
    """Indices (k,) from numbers and ranges ``a-b`` (both ends included), parted by commas or white space.

    Args:
        text: the list. m: number of points. source: named in messages.

    Raises:
        FileFault: not a list of whole numbers, an index beyond m − 1, one given twice, or none.
    """
    found: list[int] = []
    seen = np.zeros(m, bool)
    for part in re.split(r"[\s,;]+", text.strip()):
        match = _PART.fullmatch(part)
        if match is None or not part.isascii():
            raise FileFault(f"{source}: expected indices such as 3,17,20-25, got {part[:40]!r}")
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        if last < first:
            raise FileFault(f"{source}: expected a range with its smaller end first, got {part}")
        if last >= m:
            raise FileFault(f"{source}: expected indices from 0 to {m - 1}, got {last}")
        if seen[first : last + 1].any():
            twice = first + int(np.flatnonzero(seen[first : last + 1])[0])
            raise FileFault(f"{source}: expected distinct indices, got {twice} more than once")
        seen[first : last + 1] = True
        found.extend(range(first, last + 1))
    return np.array(found, np.int64)


def read_indices(source: str, m: int) -> np.ndarray:
    """Indices (k,) of the points to forget, from a file or from the text itself.

    A file is ``.txt`` or ``.csv`` (numbers and ranges; a first line of words is a header), ``.npy`` or ``.npz``
    (one array of integers, or a boolean mask over the m points), or ``.json`` (a list of integers). Anything that
    does not end so is the list itself.

    Raises:
        FileFault: an unreadable file, or indices that :func:`parse_indices` refuses.
    """
    path = Path(source)
    if path.suffix.lower() not in KINDS and re.fullmatch(r"[\d\s,;-]+", source):
        return parse_indices(source, m)
    kind = kind_of(path, KINDS)
    content = read_bytes(path, LIST_BYTES)
    if kind in (".txt", ".csv"):
        return parse_indices(_without_header(path, content), m, str(path))
    values = _json_list(path, content) if kind == ".json" else _only_array(path, content, kind)
    if values.dtype == bool:
        if values.shape != (m,):
            raise FileFault(f"{path}: expected a mask with one entry a point ({m}), got shape {list(values.shape)}")
        values = np.flatnonzero(values)
    if values.ndim != 1 or values.dtype.kind not in "iu" or not len(values):
        raise FileFault(f"{path}: expected a list of integer indices, got {values.dtype} of shape {list(values.shape)}")
    outside = values[(values < 0) | (values >= m)]
    if len(outside):
        raise FileFault(f"{path}: expected indices from 0 to {m - 1}, got {int(outside[0])}")
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) < len(values):
        raise FileFault(f"{path}: expected distinct indices, got {int(distinct[counts > 1][0])} more than once")
    return values.astype(np.int64)


def _without_header(path: Path, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise FileFault(f"{path}: expected text in UTF-8") from None
    first, _, rest = text.partition("\n")
    return rest if re.match(r"\s*[\"']?[^\W\d]", first) else text


def _json_list(path: Path, content: bytes) -> np.ndarray:
    try:
        values: Any = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise FileFault(f"{path}: not readable as JSON") from None
    if not isinstance(values, list) or not all(type(value) is int and abs(value) < 2**62 for value in values):
        raise FileFault(f"{path}: expected a JSON list of integers")
    return np.array(values, np.int64)


def _only_array(path: Path, content: bytes, kind: str) -> np.ndarray:
    if kind == ".npy":
        return parse_npy(path, content, LIST_BYTES)
    arrays = parse_npz(path, content, LIST_BYTES)
    if len(arrays) != 1:
        raise FileFault(f"{path}: expected one array of indices, got {', '.join(name[:30] for name in arrays)}")
    return next(iter(arrays.values()))
