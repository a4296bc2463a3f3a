"""Pictures of sweeps, one file each: SWEEP (the sweep it draws), CAPTION and plot(dataset) -> Figure.

A picture draws whatever a store holds: any grid, and cells that are still missing.
"""

import functools
import importlib
import pkgutil
from types import ModuleType


@functools.cache
def all_sweep_figures() -> dict[str, ModuleType]:
    """The module of every picture by name, in name order."""
    found: dict[str, ModuleType] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "SWEEP"):
            found[info.name] = module
    return dict(sorted(found.items()))
