"""Falsehoods about worst-case forget sets: fixed losses, the implicit gradient, and ridge regression."""

import jax.numpy as jnp

from tests.falsehoods.planting import Falsehood, always, dropped, restated, sharper, solved
from theory.claims.wc.ridge import lower_bound, retrained_error
from theory.claims.wc.selection import fixed_losses, implicit_gradient, model_ignores_weights
from theory.numerics import norm
from theory.solvers.branch_and_bound import lower_bounds

LOSSES, GRADIENT, IGNORES = fixed_losses.CLAIM, implicit_gradient.CLAIM, model_ignores_weights.CLAIM
ERROR, BOUND = retrained_error.CLAIM, lower_bound.CLAIM


def _highest(i, s):
    return s._replace(best=fixed_losses.lowest(-i.losses, jnp.sum(i.start)))


def _one_by_one(i, s):
    """Each point's own leave-one-out error."""
    H = i.X @ jnp.linalg.solve(i.X.T @ i.X + i.mu * jnp.eye(i.X.shape[1]), i.X.T)
    return jnp.where(i.forget, s.e / (1.0 - jnp.diagonal(H)), 0.0)


def _errors_stay(i, s):
    """S keeps its errors whatever else is forgotten."""
    _, part = lower_bound.partial(i)
    alone = part._replace(chosen=part.chosen[:0], M=part.M[:0])
    t = len(i.added)
    return s._replace(bounds=jnp.sum(part.chosen**2) + lower_bounds(alone, t)[:t])


FALSEHOODS: tuple[Falsehood, ...] = (
    *sharper(LOSSES, "convergence", 1),
    *sharper(LOSSES, "selection", 10, 1),
    *sharper(LOSSES, "one weight", 1),
    *sharper(LOSSES, "changing losses", 1),
    solved(LOSSES, "highest", "the weights end at the highest losses", "convergence", _highest),
    dropped(LOSSES, "step", "selection", lambda i: i._replace(alpha=-i.alpha)),
    *sharper(GRADIENT, "finite response", 1),
    always(GRADIENT, "forgetting moves the model"),
    solved(
        GRADIENT,
        "wider",
        "the model is constant three radii around",
        "constant within the radius",
        lambda i, s: s._replace(inside=implicit_gradient.iterates(i, i.w + 3.0 * s.radius * jnp.sign(i.direction))),
    ),
    restated(
        GRADIENT, "no_penalty", "the upper gradient is the loss", "upper gradient",
        rhs=lambda i, s: implicit_gradient.losses(i, s.path[-1]),
    ),
    restated(
        IGNORES, "start", "sign descent stays where it starts", "same model", rhs=lambda i, s: i.theta
    ),
    *sharper(ERROR, "no better than before", 1),
    *sharper(ERROR, "weights", 1),
    restated(ERROR, "one_by_one", "forgotten points do not interact", "error", rhs=_one_by_one),
    restated(
        ERROR, "better", "a point is predicted better once it is forgotten", "no better than before",
        relation="<=",
        rhs=lambda i, s: 0.99 * norm(jnp.where(i.forget, s.e, 0.0)),
    ),
    *sharper(BOUND, "bound", 1),
    solved(BOUND, "errors_stay", "forgetting T leaves the errors on S as they are", "bound", _errors_stay),
)  # fmt: skip
