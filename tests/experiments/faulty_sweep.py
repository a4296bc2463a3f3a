"""A sweep for tests whose cells are good, raise, or kill their worker."""

import os
import signal

import numpy as np

from experiments.engine.model import Axis, Cell, Result, Sweep


def cell(at: Cell, settings: Cell) -> dict[str, np.ndarray]:
    """x², an error at x = 2, the death of the process at x = 5."""
    del settings
    if at["x"] == 2:
        raise ZeroDivisionError("x is\ntwo")
    if at["x"] == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"square": np.array(float(at["x"]) ** 2)}


SWEEP = Sweep(
    key="faulty_sweep",
    paper="ga",
    title="Faults",
    question="Does a cell that fails sink the others?",
    axes={"x": Axis("x", whole=True), "seed": Axis("seed", whole=True)},
    results={"square": Result("x²")},
    grid={"x": (0, 1, 2, 3, 4, 5, 6, 7), "seed": (0,)},
    tiny={"x": (0, 1, 2, 3), "seed": (0,)},
    cell=cell,
    chunk=4,
    vmapped=False,
)
