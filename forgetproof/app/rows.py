"""The numbers of a view: what the page's table, the CSV, ``--json`` and the copied Python print."""

import csv
import io
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

ROUNDING = 1e-14
"""Below it a bound of order 1 is a sum's rounding."""


class Row(NamedTuple):
    """One number, and where a bound exists the bound."""

    name: str
    value: Any
    bound: Any = None
    note: str = ""  # what gives the bound

    @property
    def tightness(self) -> float | None:
        """value/bound: 1 where the bound is attained; None without one, or where both are rounding."""
        if self.bound is None or not math.isfinite(float(self.bound)) or abs(float(self.bound)) < ROUNDING:
            return None
        return float(self.value) / float(self.bound)

    def ratio(self, digits: int) -> str:
        """The tightness as text, or why there is none."""
        if self.tightness is not None:
            return f"{self.tightness:.{digits}f}"
        return "" if self.bound is None else "rounding" if math.isfinite(float(self.bound)) else "–"

    @property
    def broken(self) -> bool:
        """Whether the value exceeds its bound by more than rounding."""
        return self.bound is not None and float(self.value) > float(self.bound) * (1.0 + 1e-9) + 1e-9


def as_numbers(rows: Iterable[Row]) -> dict[str, float]:
    """Name to value, and ``bound of NAME`` to bound."""
    found: dict[str, float] = {}
    for row in rows:
        found[row.name] = float(row.value)
        if row.bound is not None:
            found[f"bound of {row.name}"] = float(row.bound)
    return found


def as_csv(rows: Iterable[Row]) -> str:
    """The numbers at full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "value", "bound", "tightness"])
    for row in rows:
        shown = [row.value, row.bound, row.tightness]
        writer.writerow([row.name, *("" if value is None else repr(float(value)) for value in shown)])
    return text.getvalue()
