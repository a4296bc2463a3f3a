"""How far work is."""

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
