"""Planted falsehoods: wrong versions of the claims that a sampler worth its name refutes, one file a family."""

from tests.falsehoods import ft, ga_linear, ga_mixture, ga_two_layer, unsir, wc, wc_worst_case
from tests.falsehoods.planting import Falsehood

__all__ = ["FALSEHOODS", "Falsehood"]

FALSEHOODS: tuple[Falsehood, ...] = (
    *ft.FALSEHOODS,
    *ga_linear.FALSEHOODS,
    *ga_mixture.FALSEHOODS,
    *ga_two_layer.FALSEHOODS,
    *unsir.FALSEHOODS,
    *wc.FALSEHOODS,
    *wc_worst_case.FALSEHOODS,
)
