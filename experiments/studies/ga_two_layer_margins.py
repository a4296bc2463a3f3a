"""What one ascent step does to a two-layer network's retained margins and activations."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.studies.gram_problems import in_chunks
from experiments.studies.network_problems import CHUNK, SAME_KINK, Trained, last, repeat, train
from experiments.study import Parameters, Study, labelled
from theory.models import two_layer
from theory.solvers.clarke import find_kinks
from theory.unlearning.two_layer_ascent import ascend, ascend_projected, ascend_repeatedly, step_weights

METHODS = ("nothing", "plain ascent", "Clarke ascent", "repeated ascent", "projected ascent")


def _one(problem: Trained, forget: Array, parts: int) -> dict[str, Array]:
    G, y, point = problem.sample.G, problem.sample.y, problem.point
    net = point.net
    autodiff = step_weights(net, G, point.lam, point.t, "autodiff")
    nets = (
        net,
        ascend(net, y, forget, autodiff),
        ascend(net, y, forget, point.t),
        ascend_repeatedly(net, G, y, forget, point.lam, parts),
        ascend_projected(net, G, y, forget, point.t),
    )
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *nets)
    kinks = find_kinks(net, G, SAME_KINK)
    before = jnp.sign(jnp.where(kinks, 0.0, two_layer.preactivations(net, G)))
    kept = ~forget[:, None] & (net.u != 0)[None, :]

    def after(changed: two_layer.TwoLayer) -> dict[str, Array]:
        Z = two_layer.preactivations(changed, G)
        # a pair that sits on its kink by rounding, before and after, has not moved
        sign = jnp.sign(jnp.where(find_kinks(changed, G, SAME_KINK), 0.0, Z))
        return {
            "margin": jnp.where(forget, jnp.nan, two_layer.margins(changed, G, y)),
            "forgotten": jnp.where(forget, two_layer.margins(changed, G, y), jnp.nan),
            "flips": jnp.sum(kept & ~kinks & (sign != before)),
            "left_kink": jnp.sum(kept & kinks & (sign != 0)),
        }

    return jax.vmap(after)(stacked)


def run(p: Parameters) -> xr.Dataset:
    """The same problems for every k."""
    m, seeds, ks = p["m"], p["seeds"], p["k"]
    keys = jax.random.split(jax.random.key(p["seed"]), seeds)
    run_batch = jax.jit(jax.vmap(lambda problem, forget: _one(problem, forget, p["parts"])))
    shape = (len(p["d"]), seeds, len(ks))
    found = []
    for d in p["d"]:
        problems = repeat(train(keys, m, p["n"], d, p["steps"]), len(ks))
        found.append(in_chunks(run_batch, problems, last(np.tile(ks, seeds), m, seeds * len(ks)), chunk=CHUNK))
    dims = ("d", "seed", "k", "model")

    def stack(key: str) -> np.ndarray:
        values = np.stack([each[key] for each in found])
        return values.reshape(*shape, *values.shape[2:])

    return xr.Dataset(
        {
            "margin": labelled((*dims, "point"), stack("margin"), "retained margin"),
            "forgotten": labelled((*dims, "point"), stack("forgotten"), "margin of a forgotten point"),
            "flips": labelled(dims, stack("flips"), "retained activations flipped", "pairs"),
            "left_kink": labelled(dims, stack("left_kink"), "retained pairs that left their kink", "pairs"),
        },
        {
            "d": labelled("d", np.asarray(p["d"], float), "dimension"),
            "seed": labelled("seed", np.arange(seeds), "random problem"),
            "k": labelled("k", ks, "points forgotten", "points"),
            "model": labelled("model", list(METHODS), "network"),
            "point": labelled("point", np.arange(m), "point"),
        },
        {"m": m, "n": p["n"], "steps": p["steps"], "parts": p["parts"]},
    )


STUDY = Study(
    key="ga_two_layer_margins",
    paper="ga",
    title="Two-layer network: retained margins and activations before and after the step",
    question="How far do retained margins move, and how many activations flip?",
    quick={
        "seed": 0,
        "m": 20,
        "n": 50,
        "d": (300.0, 8000.0),
        "k": (1, 2, 5, 10),
        "seeds": 8,
        "steps": 2000,
        "parts": 20,
    },
    full={
        "seed": 0,
        "m": 50,
        "n": 100,
        "d": (750.0, 50000.0),
        "k": (1, 2, 5, 10, 25),
        "seeds": 32,
        "steps": 5000,
        "parts": 50,
    },
    tiny={"seed": 1, "m": 5, "n": 16, "d": (15.0, 100.0), "k": (1, 2), "seeds": 2, "steps": 300, "parts": 3},
    run=run,
)
