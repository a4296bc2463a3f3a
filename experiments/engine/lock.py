"""One writer a store: a lock that ends with its process, however it ends."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StoreLocked(ValueError):
    """Another runner writes to the store."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file, made if missing.

    The kernel's lock dies with its holder, so what a killed runner of this machine left behind is taken over. The
    file's text names the holder; one on another machine, whose lock this kernel may not see, is believed.

    Raises:
        StoreLocked: a runner holds it, or one of another machine did not let go of it.
        OSError: the file cannot be written.
    """
    here = socket.gethostname()
    with _opened(path) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreLocked(f"{path.parent}: another runner writes to this store ({_holder(handle)[0]})") from None
        text, host = _holder(handle)
        if host not in ("", here):
            raise StoreLocked(f"{path.parent}: {text} writes to this store; if it has ended, delete {path}")
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": here}).encode(), 0)
        except OSError as fault:
            raise OSError(fault.errno, fault.strerror, str(path)) from fault
        try:
            yield
        finally:
            os.ftruncate(handle, 0)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield handle
    finally:
        os.close(handle)


def _holder(handle: int) -> tuple[str, str]:
    """Who the file says holds it, and on which machine; ("just started", "") where it does not say."""
    try:
        holder = json.loads(os.pread(handle, 4096, 0))
        return f"process {int(holder['pid'])} on {holder['host']}", str(holder["host"])
    except (ValueError, KeyError, TypeError):
        return "just started", ""
