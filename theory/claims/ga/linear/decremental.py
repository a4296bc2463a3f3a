r"""Warm-starting the dual active set at the trained support vectors reaches the retrained model exactly.

Proof (derived here; the idea is Cauwenberghs & Poggio's, NIPS 2000). The problem on R is strictly convex
in w and convex in λ, so its minimiser w* is unique and every KKT point is w*. The active-set solver stops
only at a point whose KKT conditions hold, wherever it starts: the start decides how many indices enter or
leave the active set on the way, not where the way ends. No condition on the data is needed beyond
separability; in particular retained points may lie off the margin, where one projected step is not enough.

What the warm start saves is measured, not proved, and in a way that does not depend on the solver: the
points that must enter or leave the active set, |A △ B| from the trained support A = {i ∈ R: λᵢ > 0} to the
retrained one B, against |B| from nothing. Any method that exchanges one index at a time needs as many.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Claim, Conclusion, Sizes
from theory.claims.ga.linear import projection_steps
from theory.claims.instances import last, planted, planted_latent, signs
from theory.data.dataset import ForgetSplit
from theory.numerics import EPS, norm
from theory.solvers.margin import margin_from_points


class Solved(NamedTuple):
    """Trained, cold and warm solutions, stacked in this order."""

    w: Float[Array, "3 d"]
    lam: Float[Array, "3 m"]
    margins: Float[Array, "3 m"]
    residual: Float[Array, "3"]
    exchanges: Float[Array, "3"]  # indices that entered or left the solver's active set
    amplified: Float[Array, ""]  # rounding of the two retrained models: conditioning of their active rows


def latent(sizes: Sizes) -> int:
    """Labels and a planted problem."""
    return sizes["m"] + planted_latent(sizes["m"], sizes["d"])


def build(sizes: Sizes, z: Float[Array, " n"]) -> ForgetSplit:
    """Separable points, some off the margin; at least one forgotten point is a support vector."""
    m = sizes["m"]
    y = signs(z[:m])
    rows, _, _ = planted(z[m:], m, sizes["d"])
    return ForgetSplit(y[:, None] * rows[::-1], y, last(sizes["k"], m))


def _amplification(i: ForgetSplit, lam: Array) -> Array:
    """λ solves K λ = 1 on the active rows: w errs by σ_max²/σ_min · ‖λ‖ roundings."""
    values = jnp.linalg.svd(jnp.where((lam > 0)[:, None], i.X, 0.0), compute_uv=False)
    largest = values[0]
    smallest = jnp.min(jnp.where(values > 1e-12 * largest, values, jnp.inf))
    return largest**2 / smallest * norm(lam)


def _count(before: Array, after: Array) -> Array:
    """Indices in one set only."""
    return jnp.sum((before != after).astype(jnp.float64))


def _apart(i: ForgetSplit, s: Solved) -> Array:
    """How far apart the margins' errors let the two retrained models be.

    As in ga.linear.distance_to_retraining, ‖w − w*‖² ≤ 2 Σ λᵢ(Mᵢ − 1) at w = Σ λᵢyᵢxᵢ: a square root, so that two
    active sets which rounding cannot tell apart may give models 1e-8 apart. A margin is known to its rounding at best.
    """
    lengths = jnp.sqrt(jnp.sum(i.X**2, axis=1))

    def distance(lam: Array) -> Array:
        w = i.X.T @ (lam * i.y)
        margins = i.y * (i.X @ w)
        known = 16 * EPS * (lengths * (lengths @ lam) + 1.0)
        off = jnp.where(i.forget, 0.0, jnp.maximum(jnp.abs(jnp.where(lam > 0, margins, 1.0) - 1.0), known))
        short = jnp.max(jnp.where(i.forget, 0.0, jnp.maximum(1.0 - margins, known)))
        return jnp.sqrt(2.0 * (lam @ off)) + short * norm(w)

    return jnp.sum(jax.vmap(distance)(s.lam[1:]))


def solve(i: ForgetSplit) -> Solved:
    """Train on all points, then retrain from a cold start and from the trained support vectors."""
    everything, kept = jnp.ones(len(i.y), bool), ~i.forget

    def run(support: Array, stage: tuple[Array, Array]) -> tuple[Array, tuple[Array, ...]]:
        retained, warm = stage
        start = jnp.where(warm, support & retained, retained)
        found = margin_from_points(i.X, i.y, retained, start)
        assert found.w is not None
        trained = jnp.where(jnp.all(retained), found.support, support)  # the cold run's must not leak into the warm one
        spent = found.exchanges.astype(jnp.float64)
        return trained, (found.w, found.lam, found.margins, found.relative_residual, spent)

    stages = (jnp.stack([everything, kept, kept]), jnp.array([False, False, True]))
    _, (w, lam, margins, residual, spent) = jax.lax.scan(run, everything, stages)  # a scan compiles the solver once
    return Solved(w, lam, margins, residual, spent, jnp.maximum(_amplification(i, lam[1]), _amplification(i, lam[2])))


CLAIM = Claim(
    key="ga.linear.decremental",
    title="Warm-starting the dual at the trained support vectors reaches the retrained model exactly",
    statement=r"\text{active set started at } \{i\in R: \lambda_i>0\} \Rightarrow w_{\text{warm}}=w^*",
    source="derived here, after the idea of Cauwenberghs & Poggio (NIPS 2000)",
    status="proved",
    sizes=({"m": 6, "d": 3, "k": 1}, {"m": 12, "d": 16, "k": 3}, {"m": 16, "d": 5, "k": 4}),
    latent=latent,
    build=build,
    solve=solve,
    residual=lambda i, s: jnp.max(s.residual),
    conclusions=(
        Conclusion(
            "same model",
            r"w_{\text{warm}} = w^*",
            lhs=lambda i, s: s.w[2],
            rhs=lambda i, s: s.w[1],
            relation="==",
            scale=lambda i, s: s.amplified,
            solver_error=_apart,
        ),
        Conclusion(
            "same margins",
            r"M_i(w_{\text{warm}}) = M_i(w^*),\ \text{forgotten points included}",
            lhs=lambda i, s: s.margins[2],
            rhs=lambda i, s: s.margins[1],
            relation="==",
            scale=lambda i, s: s.amplified * jnp.sqrt(jnp.max(jnp.sum(i.X**2, axis=1))),
            solver_error=lambda i, s: _apart(i, s) * jnp.sqrt(jnp.max(jnp.sum(i.X**2, axis=1))),
        ),
        Conclusion(
            "exchanges",
            r"|A\,\triangle\,B| \le |B|,\ A=\{i\in R:\lambda_i>0\},\ B=\{i:\lambda^*_i>0\}",
            lhs=lambda i, s: _count((s.lam[0] > 0) & ~i.forget, s.lam[1] > 0),
            rhs=lambda i, s: jnp.sum((s.lam[1] > 0).astype(jnp.float64)),
            share=0.8,
        ),
        Conclusion(
            "solver's exchanges",
            r"\text{exchanges of this solver, warm} \le \text{cold}",
            lhs=lambda i, s: s.exchanges[2],
            rhs=lambda i, s: s.exchanges[1],
            share=0.35,
        ),
    ),
    obligations=projection_steps.decremental,
    notes="No assumption to drop: data without a separator have no model to compare. "
    "Both counts are measured on random separable problems, not proved. 'exchanges' is what "
    "any method needs "
    'that moves one index at a time: rarely more than from nothing (93 of 100). "solver\'s exchanges" is what this '
    "solver spent: warm no more than cold in only 43 of 100 (73 at m = 6, d = 3; 26 at m = 12, d = 16), since block "
    "pivoting exchanges many indices at once and starts cold from all points. It is exact, not always quicker.",
)
