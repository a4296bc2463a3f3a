"""Falsehoods about the search for worst-case forget sets."""

import jax.numpy as jnp

from tests.falsehoods.planting import Falsehood, dropped, restated, sharper, solved
from theory.claims.wc.selection import projection
from theory.numerics import norm

CLAIM = projection.CLAIM


def _scaled(i, s):
    """k a₊/Σa₊ cut to [0, 1], which rescales instead of shifting."""
    positive = jnp.maximum(i.a, 0.0) + 1e-9
    return s._replace(first=s.first._replace(w=jnp.clip(i.k * positive / jnp.sum(positive), 0.0, 1.0)))


def _top(i, s):
    """The k largest entries at 1: the vertex, not the projection."""
    rank = jnp.argsort(jnp.argsort(-i.a))
    return s._replace(first=s.first._replace(w=jnp.where(rank < jnp.round(i.k), 1.0, 0.0)))


def _uncapped(i, s):
    """The projection onto the simplex without the cap at 1, in two coordinates or more."""
    above = jnp.sort(i.a)[::-1]
    count = jnp.arange(1.0, len(i.a) + 1.0)
    shift = (jnp.cumsum(above) - i.k) / count
    last = jnp.maximum(jnp.sum(jnp.where(above > shift, 1, 0)) - 1, 0)
    return s._replace(first=s.first._replace(w=jnp.maximum(i.a - shift[last], 0.0)))


FALSEHOODS: tuple[Falsehood, ...] = (
    *sharper(CLAIM, "nearest", 1),
    *sharper(CLAIM, "non-expansive", 10, 1),
    *sharper(CLAIM, "gaps", 1),
    *sharper(CLAIM, "in the sum", 1),
    restated(
        CLAIM,
        "isometry",
        "distances are kept",
        "non-expansive",
        lhs=lambda i, s: norm(i.a - i.b),
        rhs=lambda i, s: norm(s.first.w - s.second.w),
    ),
    solved(CLAIM, "scaled", "scaling to the sum is the projection", "nearest", _scaled),
    solved(CLAIM, "vertex", "the projection is the k largest entries", "sum", _top),
    solved(CLAIM, "uncapped", "the simplex without its cap", "box", _uncapped),
    dropped(CLAIM, "attainable sum", "sum", lambda i: i._replace(k=i.k + 0.5 * len(i.a))),
    dropped(CLAIM, "a point of C", "nearest", lambda i: i._replace(v=i.a)),
)
