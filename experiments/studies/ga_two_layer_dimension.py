"""The certificate of one ascent step on a two-layer network from d = 10² to 10¹², with its a-priori bound."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.studies.gram_problems import in_chunks
from experiments.studies.network_problems import CHUNK, METHODS, SAME_KINK, Trained, last, solved, train, unlearn
from experiments.study import Parameters, Study, labelled
from theory.claims.ga.two_layer.certificate_size import dimension_needed, gram_range, projection_bound, ratio_bound
from theory.models.two_layer import margins
from theory.numerics import norm, tangent_gap
from theory.two_layer_certificate import certify_step

_MEASURES = {
    "epsilon": "ε of the step, trained multipliers",
    "epsilon_refitted": "ε of the step, multipliers refitted",
    "epsilon_a_priori": "bound on ε from ψ, φ and the multipliers alone",
    "tau": "τ of the step",
    "tau_a_priori": "bound on τ from ψ, φ and the multipliers alone",
    "margin_shift": "how far a retained margin moved",
    "phi": "φ = max |⟨x_i, x_j⟩|",
    "psi": "ψ = max |‖x_i‖² − 1|",
}


def _one(problem: Trained, forget: Array) -> dict[str, Array]:
    G, y, point, kept = problem.sample.G, problem.sample.y, problem.point, ~forget
    step = certify_step(point.net, G, y, point.lam, point.t, forget, point.t, SAME_KINK)
    off = jnp.max(jnp.abs(G - jnp.diag(jnp.diagonal(G))))
    psi = jnp.max(jnp.abs(jnp.diagonal(G) - 1.0))
    count = jnp.sum(kept).astype(G.dtype)
    low, high = gram_range(psi, off, count)
    speaks = low > 0
    low = jnp.where(speaks, low, 1.0)
    length, total = norm(point.net.u), jnp.sum(jnp.where(forget, point.lam, 0.0))
    bound = length * total * projection_bound(off, count, low)
    q = ratio_bound(length, total, off, low, high)
    moved = jnp.abs(margins(step.unlearned, G, y) - margins(point.net, G, y))
    return {
        "epsilon": step.certificate.epsilon,
        "epsilon_refitted": step.refitted.epsilon,
        "epsilon_a_priori": jnp.where(speaks, bound, jnp.nan),
        "tau": step.certificate.tau,
        "tau_a_priori": jnp.where(speaks & (q < 1), tangent_gap(q), jnp.nan),
        "margin_shift": jnp.max(jnp.where(kept, moved, 0.0)),
        "phi": off,
        "psi": psi,
    }


_measure = jax.jit(jax.vmap(_one))


def run(p: Parameters) -> xr.Dataset:
    """The same random keys at every dimension."""
    m, n, seeds, ds = p["m"], p["n"], p["seeds"], np.asarray(p["d"], float)
    keys = jax.random.split(jax.random.key(p["seed"]), seeds)
    forget = last(p["k"], m, seeds)
    rows = []
    for d in ds:
        problems = train(keys, m, n, d, p["steps"])
        found = in_chunks(_measure, problems, forget, chunk=CHUNK)
        found["retrained_gap"] = unlearn(problems, forget, p["steps"], p["tuning"]).retrained_gap[:, :-1]
        ok = np.asarray(solved(problems.point))
        rows.append({k: np.where(ok.reshape(-1, *[1] * (v.ndim - 1)), v, np.nan) for k, v in found.items()})
    dims = ("d", "seed")
    variables = {key: labelled(dims, np.stack([row[key] for row in rows]), text) for key, text in _MEASURES.items()}
    variables["retrained_gap"] = labelled(
        (*dims, "model"), np.stack([row["retrained_gap"] for row in rows]), "1 − cos to the retrained network"
    )
    needed = {
        f"needed_{name}": dimension_needed(p["epsilon_d"] / (4.0 * by), m)
        for name, by in (("by_points", m), ("by_pairs", m * n))
    }
    return xr.Dataset(
        variables,
        {
            "d": labelled("d", ds, "dimension"),
            "seed": labelled("seed", np.arange(seeds), "random problem"),
            "model": labelled("model", list(METHODS[:-1]), "network"),
        },
        {**{key: p[key] for key in ("m", "n", "k", "steps", "epsilon_d")}, **needed},
    )


STUDY = Study(
    key="ga_two_layer_dimension",
    paper="ga",
    title="Two-layer network: the certificate from d = 100 to 10¹²",
    question="How small does the certificate get with the dimension, and where do the theorem's hypotheses begin?",
    quick={"seed": 0, "m": 10, "n": 50, "k": 1, "d": tuple(10.0 ** np.arange(2, 13)), "seeds": 8, "steps": 2000,
           "tuning": 200, "epsilon_d": 0.01},
    full={"seed": 0, "m": 10, "n": 100, "k": 1, "d": tuple(10.0 ** np.arange(2, 12.5, 0.5)), "seeds": 48, "steps": 5000,
          "tuning": 500, "epsilon_d": 0.01},
    tiny={"seed": 1, "m": 5, "n": 16, "k": 1, "d": (100.0, 1e6), "seeds": 2, "steps": 300, "tuning": 50,
          "epsilon_d": 0.01},
    run=run,
)  # fmt: skip
