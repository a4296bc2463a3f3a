"""A child process with a bound on its memory, for native decoders that a hostile file may break."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOM = 2**28  # bytes of working memory beside what is granted


def run_apart(
    module: str, *arguments: str, content: bytes, needs: tuple[str, ...], seconds: float | None = None
) -> tuple[int, bytes]:
    """Run ``python -m module arguments`` on ``content`` as its standard input; its exit code and standard output.

    Raises:
        ModuleNotFoundError: a package that it ``needs`` is missing. subprocess.TimeoutExpired: it took longer.
    """
    for package in needs:
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        input=content,
        timeout=seconds,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"},  # the others reserve memory far ahead
    )
    return done.returncode, done.stdout


def bound_memory() -> Callable[[int], None]:
    """Limit this process to ROOM more memory than it has; the function returned grants further bytes.

    Nothing is limited where the system has no such limit.
    """
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

        def grant(size: int) -> None:
            resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM + size, resource.RLIM_INFINITY))

        grant(0)
    except (ImportError, OSError, ValueError):
        return lambda size: None
    return grant
