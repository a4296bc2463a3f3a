"""Linear ascent over d, m and k: distance to retraining against the certificate's bound, and 1 − cos."""

import jax
import jax.numpy as jnp

from experiments.engine.model import Axis, Cell, Result, Sweep
from theory.certificate import distance_bound
from theory.data.wishart import wishart_gram
from theory.numerics import cosine_gap, masked_min, norm
from theory.solvers.margin import margin_from_points
from theory.solvers.nonneg_qp import Status
from theory.unlearning.ascent import remove_terms
from theory.unlearning.projected_ascent import project_step

MODELS = ("nothing", "plain ascent", "projected ascent")
_SOLVED = 1e-9  # relative residual of both max-margin problems


def cell(at: Cell, settings: Cell) -> dict[str, jax.Array]:
    """One sample x ~ N(0, I/d), known up to rotation; the last k points are forgotten."""
    del settings
    m = at["m"]
    sample = wishart_gram(jax.random.key(at["seed"]), m, at["d"])
    X, y = sample.factor, sample.y
    forget = jnp.arange(m) >= m - at["k"]
    both = jnp.stack([jnp.ones(m, bool), ~forget])
    solved = jax.vmap(lambda kept: margin_from_points(X, y, kept, extended=False))(both)
    ok = jnp.all((solved.status == Status.OPTIMAL) & (solved.relative_residual <= _SOLVED))
    assert solved.w is not None
    (w, target), lam = solved.w, solved.lam[0]
    plain = remove_terms(w, X, y, lam, forget)
    models = jnp.stack([w, plain, project_step(w, X, y, lam, forget).w])
    length = norm(target)
    # the plain step's witness: scaled to least margin 1 with the retained multipliers, so that ε = 0
    least = masked_min(y * (X @ plain), ~forget)
    scale = 1.0 / jnp.where(least > 0, least, jnp.nan)
    slack = jnp.where(forget, 0.0, lam * scale * jnp.maximum(y * (X @ plain) * scale - 1.0, 0.0))
    known = {
        "gap": jax.vmap(lambda v: cosine_gap(v, target))(models),
        "distance": jax.vmap(lambda v: norm(v - target))(models) / length,
        "witness_distance": norm(plain * scale - target) / length,
        "bound": distance_bound(jnp.zeros(()), jnp.sum(slack)) / length,
        "delta": jnp.max(slack),
        "least_margin": least,
        "phi": jnp.max(jnp.abs(sample.G - jnp.diag(jnp.diagonal(sample.G)))),
    }
    return {name: jnp.where(ok, value, jnp.nan) for name, value in known.items()}


SWEEP = Sweep(
    key="ga_linear",
    paper="ga",
    title="Linear models: one ascent step over dimension, points and forget set",
    question="How do the distance to retraining and its certified bound scale with d, m and k?",
    axes={
        "d": Axis("dimension d", least=1.0, most=1e15),
        "m": Axis("points m", role="shape", whole=True, least=2, most=2000),
        "k": Axis("points forgotten k", whole=True, least=1),
        "seed": Axis("seed", whole=True, least=0, most=2**31 - 1),
    },
    results={
        "gap": Result("1 − cos to the retrained model", over=("model",)),
        "distance": Result("distance to the retrained model", "‖w*‖", ("model",)),
        "witness_distance": Result("distance of the plain step's witness to the retrained model", "‖w*‖"),
        "bound": Result("certified bound on the witness's distance", "‖w*‖"),
        "delta": Result("complementarity δ of the plain step's witness"),
        "least_margin": Result("least retained margin after the plain step"),
        "phi": Result("φ = max |⟨x_i, x_j⟩|"),
    },
    labels={"model": MODELS},
    grid={
        "d": (100.0, 1e3, 1e4, 1e5, 1e6, 1e8, 1e10, 1e12),
        "m": (10, 20, 40),
        "k": (1, 2, 4, 8, 16),
        "seed": tuple(range(16)),
    },
    tiny={"d": (30.0, 1e6), "m": (4, 6), "k": (1, 5), "seed": (0, 1)},
    undefined=lambda at: at["k"] >= at["m"] or at["d"] < at["m"],
    cell=cell,
    chunk=128,
    cell_bytes=lambda shape: 40.0 * 8 * shape["m"] ** 2,
)
