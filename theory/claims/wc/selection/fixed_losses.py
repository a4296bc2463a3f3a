r"""With fixed losses and γ = 0 projected gradient ends at the k lowest losses; when, and before when nothing changes.

w⁺ = Π(w − αℓ) on {w ∈ [0, 1]^N, Σw = k}, 1 ≤ k < N, from the indicator of F. w* is the indicator of the k lowest
losses, Δ = ℓ_(k+1) − ℓ_(k) ≥ 0 and G = max_F ℓ − min_{not F} ℓ.

Proof (derived here). *Convergence.* The variational inequality of Π at w*, ⟨w − αℓ − w⁺, w* − w⁺⟩ ≤ 0, says
⟨w − w⁺, w⁺ − w*⟩ ≥ α⟨ℓ, w⁺ − w*⟩ ≥ αΔs, s = Σ_{not F*} w⁺ = Σ_{F*} (1 − w⁺), and ‖w⁺ − w*‖² ≤ 2s², a sum of squares
being at most the square of the sum. So ‖w − w*‖ ‖w⁺ − w*‖ ≥ ⟨w − w*, w⁺ − w*⟩ ≥ ‖w⁺ − w*‖² + αΔ‖w⁺ − w*‖/√2, and the
distance falls by αΔ/√2 a step until it is 0: w = w* after ⌈√2 ‖w₀ − w*‖/(αΔ)⌉ steps, ⌈2/(αΔ)⌉ from one swap away.

*Level.* w⁺ = clip(w − α(ℓ − τ), 0, 1) for some τ: points above τ fall or stay at 0, those below rise or stay at 1, by
at most α|ℓ − τ|. If τ were above all losses, no point would fall, so, the sum being kept, none would rise: all would
be at 1, but k < N. So τ can be taken within [min ℓ, max ℓ]. For fixed losses within [lo, hi] = [min_{not F} ℓ, max_F ℓ]
if G ≥ 0: while it was there, points outside F with ℓ ≥ hi stayed at 0 and those of F with ℓ ≤ lo at 1. Were τ > hi now,
again none would fall, so none rise and w stays; F, below τ, would be at 1, hence all else at 0, and whatever is below τ
there rises: lo ≥ τ > hi, against G ≥ 0. Likewise τ < lo. If G < 0 the start is w* and stays.

*Selection.* j outside F rises by at most α(τ − ℓ_j)₊ and i in F falls by at most α(ℓ_i − τ)₊: together by at most
α(hi − lo) = αG, whichever is positive. After t steps w_j − w_i ≤ −1 + αtG. So the k largest weights are those of F
while αtG < 1, and no other indicator is reached while αtG < 2: swapping takes at least 2/(αG) steps, and a swap of two
neighbours in loss exactly ⌈2/(αΔ)⌉. With losses that change, G is replaced by each iteration's max ℓ − min ℓ.

*One weight.* What i in F loses, φ ≤ α(ℓ_i − τ), the N − 1 others gain, each at most α(τ − lo): points of F below lo are
at 1. (N − 1)/N times the one and 1/N times the other add up to φ ≤ α(ℓ_i − lo)(N − 1)/N; so too for a gain outside F.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.wc.selection import selection_steps
from theory.numerics import masked_max, masked_min
from theory.solvers.capped_simplex import capped_simplex

STEPS = 12


class Losses(NamedTuple):
    """Losses and a first forget set."""

    losses: Float[Array, " N"]  # of one model
    changing: Float[Array, "n N"]  # of a model that changes every iteration
    start: Bool[Array, " N"]  # F
    alpha: Float[Array, ""]


class Paths(NamedTuple):
    """Weights before and after every iteration, and how far the sums are from k."""

    fixed: Float[Array, "n N"]
    changing: Float[Array, "n N"]
    best: Bool[Array, " N"]  # F*
    residual: Float[Array, ""]


def latent(sizes: Sizes) -> int:
    """Losses, their changes, the order in which points are put into F, α."""
    return sizes["N"] * (STEPS + 2) + 1


def lowest(values: Float[Array, " N"], k: int | Int[Array, ""]) -> Bool[Array, " N"]:
    """Mask of the k lowest entries, the first of equal ones."""
    return jnp.argsort(jnp.argsort(values, stable=True), stable=True) < k


def build(sizes: Sizes, z: Float[Array, " n"]) -> Losses:
    """Steps α between e⁻³ and e over the largest loss."""
    N = sizes["N"]
    losses, order, changing = z[:N], z[N : 2 * N], z[2 * N : -1].reshape(STEPS, N)
    alpha = jnp.exp(2.0 * jnp.tanh(z[-1]) - 1.0) / (jnp.max(jnp.abs(losses)) + 1e-3)
    return Losses(losses, changing, lowest(order, sizes["k"]), alpha)


def solve(i: Losses) -> Paths:
    """Both paths from the indicator of F."""
    start = jnp.where(i.start, 1.0, 0.0)
    k = jnp.sum(start)

    def iterate(w: Array, losses: Array) -> tuple[Array, tuple[Array, Array]]:
        projected = capped_simplex(w - i.alpha * losses, k)
        return projected.w, (projected.w, projected.residual)

    same = jnp.broadcast_to(i.losses, i.changing.shape)
    (fixed, changing), residuals = jax.vmap(lambda losses: jax.lax.scan(iterate, start, losses)[1])(
        jnp.stack([same, i.changing])
    )
    fixed, changing = (jnp.concatenate([start[None], path]) for path in (fixed, changing))
    return Paths(fixed, changing, lowest(i.losses, jnp.sum(i.start)), jnp.max(residuals))


def loss_gap(i: Losses) -> Float[Array, ""]:
    """G₊: how much the worst chosen point's loss exceeds the best other point's."""
    return jnp.maximum(masked_max(i.losses, i.start) - masked_min(i.losses, ~i.start), 0.0)


def _times() -> Float[Array, " n"]:
    return jnp.arange(STEPS + 1.0)


def _distances(i: Losses, s: Paths) -> Float[Array, " n"]:
    return jnp.sqrt(jnp.sum((s.fixed - jnp.where(s.best, 1.0, 0.0)[None, :]) ** 2, axis=1))


def contraction(i: Losses, s: Paths) -> Float[Array, " n"]:
    """(‖w₀ − w*‖ − tαΔ/√2)₊."""
    step = i.alpha * (masked_min(i.losses, ~s.best) - masked_max(i.losses, s.best)) / jnp.sqrt(2.0)
    return jnp.maximum(_distances(i, s)[0] - _times() * step, 0.0)


def overtaken(i: Losses, path: Float[Array, "n N"]) -> Float[Array, " n"]:
    """1 + the largest weight outside F less the smallest in F: 0 at the start, 1 where the selection can change."""
    return 1.0 + jax.vmap(lambda w: masked_max(w, ~i.start) - masked_min(w, i.start))(path)


def _moved(i: Losses, s: Paths) -> Float[Array, " n"]:
    return jnp.max(jnp.abs(s.fixed - s.fixed[:1]), axis=1)


def _changing_reach(i: Losses, s: Paths) -> Float[Array, " n"]:
    gaps = jnp.max(i.changing, axis=1) - jnp.min(i.changing, axis=1)
    return i.alpha * jnp.concatenate([jnp.zeros(1), jnp.cumsum(gaps)])


def _scale(i: Losses, s: Paths) -> Float[Array, ""]:
    """Entries of w − αℓ are rounded before they are projected, STEPS times."""
    return 1.0 + i.alpha * (jnp.max(jnp.abs(i.losses)) + jnp.max(jnp.abs(i.changing)))


def _uphill() -> Losses:
    """Two points, the better one chosen, and a step of the wrong sign: the weights leave it."""
    losses = jnp.asarray([0.0, 1.0])
    return Losses(losses, jnp.tile(losses, (STEPS, 1)), jnp.asarray([True, False]), jnp.asarray(-0.5))


CLAIM = Claim(
    key="wc.selection.fixed_losses",
    title="Selection with fixed losses ends at the lowest ones, and cannot begin before 1/(α · loss gap) iterations",
    statement=r"w^{t+1}=\Pi(w^t-\alpha\ell),\ w^0=1_F \Rightarrow "
    r"\|w^t-w^*\| \le (\|w^0-w^*\|-t\alpha\Delta/\sqrt2)_+,\quad "
    r"\max_{j\notin F}w^t_j-\min_{i\in F}w^t_i \le t\alpha G-1,\quad |w^t_i-w^0_i| \le t\alpha G\tfrac{N-1}{N}",
    source="derived here",
    status="proved",
    sizes=({"N": 2, "k": 1}, {"N": 5, "k": 1}, {"N": 6, "k": 3}, {"N": 12, "k": 4}),
    latent=latent,
    build=build,
    assumptions=(Assumption("step", r"\alpha \ge 0", lambda i: i.alpha),),
    solve=solve,
    residual=lambda i, s: s.residual,
    conclusions=(
        Conclusion(
            "convergence",
            r"\|w^t-w^*\| \le (\|w^0-w^*\|-t\alpha\Delta/\sqrt2)_+",
            lhs=_distances,
            rhs=contraction,
            tight=True,
            scale=lambda i, s: STEPS * _scale(i, s),
        ),
        Conclusion(
            "selection",
            r"1+\max_{j\notin F}w^t_j-\min_{i\in F}w^t_i \le t\alpha G_+",
            lhs=lambda i, s: overtaken(i, s.fixed),
            rhs=lambda i, s: _times() * i.alpha * loss_gap(i),
            tight=True,
            scale=lambda i, s: STEPS * _scale(i, s),
        ),
        Conclusion(
            "one weight",
            r"|w^t_i-w^0_i| \le t\alpha G_+(N-1)/N",
            lhs=_moved,
            rhs=lambda i, s: _times() * i.alpha * loss_gap(i) * (1.0 - 1.0 / len(i.losses)),
            tight=True,
            scale=lambda i, s: STEPS * _scale(i, s),
        ),
        Conclusion(
            "changing losses",
            r"1+\max_{j\notin F}w^t_j-\min_{i\in F}w^t_i \le \alpha\sum_{s<t}(\max\ell^s-\min\ell^s)",
            lhs=lambda i, s: overtaken(i, s.changing),
            rhs=_changing_reach,
            tight=True,
            scale=lambda i, s: STEPS * _scale(i, s),
        ),
    ),
    counterexamples=(Counterexample("step", _uphill, "a negative step climbs"),),
    obligations=selection_steps.fixed_losses,
    notes="Swapping one point for another takes at least 2/(α · loss gap) steps, sharp for neighbours in loss, "
    "and the k largest weights change only after 1/(α · loss gap): theory.solvers.reachable_step tells a user so.",
)
