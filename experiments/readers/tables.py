"""Labelled points from ``.npz``, ``.csv`` and Parquet: X (m, d) in float64, labels −1 or +1.

Labels 0 and 1 are mapped, with a note; any other set of labels is refused. Nothing is standardised or shuffled:
row i of the file is point i.
"""

import array
import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.readers import MAX_BYTES, FileFault, kind_of, read_bytes, require_fit
from experiments.readers.numpy_files import parse_npz

KINDS = (".npz", ".csv", ".parquet")
COLUMNS = 100_000
_DEFAULT_LABEL = "y"
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


class Table(NamedTuple):
    """Points and labels, and what a reader of the results should know about how they were read."""

    X: np.ndarray  # (m, d)
    y: np.ndarray  # (m,) ±1
    notes: tuple[str, ...]
    features: tuple[str, ...]  # names of the columns of X; empty where the file has none


def read_table(path: Path | str, label: str | None = None, limit: int = MAX_BYTES) -> Table:
    """Points and labels from a file.

    Args:
        path: ``.npz`` with X (m, d) and y (m,), ``.csv`` with a header, or ``.parquet``.
        label: the label's column; None takes "y", or without one the last column.
        limit: bytes allowed for the file and for the arrays, each.

    Raises:
        FileFault: unreadable, damaged, too large, cells that are not finite numbers (with row and column), labels
            other than two of the kinds −1/+1 and 0/1. ModuleNotFoundError: pyarrow is missing, for Parquet.
    """
    path = Path(path)
    kind = kind_of(path, KINDS)
    if kind == ".npz":
        X, y, features = _from_npz(path, label or _DEFAULT_LABEL, limit)
    else:
        if kind == ".csv":
            names, values = parse_csv(path, read_bytes(path, limit), limit)
        else:
            from experiments.readers.parquet_files import read_parquet

            names, values = read_parquet(path, limit)
        at = _label_column(path, names, label)
        y, X = values[:, at], np.delete(values, at, axis=1)
        features = tuple(name for index, name in enumerate(names) if index != at)
    return labelled(X, y, str(path), features)


def labelled(X: np.ndarray, y: np.ndarray, source: str, features: tuple[str, ...] = ()) -> Table:
    """A table from arrays: finite float64 points, and labels mapped to ±1.

    Raises:
        FileFault: naming ``source``: wrong shapes, a value that is not finite, or labels that are not two classes.
    """
    if X.ndim != 2 or y.ndim != 1 or 0 in X.shape or len(X) != len(y):
        raise FileFault(f"{source}: expected X (m, d) and y (m,), got shapes {list(X.shape)} and {list(y.shape)}")
    with np.errstate(over="ignore"):
        X, y = np.asarray(X, np.float64), np.asarray(y, np.float64)
    if not np.isfinite(X).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(X))[0])
        name = f" ({features[column][:40]})" if features else ""
        raise FileFault(f"{source}: expected finite numbers, got {X[row, column]} at row {row}, column {column}{name}")
    labels, notes = _signs(y, source)
    return Table(X, labels, notes, features)


def _signs(y: np.ndarray, source: str) -> tuple[np.ndarray, tuple[str, ...]]:
    values = np.unique(y)
    if np.isin(values, (-1.0, 1.0)).all():
        return y, () if len(values) == 2 else (f"{source}: every label is {values[0]:+g}: one class alone",)
    if np.isin(values, (0.0, 1.0)).all():
        return 2.0 * y - 1.0, (f"{source}: labels 0 and 1 were read as -1 and +1",)
    shown = ", ".join(f"{value:g}" for value in values[:6]) + (", ..." if len(values) > 6 else "")
    many = f"{len(values)} classes; choose two of them" if len(values) > 2 else "expected -1 and +1, or 0 and 1"
    raise FileFault(f"{source}: labels {{{shown}}}: {many}")


def _from_npz(path: Path, label: str, limit: int) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    names: list[str] = []

    def wanted(name: str) -> bool:
        names.append(name)
        return name in ("X", label)

    arrays = parse_npz(path, read_bytes(path, limit), limit, wanted)
    if "X" not in arrays or label not in arrays:
        shown = ", ".join(name[:30] for name in names[:8])
        raise FileFault(f"{path}: expected arrays X and {label}, got {shown}")
    return arrays["X"], arrays[label], ()


def parse_csv(path: Path | str, content: bytes, limit: int = MAX_BYTES) -> tuple[list[str], np.ndarray]:
    """Column names and numbers (m, columns) of a comma-separated file with a header.

    Raises:
        FileFault: not UTF-8, no header, a row of another length, or a cell that is no finite decimal number.
    """
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        names = [name.strip() for name in next(lines, [])]
        _check_header(path, names)
        values = array.array("d")
        for row in lines:
            if not row:
                continue  # a blank line, the last one for instance
            if len(row) != len(names):
                raise FileFault(f"{path}: line {lines.line_num}: expected {len(names)} cells, got {len(row)}")
            for name, cell in zip(names, row, strict=True):
                if not _NUMBER.fullmatch(cell):
                    raise FileFault(f"{path}: line {lines.line_num}, column {name[:40]!r}: not a number: {cell[:40]!r}")
                values.append(float(cell))
            require_fit(path, 8 * len(values), limit, "its numbers need ")
    except UnicodeDecodeError:
        raise FileFault(f"{path}: expected text in UTF-8") from None
    except csv.Error as fault:
        raise FileFault(f"{path}: not a readable CSV file ({fault})") from None
    if not values:
        raise FileFault(f"{path}: expected rows below the header, got none")
    return names, np.frombuffer(values, np.float64).reshape(-1, len(names))


def _check_header(path: Path | str, names: list[str]) -> None:
    if not 2 <= len(names) <= COLUMNS:
        raise FileFault(f"{path}: expected 2 to {COLUMNS} columns parted by commas, got {len(names)}")
    if all(_NUMBER.fullmatch(name) for name in names):
        raise FileFault(f"{path}: expected a header of column names in the first line, got numbers")


def _label_column(path: Path, names: list[str], label: str | None) -> int:
    """Index of the label's column."""
    wanted = label if label is not None else _DEFAULT_LABEL if _DEFAULT_LABEL in names else names[-1]
    if names.count(wanted) != 1:
        shown = ", ".join(name[:30] for name in names[:8]) + (", ..." if len(names) > 8 else "")
        found = "no column" if wanted not in names else "more than one column"
        raise FileFault(f"{path}: {found} {wanted!r} (--label); its columns are {shown}")
    if len(names) < 2:
        raise FileFault(f"{path}: expected a feature beside the label {wanted!r}")
    return names.index(wanted)
