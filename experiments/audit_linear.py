"""The audit of a linear classifier: residuals before, every unlearning method, and certificates after.

Weights are in the units where the least margin of the model is 1; where the model does not separate its points
they are as given, and there is no residual of the margin problem.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from theory.certificate import certify_linear
from theory.numerics import cosine_gap, masked_min
from theory.solvers.kkt import KKTResiduals, residuals_at
from theory.solvers.margin import MarginSolution, solve_margin
from theory.solvers.min_norm import row_space
from theory.solvers.nonneg_qp import Status
from theory.unlearning.ascent import remove_terms
from theory.unlearning.fine_tune import fine_tune_classifier
from theory.unlearning.projected_ascent import project_step

Record = dict[str, Any]

SLACKNESS = 0.5
"""Weight of complementarity in the choice of multipliers. With 0 and more points than dimensions almost any weights
are a combination of points, so that ε = 0 says nothing; with 1 the multipliers are the retrained model's."""


class Trained(NamedTuple):
    """The model before unlearning."""

    w: np.ndarray  # (d,) scaled to least margin 1 if it separates its points
    scale: float  # w times this are the weights as given
    separates: bool
    least: float  # least margin of the weights as given
    lam: np.ndarray  # (m,) best multipliers of w on all points
    margins: np.ndarray  # (m,) of w
    residuals: KKTResiduals | None  # of w and lam; None where it does not separate its points
    exact: MarginSolution  # max-margin model of all points; its status says whether there is one


_certify = jax.jit(certify_linear, static_argnames="slackness")
_residuals = jax.jit(residuals_at)
_plain = jax.jit(remove_terms)
_project = jax.jit(project_step)


def max_margin(X: np.ndarray, y: np.ndarray, forget: np.ndarray | None = None) -> MarginSolution:
    """The exact max-margin model of the points not forgotten; read ``status``."""
    start = np.ones(len(y), bool) if forget is None else ~forget
    return solve_margin(X, y, forget=forget, warm_start=start, throw=False)


def separable(solution: MarginSolution) -> bool | None:
    """Whether the points are separable; None where the solver did not decide."""
    return {Status.OPTIMAL: True, Status.INFEASIBLE: False}.get(Status(int(solution.status)))


def train_state(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> Trained:
    """What is known of the given weights on all their points."""
    least = float(np.min(y * (X @ w)))
    separates = least > 0
    scale = least if separates else 1.0
    unit, everyone = w / scale, np.ones(len(y), bool)
    # with a margin below 0 the weighed problem may have no minimum: the least stationarity then
    found = _certify(unit, X, y, everyone, slackness=SLACKNESS if separates else 0.0)
    lam, margins = np.asarray(found.lam), y * (X @ unit)
    residuals = _residuals(lam, margins, found.epsilon, everyone) if separates else None
    return Trained(unit, scale, separates, least, lam, margins, residuals, max_margin(X, y))


@functools.partial(jax.jit, static_argnames="steps")
def _tune(w: Array, X: Array, y: Array, retained: Array, steps: int) -> Array:
    """Loss-normalised flow on the retained points; the part of w outside the points' span stays.

    The flow lengthens w without limit: where it separates the retained points, its least margin there is set to 1.
    """
    space = row_space(X)
    path = fine_tune_classifier(space.combination(w), X @ X.T, y, retained, steps)
    tuned = space.reject(w) + X.T @ path.coefficients[-1]
    least = masked_min(y * (X @ tuned), retained)
    return tuned / jnp.where(least > 0, least, 1.0)


def unlearn(
    trained: Trained, X: np.ndarray, y: np.ndarray, forget: np.ndarray, method: str, fraction: float, steps: int
) -> np.ndarray | None:
    """Weights (d,) after one method, in ``trained``'s units; None: no max-margin model was found."""
    lam = trained.lam
    if method == "nothing":
        return trained.w
    if method == "plain ascent":
        w = np.asarray(_plain(trained.w, X, y, lam, forget, fraction))
        # every support vector forgotten: what is left is rounding, without a direction
        return w if np.linalg.norm(w) > 1e-12 * np.linalg.norm(trained.w) else np.zeros_like(w)
    if method == "projected ascent":
        full = np.asarray(_project(trained.w, X, y, lam, forget).w)
        return trained.w + fraction * (full - trained.w)
    if method == "fine-tuning":
        return np.asarray(_tune(trained.w, X, y, ~forget, steps=steps))
    if method == "retraining":
        again = max_margin(X, y, forget)
        return np.asarray(again.w) if separable(again) else None
    raise ValueError(f"method: expected a method of unlearning, got {method!r}")


def projected_multipliers(trained: Trained, X: np.ndarray, y: np.ndarray, forget: np.ndarray) -> np.ndarray:
    """λ + κ of the projected step, 0 on the forget set."""
    return np.asarray(_project(trained.w, X, y, trained.lam, forget).multipliers)


def certify(w: np.ndarray, X: np.ndarray, y: np.ndarray, forget: np.ndarray, again: np.ndarray | None) -> Record:
    """The certificate of one model, and its distances to the retrained model ``again``; None where there is none."""
    retained = ~forget
    found = _certify(w, X, y, retained, slackness=SLACKNESS)
    least = float(np.min((y * (X @ w))[retained]))
    entry: Record = {"feasible": bool(found.feasible), "least_retained_margin": least}
    empty = ("epsilon", "epsilon_relative", "delta", "tau", "distance_bound", "distance", "direction_gap")
    entry |= dict.fromkeys(empty)
    if again is not None and np.any(w):
        entry["direction_gap"] = float(cosine_gap(jnp.asarray(w), jnp.asarray(again)))
    if not entry["feasible"]:
        return entry
    size = float(np.linalg.norm(found.witness))
    length = size if again is None else float(np.linalg.norm(again))
    entry |= {
        "epsilon": float(found.epsilon),
        "epsilon_relative": float(found.epsilon) / size,
        "delta": float(found.delta),
        "tau": float(found.tau),
        "distance_bound": float(found.distance_bound) / length,
    }
    if again is not None:
        entry["distance"] = float(np.linalg.norm(np.asarray(found.witness) - again)) / length
    return entry


def describe(trained: Trained) -> Record:
    """The state before unlearning as a record."""
    size = float(np.linalg.norm(trained.w))
    entry: Record = {"separates": trained.separates, "least_margin": trained.least, "norm": size}
    entry["data_separable"] = separable(trained.exact)
    entry["residuals"] = None
    if trained.residuals is not None:
        entry["residuals"] = {name: float(value) for name, value in trained.residuals._asdict().items()}
        entry["residuals"]["stationarity_relative"] = entry["residuals"]["stationarity"] / size
    entry["support"] = int(np.sum(trained.lam > 0))
    entry["distance_to_max_margin"] = entry["gap_to_max_margin"] = None
    if entry["data_separable"]:
        best = np.asarray(trained.exact.w)
        entry["gap_to_max_margin"] = float(cosine_gap(jnp.asarray(trained.w), jnp.asarray(best)))
        if trained.separates:
            entry["distance_to_max_margin"] = float(np.linalg.norm(trained.w - best) / np.linalg.norm(best))
    return entry
