r"""A certificate bounds the distance to the retrained model, with the best possible bound.

Proof (derived here). w̃ feasible for (P) on R, λ̃ ≥ 0, u = Σ λ̃ᵢyᵢxᵢ, ε = ‖w̃ − u‖, g = Σ λ̃ᵢ(M̃ᵢ − 1) ≥ 0;
w* = Σ λ*ᵢyᵢxᵢ the max-margin model on R, so Σ λ*ᵢ = ‖w*‖². Expanding the squares, with ⟨u, w̃⟩ = Σ λ̃ᵢM̃ᵢ,
⟨u, w*⟩ = Σ λ̃ᵢM*ᵢ and ⟨w*, w̃⟩ = Σ λ*ᵢM̃ᵢ, gives an identity:

    ε² + 2g = ‖w̃ − w*‖² + ‖u − w*‖² + 2 Σ λ*ᵢ(M̃ᵢ − 1) + 2 Σ λ̃ᵢ(M*ᵢ − 1).

Every term on the right is ≥ 0. Dropping all but the first: D² ≤ ε² + 2g, D = ‖w̃ − w*‖, with equality
exactly where u = w* and both sums vanish (w̃ leaves w* at a right angle to all support vectors). At
ε = 0, u = w̃ makes the first two terms equal, so D² ≤ g: the bound loses a factor 2. In general
‖u − w*‖ ≥ |D − ε| keeps the second term:

    D² ≤ ε D + g,   that is   D ≤ (ε + √(ε² + 4g))/2 ≤ √(ε² + 2g),

and it is attained for *every* ε and g ≥ 0: rows e₁ and e₁ + b e₂, w* = e₁, w̃ = (1, t), λ̃₂ = (t − ε)/b,
λ̃₁ = 1 − λ̃₂ (≥ 0 for b ≥ t − ε), so u = (1, t − ε), D = t, M̃₂ = 1 + bt, g = t(t − ε). So nothing
sharper holds in terms of ε and g.
Finally g ≤ |R| δ.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.claim import Assumption, Claim, Conclusion, Counterexample, Sizes
from theory.claims.ga.linear import optimality_steps
from theory.claims.instances import last, planted, planted_latent, signs
from theory.numerics import masked_max, masked_min, norm
from theory.solvers.kkt import KKTResiduals, residuals_at
from theory.solvers.min_norm import row_space
from theory.unlearning.ascent import remove_terms


class Unlearned(NamedTuple):
    """A candidate (w̃, λ̃) on the retained points, and the multipliers λ* of the retrained model."""

    X: Float[Array, "m d"]
    y: Float[Array, " m"]
    forget: Bool[Array, " m"]
    w: Float[Array, " d"]
    lam: Float[Array, " m"]  # λ̃, 0 on F
    best_lam: Float[Array, " m"]  # λ*, 0 on F


class Terms(NamedTuple):
    """The parts of the identity."""

    best: KKTResiduals  # of w*
    size: Float[Array, ""]  # ‖w*‖
    distance: Float[Array, ""]  # D
    epsilon: Float[Array, ""]
    gap: Float[Array, ""]  # g
    delta: Float[Array, ""]
    other: Float[Array, ""]  # ‖u − w*‖² + 2 Σ λ*(M̃ − 1) + 2 Σ λ̃(M* − 1)
    slack: Float[Array, ""]  # what rounding of feasibility and of w* can take from the dropped terms
    magnitude: Float[Array, ""]  # largest numbers in the sums


def latent(sizes: Sizes) -> int:
    """Retained points, forget points, labels, two sets of multipliers, an error and four switches."""
    m, d, k = sizes["m"], sizes["d"], sizes["k"]
    return planted_latent(m - k, d) + k * d + 3 * m + d + 4


def _candidate(
    rows: Array, best_lam: Array, own: Array, error: Array, switches: Array, forget: Array
) -> tuple[Array, Array]:
    """(w̃, λ̃) with multipliers between λ* and free ones, stretched beyond the least margin 1 or not."""
    near, stretch = jnp.clip(switches[0], 0.0, 1.0), jax.nn.relu(switches[2])
    lam = jnp.where(forget, 0.0, best_lam + near * (own - best_lam))
    w = rows.T @ lam + error
    least = masked_min(rows @ w, ~forget)
    scale = (1.0 + stretch) / jnp.where(least > 0, least, 1.0)
    return scale * w, scale * lam


def _ascent(rows: Array, own: Array, error: Array, forget: Array) -> tuple[Array, Array, Array]:
    """(w̃, λ̃) of one ascent step on an approximate KKT point of all m points, and whether the point and α allow it."""
    w = rows.T @ own + error
    least = jnp.min(rows @ w)
    scale = 1.0 / jnp.where(least > 0, least, 1.0)
    w, lam = scale * w, scale * own
    alpha = masked_max(jnp.abs(rows @ rows.T) @ jnp.where(forget, lam, 0.0), ~forget)
    works = (least > 0) & (alpha < 0.99)
    shrink = 1.0 - jnp.where(works, alpha, 0.0)
    step = remove_terms(w, rows, jnp.ones_like(lam), lam, forget)
    return step / shrink, jnp.where(forget, 0.0, lam) / shrink, works


def build(sizes: Sizes, z: Float[Array, " n"]) -> Unlearned:
    """A planted retained problem with a candidate: near w*, free, or the witness of an ascent step."""
    m, d, k = sizes["m"], sizes["d"], sizes["k"]
    ends = np.cumsum([planted_latent(m - k, d), k * d, m, 2 * m, d])
    planted_z, forget_z, label_z, lam_z, error_z, switches = jnp.split(z, ends)
    kept, _, best = planted(planted_z, m - k, d)
    space = row_space(kept)  # the error and the forget points may be orthogonal to it, or nearly so
    away = jnp.tanh(forget_z).reshape(k, d)
    away = away - jax.nn.sigmoid(3.0 * switches[3]) * jax.vmap(space.project)(away)
    rows = jnp.concatenate([kept, away])
    best_lam, forget = jnp.concatenate([best, jnp.zeros(k)]), last(k, m)
    positive = jnp.exp(jnp.tanh(lam_z[m:]))
    own = jax.nn.relu(jnp.tanh(lam_z[:m])) * positive
    error = 0.4 * error_z / (1.0 + norm(error_z))
    error = error - jnp.clip(switches[1], 0.0, 1.0) * space.project(error)
    w, lam = _candidate(rows, best_lam, own, error, switches, forget)
    step_w, step_lam, works = _ascent(rows, positive, error, forget)
    stepped = works & (switches[3] > 0)
    y = signs(label_z)
    w, lam = jnp.where(stepped, step_w, w), jnp.where(stepped, step_lam, lam)
    return Unlearned(y[:, None] * rows, y, forget, w, lam, best_lam)


def solve(i: Unlearned) -> Terms:
    """Every term of the identity."""
    kept = ~i.forget
    u, target = i.X.T @ (i.lam * i.y), i.X.T @ (i.best_lam * i.y)
    margins, best_margins = i.y * (i.X @ i.w), i.y * (i.X @ target)
    best = residuals_at(i.best_lam, best_margins, jnp.zeros(()), kept)
    cross = jnp.sum(i.best_lam * (margins - 1.0)) + jnp.sum(i.lam * (best_margins - 1.0))
    infeasible = jnp.clip(masked_max(1.0 - margins, kept), 0.0, _rounding(i))
    lost = infeasible * jnp.sum(i.best_lam) + best.primal * jnp.sum(i.lam)
    return Terms(
        best=best,
        size=norm(target),
        distance=norm(i.w - target),
        epsilon=norm(i.w - u),
        gap=jnp.sum(i.lam * (margins - 1.0)),
        delta=masked_max(i.lam * (margins - 1.0), kept),
        other=norm(u - target) ** 2 + 2.0 * cross,
        slack=2.0 * (lost + jnp.abs(jnp.sum(i.best_lam * (best_margins - 1.0)))),
        magnitude=(norm(i.w) + norm(target) + jnp.sum(i.lam + i.best_lam) * jnp.max(jnp.abs(i.X))) ** 2,
    )


def feasibility(i: Unlearned) -> Array:
    """min over R of M̃ᵢ − 1, up to rounding of M̃ᵢ."""
    return masked_min(i.y * (i.X @ i.w), ~i.forget) - 1.0 + _rounding(i)


def _rounding(i: Unlearned) -> Array:
    """What scaling to the least margin 1 may leave below 1."""
    return 1e-12 * (1.0 + norm(i.w))


def _bound(i: Unlearned, t: Terms, *, k: float) -> Array:
    return t.epsilon**2 + k * t.gap


def _model(w: list[float], lam: list[float], second: list[float]) -> Unlearned:
    """Rows e₁ and ``second`` retained (w* = e₁, λ* = (1, 0)), a third point forgotten."""
    X = np.array([[1.0, 0.0], second, [0.0, 1.0]])
    forget = np.array([False, False, True])
    return Unlearned(*map(jnp.asarray, (X, np.ones(3), forget, np.array(w), np.array(lam), np.array([1.0, 0.0, 0.0]))))


CLAIM = Claim(
    key="ga.linear.distance_to_retraining",
    title="A certificate bounds the distance to the retrained model",
    statement=r"D=\|\tilde w-w^*\|,\ g=\sum_{i\in R}\tilde\lambda_i(\tilde M_i-1) \Rightarrow "
    r"D\le\tfrac12\bigl(\varepsilon+\sqrt{\varepsilon^2+4g}\bigr),\quad "
    r"D^2\le\varepsilon^2+2g\le\varepsilon^2+2|R|\delta",
    source="derived here",
    status="proved",
    sizes=({"m": 3, "d": 3, "k": 1}, {"m": 8, "d": 12, "k": 3}, {"m": 10, "d": 4, "k": 9}, {"m": 12, "d": 4, "k": 2}),
    latent=latent,
    build=build,
    assumptions=(
        Assumption("feasible", r"\tilde M_i\ge 1,\ i\in R", feasibility),
        Assumption("dual sign", r"\tilde\lambda\ge 0", lambda i: jnp.min(i.lam)),
    ),
    solve=solve,
    residual=lambda i, t: t.best.worst_relative(t.size, jnp.max(i.best_lam)),
    conclusions=(
        Conclusion(
            "identity",
            r"\varepsilon^2+2g = D^2+\|u-w^*\|^2+2\sum\lambda^*_i(\tilde M_i-1)+2\sum\tilde\lambda_i(M^*_i-1)",
            lhs=lambda i, t: t.epsilon**2 + 2.0 * t.gap,
            rhs=lambda i, t: t.distance**2 + t.other,
            relation="==",
            scale=lambda i, t: t.magnitude,
            solver_error=lambda i, t: t.slack,
        ),
        Conclusion(
            "certificate",
            r"D^2 \le \varepsilon^2+2g",
            lhs=lambda i, t: t.distance**2,
            rhs=_bound,
            tight=True,
            scale=lambda i, t: t.magnitude,
            solver_error=lambda i, t: t.slack,
        ),
        Conclusion(
            "best possible",
            r"D^2 \le \varepsilon D+g",
            lhs=lambda i, t: t.distance**2,
            rhs=lambda i, t: t.epsilon * t.distance + t.gap,
            tight=True,
            scale=lambda i, t: t.magnitude,
            solver_error=lambda i, t: t.slack,
        ),
        Conclusion(
            "worst point",
            r"\varepsilon^2+2g \le \varepsilon^2+2|R|\delta",
            lhs=_bound,
            rhs=lambda i, t, *, k: t.epsilon**2 + k * jnp.sum(jnp.where(i.forget, 0.0, 1.0)) * t.delta,
            tight=True,
            scale=lambda i, t: t.magnitude,
        ),
    ),
    witness=lambda i, t: i.w,
    counterexamples=(
        Counterexample("feasible", lambda: _model([0.0, 0.0], [0.0, 0.0, 0.0], [2.0, 0.0]), "w̃ = 0: ε = g = 0, D = 1"),
        Counterexample(
            "dual sign",
            lambda: _model([3.0, 0.0], [13.0, -5.0, 0.0], [2.0, 0.0]),
            "w̃ = 3e₁ = 13e₁ − 5·2e₁: ε = 0, margins 3 and 6, g = 13·2 − 5·5 = 1, D² = 4",
        ),
    ),
    obligations=optimality_steps.distance_to_retraining,
    constants={"k": 2.0},  # of g in the bound on D²
    notes="The bound ε² + 2g is attained only where w̃ − w* is orthogonal to every support vector; at ε = 0 it is "
    "twice the best one, D² ≤ g. The bound D ≤ (ε + √(ε² + 4g))/2 is attained for every ε and g.",
)
