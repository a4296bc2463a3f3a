"""What the commands show in a terminal: tables on standard output, progress on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_PIPE_WIDTH = 160


def console() -> Console:
    """Standard output, as wide as the terminal, or of a fixed width in a pipe."""
    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)


def stated_with(record: dict[str, Any]) -> str:
    """How a reader changed a claim's constants, for a line beside its key; empty where nothing was changed."""
    return "".join(f" with {name} = {value:g}" for name, value in record.get("overrides", {}).items())


def bars(quiet: bool) -> Progress:
    """Bars on standard error; none in a pipe. A task has a field ``now``, what was done last."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[now]}"),
        console=Console(stderr=True),
        disable=quiet or not sys.stderr.isatty(),
        transient=True,
    )


@contextmanager
def progress(title: str, total: int, quiet: bool) -> Iterator[Callable[[str], None]]:
    """One bar; the yielded function advances it by one and names what was done."""
    with bars(quiet) as shown:
        task = shown.add_task(title, total=total, now="")
        yield lambda now: shown.update(task, advance=1, now=now)


@contextmanager
def stages(quiet: bool) -> Iterator[Callable[[str, int], Callable[[str], None]]]:
    """Several bars: calling the yielded function with a title and total adds one and returns its advance."""
    with bars(quiet) as shown:

        def add(title: str, total: int) -> Callable[[str], None]:
            task = shown.add_task(title, total=total, now="")
            return lambda now: shown.update(task, advance=1, now=now)

        yield add
