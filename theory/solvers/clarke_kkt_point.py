"""Clarke-KKT points of a two-layer ReLU network at machine precision, from a nearby activation pattern.

Fix a pattern s_ij ∈ {0, 1} and minimise ½‖W‖² subject to M_i ≥ 1 and (2s_ij − 1)⟨w_j, x_i⟩ ≥ 0: a convex QP.
With multipliers λ_i and μ_ij ≥ 0, W = C X where c_ij = s_ij λ_i y_i u_j + (2s_ij − 1) μ_ij. On the active sets
(kinks A, where z_ij = 0; support S, where M_i = 1) the kink part of c_j is the one that makes z_j vanish on A_j,

    z_j = S_j a_j,  S_j = G − G_{:A} G_AA⁻¹ G_{A:},  a_ij = [not kink] s_ij λ_i y_i u_j,

so margins are linear in λ, M = Q λ with Q = Σ_j u_j² diag(y s_j) S_j diag(y s_j), and λ_S solves Q λ = 1. One
semismooth Newton step solves that and exchanges every index of the wrong sign (a kink with μ < 0, a pair
across its kink, λ < 0, M < 1); when exchanging all stops helping, only the last one.

The QP's solution gives t_ij = c_ij/(u_j y_i) at kinks. Where 0 ≤ t_ij ≤ λ_i fails, s_ij is flipped and the QP
solved again. W stays feasible and its multiplier there turns negative, so ½‖W‖² falls strictly: no pattern
returns, and the end is a Clarke-KKT point (derived here). C is built from (λ, t), so that stationarity holds
to rounding; what an imperfect end would show is in the margins, at the kinks, or in t's range.
"""

from enum import IntEnum
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Bool, Float, Int

from theory.checks import as_forget_mask, as_gram, as_labels
from theory.models import two_layer
from theory.models.two_layer import TwoLayer, as_network, spanned
from theory.numerics import EPS, masked_max
from theory.solvers.clarke import stationarity
from theory.solvers.kkt import KKTResiduals, residuals_at
from theory.solvers.memory import require_memory
from theory.solvers.two_layer_flow import explain_unseparated


class KinkStatus(IntEnum):
    """How a solve ended."""

    SOLVED = 0
    NO_ACTIVE_NEURON = 1
    ITERATION_LIMIT = 2
    NONFINITE = 3

    @property
    def message(self) -> str:
        return _MESSAGES[self]


_MESSAGES = {
    KinkStatus.SOLVED: "solved: an exact Clarke-KKT point up to rounding",
    KinkStatus.NO_ACTIVE_NEURON: "the pattern leaves some point no active neuron of its label's sign, so no weights "
    "with that pattern reach its margin: train longer, or use more neurons",
    KinkStatus.ITERATION_LIMIT: "the active set did not settle within the limit",
    KinkStatus.NONFINITE: "the active set met a singular system: dependent points, or too few active neurons",
}


class KKTPoint(NamedTuple):
    """A network that is a Clarke-KKT point, with its witness. ``status`` must be read."""

    net: TwoLayer  # W = C X, no part from an initialisation
    lam: Float[Array, " m"]
    t: Float[Array, "m n"]
    pattern: Bool[Array, "m n"]  # s at the end
    kinks: Bool[Array, "m n"]
    margins: Float[Array, " m"]
    residuals: KKTResiduals
    kink_error: Float[Array, ""]  # max |⟨w_j, xᵢ⟩| over kinks: 0 to rounding
    kink_gap: Float[Array, ""]  # min |⟨w_j, xᵢ⟩| / (‖w_j‖‖xᵢ‖) over the other pairs: how clear-cut kinks are
    range_error: Float[Array, ""]  # how far some t_ij would lie outside [0, λᵢ]; it is clipped in ``t``
    objective: Float[Array, ""]  # ½‖W‖²
    first_objective: Float[Array, ""]  # ... of the first pattern's QP: flips only lower it
    rises: Int[Array, ""]  # flips after which the objective rose by more than rounding: 0 in theory
    flips: Int[Array, ""]  # entries of s flipped in all
    iterations: Int[Array, ""]  # Newton steps
    status: Int[Array, ""]  # a KinkStatus


class _State(NamedTuple):
    s: Array
    kink: Array
    support: Array
    lam: Array
    c: Array  # (m, n)
    objective: Array
    first: Array
    best: Array  # fewest wrong signs so far in this QP
    patience: Array
    flips: Array
    rises: Array
    steps: Array
    running: Array


_PATIENCE = 4


def _newton(G: Array, y: Array, u: Array, s: Array, kink: Array, support: Array) -> tuple[Array, Array, Array, Array]:
    """(λ, c, Z, M) on the active sets."""
    m = len(y)
    eye = jnp.eye(m, dtype=G.dtype)

    def eliminate(a: Array) -> tuple[Array, Array]:
        L = jnp.linalg.cholesky(jnp.where(a[:, None] & a[None, :], G, eye))
        return L, solve_triangular(L, jnp.where(a[:, None], G, 0.0), lower=True)

    L, V = jax.vmap(eliminate, in_axes=1)(kink)
    on = (s & ~kink).astype(G.dtype) * u[None, :]  # u_j where the pair carries λ
    stacked = (V * on.T[:, None, :]).reshape(-1, m)
    Q = (y[:, None] * y[None, :]) * (G * (on @ on.T) - stacked.T @ stacked)
    both = support[:, None] & support[None, :]
    factor = jnp.linalg.cholesky(jnp.where(both, Q, eye))

    def solve(rhs: Array) -> Array:
        return solve_triangular(factor.T, solve_triangular(factor, rhs, lower=True), lower=False)

    def spread(lam: Array) -> tuple[Array, Array]:
        """c and Z of the multipliers: a outside the kinks, and inside what makes Z vanish there."""
        a = on * (y * lam)[:, None]
        inner = -jnp.einsum("jai,ij->ja", V, a)
        back = jax.vmap(lambda l, e: solve_triangular(l.T, e, lower=False))(L, inner).T
        c = a + jnp.where(kink, back, 0.0)
        return c, G @ c

    one = jnp.where(support, 1.0, 0.0)
    lam = solve(one)
    c, Z = spread(lam)
    # one refinement with the margins as they come out: λ to rounding even where Q is ill-conditioned
    lam = lam + solve(jnp.where(support, 1.0 - y * jnp.sum(jnp.where(kink, 0.0, on * Z), axis=1), 0.0))
    c, Z = spread(lam)
    M = y * (jnp.where(s & ~kink, Z, 0.0) @ u)
    return lam, c, Z, M


def kkt_point_from_pattern(
    u: Float[Array, " n"],
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    pattern: Bool[Array, "m n"],
    retained: Bool[Array, " m"] | None = None,
    kinks: Bool[Array, "m n"] | None = None,
    limit: int = 400,
) -> KKTPoint:
    """:func:`find_kkt_point` from an activation pattern, for use inside ``jit`` and ``vmap``: read ``status``.

    ``kinks`` is a first guess of the kinks, a warm start.
    """
    m, n = len(y), len(u)
    kept = jnp.ones(m, bool) if retained is None else retained
    pairs = kept[:, None] & (u != 0)[None, :]
    s = pattern & pairs
    begin = (jnp.zeros((m, n), bool) if kinks is None else kinks) & pairs
    reach = jnp.sqrt(jnp.diagonal(G))[:, None]
    uy = y[:, None] * u[None, :]
    safe = jnp.where(uy != 0, uy, 1.0)
    # without an active neuron of its label's sign a point's margin is at most 0: the pattern has no feasible weights
    hopeless = jnp.any(kept & ~jnp.any(s & (uy > 0), axis=1))

    def body(state: _State) -> _State:
        s, kink, support = state.s, state.kink, state.support
        lam, c, Z, M = _newton(G, y, u, s, kink, support)
        finite = jnp.all(jnp.isfinite(lam)) & jnp.all(jnp.isfinite(c))
        D = jnp.where(s, 1.0, -1.0)
        a = jnp.where(s, lam[:, None] * uy, 0.0)
        largest = jnp.max(jnp.abs(c))
        tol = 64 * EPS * largest
        lengths = jnp.sqrt(jnp.maximum(jnp.sum(c * Z, axis=0), 0.0))
        z_tol = 64 * EPS * reach * (lengths[None, :] + largest * reach)
        wrong_kink = jnp.where(kink, D * (c - a) < -tol, -z_tol > D * Z) & pairs
        wrong_support = jnp.where(support, lam < -tol, M < 1.0 - 1e-12) & kept
        count = jnp.sum(wrong_kink) + jnp.sum(wrong_support)
        settled = count == 0

        # the QP is solved: flip where t leaves [0, λ]; the flipped pair leaves the kink set
        t = c / safe
        outside = kink & ((t < -tol / jnp.abs(safe)) | (t > lam[:, None] + tol / jnp.abs(safe)))
        flip = outside & settled
        objective = 0.5 * jnp.sum(c * Z)
        rose = settled & (objective > state.objective * (1.0 + 1e-12))

        improved = count < state.best
        patience = jnp.where(improved, _PATIENCE, state.patience - 1)
        every = patience >= 0
        flat = jnp.concatenate([wrong_kink.ravel(), wrong_support])
        last = len(flat) - 1 - jnp.argmax(flat[::-1])
        chosen = jnp.where(every, flat, jnp.arange(len(flat)) == last) & ~settled
        across, entering = chosen[: m * n].reshape(m, n), support ^ chosen[m * n :]
        # λᵢ is determined only while some pair of i is active off its kink: a supported point keeps its last such pairs
        silent = entering & ~jnp.any(s & ~(kink ^ across), axis=1)
        across = across & ~silent[:, None]
        done = (settled & ~jnp.any(flip)) | ~finite
        move = ~done
        return _State(
            s=jnp.where(move, s ^ flip, s),
            kink=jnp.where(move, (kink ^ across) & ~flip, kink),
            support=jnp.where(move, entering, support),
            lam=lam,
            c=c,
            objective=jnp.where(settled, objective, state.objective),
            first=jnp.where(settled & jnp.isinf(state.first), objective, state.first),
            best=jnp.where(settled, m * n + m + 1, jnp.minimum(count, state.best)),
            patience=jnp.where(settled, _PATIENCE, patience),
            flips=state.flips + jnp.sum(flip),
            rises=state.rises + jnp.where(rose, 1, 0),
            steps=state.steps + 1,
            running=~done,
        )

    infinity = jnp.asarray(jnp.inf, G.dtype)
    start = _State(
        s=s,
        kink=begin,
        support=kept,
        lam=jnp.zeros_like(y),
        c=jnp.zeros((m, n), G.dtype),
        objective=infinity,
        first=infinity,
        best=jnp.array(m * n + m + 1),
        patience=jnp.array(_PATIENCE),
        flips=jnp.array(0),
        rises=jnp.array(0),
        steps=jnp.array(0),
        running=~hopeless,
    )
    end = jax.lax.while_loop(lambda state: state.running & (state.steps < limit), body, start)
    return _finish(end, u, G, y, kept, safe)


def _finish(end: _State, u: Array, G: Array, y: Array, kept: Array, safe: Array) -> KKTPoint:
    lam = jnp.maximum(end.lam, 0.0)
    wanted = jnp.where(end.kink, end.c / safe, jnp.where(end.s, lam[:, None], 0.0))
    t = jnp.clip(wanted, 0.0, lam[:, None])
    net = spanned(u, (u[None, :] * y[:, None] * t).T)
    Z = two_layer.preactivations(net, G)
    M = two_layer.margins(net, G, y)
    lengths = jnp.sqrt(jnp.diagonal(G))[:, None] * jnp.sqrt(two_layer.square_norms(net, G))[None, :]
    others = kept[:, None] & ~end.kink & (lengths > 0)
    finite = jnp.all(jnp.isfinite(end.lam)) & jnp.all(jnp.isfinite(end.c))
    helps = end.s & ~end.kink & (u[None, :] * y[:, None] > 0)
    dead = jnp.any(kept & ~jnp.any(helps, axis=1))
    failed = jnp.where(finite, KinkStatus.ITERATION_LIMIT, KinkStatus.NONFINITE)
    failed = jnp.where(dead, int(KinkStatus.NO_ACTIVE_NEURON), failed)
    return KKTPoint(
        net=net,
        lam=lam,
        t=t,
        pattern=end.s,
        kinks=end.kink,
        margins=M,
        residuals=residuals_at(lam, M, stationarity(net, G, y, t), kept),
        kink_error=masked_max(jnp.abs(Z).ravel(), end.kink.ravel()),
        kink_gap=-masked_max((-jnp.abs(Z) / jnp.where(others, lengths, 1.0)).ravel(), others.ravel(), -jnp.inf),
        range_error=jnp.max(jnp.abs(wanted - t)),
        objective=0.5 * two_layer.size(net, G) ** 2,
        first_objective=end.first,
        rises=end.rises,
        flips=end.flips,
        iterations=end.steps,
        status=jnp.where(finite & ~end.running & ~dead, int(KinkStatus.SOLVED), failed),
    )


def kkt_point_near(
    net: TwoLayer,
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"] | None = None,
    limit: int = 400,
) -> KKTPoint:
    """:func:`kkt_point_from_pattern` from a network's own activations, the signs of its pre-activations."""
    return kkt_point_from_pattern(net.u, G, y, two_layer.preactivations(net, G) > 0, retained, limit=limit)


_solve = jax.jit(kkt_point_near)


def find_kkt_point(
    net: TwoLayer, gram: Any, y: Any, forget: Any = None, throw: bool = True, memory_limit: int | None = None
) -> KKTPoint:
    """The Clarke-KKT point of the margin problem that a network's activation pattern leads to.

    Args:
        net: trained network in coefficients; only its activation pattern counts.
        gram: inner products (m, m), positive definite. y: labels ±1.
        forget: points left out of the problem (indices or mask); None keeps all.
        throw: raise when no point was found; otherwise read ``status``.
        memory_limit: bytes allowed; None allows 80% of the machine's memory.

    Returns:
        :class:`KKTPoint`, in units where a margin is 1.

    Raises:
        ValueError: width 0, NaN, shapes that do not match, bad labels or forget set, or memory that would not
            fit. NotSeparated: a retained margin of ``net`` is ≤ 0: train it first.
        RuntimeError: x64 is off, or the solver failed (the message says how).

    Source: derived here.
    """
    G = as_gram(gram)
    m = G.shape[0]
    labels, network = as_labels(y, m), as_network(net, m)
    kept = jnp.ones(m, bool) if forget is None else ~as_forget_mask(forget, m)
    n = len(network.u)
    require_memory(40 * n * m * m, f"a solve at m = {m}, n = {n}", "use fewer neurons or points", memory_limit)
    explain_unseparated(network, G, labels, kept)
    point = _solve(network, G, labels, kept)
    status = KinkStatus(int(point.status))
    if throw and status != KinkStatus.SOLVED:
        raise RuntimeError(f"find_kkt_point: {status.message}")
    return point
