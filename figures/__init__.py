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
    return pictures_of(__name__, "STUDY")


def pictures_of(package: str, dataset: str) -> dict[str, ModuleType]:
    """The modules of a package that say which ``dataset`` they draw, by name, in name order."""
    found: dict[str, ModuleType] = {}
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        module = importlib.import_module(f"{package}.{info.name}")
        if hasattr(module, dataset):
            found[info.name] = module
    return dict(sorted(found.items()))
