"""A session's running work: one thread, whose progress and end are told to the page."""

import threading
import time
from collections.abc import Callable
from typing import Any

from forgetproof.app import work
from forgetproof.app.progress import Pace, Progress
from forgetproof.app.work import Outcome

PATIENCE = 0.7  # seconds that a redraw waits for its result before it shows progress instead
_BETWEEN = 0.3  # seconds between two reports
STOPPED = Outcome(None, "Stopped. Move a slider, or press “run again”.")


def page_job(mo: Any) -> tuple["Job", Any, Any, Callable[[], None]]:
    """A job of the page: what runs it, states that change at its end and with its progress, and a call for the end.

    Args:
        mo: the module marimo.
    """
    get_ended, set_ended = mo.state(0, allow_self_loops=True)
    get_progress, set_progress = mo.state(None)

    def ended() -> None:
        set_ended(lambda count: count + 1)

    def tell(progress: Progress | None) -> None:
        if progress is None:
            ended()
        else:
            set_progress(progress)

    return Job(mo.Thread, tell), get_ended, get_progress, ended


def followed(mo: Any, running: Any) -> tuple[Any, Any, Callable[[], None]]:
    """States that change with the end and the progress of what all pages of the server share, and a call to follow it.

    Args:
        mo: the module marimo. running: :data:`forgetproof.app.runs.RUNNING`.
    """
    get_ended, set_ended = mo.state(0, allow_self_loops=True)
    get_progress, set_progress = mo.state(None)
    following = threading.Lock()

    def go() -> None:
        with following:
            while not running.wait(_BETWEEN):
                set_progress(running.progress)
        set_ended(lambda count: count + 1)

    def follow() -> None:
        if running.going and not following.locked():
            mo.Thread(target=go, daemon=True).start()
        set_ended(lambda count: count + 1)

    return get_ended, get_progress, follow


class Job:
    """The work of one session. A new task stops the one before; asking for the same again waits for it.

    Args:
        thread: how to make a thread; the page's can update it from there.
        tell: called with the progress while the page shows it, and with None at the end.
    """

    def __init__(self, thread: Callable[..., Any], tell: Callable[[Progress | None], None]) -> None:
        self._thread, self._tell = thread, tell
        self._task, self._stop, self._ended = "", threading.Event(), threading.Event()
        self._stopped = ""
        self._shown = False  # whether the page was told that the work goes on
        self._told = False  # whether it shows how far
        self._failed: Outcome | None = None

    @property
    def running(self) -> bool:
        """Whether there is work that has not ended."""
        return bool(self._task) and not self._ended.is_set()

    def stop(self) -> None:
        """Ask the running work to end after its present part."""
        if self.running:
            self._stopped = self._task
            self._stop.set()

    def again(self) -> None:
        """Forget that the last task was stopped or failed."""
        self._stopped, self._task, self._failed = "", "", None

    def outcome(self, task: str, patience: float = PATIENCE) -> Outcome | None:
        """The task's outcome: known, waited for briefly, or None while its thread goes on."""
        found = work.known(task)
        if found is not None:
            if self.running and self._task != task:
                self._stop.set()
            return found
        if task == self._stopped:
            return STOPPED
        if task != self._task:
            self._begin(task)
        elif self._ended.is_set():
            return self._failed
        if self._ended.wait(patience):
            return work.known(task) or self._failed
        self._shown = True
        return None

    def _begin(self, task: str) -> None:
        self._stop.set()
        stop, ended = threading.Event(), threading.Event()
        self._task, self._stop, self._ended = task, stop, ended
        self._stopped, self._shown, self._failed = "", False, None
        if self._told:  # that of the task before
            self._told = False
            self._tell(Progress(0, 0))
        last, pace = time.monotonic(), Pace()

        def report(done: int, total: int) -> None:
            nonlocal last
            now, progress = time.monotonic(), pace(done, total)
            if self._shown and self._task == task and now - last > _BETWEEN:
                last, self._told = now, True
                self._tell(progress)

        def go() -> None:
            outcome = None
            try:
                outcome = work.run(task, report, stop.is_set)
            finally:
                if self._task == task:
                    self._failed = outcome
                ended.set()
                if self._shown and self._task == task:
                    self._tell(None)

        self._thread(target=go, daemon=True).start()
