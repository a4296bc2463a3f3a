r"""Forget points correlated with retained ones, over correlation, k, m and d: where plain ascent starts to hurt.

With all other inner products 0 and one forget point x_l for a retained x_i, ⟨x_l, x_i⟩ = c, the trained multipliers of
the pair are 1/(1 + c). So plain ascent leaves x_i with margin 1/(1 + c), at distance c/(1 + c) from the retrained
x_i, and doing nothing is at distance ‖(x_i + x_l)/(1 + c) − x_i‖ = √((1 − c)/(1 + c)). Their ratio is c/√(1 − c²)
(derived here): ascent is worse than doing nothing from c = 1/√2 on, whatever k ≤ m/2 is. Beyond, forget points share
retained ones, and it is worse earlier.
"""

import jax
import jax.numpy as jnp

from experiments.engine.model import Axis, Cell, Result, Sweep
from experiments.sweeps.linear_problems import MODELS, RESULTS, measure
from theory.data.wishart import wishart_gram


def cell(at: Cell, settings: Cell) -> dict[str, jax.Array]:
    """The law of :func:`theory.data.correlated.sample_correlated` in coordinates, with k a number that is traced."""
    del settings
    m, k, c = at["m"], at["k"], at["correlation"]
    noise = wishart_gram(jax.random.key(at["seed"]), m, at["d"])
    index = jnp.arange(m)
    forget = index >= m - k
    partner = jnp.where(forget, index % (m - k), index)
    related = c * noise.factor[partner] + jnp.sqrt(1.0 - c**2) * noise.factor
    X, y = jnp.where(forget[:, None], related, noise.factor), noise.y[partner]
    found = measure(X, y, forget)
    nothing, plain, projected = found["distance"]
    return found | {
        "harm": plain / nothing,
        "projected_harm": projected / nothing,
    }


SWEEP = Sweep(
    key="ga_correlated",
    paper="ga",
    title="Correlated forget sets: where ascent starts to hurt",
    question="At which correlation, size of the forget set and number of points is ascent worse than doing nothing?",
    axes={
        "correlation": Axis("correlation c of forget and retained points", least=0.0, most=0.999),
        "k": Axis("points forgotten k", whole=True, least=1),
        "m": Axis("points m", role="shape", whole=True, least=2, most=2000),
        "d": Axis("dimension d", least=1.0, most=1e15),
        "seed": Axis("seed", whole=True, least=0, most=2**31 - 1),
    },
    results=RESULTS
    | {
        "harm": Result("plain ascent's distance to retraining", "distance of doing nothing"),
        "projected_harm": Result("projected ascent's distance to retraining", "distance of doing nothing"),
    },
    labels={"model": MODELS},
    grid={
        "correlation": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99),
        "k": (1, 3, 6, 10, 12, 14, 16, 17, 18),
        "m": (20,),
        "d": (40.0, 200.0, 1e6),
        "seed": tuple(range(8)),
    },
    tiny={"correlation": (0.0, 0.9), "k": (1, 3), "m": (4,), "d": (100.0,), "seed": (0, 1)},
    undefined=lambda at: at["k"] >= at["m"] or at["d"] < at["m"],
    cell=cell,
    chunk=128,
    cell_bytes=lambda shape: 40.0 * 8 * shape["m"] ** 2,
)
