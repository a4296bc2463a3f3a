"""ε of a two-layer network against the step as a fraction of the theorem's, and what τ buys instead of ε."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.studies.gram_problems import in_chunks
from experiments.studies.network_problems import CHUNK, SAME_KINK, Trained, last, own_pattern, train
from experiments.study import Parameters, Study, labelled
from theory.models import two_layer
from theory.solvers.clarke import autodiff_residual, best_clarke_multipliers, stationarity
from theory.solvers.clarke_kkt_point import kkt_point_from_pattern
from theory.two_layer_certificate import certify_direction
from theory.two_layer_trade_off import trade_off
from theory.unlearning.two_layer_ascent import ascend, ascend_projected, reject, removed_terms, retained_projector

_MEASURES = {
    "fixed": "ε of the witness with the trained multipliers",
    "refitted": "ε of the witness, best Clarke multipliers",
    "naive": "residual of the witness with autodiff's subgradient",
    "stepped": "ε of the stepped network itself, best Clarke multipliers",
    "stepped_naive": "residual of the stepped network itself with autodiff's subgradient",
    "lower": "|1 − c| ‖(I − P_R) g‖",
}


def _path(problem: Trained, forget: Array, fractions: Array) -> dict[str, Array]:
    """Residuals of θ̃_c = θ − c (I − P_R) g and of θ − c g, the step g removing exactly what t put there."""
    G, y, point, kept = problem.sample.G, problem.sample.y, problem.point, ~forget
    left = reject(removed_terms(point.net, y, forget, point.t), retained_projector(G, kept))
    lower = two_layer.size(two_layer.spanned(point.net.u, left), G)
    lam, t = jnp.where(kept, point.lam, 0.0), jnp.where(kept[:, None], point.t, 0.0)

    def at(c: Array) -> dict[str, Array]:
        witness = ascend_projected(point.net, G, y, forget, point.t, c)
        stepped = two_layer.normalised(ascend(point.net, y, forget, point.t, c), G, y, kept)
        return {
            "fixed": stationarity(witness, G, y, t),
            # the multipliers of θ's support alone: δ stays 0
            "refitted": best_clarke_multipliers(witness, G, y, kept & (lam > 0), SAME_KINK).residuals.stationarity,
            "naive": autodiff_residual(witness, G, y, kept).residuals.stationarity,
            "stepped": best_clarke_multipliers(stepped, G, y, kept, SAME_KINK).residuals.stationarity,
            "stepped_naive": autodiff_residual(stepped, G, y, kept).residuals.stationarity,
            "lower": jnp.abs(1.0 - c) * lower,
        }

    return jax.lax.map(at, fractions) | {"size": two_layer.size(point.net, G)}


def _trade(problem: Trained, forget: Array, shares: Array) -> dict[str, Array]:
    """ε and τ of the ascent step's network along witnesses from θ̃ to the exact KKT point of its pattern."""
    G, y, point, kept = problem.sample.G, problem.sample.y, problem.point, ~forget
    unlearned = ascend(point.net, y, forget, point.t)
    witness = ascend_projected(point.net, G, y, forget, point.t)
    exact = kkt_point_from_pattern(unlearned.u, G, y, own_pattern(witness, G, point.pattern), kept)
    curve = trade_off(unlearned, witness, exact.net, G, y, kept, shares, SAME_KINK)
    direct = certify_direction(unlearned, G, y, kept, SAME_KINK)
    return {"epsilon": curve.epsilon, "tau": curve.tau, "direct": direct.epsilon}


_paths = jax.jit(jax.vmap(_path, in_axes=(0, 0, None)))
_trades = jax.jit(jax.vmap(_trade, in_axes=(0, 0, None)))


def run(p: Parameters) -> xr.Dataset:
    """The same problems for every dimension."""
    m, seeds = p["m"], p["seeds"]
    keys = jax.random.split(jax.random.key(p["seed"]), seeds)
    fractions, shares = np.linspace(0.0, 2.0, p["fractions"]), np.linspace(0.0, 1.0, p["shares"])
    forget = last(p["k"], m, seeds)
    paths, trades = [], []
    for d in p["d"]:
        problems = train(keys, m, p["n"], d, p["steps"])
        paths.append(in_chunks(lambda a, f: _paths(a, f, fractions), problems, forget, chunk=CHUNK))
        trades.append(in_chunks(lambda a, f: _trades(a, f, shares), problems, forget, chunk=CHUNK))

    def stack(found: list[dict[str, np.ndarray]], key: str) -> np.ndarray:
        return np.stack([each[key] for each in found])

    dims = ("d", "seed", "fraction")
    variables = {key: labelled(dims, stack(paths, key), text) for key, text in _MEASURES.items()}
    variables["size"] = labelled(dims[:2], stack(paths, "size"), "‖θ‖ of the trained network")
    along = ("d", "seed", "share")
    variables["trade_epsilon"] = labelled(along, stack(trades, "epsilon"), "ε of the witness")
    variables["trade_tau"] = labelled(along, stack(trades, "tau"), "τ = 1 − cos to the witness")
    variables["direct"] = labelled(dims[:2], stack(trades, "direct"), "ε with the unlearned network as witness (τ = 0)")
    return xr.Dataset(
        variables,
        {
            "d": labelled("d", np.asarray(p["d"], float), "dimension"),
            "seed": labelled("seed", np.arange(seeds), "random problem"),
            "fraction": labelled("fraction", fractions, "step c", "theorem's step"),
            "share": labelled("share", shares, "way from θ̃ to the exact KKT point"),
        },
        {"m": m, "n": p["n"], "k": p["k"], "steps": p["steps"]},
    )


STUDY = Study(
    key="ga_two_layer_step_fraction",
    paper="ga",
    title="Two-layer network: ε against the size of the ascent step",
    question="Is the theorem's step the best one for the network too, and what does a residual without kinks see?",
    quick={
        "seed": 0,
        "m": 20,
        "n": 50,
        "d": (300.0, 8000.0),
        "k": 1,
        "seeds": 8,
        "steps": 2000,
        "fractions": 17,
        "shares": 9,
    },
    full={
        "seed": 0,
        "m": 50,
        "n": 100,
        "d": (750.0, 50000.0),
        "k": 1,
        "seeds": 16,
        "steps": 5000,
        "fractions": 81,
        "shares": 33,
    },
    tiny={
        "seed": 1,
        "m": 5,
        "n": 16,
        "d": (15.0, 100.0),
        "k": 1,
        "seeds": 2,
        "steps": 300,
        "fractions": 5,
        "shares": 3,
    },
    run=run,
)
