r"""The linear view: one max-margin model, the ascent step on it, certificates and the theorem's bounds.

A step of fraction c removes c g, g = Σ_{l∈F} λ_l y_l x_l. With α_c = c max_{i∈R} Σ_{l∈F} λ_l |⟨x_l, x_i⟩| < 1 the
model w′/(1 − α_c) with the multipliers λ_R/(1 − α_c) is an (ε, δ)-KKT point of the retained problem,

    ε ≤ |1 − c| ‖g‖ / (1 − α_c),   δ ≤ 2 α_c Λ / (1 − α_c)²,   Λ = max_R λ_i

(derived here: the proof of theory/claims/ga/linear/ascent_step.py with c g in place of g; w is exact). The distance
to the retrained model is at most what a certificate bounds, theory/claims/ga/linear/distance_to_retraining.py.

The phase diagram ties the forget points to retained ones with every correlation in turn. The step's squared distance
to retraining is a parabola in c, so one pair of solves gives the whole column: the step hurts from
c = 2⟨w − w*, g⟩/‖g‖² on. For d → ∞ and c = 1 that is a correlation of 1/√2: each pair of twins has multipliers
1/(1 + c), and the distances are c/(1 + c) after the step and √((1 − c)/(1 + c)) before it.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from forgetproof.app.knobs import LINEAR, State, parse_query
from forgetproof.app.problem import DRAWN, Points, draw, forget_mask, tied
from forgetproof.app.rows import Row
from theory.certificate import certify_linear
from theory.numerics import cosine_gap, masked_max, norm
from theory.solvers.margin import margin_from_points
from theory.solvers.nonneg_qp import Status
from theory.unlearning.ascent import remove_terms
from theory.unlearning.projected_ascent import project_step

SHAPES = (64, DRAWN)
"""Compiled numbers of points."""
METHODS = ("nothing", "plain ascent", "projected ascent", "retraining")
CORRELATIONS = next(np.asarray(knob.values, float) for knob in LINEAR if knob.name == "correlation")
FRACTIONS = next(np.asarray(knob.values, float) for knob in LINEAR if knob.name == "fraction")


class NotSolved(ValueError):
    """The points have no max-margin model; the message says why and what to change."""


class Step(NamedTuple):
    """Everything on the models of METHODS; axis 0 of the first five runs over them."""

    margins: np.ndarray | Array  # (4, s) of the models as they are
    distance: np.ndarray | Array  # (4,) to the retrained model, relative to its norm
    gap: np.ndarray | Array  # (4,) 1 − cos to the retrained model
    epsilon: np.ndarray | Array  # (4,) of certificate(w′)
    delta: np.ndarray | Array  # (4,)
    reached: np.ndarray | Array  # (4,) ‖θ̃ − w*‖ of that certificate's witness
    bound: np.ndarray | Array  # (4,) what the certificate bounds it by; inf without a certificate
    alpha: np.ndarray | Array  # α_c
    theorem: np.ndarray | Array  # (2, 2): rows ε and δ of the theorem's witness; found and bound; NaN for α_c ≥ 1
    least_multiplier: np.ndarray | Array  # least retained multiplier after the full projected step


class Linear(NamedTuple):
    """What the view shows."""

    m: int
    lam: np.ndarray  # (s,)
    forget: np.ndarray  # (s,) bool
    step: Step
    fraction: float
    parabola: tuple[float, float]  # ‖g‖² and 2⟨w − w*, g⟩ over ‖w*‖²: the squared relative distance in c


class Phase(NamedTuple):
    """Distance after the step over distance before it, for CORRELATIONS × FRACTIONS; > 1: the step hurts."""

    ratio: np.ndarray  # (correlation, fraction); NaN where there is no model
    boundary: np.ndarray  # (correlation,): the fraction from which on it hurts


@jax.jit
def _solve(X: Array, y: Array, kept: Array) -> tuple[Array, Array, Array, Array]:
    found = margin_from_points(X, y, kept, extended=False)
    assert found.w is not None
    return found.lam, found.w, found.status, found.relative_residual


@jax.jit
def _step(
    X: Array, y: Array, present: Array, forget: Array, lam: Array, w: Array, target: Array, fraction: Array
) -> Step:
    retained = present & ~forget
    g = X.T @ jnp.where(forget, lam * y, 0.0)
    projected = project_step(w, X, y, lam, forget)
    stepped = remove_terms(w, X, y, lam, forget, fraction)
    models = jnp.stack([w, stepped, w + fraction * (projected.w - w), target])
    found = jax.lax.map(lambda model: certify_linear(model, X, y, retained), models)  # compiled once, not four times
    moved = jnp.abs(X @ X.T) @ jnp.where(forget, lam, 0.0)
    alpha = fraction * masked_max(moved, retained)
    shrink = jnp.where(alpha < 1.0, 1.0 - alpha, 1.0)
    witness, kept = stepped / shrink, jnp.where(retained, lam, 0.0) / shrink
    margins = y * (X @ witness)
    theorem = [
        [norm(witness - X.T @ (kept * y)), jnp.abs(1.0 - fraction) * norm(g) / shrink],
        [
            masked_max(kept * (margins - 1.0), retained),
            2.0 * alpha * masked_max(lam, retained) / shrink**2,
        ],
    ]
    return Step(
        margins=(models @ X.T) * y[None, :],
        distance=jax.vmap(lambda v: norm(v - target))(models) / norm(target),
        gap=jax.vmap(lambda v: cosine_gap(v, target))(models),
        epsilon=found.epsilon,
        delta=found.delta,
        reached=jnp.where(found.feasible, jax.vmap(lambda v: norm(v - target))(found.witness), jnp.nan),
        bound=found.distance_bound,
        alpha=alpha,
        theorem=jnp.where(alpha < 1.0, jnp.asarray(theorem), jnp.nan),  # the theorem speaks of α < 1 alone
        least_multiplier=jnp.min(jnp.where(retained, projected.multipliers, jnp.inf)),
    )


def _size(m: int) -> int:
    return next(size for size in SHAPES if m <= size)


def _trained(points: Points, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """λ and w of the max-margin model on the kept points."""
    lam, w, status, residual = _solve(points.X, points.y, kept)
    if int(status) == Status.INFEASIBLE:
        raise NotSolved(
            f"No model separates these {int(kept.sum())} points: raise d above m, lengthen the mean, or lower m."
        )
    if int(status) != Status.OPTIMAL or float(residual) > 1e-9:
        raise NotSolved(f"The max-margin model was not found to 1e-9: {Status(int(status)).message}.")
    return np.asarray(lam), np.asarray(w)


def _points(state: State) -> Points:
    v = state.values
    m = int(v["m"])
    return draw(str(v["law"]), float(v["d"]), float(v["rho"]), m, int(v["seed"]), _size(m))


@functools.lru_cache(maxsize=256)
def _models(query: str) -> tuple[Points, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points, forget mask, λ, w and the retrained w*, of a state without its fraction."""
    state = parse_query(query)
    m, k = int(state.values["m"]), int(state.values["k"])
    points = tied(_points(state), m, k, float(state.values["correlation"]))
    lam, w = _trained(points, points.present)
    forget = forget_mask(str(state.values["which"]), lam, m, k)
    _, target = _trained(points, points.present & ~forget)
    return points, forget, lam, w, target


def compute(state: State) -> Linear:
    """The view's result.

    Raises:
        NotSolved: the points, or the retained ones, have no max-margin model.
    """
    fraction = float(state.values["fraction"])
    points, forget, lam, w, target = _models(state.with_values(fraction=1.0).query)
    step = _step(points.X, points.y, points.present, forget, lam, w, target, fraction)
    g, square = _term(points, forget, lam), float(np.sum(target**2))
    parabola = float(np.sum(g * g)) / square, 2.0 * float(np.sum((w - target) * g)) / square
    return Linear(int(state.values["m"]), lam, forget, jax.tree.map(np.asarray, step), fraction, parabola)


def _term(points: Points, forget: np.ndarray, lam: np.ndarray) -> np.ndarray:
    """g, what the full step removes."""
    return points.X.T @ np.where(forget, lam * points.y, 0.0)


@functools.lru_cache(maxsize=64)
def _phase(query: str) -> Phase:
    state = parse_query(query)
    ratio = np.full((len(CORRELATIONS), len(FRACTIONS)), np.nan)
    boundary = np.full(len(CORRELATIONS), np.nan)
    for index, correlation in enumerate(CORRELATIONS):
        try:
            points, forget, lam, w, target = _models(state.with_values(correlation=float(correlation)).query)
        except NotSolved:
            continue
        g = _term(points, forget, lam)
        start, product, square = np.sum((w - target) ** 2), 2.0 * np.sum((w - target) * g), np.sum(g * g)
        if start > 0 and square > 0:
            moved = start - FRACTIONS * product + FRACTIONS**2 * square
            ratio[index] = np.sqrt(np.maximum(moved, 0.0) / start)
            boundary[index] = product / square
    return Phase(ratio, boundary)


def phase(state: State) -> Phase:
    """The phase diagram on the state's points: its own correlation and fraction play no part."""
    return _phase(state.with_values(correlation=0.0, fraction=1.0).query)


def rows(result: Linear) -> list[Row]:
    """The view's numbers."""
    s = result.step
    plain, projected = METHODS.index("plain ascent"), METHODS.index("projected ascent")
    kept = (np.arange(len(result.lam)) < result.m) & ~result.forget
    return [
        Row("epsilon of the step's witness", s.theorem[0, 0], s.theorem[0, 1], "theorem"),
        Row("delta of the step's witness", s.theorem[1, 0], s.theorem[1, 1], "theorem"),
        Row("distance to retraining, plain ascent", s.reached[plain], s.bound[plain], note="certificate"),
        Row("distance to retraining, projected ascent", s.reached[projected], s.bound[projected], note="certificate"),
        *(Row(f"relative distance, {name}", s.distance[i]) for i, name in enumerate(METHODS[:3])),
        *(Row(f"1 - cos to retraining, {name}", s.gap[i]) for i, name in enumerate(METHODS[:3])),
        *(
            Row(f"least retained margin, {name}", s.margins[i][kept].min())
            for i, name in enumerate(METHODS)
            if name != "retraining"
        ),
        *(Row(f"mean forgotten margin, {name}", s.margins[i][result.forget].mean()) for i, name in enumerate(METHODS)),
        Row("alpha", s.alpha),
        Row("least multiplier after projecting", s.least_multiplier),
    ]


def warm(shape: int) -> None:
    """Compile what the view runs at one of SHAPES."""
    for law in ("gaussian", "mixture", "near-orthogonal"):
        compute(parse_query("view=linear").with_values(m=SHAPES[shape], law=law))
