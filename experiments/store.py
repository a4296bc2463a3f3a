"""Labelled datasets on disk: netCDF, whole or not there, and damage is found when they are read.

The file carries a digest of its variables and attributes, because the format itself does not notice
a file that lost its end or a changed number.
"""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import xarray as xr

from experiments.files import write_atomically

_FORMAT = "forgetproof dataset 1"


def save_dataset(dataset: xr.Dataset, path: Path | str) -> Path:
    """Write a dataset to a netCDF file, atomically.

    Args:
        dataset: every variable and coordinate has ``units`` and ``long_name``; float64, int32, bool or
            text. path: the file, replaced if it exists; its folder must exist.

    Returns:
        The path.

    Raises:
        ValueError: a variable without units or name, or of a type that would not come back as it was.
        OSError: the file cannot be written.
    """
    for name, variable in dataset.variables.items():
        missing = [key for key in ("units", "long_name") if key not in variable.attrs]
        if missing:
            raise ValueError(f"dataset: expected attribute {missing[0]!r} on every variable, missing on {name!r}")
        if variable.dtype.kind not in "bU" and variable.dtype not in (np.float64, np.int32):
            raise ValueError(f"dataset: expected float64, int32, bool or text, got {variable.dtype} for {name!r}")
    stamped = dataset.assign_attrs(format=_FORMAT, digest=_digest(dataset))
    encoding = {str(name): {"_FillValue": None} for name, v in dataset.variables.items() if v.dtype.kind == "f"}
    content = bytes(stamped.to_netcdf(engine="scipy", format="NETCDF3_64BIT", encoding=encoding))
    path = Path(path)
    write_atomically(path, content)
    return path


def load_dataset(path: Path | str) -> xr.Dataset:
    """Read a dataset that :func:`save_dataset` wrote, bit for bit.

    Raises:
        ValueError: not such a file, or damaged (one line that names the file).
        OSError: the file cannot be read.
    """
    path = Path(path)
    content = path.read_bytes()
    if not content.startswith(b"CDF"):
        raise ValueError(f"{path}: expected a netCDF file written by forgetproof, got another kind of file")
    try:
        dataset = xr.load_dataset(io.BytesIO(content), engine="scipy", decode_times=False, decode_timedelta=False)
    except Exception as fault:  # the reader fails in as many ways as a file can be cut
        raise ValueError(f"{path}: damaged or cut short ({type(fault).__name__})") from None
    if dataset.attrs.pop("format", None) != _FORMAT:
        raise ValueError(f"{path}: expected a netCDF file written by forgetproof, got another program's")
    digest = dataset.attrs.pop("digest", None)
    for name, variable in dataset.variables.items():
        if variable.dtype.kind in "OT":  # text comes back without its width
            dataset[name] = (variable.dims, np.asarray(variable.values, dtype=str), variable.attrs)
    if digest != _digest(dataset):
        raise ValueError(f"{path}: damaged or cut short (its content does not match its digest)")
    return dataset


def _digest(dataset: xr.Dataset) -> str:
    """SHA-256 over names, dimensions, values and attributes."""
    found = hashlib.sha256()
    for name in sorted(str(n) for n in dataset.variables):
        variable = dataset.variables[name]
        attributes = {key: str(value) for key, value in variable.attrs.items()}
        head = [name, list(variable.dims), variable.dtype.kind, list(variable.shape), attributes]
        found.update(json.dumps(head, sort_keys=True).encode())
        values = variable.values
        if values.dtype.kind == "U":
            found.update(json.dumps(values.tolist()).encode())
        else:
            found.update(np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes())
    found.update(json.dumps({k: str(v) for k, v in dataset.attrs.items()}, sort_keys=True).encode())
    return found.hexdigest()
