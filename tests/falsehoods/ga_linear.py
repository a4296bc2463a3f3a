"""Falsehoods about gradient ascent on linear models."""

import jax.numpy as jnp

from tests.falsehoods.planting import Falsehood, always, dropped, restated, sharper, solved
from theory.claims.ga.linear import all_support_vectors as support
from theory.claims.ga.linear import ascent_never_hurts as never
from theory.claims.ga.linear import ascent_step as ascent
from theory.claims.ga.linear import decremental
from theory.claims.ga.linear import distance_to_retraining as distance
from theory.claims.ga.linear import implicit_bias as bias
from theory.claims.ga.linear import leave_one_out as loo
from theory.claims.ga.linear import leave_one_out_support as ball
from theory.claims.ga.linear import multiplier_bounds as bounds
from theory.claims.ga.linear import projected_exact as exact
from theory.claims.ga.linear import projected_keeps_margins as keeps
from theory.claims.ga.linear import projected_never_hurts as projected
from theory.claims.ga.linear import step_size as size
from theory.claims.instances import complementarity, stationarity
from theory.numerics import masked_max, masked_min, norm
from theory.solvers.min_norm import row_space
from theory.unlearning.ascent import remove_terms


def _plain(i, s):
    """The plain step where the theorem has the projected one."""
    return s._replace(projected=s.projected._replace(w=s.plain))


def _without_kappa(i, s):
    return s._replace(projected=s.projected._replace(multipliers=jnp.where(i.forget, 0.0, i.lam)))


def _unscaled(i, s):
    return s._replace(witness=s.unlearned, lam=s.lam * s.shrink, margins=s.margins * s.shrink)


def _descent(i, s):
    moved = (2.0 * i.w - s.unlearned) / s.shrink
    return s._replace(witness=moved, margins=i.y * (i.X @ moved))


def _nearest_alpha(i, s):
    """α as the least, not the largest, over retained points."""
    moved = jnp.abs(i.X @ i.X.T) @ jnp.where(i.forget, i.lam, 0.0)
    shrink = 1.0 - masked_min(moved, ~i.forget)
    ratio = s.shrink / shrink
    return s._replace(witness=s.witness * ratio, lam=s.lam * ratio, margins=s.margins * ratio, shrink=shrink)


def _single_alpha(i, s):
    largest = masked_max(i.lam, ~i.forget)
    return (complementarity(i) + (1.0 - s.shrink) * largest) / s.shrink**2


def _worst_point(neighbours):
    return lambda i, t: t.epsilon**2 + 2.0 * neighbours(jnp.sum(jnp.where(i.forget, 0.0, 1.0))) * t.delta


def _formula(field, value):
    return lambda i, s: s._replace(formula=s.formula._replace(**{field: value(i, s)}))


def _loo_plain(i, s):
    weights = i.lam * i.y
    return weights[None, :] - jnp.diag(weights)


def _support_delta(i, s):
    """δ over the trained support vectors only."""
    multipliers = jnp.where(i.lam[None, :] > 1e-9, jnp.maximum(s.direct.multipliers, 0.0), 0.0)
    return jnp.max(multipliers * loo._slack(i, s), axis=1)


def _feasible_step(i, s):
    """The step for the witness, whatever margin it loses."""
    return s._replace(witness=s.step)


def _without_others(i, s):
    """The support's multipliers kept, but for that of l."""
    lam = jnp.where(jnp.eye(len(i.y), dtype=bool), 0.0, i.lam[None, :])
    return s._replace(step=(lam * i.y[None, :]) @ i.X)


def _one_neighbour_fewer(i, s):
    return bounds.lower(i, jnp.max(i.lam)) + i.phi * jnp.max(i.lam) / (1.0 + i.psi)


def _without_epsilon(i, s):
    return bounds.lower(i, jnp.max(i.lam)) + stationarity(i) / jnp.sqrt(1.0 + i.psi)


def _off_margin(i):
    """Margins of the retained points are whatever halving the first multipliers gives, at least 1."""
    lam = i.lam * (1.0 + jnp.arange(len(i.lam)))
    w = i.X.T @ (lam * i.y)
    least = jnp.min(i.y * (i.X @ w))
    scale = 1.0 / jnp.where(least > 0, least, 1.0)
    return i._replace(w=scale * w, lam=scale * lam)


def _off_span(i):
    """A part outside the span of the points, which no margin sees."""
    return i._replace(w=i.w + row_space(i.X).reject(jnp.ones_like(i.w)))


FALSEHOODS: tuple[Falsehood, ...] = (
    *sharper(support.CLAIM, "multipliers", 50, 1),
    dropped(support.CLAIM, "products", "multipliers", lambda i: i._replace(phi=0.5 * i.phi)),
    dropped(support.CLAIM, "norms", "multipliers", lambda i: i._replace(psi=0.5 * i.psi)),
    restated(never.CLAIM, "distance", "the step never moves the model away", "distance"),
    restated(
        never.CLAIM,
        "twice_the_distance",
        "at most twice as far as doing nothing",
        "distance",
        rhs=lambda i, s: 2.0 * norm(i.w - s.retrained),
    ),
    restated(never.CLAIM, "direction", "the step never turns the model away", "direction"),
    *sharper(ascent.CLAIM, "complementarity", 50, 10, 1),
    *sharper(ascent.CLAIM, "stationarity", 1),
    *sharper(ascent.CLAIM, "primal", 1),
    restated(ascent.CLAIM, "alpha_once", "δ grows by αΛ, not 2αΛ", "complementarity", rhs=_single_alpha),
    solved(ascent.CLAIM, "unscaled", "the step itself is feasible, without 1/(1 − α)", "primal", _unscaled),
    solved(ascent.CLAIM, "descent", "a step with the other sign is stationary", "stationarity", _descent),
    solved(ascent.CLAIM, "least_alpha", "α of the retained point that moves least", "primal", _nearest_alpha),
    dropped(ascent.CLAIM, "alpha below 1", "primal"),
    always(decremental.CLAIM, "exchanges"),
    always(decremental.CLAIM, "solver's exchanges"),
    solved(
        decremental.CLAIM,
        "trained",
        "the trained model is the retrained one",
        "same model",
        lambda i, s: s._replace(w=s.w.at[2].set(s.w[0])),
    ),
    *sharper(distance.CLAIM, "certificate", 50, 10, 1),
    *sharper(distance.CLAIM, "best possible", 1),
    *sharper(distance.CLAIM, "worst point", 1),
    restated(
        distance.CLAIM,
        "gap_once",
        "D² ≤ ε² + g, with the gap counted once",
        "certificate",
        rhs=lambda i, t: t.epsilon**2 + t.gap,
    ),
    restated(distance.CLAIM, "gap_forgotten", "D² ≤ εD", "best possible", rhs=lambda i, t: t.epsilon * t.distance),
    restated(distance.CLAIM, "one_point_fewer", "|R| − 1 for |R|", "worst point", rhs=_worst_point(lambda n: n - 1.0)),
    restated(distance.CLAIM, "one_point", "1 for |R|", "worst point", rhs=_worst_point(lambda n: 1.0)),
    dropped(distance.CLAIM, "feasible", "certificate", lambda i: i._replace(w=0.5 * i.w, lam=0.5 * i.lam)),
    dropped(distance.CLAIM, "dual sign", "certificate", lambda i: i._replace(lam=i.lam * i.y)),
    *sharper(bias.CLAIM, "growth", 1),
    *sharper(bias.CLAIM, "loss", 1),
    restated(
        bias.CLAIM,
        "no_log_m",
        "the margin is γ already, log m forgotten",
        "margin",
        rhs=lambda i, s: jnp.broadcast_to(s.gamma, s.gaps.shape),
    ),
    restated(
        bias.CLAIM,
        "tenth_of_the_rate",
        "a tenth of the bound log(m)/(γ²s)",
        "rate",
        rhs=lambda i, s: 0.1 * jnp.log(len(i.y)) / (s.gamma**2 * s.path.times),
    ),
    always(bias.CLAIM, "decay"),
    dropped(bias.CLAIM, "from zero", "direction", lambda i: i._replace(start=i.start.at[0].set(10.0))),
    *sharper(loo.CLAIM, "distance to retraining", 50),
    solved(
        loo.CLAIM,
        "plain_step",
        "the plain steps are the projected ones",
        "models",
        _formula("coefficients", _loo_plain),
    ),
    solved(
        loo.CLAIM,
        "next_index",
        "the model without point l + 1 in place of that without l",
        "models",
        lambda i, s: s._replace(formula=s.formula._replace(coefficients=jnp.roll(s.formula.coefficients, 1, axis=0))),
    ),
    solved(
        loo.CLAIM, "support_only", "δ over the trained support vectors only", "delta", _formula("delta", _support_delta)
    ),
    dropped(loo.CLAIM, "trained", "feasible", lambda i: i._replace(lam=0.9 * i.lam)),
    *sharper(ball.CLAIM, "ball", 50, 1),
    *sharper(ball.CLAIM, "model", 10),
    solved(ball.CLAIM, "no_way_back", "the step keeps every retained margin", "feasible", _feasible_step),
    solved(ball.CLAIM, "plain_step", "the other multipliers need not move", "model", _without_others),
    *sharper(bounds.CLAIM, "upper", 50, 10, 1),
    *sharper(bounds.CLAIM, "lower", 10, 1),
    restated(
        bounds.CLAIM,
        "no_delta",
        "δ does not enter the upper bound",
        "upper",
        rhs=lambda i, s: (1.0 + stationarity(i) * jnp.sqrt(1.0 + i.psi)) / bounds.dominance(i),
    ),
    restated(bounds.CLAIM, "one_neighbour_fewer", "m − 2 neighbours", "lower", rhs=_one_neighbour_fewer),
    restated(bounds.CLAIM, "no_epsilon", "ε does not enter the lower bound", "lower", rhs=_without_epsilon),
    dropped(bounds.CLAIM, "products", "upper", lambda i: i._replace(phi=0.5 * i.phi)),
    dropped(bounds.CLAIM, "feasible", "lower", lambda i: i._replace(w=0.5 * i.w, lam=0.5 * i.lam)),
    solved(exact.CLAIM, "plain_step", "the plain step is retraining", "retrained", _plain),
    solved(exact.CLAIM, "no_kappa", "the multipliers stay what they were", "multipliers", _without_kappa),
    solved(
        exact.CLAIM,
        "half_projected",
        "a step projected half way misses by as much",
        "plain step misses by",
        lambda i, s: s._replace(plain=0.5 * (s.plain + s.projected.w)),
    ),
    dropped(exact.CLAIM, "on the margin", "retrained", _off_margin),
    dropped(exact.CLAIM, "stationary", "retrained", _off_span),
    solved(keeps.CLAIM, "plain_step", "the plain step keeps the margins", "retained margins", _plain),
    solved(
        keeps.CLAIM,
        "half_step",
        "half a step forgets as much",
        "what is forgotten",
        lambda i, s: s._replace(projected=s.projected._replace(w=0.5 * (i.w + s.projected.w))),
    ),
    solved(keeps.CLAIM, "no_kappa", "stationary without κ", "stationarity", _without_kappa),
    dropped(
        keeps.CLAIM,
        "every retained point",
        "retained margins",
        lambda i: i._replace(left_alone=i.left_alone.at[0].set(False)),
    ),
    *sharper(projected.CLAIM, "distance", 1),
    *sharper(projected.CLAIM, "direction", 1),
    solved(
        projected.CLAIM,
        "plain_step",
        "the plain step never hurts",
        "distance",
        lambda i, s: s._replace(unlearned=remove_terms(i.w, i.X, i.y, i.lam, i.forget)),
    ),
    dropped(projected.CLAIM, "separates", "direction", lambda i: i._replace(w=-i.w, lam=-i.lam)),
    dropped(projected.CLAIM, "stationary", "distance", lambda i: i._replace(lam=i.lam + 2.0)),
    *sharper(size.CLAIM, "refitted, lower", 1),
    *sharper(size.CLAIM, "refitted, V", 1),
    *sharper(size.CLAIM, "refitted, upper", 1),
    solved(
        size.CLAIM,
        "inside_the_span",
        "the removed part within span(R) counts too",
        "refitted, lower",
        lambda i, s: s._replace(left_outside=s.left),
    ),
    solved(
        size.CLAIM,
        "no_error",
        "the tip is at c = 1 whatever v",
        "refitted, V",
        lambda i, s: s._replace(v_outside=jnp.zeros_like(i.v)),
    ),
    restated(
        size.CLAIM,
        "wrong_sign",
        "‖v − (1 − c)u‖ for ‖v + (1 − c)u‖",
        "fixed multipliers",
        rhs=lambda i, s: norm(i.v - (1.0 - i.c) * size.removed(i)),
    ),
    dropped(size.CLAIM, "dual", "refitted, upper", lambda i: i._replace(lam=i.lam * i.y)),
)
