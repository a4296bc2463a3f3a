"""Files that are whole or not there: atomic writes, and JSON whose damage is reported."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_atomically(path: Path, content: bytes, durable: bool = False) -> None:
    """Write the whole content or nothing: a temporary file beside it, then a rename.

    Args:
        durable: wait until the content is on the disk before the rename, for files that must survive a power cut.

    Raises:
        OSError: naming ``path``: no space left, no permission, a missing folder.
    """
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as fault:
        raise OSError(fault.errno, fault.strerror, str(path)) from fault
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """A JSON file's content, or None when it does not exist.

    Raises:
        ValueError: damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, json.JSONDecodeError) as fault:
        raise ValueError(f"{path}: damaged ({fault})") from None
