"""Modules that are found, not listed: one file in a package is one study or one benchmark."""

import importlib
import pkgutil
from types import ModuleType


def modules_with(package: str, attribute: str) -> dict[str, ModuleType]:
    """The modules of a package that define ``attribute``, by their own name, in name order."""
    found: dict[str, ModuleType] = {}
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        module = importlib.import_module(f"{package}.{info.name}")
        if hasattr(module, attribute):
            found[info.name] = module
    return dict(sorted(found.items()))
