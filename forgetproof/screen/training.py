"""A training run: a bar with its rate and the time left, and what came of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.markup import escape

from experiments.training import Progress
from forgetproof.screen import bars, console


@contextmanager
def running(epochs: int, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """One bar over epochs; the yielded function takes where the run stands."""
    with bars(quiet) as shown:
        task = shown.add_task("training", total=epochs, now="compiling")

        def show(at: Progress) -> None:
            now = f"loss {at.loss:.3f}, {at.images_per_second:,.0f} images/s, {duration(at.seconds_left)} left"
            shown.update(task, completed=at.epoch, now=now)

        yield show


def show_trained(record: dict[str, Any]) -> None:
    """The data, the run, its accuracy and where the weights are."""
    recipe, screen = record["recipe"], console()
    size = " × ".join(str(side) for side in record["shape"])
    screen.print(
        f"{escape(record['data'])}: {record['train']:,} training and {record['test']:,} test images of {size}, "
        f"{record['classes']} classes",
        highlight=False,
    )
    settings = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in recipe.items() if name != "network")
    screen.print(f"{recipe['network']}: {settings}, seed {record['seed']}", highlight=False)
    before = f", after {record['resumed']} epochs of an earlier call" if record["resumed"] else ""
    screen.print(
        f"[bold]test accuracy {record['test_accuracy']:.2f}%[/], training loss {record['loss']:.4f}, "
        f"in {duration(record['seconds'])}{before}",
        highlight=False,
    )
    screen.print(f"weights: {escape(record['checkpoint'])}", highlight=False)


def duration(seconds: float) -> str:
    """Such as 42 s, 3 min 5 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
