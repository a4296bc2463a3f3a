"""How the loss-normalised flow of a two-layer network approaches a Clarke-KKT point, and how residuals see it."""

import functools

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.studies.gram_problems import in_chunks
from experiments.studies.network_problems import CHUNK
from experiments.study import Parameters, Study, labelled
from theory.data.wishart import wishart_gram
from theory.models import two_layer
from theory.models.two_layer import initialise, output_weights
from theory.solvers.clarke import autodiff_residual, residuals_along
from theory.solvers.clarke_kkt_point import kkt_point_near
from theory.solvers.two_layer_flow import train_in_coefficients

_MEASURES = {
    "clarke": "Clarke residual / ‖θ‖",
    "autodiff": "residual with autodiff's subgradient / ‖θ‖",
    "gap": "1 − cos to the exact KKT point of the end's pattern",
    "margin": "least margin / ‖θ‖",
    "flips": "activations flipped since the record before",
}


def _one(key: Array, d: Array, scale: Array, p: Parameters) -> dict[str, Array]:
    data_key, start_key = jax.random.split(key)
    s = wishart_gram(data_key, p["m"], d)
    start = initialise(start_key, s.factor, output_weights(p["n"]), d, scale)
    path = train_in_coefficients(start, s.G, s.y, steps=p["steps"], records=p["records"], keep=True)
    assert path.coefficients is not None
    point = kkt_point_near(path.end, s.G, s.y)

    def at(C: Array) -> tuple[Array, Array, Array, Array]:
        net = two_layer.normalised(path.end._replace(C=C), s.G, s.y)
        size = two_layer.size(net, s.G)
        naive = autodiff_residual(net, s.G, s.y).residuals.stationarity
        return naive / size, two_layer.cosine_gap(net, point.net, s.G), 1.0 / size, size

    naive, gap, margin, size = jax.lax.map(at, path.coefficients)
    clarke = residuals_along(path, s.G, s.y, kink_tolerance=p["kink_tolerance"]).stationarity / size
    return {"clarke": clarke, "autodiff": naive, "gap": gap, "margin": margin, "flips": path.flips, "time": path.times}


def run(p: Parameters) -> xr.Dataset:
    """NaN before every margin is positive."""
    keys = np.asarray(jax.random.key_data(jax.random.split(jax.random.key(p["seed"]), p["seeds"])))
    batch = jax.jit(jax.vmap(functools.partial(_one, p=p)))
    shape = (len(p["scale"]), len(p["d"]), p["seeds"])
    scale, d, which = (a.ravel() for a in np.meshgrid(p["scale"], p["d"], np.arange(p["seeds"]), indexing="ij"))
    found = in_chunks(lambda k, *a: batch(jax.random.wrap_key_data(k), *a), keys[which], d, scale, chunk=CHUNK)
    dims = ("scale", "d", "seed", "record")
    variables = {
        key: labelled(dims, found[key].reshape(*shape, -1), text, "pairs" if key == "flips" else "1")
        for key, text in _MEASURES.items()
    }
    variables["time"] = labelled(dims, found["time"].reshape(*shape, -1), "flow time s")
    return xr.Dataset(
        variables,
        {
            "scale": labelled("scale", np.asarray(p["scale"], float), "length of a start neuron"),
            "d": labelled("d", np.asarray(p["d"], float), "dimension"),
            "seed": labelled("seed", np.arange(p["seeds"]), "random problem"),
        },
        {key: p[key] for key in ("m", "n", "steps", "kink_tolerance")},
    )


STUDY = Study(
    key="ga_two_layer_flow",
    paper="ga",
    title="Two-layer network: convergence of ε along the flow",
    question="How fast does gradient flow reach a KKT point, and does a residual without kinks notice?",
    quick={"seed": 0, "m": 20, "n": 50, "d": (300.0, 8000.0), "scale": (0.01, 1.0), "seeds": 4, "steps": 10000,
           "records": 15, "kink_tolerance": 1e-3},
    full={"seed": 0, "m": 50, "n": 100, "d": (750.0, 50000.0), "scale": (0.001, 0.01, 1.0), "seeds": 8,
          "steps": 30000, "records": 30, "kink_tolerance": 1e-3},
    tiny={"seed": 1, "m": 5, "n": 16, "d": (15.0, 100.0), "scale": (0.01,), "seeds": 2, "steps": 300, "records": 6,
          "kink_tolerance": 1e-3},
    run=run,
)  # fmt: skip
