"""Evidence without rounding: the identities of a claim on random rational instances, decided over QQ.

A claim offers ``exact(sizes, seed)``: conclusion name -> whether it holds exactly on that instance. The
algebra is in :mod:`theory.solvers.rational` (claims may not import evidence) and offered here too. To time
the same work in another arithmetic, call the claim module's own ``exact`` with its third argument::

    from theory.claims.ft import golden
    golden.exact({"r": 6, "f": 4, "a": 8, "b": 4, "c": 8}, 0)                # DomainMatrix over QQ
    golden.exact({"r": 6, "f": 4, "a": 8, "b": 4, "c": 8}, 0, sympy.Matrix)  # plain sympy matrices
"""

from dataclasses import dataclass

from theory.claim import Claim, Sizes
from theory.solvers.rational import (
    ground_types,
    keep_entries,
    least_norm,
    mean_square,
    pick_rows,
    project,
    pseudo_inverse,
    rational_matrix,
    same,
    vanishes,
)

__all__ = [
    "ExactEvidence",
    "check_exact",
    "ground_types",
    "keep_entries",
    "least_norm",
    "mean_square",
    "pick_rows",
    "project",
    "pseudo_inverse",
    "rational_matrix",
    "same",
    "vanishes",
]

_STRIDE = 1_000_003  # instances of one seed; streams of two seeds do not meet below that many


@dataclass(frozen=True)
class ExactEvidence:
    """What the rational instances say."""

    key: str
    instances: int
    held: int
    failed: tuple[dict[str, int], int, str] | None  # first failure: sizes, the instance's seed, conclusion
    ground_types: str  # the integers behind the rationals: "flint", "gmpy" or "python"
    conclusions: tuple[str, ...]  # those decided exactly


def check_exact(
    claim: Claim, instances: int = 20, seed: int = 0, sizes: tuple[Sizes, ...] | None = None
) -> ExactEvidence:
    """Decide a claim's identities on random rational instances, with zero tolerance.

    Args:
        claim: one with ``exact``. instances: how many, ≥ 1, taken in turn from the sizes.
        seed: the instances are a function of it. sizes: default ``claim.sizes``.

    Returns:
        :class:`ExactEvidence`; every instance is decided, also after a failure.

    Raises:
        ValueError: no exact form, ``instances`` below 1, or results that are not conclusions of the claim.
        ImportError: sympy is not installed.
    """
    if claim.exact is None:
        raise ValueError(f"{claim.key}: expected a claim with exact=..., this one has no form over the rationals")
    if instances < 1:
        raise ValueError(f"instances: expected at least 1, got {instances}")
    chosen = claim.sizes if sizes is None else sizes
    known = {conclusion.name for conclusion in claim.conclusions}
    held = 0
    failed: tuple[dict[str, int], int, str] | None = None
    decided: dict[str, None] = {}
    for index in range(instances):
        at, stream = chosen[index % len(chosen)], seed * _STRIDE + index
        results = claim.exact(at, stream)
        if not results or not set(results) <= known:
            raise ValueError(f"{claim.key}: exact: expected some of {sorted(known)}, got {sorted(results)}")
        decided |= dict.fromkeys(results)
        wrong = next((name for name, holds in results.items() if not holds), None)
        held += wrong is None
        if wrong is not None and failed is None:
            failed = (dict(at), stream, wrong)
    return ExactEvidence(claim.key, instances, held, failed, ground_types(), tuple(decided))
