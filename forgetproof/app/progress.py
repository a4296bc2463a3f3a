"""How far work is."""

import time
from typing import NamedTuple


class Progress(NamedTuple):
    """How far work is. ``total`` 0: no end can be told; ``done`` are then seconds."""

    done: int
    total: int
    rate: float = 0.0  # a second, since the first report; 0 until it is known

    @property
    def left(self) -> float | None:
        """Seconds left at this rate."""
        return (self.total - self.done) / self.rate if self.rate > 0 and self.total else None


class Pace:
    """Makes reports into :class:`Progress`; one for each piece of work."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None  # when the end was first known, and what was done then

    def __call__(self, done: int, total: int) -> Progress:
        """How far the work is now."""
        now = time.monotonic()
        if self._first is None and total:
            self._first = now, done
        if self._first is None or now <= self._first[0]:
            return Progress(done, total)
        return Progress(done, total, (done - self._first[1]) / (now - self._first[0]))
