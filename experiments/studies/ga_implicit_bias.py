"""Direction of the loss-normalised gradient flow against flow time, with the derived rate."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.studies.gram_problems import sample, solve
from experiments.study import Parameters, Study, labelled
from theory.numerics import norm
from theory.solvers.gradient_flow import flow_in_gram


def _directions(X: Array, y: Array, target: Array, steps: int, records: int) -> tuple[Array, Array, Array]:
    """(times, 1 − cos, the proved bound) along the flow from 0."""
    path = flow_in_gram(X @ X.T, y, jnp.ones(len(y), bool), steps, records)
    return path.times, path.direction_gaps(X, target), jnp.log(1.0 * len(y)) * norm(target) ** 2 / path.times


_flows = jax.jit(jax.vmap(_directions, in_axes=(0, 0, 0, None, None)), static_argnums=(3, 4))


def run(p: Parameters) -> xr.Dataset:
    """One path a dimension and seed. Flow time is in units where a step is 1/max‖x‖²."""
    m, seeds = p["m"], p["seeds"]
    d = np.repeat(np.asarray(p["d"], float), seeds)
    problems = sample(p["seed"], d, np.full(len(d), m), np.ones(len(d), int), p["size"])
    target = solve(problems, problems.present).w
    # the first m points live in the first m coordinates
    times, gaps, bound = _flows(problems.X[:, :m, :m], problems.y[:, :m], target[:, :m], p["steps"], p["records"])
    shape = (len(p["d"]), seeds, -1)
    dims = ("d", "seed", "record")
    return xr.Dataset(
        {
            "time": labelled(dims, np.reshape(times, shape), "flow time s", "loss-normalised time"),
            "gap": labelled(dims, np.reshape(gaps, shape), "1 − cos(w(s), w*)"),
            "bound": labelled(dims, np.reshape(bound, shape), "log(m)/(γ² s)"),
        },
        {
            "d": labelled("d", np.asarray(p["d"], float), "dimension", "coordinates"),
            "seed": labelled("seed", np.arange(seeds), "repetition"),
            "record": labelled("record", np.arange(np.shape(times)[1]), "record along the path"),
        },
        {"m": m},
    )


STUDY = Study(
    key="ga_implicit_bias",
    paper="ga",
    title="Gradient flow turns to the max-margin direction",
    question="How fast does training reach the KKT point that the theorems start from?",
    quick={"seed": 0, "m": 20, "d": (30, 100, 1000), "seeds": 5, "steps": 10_000, "records": 28, "size": 40},
    full={"seed": 0, "m": 50, "d": (60, 200, 1000, 10**5), "seeds": 20, "steps": 200_000, "records": 48, "size": 100},
    tiny={"seed": 0, "m": 4, "d": (10, 20), "seeds": 2, "steps": 50, "records": 5, "size": 8},
    run=run,
)
