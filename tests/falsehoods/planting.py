"""How a falsehood is made from a true claim: one conclusion is kept, and one thing about it is made wrong."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from theory.claim import Claim, Conclusion, Instance, Solution


class Falsehood(NamedTuple):
    """A claim that is known to be false, and what is wrong with it."""

    claim: Claim  # keyed false.<key of the true claim>.<what is wrong>, status "false"
    wrong: str
    about: str  # key of the true claim


def _plant(claim: Claim, slug: str, wrong: str, conclusion: str, **fields: Any) -> Falsehood:
    (kept,) = (c for c in claim.conclusions if c.name == conclusion)
    parts = {"status": "false", "conclusions": (kept,), "counterexamples": (), "exact": None, "obligations": None}
    return Falsehood(replace(claim, key=f"false.{claim.key}.{slug}", title=wrong, **(parts | fields)), wrong, claim.key)


def _slug(conclusion: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in conclusion.lower())


def sharper(claim: Claim, conclusion: str, *percents: int) -> tuple[Falsehood, ...]:
    """A constant shrunk: the conclusion with its larger side (of an equality, the right one) smaller by percents."""
    (kept,) = (c for c in claim.conclusions if c.name == conclusion)

    def at(percent: int) -> Falsehood:
        factor = 1.0 - percent / 100.0
        changed = claim.with_bound(conclusion, 1.0 / factor if kept.relation == ">=" else factor)
        slug, wrong = f"{_slug(conclusion)}_{percent}_percent", f"{conclusion}: the bound is {percent}% sharper"
        return _plant(changed, slug, wrong, conclusion)

    return tuple(at(percent) for percent in percents)


def restated(claim: Claim, slug: str, wrong: str, conclusion: str, **fields: Any) -> Falsehood:
    """Another conclusion in place of the named one: fields of :class:`theory.claim.Conclusion` replaced."""
    (kept,) = (c for c in claim.conclusions if c.name == conclusion)
    changed: tuple[Conclusion, ...] = (replace(kept, **fields),)
    return _plant(claim, slug, wrong, conclusion, conclusions=changed)


def always(claim: Claim, conclusion: str) -> Falsehood:
    """A quantifier wrong: what holds on a share of the instances is stated of every one."""
    wrong = f"{conclusion}: stated of every instance, not of a share"
    return restated(claim, f"{_slug(conclusion)}_always", wrong, conclusion, share=None)


def solved(
    claim: Claim, slug: str, wrong: str, conclusion: str, change: Callable[[Instance, Solution], Solution]
) -> Falsehood:
    """The statement is about other objects than the theorem's: ``change`` makes them from its solution."""
    return _plant(claim, slug, wrong, conclusion, solve=lambda i: change(i, claim.solve(i)))


def dropped(
    claim: Claim, assumption: str, conclusion: str, change: Callable[[Instance], Instance] | None = None
) -> Falsehood:
    """A hypothesis dropped; ``change`` leaves it where the claim's own instances all meet it."""
    build = claim.build if change is None else lambda sizes, z: change(claim.build(sizes, z))
    kept = tuple(a for a in claim.assumptions if a.name != assumption)
    assert len(kept) == len(claim.assumptions) - 1, f"{claim.key} has no assumption {assumption!r}"
    slug = f"{_slug(conclusion)}_without_{_slug(assumption)}"
    return _plant(
        claim, slug, f"{conclusion}: without the hypothesis {assumption!r}", conclusion, build=build, assumptions=kept
    )
