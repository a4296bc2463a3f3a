"""What a picture of the page holds, apart from how it is drawn: live as SVG (``live.py``) or to keep (``keep.py``)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array

from figures.style import BLACK


class Series(NamedTuple):
    """Points (x, y) with a look of :mod:`figures.style`: color, marker, linestyle. No label: not in the legend."""

    label: str
    x: np.ndarray | Array
    y: np.ndarray | Array
    look: dict[str, Any]


class Heat(NamedTuple):
    """A field over a rectangle: log₁₀ of a ratio, clipped to ±1; blue below 0, white at 0, red above."""

    values: np.ndarray  # (x, y)
    x: tuple[float, float]
    y: tuple[float, float]


class Rule(NamedTuple):
    """A thin line across the picture at x or at y."""

    axis: str  # "x" or "y"
    at: float
    label: str = ""
    color: str = BLACK


class Chart(NamedTuple):
    """One picture. ``words`` says what it shows to those who do not see it."""

    key: str
    title: str
    words: str
    xlabel: str
    ylabel: str
    series: tuple[Series, ...]
    band: tuple[float, float] | None = None  # a shaded range of x
    rules: tuple[Rule, ...] = ()
    heat: Heat | None = None
    log: str = ""  # the logarithmic axes: "", "x", "y" or "xy"
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    names: tuple[str, ...] = ()  # of y = 0, 1, ... from the top, instead of numbers
    notes: tuple[str, ...] = ()  # at the right of each name

    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Ranges of x and y: the given ones, or those of the data with a little room."""
        x = self.x_range or _around([*(s.x for s in self.series), *self._at("x")], "x" in self.log)
        y = self.y_range or _around([*(s.y for s in self.series), *self._at("y")], "y" in self.log)
        return x, ((len(self.names) - 0.5, -0.5) if self.names else y)

    @property
    def whole(self) -> bool:
        """Whether x counts something: its ticks are then whole numbers."""
        return all(np.array_equal(np.asarray(s.x, float) % 1.0, np.zeros(np.shape(s.x))) for s in self.series)

    def _at(self, axis: str) -> list[np.ndarray]:
        return [np.asarray([rule.at]) for rule in self.rules if rule.axis == axis]


def _around(parts: Sequence[np.ndarray | Array], log: bool) -> tuple[float, float]:
    values = np.concatenate([np.ravel(np.asarray(part, float)) for part in parts]) if parts else np.zeros(0)
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not len(values):
        return (0.1, 10.0) if log else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if log:
        return low / 3.0, high * 3.0
    room = 0.06 * (high - low) or 0.5
    return low - room, high + room
