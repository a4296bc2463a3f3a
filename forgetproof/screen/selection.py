"""A search for the worst-case forget set: bars while it runs, and what it found."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from experiments.training import Progress as Epoch
from forgetproof.screen import bars, console
from forgetproof.screen.training import duration

MOST_ROWS = 12  # of the iterations
SETTLED = 0.9  # a smaller share of the set that was there an iteration before is worth a word


class Bars:
    """One bar for each part of the work."""

    def __init__(self, shown: Progress) -> None:
        self.shown = shown

    def epochs(self, total: int) -> Callable[[Epoch], None]:
        """Of training."""
        task = self.shown.add_task("training", total=total, now="compiling")
        return lambda at: self.shown.update(task, completed=at.epoch, now=f"loss {at.loss:.3f}")

    def steps(self, title: str, total: int) -> Callable[[Any], None]:
        """Of anything that is done one by one."""
        task = self.shown.add_task(title, total=total, now="compiling")
        return lambda now: self.shown.update(task, advance=1, now=str(now))


@contextmanager
def working(quiet: bool) -> Iterator[Bars]:
    """Bars on standard error."""
    with bars(quiet) as shown:
        yield Bars(shown)


def show_selected(record: dict[str, Any]) -> None:
    """The set, the search, what retraining gives, and the files."""
    screen = console()
    what = "classes" if record["unit"] == "class" else "images"
    chosen = f": {', '.join(map(str, record['chosen']))}" if record["unit"] == "class" else ""
    screen.print(
        f"[bold]the {record['k']:,} {what} that are hardest to forget{chosen}[/], {record['forgotten']:,} of "
        f"{record['samples']:,} training images of {escape(record['data'])}, by {escape(record['method'])} from a "
        f"trained {record['network']}",
        highlight=False,
    )
    counts = ", ".join(f"{c}: {n:,}" for c, n in enumerate(record["of_each_class"]) if n)
    screen.print(f"of each class: {counts}", highlight=False)
    screen.print(f"step α = {record['alpha']:.3g}, reach {record['reach']:.3g}", highlight=False)
    screen.print(_iterations(record))
    if record["settled"] < SETTLED:
        screen.print(
            f"the set still changes: the last network forgot {record['settled']:.0%} of it. A smaller --alpha moves it "
            f"less; below {record['least_alpha']:.3g} it cannot move",
            highlight=False,
        )
    if record["evaluation"]:
        screen.print(_evaluation(record["evaluation"]))
    for path in record["files"].values():
        screen.print(f"file: {escape(path)}", highlight=False)
    screen.print(f"in {duration(record['seconds'])}", highlight=False)


def _iterations(record: dict[str, Any]) -> Table:
    table = Table(title="the search", title_justify="left")
    for column in ("iteration", "loss on the forgotten set", "loss on everything", "share of the start left"):
        table.add_column(column, justify="right")
    rows = len(record["overlap"])
    shown = np.unique(np.linspace(0, rows - 1, min(rows, MOST_ROWS)).round().astype(int))
    for t in shown:
        losses = (f"{record[name][t]:.4g}" for name in ("loss_forgotten", "loss_all"))
        table.add_row(str(t + 1), *losses, f"{record['overlap'][t]:.3f}")
    return table


def _evaluation(measured: dict[str, Any]) -> Table:
    """Percent; of the random sets mean and standard deviation."""
    random = np.asarray(measured["random"])
    spread = random.std(axis=0, ddof=1) if len(random) > 1 else np.full(random.shape[1], np.nan)
    title = f"retrained without the set, and without {len(random)} random ones (percent)"
    table = Table(title=title, title_justify="left")
    table.add_column("forgotten")
    for name in measured["metrics"]:
        table.add_column(name, justify="right")
    table.add_row("worst set", *(f"{value:.2f}" for value in measured["worst"]))
    cells = (
        f"{m:.2f}" + (f" ± {s:.2f}" if np.isfinite(s) else "") for m, s in zip(random.mean(0), spread, strict=True)
    )
    table.add_row("random sets", *cells)
    return table
