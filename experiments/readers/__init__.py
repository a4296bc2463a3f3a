"""Readers of files that nobody vouches for: weights, tables and index lists, without pickles.

Every size that a file declares is checked against the file's own length and one limit before anything is
allocated. A damaged, truncated or hostile file raises :class:`FileFault`, whose message is one line that names
the file and what would be right; anything else that a reader returns is whole.
"""

import stat
from pathlib import Path

MAX_BYTES = 2**31
"""Default limit for a file and for the arrays that are made of it, each."""


class FileFault(ValueError):
    """A file that is refused; the message names it and says why."""


def read_bytes(path: Path | str, limit: int = MAX_BYTES) -> bytes:
    """The content of a regular file of at most ``limit`` bytes.

    Raises:
        FileFault: not there, not readable, not a regular file (a folder, a pipe, a device), empty, or too large.
    """
    path = Path(path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise FileFault(f"{path}: expected a regular file")
        require_fit(path, found.st_size, limit)
        with path.open("rb") as stream:
            content = stream.read(found.st_size + 1)  # not more: a read allocates all that it asks for
    except FileNotFoundError:
        raise FileFault(f"{path}: no such file") from None
    except OSError as fault:
        raise FileFault(f"{path}: {fault.strerror or fault}") from None
    except ValueError as fault:  # a name with a zero byte
        raise fault if isinstance(fault, FileFault) else FileFault(f"{str(path)!r}: not a file name") from None
    if len(content) > found.st_size:
        raise FileFault(f"{path}: the file grew while it was read")
    if not content:
        raise FileFault(f"{path}: the file is empty")
    return content


def require_fit(path: Path | str, size: int, limit: int, what: str = "") -> None:
    """Refuse ``size`` bytes above the limit before they are allocated.

    Raises:
        FileFault: naming both numbers and the option that raises the limit.
    """
    if size > limit:
        raise FileFault(f"{path}: {what}{size} bytes, more than the {limit} allowed (--max-bytes)")


def kind_of(path: Path | str, kinds: tuple[str, ...]) -> str:
    """The suffix of a file's name, one of ``kinds``.

    Raises:
        FileFault: another suffix.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in kinds:
        raise FileFault(f"{path}: expected a file name that ends in {', '.join(kinds)}, got {suffix or 'no suffix'!r}")
    return suffix
