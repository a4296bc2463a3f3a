"""Unlearning methods for image classifiers, one file each, found by :func:`all_methods`."""

import functools
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from theory.unlearning.networks.method import Method


@functools.cache
def all_methods() -> dict[str, Method]:
    """Every method by its key: METHOD or METHODS of the modules of this package."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    methods = [method for module in modules for method in _of(module)]
    return {method.key: method for method in sorted(methods, key=lambda m: m.key)}


def _of(module: ModuleType) -> tuple[Method, ...]:
    return getattr(module, "METHODS", None) or ((module.METHOD,) if hasattr(module, "METHOD") else ())
