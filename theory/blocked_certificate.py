"""Certificates of linear models on many points, by blocks: of one model, and of all m leave-one-out models.

The step that leaves out a support vector l (:mod:`theory.unlearning.support_step`) gives w′ = Σ λ′ᵢ zᵢ over the support
S without l, zᵢ = yᵢxᵢ, with margin 1 on it. Points off the support may fall below 1, and multipliers below 0. As a
witness take w̃ = w′ + a (w − w′) with the least a in [0, 1] for which no retained margin is below 1; a = 1 is the
trained model, so there is one. Its multipliers are λ̃ = λ′₊.

*It is an (ε, 0)-KKT point of the retained problem, ε² = a² λ_l²/H_ll + ‖Σ min(λ′ᵢ, 0) zᵢ‖², and w̃ and w′ are at most
ε from the retrained model* (derived here). Proof: w and w′ have margin 1 on S without l, so w̃ has, and λ̃ lives
there: δ = 0. The stationarity error is w̃ − Σ λ̃ᵢ zᵢ = a (w − w′) + Σ min(λ′ᵢ, 0) zᵢ. The first term is a multiple of
Z_Sᵀ H e_l, which is orthogonal to every zᵢ of S but z_l since Z_S Z_Sᵀ H e_l = e_l, hence to the second; its squared
length is a² (λ_l/H_ll)² e_lᵀ H e_l. The distances are ga.linear.leave_one_out_support: the retrained model is in the
ball with the diameter from w̃ to Σ λ̃ᵢ zᵢ, and w′ on its sphere.

Leaving out a point off the support changes nothing: the trained model meets the KKT conditions of the retained problem.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from theory.certificate import Certificate, distance_bound
from theory.checks import as_forget_mask, as_labels, as_weights
from theory.solvers.device_rows import Rows, place
from theory.solvers.margin import MarginSolution
from theory.solvers.nonneg_qp import Status
from theory.solvers.working_set import working_set_qp
from theory.unlearning.support_step import SupportStep, combination, support_steps

TINY = 1e-300
EXACT = 1e-9
"""Shortfall of a margin, and share of the largest multiplier below 0, up to which a step is retraining."""


def certificate_blocked(w: Any, X: Any, y: Any, forget: Any, slackness: float = 0.0) -> Certificate:
    """:func:`theory.certificate.certificate` without an m × m matrix, for tens of thousands of points.

    Arguments, result and errors are the same; X may be :class:`theory.solvers.device_rows.Rows`. More than the free
    memory is refused with a ValueError.

    Raises:
        RuntimeError: no multipliers with residuals at rounding were found.
    """
    rows = place(X)
    m = rows.m
    if not 0.0 <= slackness < float("inf"):
        raise ValueError(f"slackness: expected a finite weight >= 0, got {slackness}")
    labels = np.asarray(as_labels(y, m))
    weights = np.asarray(as_weights(w, rows.dimension))
    retained = ~np.asarray(as_forget_mask(forget, m))
    least = float(np.min((labels * rows.times(jnp.asarray(weights)))[retained]))
    feasible = least > 0
    witness = weights / (least if feasible else 1.0)
    margins = labels * rows.times(jnp.asarray(witness))
    found = working_set_qp(rows, labels, -slackness * (margins - 1.0), witness, retained)
    if found.status is not Status.OPTIMAL:
        raise RuntimeError(f"certificate_blocked: {found.status.message}")
    epsilon = jnp.asarray(np.linalg.norm(witness - found.combination))
    slack = found.lam * (margins - 1.0)
    inf = jnp.asarray(jnp.inf)
    return Certificate(
        epsilon=epsilon if feasible else inf,
        delta=jnp.asarray(max(slack.max(), 0.0)) if feasible else inf,
        tau=jnp.zeros(()),
        witness=jnp.asarray(witness),
        lam=jnp.asarray(found.lam),
        feasible=jnp.asarray(feasible),
        distance_bound=distance_bound(epsilon, jnp.asarray(slack.sum())) if feasible else inf,
    )


class LeaveOneOutCertificates(NamedTuple):
    """One entry for each point left out. δ is 0 up to rounding, and so is what a point off the support changes."""

    epsilon: Float[np.ndarray, " m"]  # stationarity of the witness
    delta: Float[np.ndarray, " m"]  # its complementarity, all of it rounding
    tau: Float[np.ndarray, " m"]  # 1 − cos between the model w′ and its witness
    distance_bound: Float[np.ndarray, " m"]  # the witness and w′ are at most this far from the retrained model
    back: Float[np.ndarray, " m"]  # a: how far back to the trained model the witness lies
    least_margin: Float[np.ndarray, " m"]  # of w′ on the retained points
    least_multiplier: Float[np.ndarray, " m"]  # of w′, over the largest; negative ones are set to 0 in the witness
    exact: Bool[np.ndarray, " m"]  # w′ is the retrained model, to EXACT
    support: Bool[np.ndarray, " m"]  # the points whose leaving changes the model


def leave_one_out_certificates(
    X: Any, y: Any, trained: MarginSolution, block: int | None = None
) -> LeaveOneOutCertificates:
    """Certificates of all m leave-one-out models (module docstring), from one factor of the support's Gram matrix.

    Args:
        X: points (m, d), or :class:`theory.solvers.device_rows.Rows`. y: labels ±1.
        trained: exact solution on all of them, as :func:`theory.solvers.blocked_margin.solve_margin_blocked` gives.
        block: models at a time; None takes a tile of the factor (1024 at most).

    Raises:
        ValueError: bad shapes, values or labels, a solution on other points, fewer than two points, dependent support
            vectors, or more than the free memory (with the bytes).

    Margins are recomputed from the points, but for those on the support where nothing is off it: they are 1 up to the
    rounding of one solution with the factor.
    """
    rows = place(X)
    m = rows.m
    labels = np.asarray(as_labels(y, m))
    lam, margins = np.asarray(trained.lam), np.asarray(trained.margins)
    if lam.shape != (m,) or trained.w is None or len(trained.w) != rows.dimension:
        raise ValueError(f"trained: expected a solution on these {m} points in R^{rows.dimension}, with weights")
    if m < 2:
        raise ValueError("X: expected at least two points, so that one is retained, got 1")
    support = lam > 0
    gap = max(float(lam @ (margins - 1.0)), 0.0)
    unchanged = float(distance_bound(trained.residuals.stationarity, jnp.asarray(gap)))
    found = LeaveOneOutCertificates(
        epsilon=np.full(m, float(trained.residuals.stationarity)),
        delta=np.full(m, max(float(trained.residuals.complementarity), 0.0)),
        tau=np.zeros(m),
        distance_bound=np.full(m, unchanged),
        back=np.zeros(m),
        least_margin=np.full(m, margins.min()),
        least_multiplier=np.zeros(m),
        exact=np.ones(m, bool),
        support=support,
    )
    squared = float(jnp.sum(trained.w**2))
    for step in support_steps(rows, labels, lam, block):
        values = _judged(rows, labels, margins, squared, step)
        for name, value in values.items():
            getattr(found, name)[step.left_out] = value
    return found


def _judged(rows: Rows, y: np.ndarray, trained: np.ndarray, squared: float, step: SupportStep) -> dict[str, np.ndarray]:
    """A block of certificates. trained: the trained margins. squared: ‖w‖²."""
    models = np.arange(len(step.left_out))
    off = np.ones(rows.m, bool)
    off[step.support] = False
    on_support = np.ones_like(step.multipliers)
    least, back = np.ones(len(models)), np.zeros(len(models))
    if off.any():
        margins = y * rows.times(jnp.asarray(step.weights(rows, y).T)).T
        on_support = margins[:, step.support]
        short = np.maximum(1.0 - margins[:, off], 0.0)  # back = max (1 − M′)/(M − M′) where M′ < 1 ≤ M
        back = np.max(short / (short + np.maximum(trained[off] - 1.0, 0.0) + TINY), axis=1)
        margins[models, step.left_out] = np.inf
        least = margins.min(axis=1)
    negative = np.minimum(step.multipliers, 0.0)
    error = np.zeros(len(models))
    some = np.flatnonzero(negative.min(axis=1) < 0)
    if len(some):
        error[some] = np.linalg.norm(combination(rows, y, step.support, negative[some]), axis=1)
    moved = np.sqrt(step.moved_squared)  # ‖w − w′‖
    epsilon = np.hypot(back * moved, error)
    terms = np.maximum(step.multipliers, 0.0) * (on_support - 1.0) * (1.0 - back)[:, None]
    bound = 0.5 * (epsilon + np.sqrt(epsilon**2 + 4.0 * np.maximum(terms.sum(axis=1), 0.0)))
    # w − w′ is orthogonal to w′: the angle to the witness has the tangent back ‖w − w′‖ / ‖w′‖
    remains = np.sqrt(np.maximum(squared - step.moved_squared, 0.0))
    cosine = remains / np.maximum(np.hypot(remains, back * moved), TINY)
    share = step.multipliers.min(axis=1) / np.maximum(step.multipliers.max(axis=1), TINY)
    return {
        "epsilon": epsilon,
        "delta": np.maximum(terms.max(axis=1), 0.0),
        "tau": (back * moved) ** 2 / np.maximum(remains**2 + (back * moved) ** 2, TINY) / (1.0 + cosine),
        "distance_bound": bound,
        "back": back,
        "least_margin": least,
        "least_multiplier": share,
        "exact": (least >= 1.0 - EXACT) & (share >= -EXACT),
    }
