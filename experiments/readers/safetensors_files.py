"""``.safetensors`` after a look at its header: the library reads the bytes once every declared size fits them."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from experiments.readers import FileFault

HEADER = 2**20  # bytes of the JSON header; a model here has a few tensors
TENSORS = 64
_WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


def parse_safetensors(path: Path | str, content: bytes) -> dict[str, np.ndarray]:
    """The tensors of a ``.safetensors`` file by name.

    Raises:
        FileFault: a header that is damaged or disagrees with the bytes, types that NumPy has not (BF16), or
            more than TENSORS tensors. ModuleNotFoundError: safetensors is missing.
    """
    header, start = _header(path, content)
    for name, entry in header.items():
        _check(path, name, entry, len(content) - start)
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return {name: np.array(tensor) for name, tensor in load(content).items()}
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as fault:
        raise FileFault(f"{path}: a damaged .safetensors file ({' '.join(str(fault).split())[:120]})") from None


def _header(path: Path | str, content: bytes) -> tuple[dict[str, Any], int]:
    """The table of tensors, and where their bytes start."""
    if len(content) < 8:
        raise FileFault(f"{path}: not a .safetensors file (shorter than its header)")
    length = struct.unpack("<Q", content[:8])[0]
    if length > min(HEADER, len(content) - 8):
        raise FileFault(f"{path}: a header of {length} bytes, expected at most {min(HEADER, len(content) - 8)}")
    try:
        header = json.loads(content[8 : 8 + length].decode("utf-8"))
    except (ValueError, RecursionError):
        raise FileFault(f"{path}: not a .safetensors file (its header is not JSON)") from None
    if not isinstance(header, dict):
        raise FileFault(f"{path}: not a .safetensors file (its header is not a table)")
    header.pop("__metadata__", None)
    if not 1 <= len(header) <= TENSORS:
        raise FileFault(f"{path}: expected 1 to {TENSORS} tensors, got {len(header)}")
    return header, 8 + length


def _check(path: Path | str, name: str, entry: Any, size: int) -> None:
    """One tensor's type, shape and place in the ``size`` bytes after the header, before anything is read."""
    shown = f"{path}: {name[:60]!r}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise FileFault(f"{shown}: expected dtype, shape and data_offsets")
    shape, offsets, dtype = entry["shape"], entry["data_offsets"], entry["dtype"]
    if not all(isinstance(part, list) and all(type(v) is int and v >= 0 for v in part) for part in (shape, offsets)):
        raise FileFault(f"{shown}: expected a shape and offsets of whole numbers >= 0")
    if len(offsets) != 2 or len(shape) > 4:
        raise FileFault(f"{shown}: expected at most 4 sizes and exactly 2 offsets, got {len(shape)} and {len(offsets)}")
    if not isinstance(dtype, str) or dtype not in _WIDTHS:
        raise FileFault(f"{shown}: expected one of {', '.join(_WIDTHS)}, got {str(dtype)[:20]!r}")
    needed = math.prod(shape) * _WIDTHS[dtype]
    if offsets[1] - offsets[0] != needed or offsets[1] > size:
        raise FileFault(f"{shown}: shape {shape} needs {needed} bytes; its offsets are {offsets} in {size} bytes")
