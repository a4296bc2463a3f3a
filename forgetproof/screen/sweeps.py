"""Sweeps: progress with rate and time left, and what came of a run."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from forgetproof.screen import console as terminal

_SHOWN = 5  # failed cells


class _Rate(ProgressColumn):
    """Cells a second, over the last half minute."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.1f} cells/s" if task.speed else "")


@contextmanager
def sweeping(quiet: bool) -> Iterator[Callable[[str, int, int], Callable[[int], None]]]:
    """The yielded function gets the dashboard's address, the cells finished before and all; it returns what counts.

    In a pipe there is no bar: one line at the start on standard error.
    """
    err = Console(stderr=True)
    with Progress(
        TextColumn("{task.completed:,} of {task.total:,} cells"),
        BarColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=err,
        disable=quiet or not sys.stderr.isatty(),
        transient=True,
        speed_estimate_period=30.0,
    ) as shown:

        def begin(dashboard: str, done: int, total: int) -> Callable[[int], None]:
            if not quiet:
                found = f", {done:,} finished before" if done else ""
                err.print(f"{total:,} cells{found}; dashboard {dashboard}", highlight=False)
            task = shown.add_task("", total=total, completed=done)
            return lambda cells: shown.update(task, advance=cells)

        yield begin


def show_sweeps(sweeps: list[Any]) -> None:
    """Keys, titles and axes of all sweeps."""
    table = Table()
    for column in ("sweep", "question", "axes"):
        table.add_column(column)
    for sweep in sweeps:
        table.add_row(sweep.key, sweep.question, ", ".join(sweep.axes))
    terminal().print(table)


def show_swept(record: dict[str, Any]) -> None:
    """What a run did, and its first failed cells."""
    console = terminal()
    again = f", {record['repaired']} of them damaged chunks" if record["repaired"] else ""
    console.print(
        f"{record['sweep']}: {record['computed']:,} of {record['cells']:,} cells computed{again} in "
        f"{record['seconds']:.1f} s ({record['compute_seconds']:.1f} s of it computing, over all workers)",
        highlight=False,
    )
    for failure in record["failures"][:_SHOWN]:
        console.print(f"  failed: {json.dumps(failure['cell'])}: {failure['error']}", highlight=False, markup=False)
    if len(record["failures"]) > _SHOWN:
        console.print(f"  and {len(record['failures']) - _SHOWN} more failed cells", highlight=False)
    console.print(f"store: {record['store']}\npictures: forgetproof figures {record['store']}", highlight=False)
