"""What is left without the worst-case forget set, as a training set; and the step below which nothing is selected.

Coresets are trained for equally many steps, whatever their size, so that only the samples differ.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.slices import Part, Slices
from experiments.studies.network_unlearning import FULL, QUICK, TINY, Bench, prepare, setting
from experiments.studies.worst_sets import SIGN, forgotten_count, selected
from experiments.study import Parameters, Study, labelled
from theory.models.networks import Network
from theory.solvers.sgd import accuracy, begin, descend, optimiser, shuffled
from theory.unlearning.networks import all_methods
from theory.unlearning.networks.method import cosine
from theory.unlearning.worst_case import random_start

LEFT = ("without the worst set", "without a random set")


def _on(bench: Bench, kept: np.ndarray, seed: int) -> Network:
    """A network trained on the kept samples, with the steps and rates of the trained one."""
    hyper = {**all_methods()["retrain"].defaults, **bench.training}
    rule, key = optimiser("sgd", 0.9, hyper["weight_decay"]), jax.random.key(seed + 1000)
    batch = min(hyper["batch"], int(kept.sum()))
    steps = hyper["epochs"] * -(-len(kept) // hyper["batch"])
    order = jnp.flatnonzero(kept)[shuffled(key, int(kept.sum()), batch, steps)]
    state, data = begin(bench.fresh(key), rule), {"retained": bench.train}
    return descend(state, data, {"retained": order}, cosine(hyper["rate"], steps), key, rule=rule)[0].network


def _seed(p: Parameters, seed: int) -> Part:
    bench = prepare(p, seed)
    count = len(bench.train.y)
    curve = np.empty((len(LEFT), len(p["shares"])))
    for j, share in enumerate(p["shares"]):
        k = count - forgotten_count(bench, share)
        start = random_start(jax.random.key(seed + 2000), count, k)
        found = selected(bench, "sign descent", p, k, seed, start=start)
        for i, gone in enumerate((found.forget, start.astype(bool))):
            curve[i, j] = accuracy(_on(bench, ~gone, seed), bench.test)
    k = forgotten_count(bench, p["share"])
    try_step = functools.partial(selected, bench, "sign descent", p, k, seed, strict=False)
    tries = [try_step(alpha=float(alpha)) for alpha in p["alphas"]]
    return {
        "curve": curve,
        "everything": np.array(accuracy(bench.network, bench.test)),
        "overlap": np.array([each.overlap[-1] for each in tries]),
        "reach": np.array([each.reach.reach for each in tries]),
    }


def run(p: Parameters) -> xr.Dataset:
    """Test accuracy against the share of samples kept; overlap with the start against the step."""
    slices, seeds = Slices("wc_coreset", p), range(p["seed"], p["seed"] + p["seeds"])
    parts = [slices(f"seed-{seed}", lambda seed=seed: _seed(p, seed)) for seed in seeds]  # type: ignore[misc]
    every = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    return xr.Dataset(
        {
            "curve": labelled(("seed", "left", "kept"), every["curve"], "test accuracy", "percent"),
            "everything": labelled("seed", every["everything"], "test accuracy, trained on every sample", "percent"),
            "overlap": labelled(("seed", "alpha"), every["overlap"], "share of the start still selected"),
            "reach": labelled(("seed", "alpha"), every["reach"], "reach α Σ (max g − min g)"),
        },
        {
            "seed": labelled("seed", np.asarray(list(seeds)), "repetition"),
            "left": labelled("left", list(LEFT), "training set"),
            "kept": labelled("kept", np.asarray(p["shares"], float), "share of the samples kept"),
            "alpha": labelled("alpha", np.asarray(p["alphas"], float), "step α of the weights", "1/nats"),
        },
        {**setting(p), "share": p["share"], "iterations": p["iterations"]},
    )


STUDY = Study(
    key="wc_coreset",
    paper="wc",
    title="The complement of the worst-case forget set, and the step that selects nothing",
    question="Does the complement of the worst set train as well as the full set, and when can the weights move?",
    quick={
        **QUICK,
        **SIGN,
        "share": 0.1,
        "epochs": 20,
        "iterations": 20,
        "shares": (0.1, 0.2, 0.5, 0.9),
        "alphas": (1e-3, 1.0, 1e2, 1e4),
    },
    full={
        **FULL,
        **SIGN,
        "share": 0.1,
        "epochs": 15,
        "iterations": 20,
        "shares": (0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 0.9),
        "alphas": (1e-3, 1e-2, 0.1, 1.0, 10.0, 1e2, 1e3, 1e4),
    },
    tiny={
        **TINY,
        **SIGN,
        "share": 0.1,
        "iterations": 3,
        "shares": (0.4, 0.8),
        "alphas": (1e-3, 1e4),
    },
    run=run,
    long=True,
)
