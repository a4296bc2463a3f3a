"""What every claim's test does: hold on its instances, break without an assumption, and refute its mutants."""

import functools
from dataclasses import replace
from typing import Any

from forgetproof import testing
from forgetproof.testing import (
    assert_counterexamples,
    assert_holds_on,
    assert_refuted,
    assert_tight_bounds_bite,
    report,
)
from theory.claim import Claim

__all__ = [
    "assert_counterexamples",
    "assert_holds_on",
    "assert_property",
    "assert_refuted",
    "assert_sampled",
    "assert_tight_bounds_bite",
    "report",
]


@functools.lru_cache(maxsize=8)
def _at(claim: Claim, sizes: str) -> Claim | None:
    """The claim at its first or its other sizes, None without others; the same object for what was compiled for it."""
    mixed = any(c.share is not None for c in claim.conclusions)  # a share is of the mixture of all sizes
    chosen = {"first": claim.sizes[:1], "others": claim.sizes[0 if mixed else 1 :], "all": claim.sizes}[sizes]
    return replace(claim, sizes=chosen) if chosen else None


def assert_property(claim: Claim, *, sizes: str = "all", **options: Any) -> None:
    """:func:`forgetproof.testing.assert_property` at the sizes of the fixture ``sizes``."""
    if (part := _at(claim, sizes)) is not None:
        testing.assert_property(part, **options)


def assert_sampled(claim: Claim, *, sizes: str = "all", **options: Any) -> None:
    """:func:`forgetproof.testing.assert_sampled`, then extremes, at the sizes of the fixture ``sizes``."""
    if (part := _at(claim, sizes)) is not None:
        testing.assert_sampled(part, **options)
        testing.assert_extremes(part)
