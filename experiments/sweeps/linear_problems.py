"""What the sweeps of linear models measure on one problem, traced: models, the witness of the plain step, its bound."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from experiments.engine.model import Result
from theory.certificate import distance_bound
from theory.numerics import cosine_gap, masked_min, norm
from theory.solvers.margin import margin_from_points
from theory.solvers.nonneg_qp import Status
from theory.unlearning.ascent import remove_terms
from theory.unlearning.projected_ascent import project_step

MODELS = ("nothing", "plain ascent", "projected ascent")
_SOLVED = 1e-9  # relative residual of both max-margin problems

RESULTS = {
    "gap": Result("1 − cos to the retrained model", over=("model",)),
    "distance": Result("distance to the retrained model", "‖w*‖", ("model",)),
    "witness_distance": Result("distance of the plain step's witness to the retrained model", "‖w*‖"),
    "bound": Result("certified bound on the witness's distance", "‖w*‖"),
    "delta": Result("complementarity δ of the plain step's witness"),
    "least_margin": Result("least retained margin after the plain step"),
    "least_multiplier": Result("least retained multiplier after the projected step"),
    "phi": Result("φ = max |⟨x_i, x_j⟩|"),
}


def measure(X: Float[Array, "m m"], y: Float[Array, " m"], forget: Bool[Array, " m"]) -> dict[str, Array]:
    """RESULTS on points in coordinates of their span; NaN where a max-margin problem was not solved to 1e-9.

    The plain step's witness is the step's model scaled to least retained margin 1, with the trained multipliers of R in
    the same scale: it is stationary (ε = 0), and its slackness bounds its distance to the retrained model.
    """
    both = jnp.stack([jnp.ones_like(forget), ~forget])
    solved = jax.vmap(lambda kept: margin_from_points(X, y, kept, extended=False))(both)
    ok = jnp.all((solved.status == Status.OPTIMAL) & (solved.relative_residual <= _SOLVED))
    assert solved.w is not None
    (w, target), lam = solved.w, solved.lam[0]
    plain, projected = remove_terms(w, X, y, lam, forget), project_step(w, X, y, lam, forget)
    models = jnp.stack([w, plain, projected.w])
    least = masked_min(y * (X @ plain), ~forget)
    feasible = least > 0
    scale = 1.0 / jnp.where(feasible, least, 1.0)
    slack = jnp.where(forget, 0.0, lam * scale * jnp.maximum(y * (X @ plain) * scale - 1.0, 0.0))
    G, length = X @ X.T, norm(target)
    found = {
        "gap": jax.vmap(lambda v: cosine_gap(v, target))(models),
        "distance": jax.vmap(lambda v: norm(v - target))(models) / length,
        "witness_distance": jnp.where(feasible, norm(plain * scale - target) / length, jnp.nan),
        "bound": jnp.where(feasible, distance_bound(jnp.zeros(()), jnp.sum(slack)) / length, jnp.nan),
        "delta": jnp.where(feasible, jnp.max(slack), jnp.nan),
        "least_margin": least,
        "least_multiplier": masked_min(projected.multipliers, ~forget),
        "phi": jnp.max(jnp.abs(G - jnp.diag(jnp.diagonal(G)))),
    }
    return {name: jnp.where(ok, value, jnp.nan) for name, value in found.items()}
