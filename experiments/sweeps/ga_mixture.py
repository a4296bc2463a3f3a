"""Test error on the Gaussian mixture after unlearning, over ρ, d, m, n and k."""

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm as gaussian

from experiments.engine.model import Axis, Cell, Result, Sweep
from experiments.studies.ga_mixture_test_error import MODELS, draw, fit, test_errors


def cell(at: Cell, settings: Cell) -> dict[str, jax.Array]:
    """Networks of one draw; the last k points are forgotten. NaN where an exact KKT point was not reached."""
    m, d = at["m"], at["d"]
    rho = at["rho"] * d**-0.25
    key, test_key = jax.random.split(jax.random.key(at["seed"]))
    problem = draw(key, d, rho, m, at["n"])
    forget = jnp.arange(m) >= m - at["k"]
    steps = int(settings["steps"])
    points = jax.vmap(lambda kept: fit(problem, kept, steps))(jnp.stack([jnp.ones(m, bool), ~forget]))
    trained, retrained = (jax.tree.map(lambda leaf, i=i: leaf[i], points) for i in range(2))
    error, linear = test_errors(test_key, problem, d, forget, trained, retrained, int(settings["samples"]))
    return {
        "error": error,
        "change": error - error[0],
        "linear": linear,
        "bayes": gaussian.cdf(-jnp.sqrt(d) * rho),
    }


SWEEP = Sweep(
    key="ga_mixture",
    paper="ga",
    title="Gaussian mixture: test error after unlearning",
    question="Where in ρ, d and k do unlearned networks generalise as the trained and the retrained ones do?",
    axes={
        "rho": Axis("ρ d^{1/4}, length of the mean", least=0.0, most=100.0),
        "d": Axis("dimension d", least=3.0, most=1e15),
        "k": Axis("points forgotten k", whole=True, least=1),
        "m": Axis("points m", role="shape", whole=True, least=4, most=500),
        "n": Axis("neurons n", role="shape", whole=True, least=2, most=5000),
        "seed": Axis("seed", whole=True, least=0, most=2**31 - 1),
    },
    results={
        "error": Result("test error", over=("model",)),
        "change": Result("test error less the trained network's", over=("model",)),
        "linear": Result("test error of the linear model that interpolates all labels"),
        "bayes": Result("Bayes error Φ(−√d ρ)"),
    },
    labels={"model": MODELS},
    grid={
        "rho": (0.3, 0.5, 0.7, 1.0, 1.5),
        "d": (1e2, 1e4, 1e6, 1e10),
        "k": (1, 2, 4, 6),
        "m": (12,),
        "n": (24,),
        "seed": (0, 1, 2),
        "steps": 300,
        "samples": 4096,
    },
    tiny={
        "rho": (0.6, 1.0),
        "d": (1e3, 1e10),
        "k": (1,),
        "m": (6,),
        "n": (16,),
        "seed": (0, 1),
        "steps": 60,
        "samples": 256,
    },
    undefined=lambda at: at["k"] >= at["m"] - 1 or at["d"] < at["m"] + 1,
    cell=cell,
    chunk=16,
    cell_bytes=lambda shape: 8.0 * (4096 * shape["n"] * 4 + 200 * shape["m"] * (shape["m"] + shape["n"])),
)
