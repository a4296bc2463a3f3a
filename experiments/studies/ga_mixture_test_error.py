"""Does unlearning keep the test error of two-layer networks on the Gaussian mixture? Against ρ, k and d."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.scipy.stats import norm as gaussian
from jaxtyping import Array

from experiments.studies.gram_problems import in_chunks
from experiments.study import Parameters, Study, labelled
from theory.data.wishart import GramSample, mixture_gram, with_labels
from theory.models.mixture_error import count_errors, preactivation_law
from theory.models.two_layer import TwoLayer, initialise, output_weights
from theory.numerics import gram_norm
from theory.solvers.clarke_kkt_point import KinkStatus, KKTPoint, kkt_point_near
from theory.solvers.two_layer_flow import train_in_coefficients
from theory.unlearning.two_layer_ascent import ascend, ascend_projected, step_weights

MODELS = ("trained", "plain ascent", "projected ascent", "retraining")
CHUNK = 16  # networks a compiled batch


class _Problem(NamedTuple):
    sample: GramSample
    start: TwoLayer


def draw(key: Array, d: Array, rho: Array, m: int, n: int) -> _Problem:
    """Labels alternate, so that forgetting the last points keeps them balanced."""
    data_key, start_key = jax.random.split(key)
    sample = with_labels(mixture_gram(data_key, m, d, rho), jnp.where(jnp.arange(m) % 2 == 0, 1.0, -1.0))
    return _Problem(sample, initialise(start_key, sample.factor, output_weights(n), d))


def fit(problem: _Problem, mask: Array, steps: int) -> KKTPoint:
    """The exact KKT point that the flow from the start leads to."""
    G, y = problem.sample.G, problem.sample.y
    end = train_in_coefficients(problem.start, G, y, mask, steps=steps, records=2).end
    return kkt_point_near(end, G, y, mask)


def test_errors(
    key: Array, problem: _Problem, d: Array, forget: Array, point: KKTPoint, retrained: KKTPoint, samples: int
) -> tuple[Array, Array]:
    """Test errors of MODELS, on the same points, and of the linear model that interpolates all labels."""
    sample = problem.sample
    G, y = sample.G, sample.y
    weights = step_weights(point.net, G, point.lam, point.t, "autodiff")
    plain, projected = ascend(point.net, y, forget, weights), ascend_projected(point.net, G, y, forget, weights)
    laws = [preactivation_law(net, sample, d) for net in (point.net, plain, projected, retrained.net)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *laws)
    rates = jax.vmap(lambda law: count_errors(key, point.net.u, law, samples))(stacked) / samples
    solved = (point.status == KinkStatus.SOLVED) & (retrained.status == KinkStatus.SOLVED)
    c = jnp.linalg.solve(G, y)
    linear = gaussian.cdf(-jnp.sqrt(d) * (c @ sample.x_mu) / gram_norm(c, G))
    return jnp.where(solved, rates, jnp.nan), linear


@functools.cache
def _compiled(m: int, n: int, steps: int, samples: int) -> tuple[Any, Any, Any]:
    """Drawing, fitting (of all points and of the retained ones) and testing, each compiled once a size."""
    return (
        jax.jit(jax.vmap(functools.partial(draw, m=m, n=n))),
        jax.jit(jax.vmap(functools.partial(fit, steps=steps))),
        jax.jit(jax.vmap(functools.partial(test_errors, samples=samples))),
    )


def run(p: Parameters) -> xr.Dataset:
    """Three sweeps about the base (ρ d^{1/4}, k, d); every network of every sweep is one row of one batch."""
    m, n, seeds = p["m"], p["n"], p["seeds"]
    sweeps: dict[str, tuple[float, ...]] = {"rho": p["rho"], "k": p["k"], "d": p["d"]}
    base = {"rho": p["base_rho"], "k": p["base_k"], "d": p["base_d"]}
    rows = [{**base, name: value} for name, values in sweeps.items() for value in values for _ in range(seeds)]
    rho, k, d = (np.array([float(row[name]) for row in rows]) for name in ("rho", "k", "d"))
    # the same keys along a sweep, so that its points differ by what is swept and not by luck
    keys, test_keys = (
        jnp.tile(each, len(rows) // seeds) for each in jax.random.split(jax.random.key(p["seed"]), (2, seeds))
    )
    drawn, fitted, tested = _compiled(m, n, p["steps"], p["samples"])
    forget = np.arange(m)[None, :] >= (m - k)[:, None]
    problems = in_chunks(drawn, keys, d, rho * d**-0.25, chunk=CHUNK)
    point = in_chunks(fitted, problems, np.ones_like(forget), chunk=CHUNK)
    retrained = in_chunks(fitted, problems, ~forget, chunk=CHUNK)
    error, linear = in_chunks(tested, test_keys, problems, d, forget, point, retrained, chunk=CHUNK)
    signal = np.sqrt(d) * rho * d**-0.25
    variables, coordinates, begin = {}, {}, 0
    long_names = {"rho": "ρ d^{1/4}", "k": "points forgotten k", "d": "dimension d"}
    for name, values in sweeps.items():
        part = slice(begin, begin + len(values) * seeds)
        begin = part.stop
        shape = (len(values), seeds)
        variables[f"error_{name}"] = labelled((name, "seed", "model"), error[part].reshape(*shape, -1), "test error")
        variables[f"linear_{name}"] = labelled(
            (name, "seed"), linear[part].reshape(shape), "test error of the linear max-margin model"
        )
        bayes = np.asarray(gaussian.cdf(-signal[part][::seeds]))
        variables[f"bayes_{name}"] = labelled(name, bayes, "Bayes error Φ(−√d ρ)")
        coordinates[name] = labelled(name, np.asarray(values, float), long_names[name])
    coordinates["seed"] = labelled("seed", np.arange(seeds), "repetition")
    coordinates["model"] = labelled("model", list(MODELS), "network")
    attributes = {"m": m, "n": n, "samples": p["samples"], **{f"base_{name}": float(base[name]) for name in base}}
    return xr.Dataset(variables, coordinates, attributes)


_BASE = {"seed": 0, "base_rho": 0.7, "base_k": 1, "base_d": 1e6, "steps": 300}
STUDY = Study(
    key="ga_mixture_test_error",
    paper="ga",
    title="Unlearning and the test error of two-layer networks on the Gaussian mixture",
    question="Do original, unlearned and retrained networks generalise alike, and up to how many forgotten points?",
    quick={
        **_BASE,
        "m": 20,
        "n": 40,
        "seeds": 5,
        "samples": 4096,
        "rho": (0.4, 0.5, 0.6, 0.7, 0.8),
        "k": (1, 2, 4, 7, 10),
        "d": (1e2, 1e3, 1e4, 1e6, 1e8, 1e10),
    },
    full={
        **_BASE,
        "m": 30,
        "n": 60,
        "seeds": 30,
        "samples": 50_000,
        "rho": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        "k": (1, 2, 3, 4, 6, 8, 10, 12, 15),
        "d": (1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10),
    },
    tiny={
        **_BASE,
        "m": 6,
        "n": 16,
        "seeds": 2,
        "samples": 256,
        "steps": 60,
        "rho": (0.6, 1.0),
        "k": (1, 2),
        "d": (1e3, 1e10),
    },
    run=run,
)
