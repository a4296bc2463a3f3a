"""What a benchmark is, and what it returns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Growth:
    """Seconds against problem size, with the exponents of a power law fitted along each axis."""

    rows: tuple[tuple[int, int, float], ...]  # (m, d, seconds)
    exponents: dict[str, float]  # "m" and "d": seconds grow like size to that power over the rows

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        rows = [{"m": m, "d": d, "seconds": seconds} for m, d, seconds in self.rows]
        return {"rows": rows, "exponents": self.exponents}


def growth(along_m: list[tuple[int, int, float]], along_d: list[tuple[int, int, float]]) -> Growth:
    """Fit log seconds against log m over ``along_m`` (d fixed or moving with m) and log d over ``along_d``."""
    exponents = {}
    for name, index, rows in (("m", 0, along_m), ("d", 1, along_d)):
        if len(rows) > 1:
            sizes, seconds = [row[index] for row in rows], [row[2] for row in rows]
            exponents[name] = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    return Growth(tuple(dict.fromkeys((*along_m, *along_d))), exponents)


@dataclass(frozen=True)
class BenchmarkResult:
    """Medians of one run. ``ratios`` are peer's seconds over ours; a peer without a target informs only."""

    name: str
    ratios: dict[str, float]
    targets: dict[str, float]
    seconds: dict[str, float]  # processor time of "ours" and every peer, for the same problems
    residuals: dict[str, float]  # worst over the problems, by one function for all contenders
    sizes: dict[str, Any]
    limit: str
    growth: Growth
    seed: int
    solved: bool  # whether ours reached the residual (or the peer's answer) that the comparison is about
    notes: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether every target is met by answers that are right: speed at a worse residual is no speed."""
        return self.solved and all(self.ratios[peer] >= target for peer, target in self.targets.items())

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        return {
            "name": self.name,
            "passed": self.passed,
            "solved": self.solved,
            "ratios": self.ratios,
            "targets": self.targets,
            "seconds": self.seconds,
            "residuals": self.residuals,
            "sizes": self.sizes,
            "limit": self.limit,
            "growth": self.growth.as_json(),
            "seed": self.seed,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Benchmark:
    """A named comparison. ``run(quick)`` measures it; quick uses smaller sizes, which meet no promise.

    ``run`` of a ``staged`` one also takes a function of a title and a total, which returns what advances that stage.
    """

    name: str
    title: str
    target: float  # the ratio to reach against the peer that is hardest to beat by it
    limit: str  # bytes or flops, and how cost grows
    run: Callable[..., BenchmarkResult]
    staged: bool = False
