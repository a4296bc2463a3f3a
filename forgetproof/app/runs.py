"""A sweep started from the page: the engine's own run in a process beside it, into a folder that the user names.

The child says how far it is in a file, and ends as by Ctrl-C when its standard input closes: on cancel, or with the
page's process, however that ends. What is finished is kept.
"""

import logging
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from forgetproof.app.progress import Pace, Progress

GRIDS = {"tiny": "tiny", "grid": "the sweep's own"}
"""A sweep's grids and what the page calls them."""
_POLL = 0.2  # seconds
_LEAVE = 30.0  # seconds that a cancelled run has to put its workers away


class RunFailed(ValueError):
    """The run ended early; the message is its last line."""


def described(key: str, grid: str) -> str:
    """A grid's name and how many cells it has."""
    from experiments.engine.grid import make_chunks, make_grid
    from experiments.engine.model import all_sweeps

    sweep = all_sweeps()[key]
    chunks = make_chunks(sweep, make_grid(sweep, getattr(sweep, grid), {}), sweep.chunk)
    return f"{GRIDS[grid]}, {sum(len(chunk.cells) for chunk in chunks):,} cells"


def checked(folder: str) -> Path:
    """A folder below the one where the page was started; who else reaches the page writes nowhere else.

    Raises:
        ValueError: none, an absolute one, or one that leads out of it.
    """
    path = Path(folder.strip())
    base = Path.cwd().resolve()
    if not folder.strip() or path.is_absolute() or base not in (base / path).resolve().parents:
        raise ValueError(f"folder: expected one below {base} such as swept/first, got {folder!r}")
    return path


class Asked(NamedTuple):
    """A run that somebody wants: a sweep, one of GRIDS, and a folder from :func:`checked`."""

    key: str
    grid: str
    folder: Path

    @property
    def named(self) -> str:
        """In words."""
        return f"{self.key}, {GRIDS[self.grid]}{'' if self.grid == 'grid' else ' grid'}, into {self.folder}"


def run(asked: Asked, workers: int | None = None) -> Iterator[tuple[int, int]]:
    """Run a grid: yields (cells done, cells in all), the last when all are done.

    A folder that holds a store of the same grid is gone on with. Closing the iterator cancels the run.

    Args:
        workers: processes, one a core by default.

    Raises:
        RunFailed: one line of the child's.
    """
    with tempfile.TemporaryDirectory(prefix="forgetproof-") as scratch:
        said, log = Path(scratch) / "said.txt", Path(scratch) / "errors.txt"
        arguments = [asked.key, asked.grid, str(asked.folder), str(workers or 0), str(said)]
        with log.open("wb") as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", "forgetproof.app.runs", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
            try:
                while child.poll() is None:
                    yield _progress(said)
                    time.sleep(_POLL)
            finally:
                _end(child)
        if child.returncode != 0:
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise RunFailed(last[-1] if last else f"the run ended with exit code {child.returncode}")
        _, total = _progress(said)
        yield total, total


class Running:
    """The grid that this server computes: one at a time, whichever page asked for it; every page shows it."""

    def __init__(self) -> None:
        self._lock, self._stop, self._ended = threading.Lock(), threading.Event(), threading.Event()
        self._ended.set()
        self.asked: Asked | None = None  # what runs, or ran last
        self.progress = Progress(0, 0)
        self.said = ""  # why it ended early
        self.whole = False  # whether it ended with all cells

    @property
    def going(self) -> bool:
        """Whether it has not ended."""
        return not self._ended.is_set()

    @property
    def stopping(self) -> bool:
        """Whether it was cancelled and has not ended yet."""
        return self.going and self._stop.is_set()

    def start(self, asked: Asked, workers: int | None = None) -> None:
        """Begin.

        Raises:
            ValueError: another run is going on.
        """
        with self._lock:
            if self.going:
                raise ValueError(f"the run of {self.asked.named if self.asked else ''} is going on; cancel it first")
            self._stop, self._ended = threading.Event(), threading.Event()
            self.asked, self.progress, self.said, self.whole = asked, Progress(0, 0), "", False
        threading.Thread(target=self._work, args=(asked, workers), daemon=True).start()

    def stop(self) -> None:
        """Ask for the end; what is finished is kept."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        return self._ended.wait(seconds)

    def _work(self, asked: Asked, workers: int | None) -> None:
        parts, pace = run(asked, workers), Pace()
        try:
            for done, total in parts:
                self.progress = pace(done, total)
                if self._stop.is_set():
                    parts.close()  # type: ignore[attr-defined]
                    self.said = stopped(asked)
                    return
            self.whole = True
        except RunFailed as fault:
            self.said = str(fault)
        except Exception as fault:
            logging.getLogger(__name__).exception("%s failed", asked.named)
            self.said = f"{type(fault).__name__}: {fault}"
        finally:
            self._ended.set()


RUNNING = Running()


def _end(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdin is not None
    child.stdin.close()
    try:
        child.wait(_LEAVE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _progress(said: Path) -> tuple[int, int]:
    """Cells done and in all; in all 0 until the run knows."""
    text = said.read_text(encoding="ascii") if said.exists() else ""
    done, _, total = text.partition(" ")
    return (int(done), int(total)) if total.endswith("\n") else (0, 0)


def stopped(asked: Asked) -> str:
    """For a cancelled run: what is kept, and how to go on."""
    from experiments.engine.store import kept

    return (
        f"Stopped: {kept(asked.folder)}. Press the button again, or run "
        f"`forgetproof sweep {asked.key} --store {asked.folder} --resume`."
    )


def _main(key: str, grid: str, folder: str, workers: str, said: str) -> None:
    """What the child process runs."""
    import os
    import signal

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that put the page behind may ignore it

    def watch() -> None:
        os.read(sys.stdin.fileno(), 1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, daemon=True).start()
    from forgetproof import start_jax

    start_jax()
    from experiments.engine.cluster import ClusterError
    from experiments.engine.grid import GridError
    from experiments.engine.lock import StoreLocked
    from experiments.engine.model import all_sweeps
    from experiments.engine.runner import run_sweep
    from experiments.engine.store import StoreError
    from experiments.files import write_atomically

    def begin(dashboard: str, done: int, total: int) -> Callable[[int], None]:
        del dashboard
        count = done

        def advance(cells: int) -> None:
            nonlocal count
            count += cells
            write_atomically(Path(said), f"{count} {total}\n".encode())

        advance(0)
        return advance

    sweep, store = all_sweeps()[key], Path(folder)
    resume = (store / "sweep.json").exists()
    try:
        run_sweep(sweep, store, getattr(sweep, grid), resume=resume, count=int(workers) or None, begin=begin)
    except (GridError, StoreError, StoreLocked, ClusterError) as fault:
        raise SystemExit(str(fault)) from fault
    except OSError as fault:
        raise SystemExit(f"{fault.filename or folder}: {fault.strerror or fault}") from fault


if __name__ == "__main__":
    _main(*sys.argv[1:])
