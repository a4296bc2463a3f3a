"""What every claim's test does: hold on its instances, break without an assumption, and refute its mutants."""

from forgetproof.testing import (
    assert_counterexamples,
    assert_holds_on,
    assert_property,
    assert_refuted,
    assert_sampled,
    assert_tight_bounds_bite,
    report,
)

__all__ = [
    "assert_counterexamples",
    "assert_holds_on",
    "assert_property",
    "assert_refuted",
    "assert_sampled",
    "assert_tight_bounds_bite",
    "report",
]
