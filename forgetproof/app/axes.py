"""The sliders of a sweep: one an axis, at the grid's values and between them, and what its picture shows."""

import functools
import itertools
import math

from experiments.engine.model import Axis, Number, Sweep, all_sweeps
from forgetproof.app.knobs import Knob

SEEDS = 16
"""A sweep's own grid may have two: more are to be looked at."""


@functools.cache
def axis_knobs(key: str) -> tuple[Knob, ...]:
    """Of a sweep: what its picture shows and runs along, a slider for every axis, a list for every further label."""
    sweep = all_sweeps()[key]
    results, axes = tuple(sweep.results), tuple(sweep.axes)
    return (
        Knob("result", "result", results, results[0]),
        Knob("along", "along", axes, axes[0]),
        *(_slider(name, axis, sweep) for name, axis in sweep.axes.items()),
        *(Knob(name, name, sweep.labels[name], sweep.labels[name][0]) for name in further_labels(sweep)),
    )


def further_labels(sweep: Sweep) -> list[str]:
    """Labels along which a result runs after its first ones, which are the picture's lines."""
    over = [[name for name in result.over if name in sweep.labels] for result in sweep.results.values()]
    return list(dict.fromkeys(name for names in over for name in names[1:]))


def _slider(name: str, axis: Axis, sweep: Sweep) -> Knob:
    given = tuple(sorted(sweep.grid[name]))
    label = axis.long_name if axis.units == "1" or axis.whole else f"{axis.long_name} / {axis.units}"
    default = given[0] if name == "seed" else given[len(given) // 2]
    return Knob(name, label, _positions(name, axis, given), default)


def _positions(name: str, axis: Axis, given: tuple[Number, ...]) -> tuple[Number, ...]:
    """The grid's values; with others between them where a new value compiles nothing, around a single one."""
    if name == "seed":
        more: list[Number] = list(range(SEEDS))
    elif len(given) == 1 and axis.whole:
        more = [given[0] // 2, 2 * given[0]]
    elif axis.role == "batch":
        more = [_between(a, b, axis.whole) for a, b in itertools.pairwise(given)]
    else:
        more = []
    return tuple(sorted({*given, *(value for value in more if axis.least <= value <= axis.most)}))


def _between(a: Number, b: Number, whole: bool) -> Number:
    """The geometric mean of values that are far apart, else the arithmetic one, to three digits."""
    middle = math.sqrt(a * b) if a > 0 and b / a > 2.5 else (a + b) / 2
    return round(middle) if whole else float(f"{middle:.3g}")
