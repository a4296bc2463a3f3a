"""Linear ascent over d, m and k: distance to retraining against the certificate's bound, and 1 − cos."""

import jax
import jax.numpy as jnp

from experiments.engine.model import Axis, Cell, Sweep
from experiments.sweeps.linear_problems import MODELS, RESULTS, measure
from theory.data.wishart import wishart_gram


def cell(at: Cell, settings: Cell) -> dict[str, jax.Array]:
    """One sample x ~ N(0, I/d), known up to rotation; the last k points are forgotten."""
    del settings
    sample = wishart_gram(jax.random.key(at["seed"]), at["m"], at["d"])
    return measure(sample.factor, sample.y, jnp.arange(at["m"]) >= at["m"] - at["k"])


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
    results=RESULTS,
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
