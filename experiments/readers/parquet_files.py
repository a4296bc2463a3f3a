"""Parquet files of plain numeric columns, read in a process of its own.

Parquet's decoder is a large native library: a hostile file may end the process that reads it, or take memory that
its footer does not declare. So the file is opened by a child with a bound on its memory and time, which sends
back plain numbers; whatever becomes of the child, the caller gets whole arrays or one clear line.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.readers import MAX_BYTES, FileFault, read_bytes
from experiments.readers.apart import bound_memory, run_apart
from experiments.readers.numpy_files import parse_npy

SECONDS = 120  # for the child
COLUMNS = 100_000
FOOTER = 2**24  # bytes that one name or one list of the footer may take


def read_parquet(path: Path | str, limit: int = MAX_BYTES) -> tuple[list[str], np.ndarray]:
    """Column names and numbers (m, columns) of a Parquet file.

    Raises:
        FileFault: not Parquet, damaged, larger than ``limit``, nested or non-numeric columns (named), or missing
            values. ModuleNotFoundError: pyarrow is missing.
    """
    content = read_bytes(path, limit)
    if content[:4] != b"PAR1" or content[-4:] != b"PAR1":
        raise FileFault(f"{path}: not a Parquet file, or truncated")
    try:
        code, output = run_apart(
            "experiments.readers.parquet_files",
            str(path),
            str(limit),
            content=content,
            needs=("pyarrow",),
            seconds=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise FileFault(f"{path}: not read within {SECONDS} s") from None
    first, _, rest = output.partition(b"\n")
    if code or not first:
        raise FileFault(f"{path}: a damaged Parquet file (its reader ended with code {code})")
    answer = json.loads(first)
    if "fault" in answer:
        raise FileFault(answer["fault"])
    return answer["names"], parse_npy(path, rest, limit)


def parse_parquet(
    path: Path | str, content: bytes, limit: int = MAX_BYTES, grant: Callable[[int], None] = lambda size: None
) -> tuple[list[str], np.ndarray]:
    """:func:`read_parquet` in this process; ``grant`` is told the bytes that a sound file of this footer needs."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(
            pa.BufferReader(content),
            memory_map=False,
            pre_buffer=False,
            thrift_string_size_limit=FOOTER,
            thrift_container_size_limit=FOOTER // 64,
        )
        grant(_check(path, file, limit))
        table = file.read(use_threads=False)
        return list(table.column_names), _numbers(path, table)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as fault:
        if isinstance(fault, FileFault):
            raise
        raise FileFault(f"{path}: a damaged Parquet file ({type(fault).__name__})") from None


def _check(path: Path | str, file: Any, limit: int) -> int:
    """Rows, columns, types and declared bytes, before anything is decoded; returns the bytes that decoding needs."""
    import pyarrow as pa

    declared = file.metadata
    columns, rows = declared.num_columns, declared.num_rows
    if not 2 <= columns <= COLUMNS or rows < 1:
        raise FileFault(f"{path}: expected 2 to {COLUMNS} columns and at least one row, got {columns} and {rows}")
    if 8 * rows * columns > limit:
        raise FileFault(f"{path}: {rows} rows of {columns} columns need more than {limit} bytes (--max-bytes)")
    for column in (file.schema.column(index) for index in range(columns)):
        if column.max_repetition_level or column.max_definition_level > 1 or "." in column.path:
            raise FileFault(f"{path}: column {column.path[:40]!r} is nested; expected one number a row")
    for field in file.schema_arrow:
        kind = field.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise FileFault(f"{path}: column {field.name[:40]!r} holds {str(kind)[:40]}; expected numbers")
    groups = [declared.row_group(index) for index in range(declared.num_row_groups)]
    unpacked = sum(group.total_byte_size for group in groups)
    if unpacked > limit or sum(group.num_rows for group in groups) != rows or any(g.num_rows < 0 for g in groups):
        raise FileFault(f"{path}: its row groups declare {unpacked} bytes and other rows than the footer's {rows}")
    return 4 * 8 * rows * columns + 2 * unpacked


def _numbers(path: Path | str, table: Any) -> np.ndarray:
    """The columns as float64 (m, columns)."""
    values = np.empty((table.num_rows, table.num_columns))
    for index, name in enumerate(table.column_names):
        column = table.column(index)
        column.validate(full=True)
        if column.null_count:
            row = next(at for at, value in enumerate(column) if not value.is_valid)
            raise FileFault(f"{path}: no value at row {row}, column {name[:40]!r}")
        values[:, index] = column.to_numpy().astype(np.float64)
    return values


def _serve(path: str, limit: int) -> None:
    """The child: the file's bytes on standard input, one line of JSON and an ``.npy`` array on standard output."""
    import pyarrow.parquet  # noqa: F401 (loaded before memory is bounded)

    content = sys.stdin.buffer.read()
    try:
        names, values = parse_parquet(path, content, limit, bound_memory())
    except FileFault as fault:
        print(json.dumps({"fault": str(fault)}))
        return
    print(json.dumps({"names": names}), flush=True)
    np.save(sys.stdout.buffer, values, allow_pickle=False)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
