"""Pictures of sweeps, one file each: SWEEP (the sweep it draws), CAPTION and plot(dataset) -> Figure.

A picture draws whatever a store holds: any grid, and cells that are still missing.
"""

import functools
from types import ModuleType

from figures import pictures_of


@functools.cache
def all_sweep_figures() -> dict[str, ModuleType]:
    """The module of every picture by name, in name order."""
    return pictures_of(__name__, "SWEEP")
