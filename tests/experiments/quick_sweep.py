"""A sweep for tests: it compiles in a moment, a chunk takes as long as its steps, and every bit of a result counts."""

import jax
import jax.numpy as jnp
import numpy as np

from experiments.engine.model import Axis, Cell, Result, Sweep


def cell(at: Cell, settings: Cell) -> dict[str, jax.Array]:
    """The logistic map at r = 4: after 60 steps a change of the last bit of the start has changed everything."""
    start = 0.5 * (at["x"] + jax.random.uniform(jax.random.key(at["seed"])))

    def step(_: int, x: jax.Array) -> jax.Array:
        return 4.0 * x * (1.0 - x)

    end = jax.lax.fori_loop(0, int(settings["steps"]), step, start)
    return {"end": end, "powers": end ** jnp.arange(1.0, at["size"] + 1.0).sum() * jnp.asarray(at["power"])}


SWEEP = Sweep(
    key="quick_sweep",
    paper="ga",
    title="A chaotic map",
    question="Is every bit there?",
    axes={
        "x": Axis("start", least=0.0, most=1.0),
        "size": Axis("size", role="shape", whole=True, least=1),
        "power": Axis("power", role="inner"),
        "seed": Axis("seed", whole=True, least=0),
    },
    results={"end": Result("end"), "powers": Result("powers", "end", ("power",))},
    grid={"x": tuple(np.linspace(0.0, 0.999, 100).tolist()), "size": (1, 2), "power": (1.0, 2.0),
          "seed": tuple(range(20)), "steps": 200_000},
    tiny={"x": (0.1, 0.2, 0.3), "size": (1, 2), "power": (1.0, 2.0), "seed": (0, 1), "steps": 100},
    undefined=lambda at: at["size"] == 2 and at["seed"] == 1,
    cell=cell,
    chunk=8,
)  # fmt: skip
