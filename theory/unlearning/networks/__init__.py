"""Unlearning methods for image classifiers, one file each, found by :func:`all_methods`."""

import functools
from importlib import import_module
from pkgutil import iter_modules

from theory.unlearning.networks.method import Method


@functools.cache
def all_methods() -> dict[str, Method]:
    """Every method by its key: the modules of this package that have a METHOD."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    methods = [module.METHOD for module in modules if hasattr(module, "METHOD")]
    return {method.key: method for method in sorted(methods, key=lambda m: m.key)}
