"""``.npy`` and ``.npz`` by their headers: sizes are compared with the bytes that are there before any array is made.

Only plain numbers (booleans, integers, floats) are read; an array of objects would be a pickle and is refused.
"""

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from experiments.readers import MAX_BYTES, FileFault, require_fit

MEMBERS = 64  # arrays in one archive
RATIO = 500  # unpacked over packed bytes from which on a member above SMALL is a bomb; DEFLATE's most is 1032
SMALL = 2**20
DIRECTORY = 2**16  # bytes of an archive's directory: MEMBERS entries with long names
HEADER = 2**12  # bytes of an array's header
DIMENSIONS = 4

_HEADER = re.compile(
    r"\{\s*'descr':\s*'([^'\\]{1,40})',\s*'fortran_order':\s*(True|False),\s*"
    r"'shape':\s*\(((?:\d{1,18}(?:\s*,\s*\d{1,18})*\s*,?)?)\)\s*,?\s*\}\s*"
)
_NUMBERS = re.compile(r"(?:[<>|=]?[iu](?:1|2|4|8)|[<>|=]?f(?:2|4|8)|[|]?b1)")
_LOCAL, _END = b"PK\x03\x04", b"PK\x05\x06"


def parse_npy(path: Path | str, content: bytes, limit: int = MAX_BYTES, name: str = "") -> np.ndarray:
    """The array in the bytes of an ``.npy`` file, in C order and this machine's byte order.

    Args:
        path: named in messages. content: the bytes. limit: bytes allowed. name: of the member of an archive.

    Raises:
        FileFault: not an array of plain numbers, or a header that disagrees with the bytes.
    """
    where = f"{path}: {name + ': ' if name else ''}"
    if content[:6] != b"\x93NUMPY" or len(content) < 10:
        raise FileFault(f"{where}not an .npy array")
    wide = content[6] in (2, 3)
    if content[6] not in (1, 2, 3) or (wide and len(content) < 12):
        raise FileFault(f"{where}unknown .npy version {content[6]}.{content[7]}")
    start = 12 if wide else 10
    length = struct.unpack("<I" if wide else "<H", content[8:start])[0]
    if length > HEADER or start + length > len(content):
        raise FileFault(f"{where}a header of {length} bytes, expected at most {min(HEADER, len(content) - start)}")
    header = _HEADER.fullmatch(content[start : start + length].decode("latin-1"))
    if header is None:
        raise FileFault(f"{where}not an array of plain numbers (its header cannot be read)")
    descr, fortran, shape = header.groups()
    if not _NUMBERS.fullmatch(descr):
        kind = "Python objects, which would be unpickled" if descr.lstrip("<>|=").startswith("O") else repr(descr)
        raise FileFault(f"{where}expected numbers, got {kind}")
    sizes = tuple(int(size) for size in shape.split(",") if size.strip())
    dtype = np.dtype(descr)
    needed = math.prod(sizes) * dtype.itemsize
    if len(sizes) > DIMENSIONS:
        raise FileFault(f"{where}expected at most {DIMENSIONS} axes, got {len(sizes)}")
    require_fit(path, needed, limit, f"{name + ': ' if name else ''}shape {list(sizes)} needs ")
    if needed != len(content) - start - length:
        raise FileFault(f"{where}shape {list(sizes)} needs {needed} bytes, got {len(content) - start - length}")
    if max(sizes, default=0) > np.iinfo(np.intp).max:
        raise FileFault(f"{where}shape {list(sizes)} is too large")
    values = np.frombuffer(content, dtype, offset=start + length).reshape(
        sizes, order="F" if fortran == "True" else "C"
    )
    return np.ascontiguousarray(values, dtype.newbyteorder("=")).reshape(sizes)


def parse_npz(
    path: Path | str, content: bytes, limit: int = MAX_BYTES, wanted: Callable[[str], bool] = lambda name: True
) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` archive by name; those that are not ``wanted`` are not unpacked.

    Raises:
        FileFault: not an archive, damaged, more than MEMBERS arrays, a name twice, packed too well to be
            trusted, more bytes than ``limit`` in all, or a member that :func:`parse_npy` refuses.
    """
    if content[:4] not in (_LOCAL, _END):
        raise FileFault(f"{path}: not an .npz archive")
    end = content.rfind(_END, max(0, len(content) - 65557))
    if end < 0 or len(content) < end + 22:
        raise FileFault(f"{path}: a damaged .npz archive (its directory is missing: truncated?)")
    directory = struct.unpack_from("<I", content, end + 12)[0]
    if directory > DIRECTORY and not (directory == 0xFFFFFFFF and len(content) > 0xFFFFFFFF):
        raise FileFault(f"{path}: a directory of {directory} bytes, expected at most {DIRECTORY}")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {
                member.filename.removesuffix(".npy"): parse_npy(
                    path, archive.read(member), limit, member.filename.removesuffix(".npy")[:60]
                )
                for member in _checked(path, archive.infolist(), len(content), limit)
                if wanted(member.filename.removesuffix(".npy"))
            }
    except FileFault:
        raise
    except (
        zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError, struct.error,
        ValueError, OSError, OverflowError,
    ) as fault:  # fmt: skip
        raise FileFault(f"{path}: a damaged .npz archive ({type(fault).__name__})") from None


def _checked(path: Path | str, members: list[zipfile.ZipInfo], size: int, limit: int) -> list[zipfile.ZipInfo]:
    """The members, once nothing they declare is too large, too many or double."""
    if not 1 <= len(members) <= MEMBERS:
        raise FileFault(f"{path}: expected 1 to {MEMBERS} arrays, got {len(members)}")
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise FileFault(f"{path}: two arrays of one name")
    if sum(member.compress_size for member in members) > size:
        raise FileFault(f"{path}: its arrays claim more packed bytes than the file has")
    require_fit(path, sum(member.file_size for member in members), limit, "unpacked, its arrays need ")
    for member in members:
        if not member.filename.endswith(".npy"):
            raise FileFault(f"{path}: expected arrays (.npy) only, got a member {member.filename[:60]!r}")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 0x1:
            raise FileFault(f"{path}: {member.filename[:60]}: expected it stored or deflated, and not encrypted")
        if member.file_size > max(SMALL, RATIO * member.compress_size):
            raise FileFault(
                f"{path}: {member.filename[:60]}: {member.file_size} bytes packed into {member.compress_size}, "
                f"more than {RATIO} times: not unpacked"
            )
    return members
