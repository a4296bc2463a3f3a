"""The pictures, one file each: STUDY (the dataset it draws), CAPTION and plot(dataset) -> Figure.

Nothing is listed by hand. A picture reads a saved dataset and never runs an experiment.
"""

import functools
from types import ModuleType

from experiments.discovery import modules_with


@functools.cache
def all_figures() -> dict[str, ModuleType]:
    """The module of every picture by name, in name order."""
    return modules_with(__name__, "STUDY")
