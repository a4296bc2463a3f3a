"""One ascent step on a two-layer network over d, m, n, start and step: ε, δ, τ, kinks and flipped activations."""

import jax
import jax.numpy as jnp

from experiments.engine.model import Axis, Cell, Result, Sweep
from experiments.studies.network_problems import SAME_KINK, solved
from theory.data.wishart import wishart_gram
from theory.models import two_layer
from theory.models.two_layer import initialise, output_weights
from theory.numerics import norm
from theory.solvers.clarke import best_clarke_multipliers, find_kinks
from theory.solvers.clarke_kkt_point import kkt_point_near
from theory.solvers.two_layer_flow import train_in_coefficients
from theory.unlearning.two_layer_ascent import ascend, ascend_projected


def cell(at: Cell, settings: Cell) -> dict[str, jax.Array]:
    """Train to an exact KKT point, forget the last k points by c times the theorem's step, and certify the outcome.

    The step removes what the multipliers t put there, kinks included; the witness is the same step projected. NaN where
    the exact KKT point was not reached to 1e-12.
    """
    m, n, d = at["m"], at["n"], at["d"]
    data_key, start_key = jax.random.split(jax.random.key(at["seed"]))
    sample = wishart_gram(data_key, m, d)
    G, y = sample.G, sample.y
    start = initialise(start_key, sample.factor, output_weights(n), d, at["scale"])
    end = train_in_coefficients(start, G, y, steps=int(settings["steps"]), records=2).end
    point = kkt_point_near(end, G, y)
    forget = jnp.arange(m) >= m - at["k"]
    kept = ~forget
    kinks = find_kinks(point.net, G, SAME_KINK)
    active = two_layer.preactivations(point.net, G) > 0
    pairs = (kept[:, None] & ~kinks).astype(G.dtype)

    def step(c: jax.Array) -> dict[str, jax.Array]:
        moved = ascend(point.net, y, forget, point.t, c)
        witness = ascend_projected(point.net, G, y, forget, point.t, c)
        best = best_clarke_multipliers(witness, G, y, kept & (point.lam > 0), SAME_KINK)
        margins = two_layer.margins(moved, G, y)
        change = jnp.abs(margins - two_layer.margins(point.net, G, y))
        flipped = ((two_layer.preactivations(moved, G) > 0) != active).astype(G.dtype)
        return {
            "epsilon": best.residuals.stationarity,
            "delta": jnp.maximum(best.residuals.complementarity, 0.0),
            "tau": two_layer.cosine_gap(moved, witness, G),
            "flips": jnp.sum(flipped * pairs) / jnp.sum(pairs),
            "margin_shift": jnp.max(jnp.where(kept, change, 0.0)),
            "least_margin": jnp.min(jnp.where(kept, margins, jnp.inf)),
        }

    found = jax.lax.map(step, at["fraction"]) | {
        "kinks": jnp.mean(kinks.astype(G.dtype)),
        "size": two_layer.size(point.net, G),
        "phi": jnp.max(jnp.abs(G - jnp.diag(jnp.diagonal(G)))),
        "multipliers": norm(point.lam),
    }
    return {name: jnp.where(solved(point), value, jnp.nan) for name, value in found.items()}


_ALONG = ("fraction",)
SWEEP = Sweep(
    key="ga_two_layer",
    paper="ga",
    title="Two-layer networks: one ascent step from d = 100 to 10¹²",
    question="How do ε, δ, τ, kinks and flipped activations scale with d, m, n, the start and the step?",
    axes={
        "d": Axis("dimension d", least=2.0, most=1e15),
        "m": Axis("points m", role="shape", whole=True, least=2, most=500),
        "n": Axis("neurons n", role="shape", whole=True, least=2, most=5000),
        "k": Axis("points forgotten k", whole=True, least=1),
        "scale": Axis("length of a neuron at the start", least=1e-12, most=1e3),
        "fraction": Axis("step c", "theorem's step", role="inner", least=0.0, most=10.0),
        "seed": Axis("seed", whole=True, least=0, most=2**31 - 1),
    },
    results={
        "epsilon": Result("ε of the witness, best Clarke multipliers", over=_ALONG),
        "delta": Result("complementarity δ of the witness", over=_ALONG),
        "tau": Result("τ = 1 − cos to the witness", over=_ALONG),
        "flips": Result("share of retained pairs off the kink whose activation flipped", over=_ALONG),
        "margin_shift": Result("how far a retained margin moved, at most", over=_ALONG),
        "least_margin": Result("least retained margin", over=_ALONG),
        "kinks": Result("share of pairs on the kink"),
        "size": Result("‖θ‖ of the trained network"),
        "phi": Result("φ = max |⟨x_i, x_j⟩|"),
        "multipliers": Result("‖λ‖ of the trained network"),
    },
    grid={
        "d": (1e2, 1e3, 1e4, 1e6, 1e8, 1e10, 1e12),
        "m": (6, 12),
        "n": (16, 48),
        "k": (1, 3),
        "scale": (0.1, 1.0),
        "fraction": (0.0, 0.5, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0),
        "seed": (0, 1, 2, 3),
        "steps": 500,
    },
    tiny={"d": (1e3, 1e12), "m": (4,), "n": (8,), "k": (1,), "scale": (1.0,), "fraction": (0.0, 1.0), "seed": (0, 1),
          "steps": 200},
    undefined=lambda at: at["k"] >= at["m"] or at["d"] < at["m"],
    cell=cell,
    chunk=32,
    cell_bytes=lambda at: 8.0 * at["m"] * (200 * (at["m"] + at["n"]) + 40 * at["n"] * at["m"]),
)  # fmt: skip
