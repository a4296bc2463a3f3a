"""The pictures, one file each: STUDY (the dataset it draws), CAPTION and plot(dataset) -> Figure.

Nothing is listed by hand. A picture reads a saved dataset and never runs an experiment.
"""

import functools
import importlib
import pkgutil
from types import ModuleType


@functools.cache
def all_figures() -> dict[str, ModuleType]:
    """The module of every picture by name, in name order."""
    found: dict[str, ModuleType] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "STUDY"):
            found[info.name] = module
    return dict(sorted(found.items()))
