"""docs/scaling.md, made from the measurements in docs/scaling.json: text and tables, no number of its own."""

import math
from collections.abc import Sequence
from typing import Any

from theory.solvers.device_rows import NUMBER
from theory.solvers.memory import readable
from theory.solvers.tiled_cholesky import LARGEST

CLUSTER = (1, 2, 4, 8, 64)
LINK = 1e10
"""Bytes a second between devices that the model assumes."""


def page(kept: dict[str, Any]) -> str:
    """The page as Markdown."""
    environment, rates = kept["environment"], kept["rates"]
    runs = [run for run in kept["runs"] if "failed" not in run]
    failed = [run for run in kept["runs"] if "failed" in run]
    loads = [entry[0] for entry in kept["load"] if entry]
    busy = f" The machine was shared: its load average was {min(loads):.0f} to {max(loads):.0f}." if loads else ""
    parts = [
        "# How cost and memory grow",
        "Written by `python -m experiments.scaling` from its measurements, [scaling.json](scaling.json).",
        "## What is computed",
        "`solve_margin_blocked` never holds the m × m Gram matrix G. It solves the max-margin problem on a working set "
        "and prices all m points, one product with X, until no margin is below 1. Up to "
        "2048 points a working set is one array; a larger one is a Cholesky factor in square tiles of "
        f"{LARGEST} rows, half of G's numbers for its s active points. `leave_one_out_certificates` makes all m "
        "leave-one-out models from one factor of the s support vectors, a block of models at a time. "
        "`gram_memory(m, d)` states the bytes before anything is taken, and what does not fit is refused in one line.",
        "| | operations | bytes |\n| --- | --- | --- |\n"
        "| points | | 8 m d |\n"
        "| pricing, each working set | 2 m d | 8 (m + d) |\n"
        "| tiles of G on the support | s² d | 4 s² |\n"
        "| their Cholesky factor | s³ / 3 | in place |\n"
        "| all leave-one-out models: the factor again, and columns of H = G⁻¹ | s² d + 5 s³ / 3 | 8 · 3 s b |\n"
        "| margins of those models, where some points are not support vectors | 4 m d s | 8 (2 m + d) b |",
        f"(s support vectors, b ≤ {LARGEST} models at a time.)",
        "## Measured",
        f"{environment['processor']}, {environment['machine']}; {environment['device']}, one device, float64, jax "
        f"{environment['versions']['jax']}. Seconds are processor seconds.{busy} **No GPU was measured.**",
        _table(
            [
                "data",
                "m",
                "d",
                "support",
                "sets",
                "residual",
                "solve (s)",
                "all models (s)",
                "G",
                "peak memory",
            ],
            [_row(run) for run in runs],
        ),
        "The solve is timed with its programs compiled where a value stands under all models, and with compilation, "
        "seconds at most, elsewhere. The peak is the whole process's, with Python, JAX and the sample.",
        *[_growth(kind, runs) for kind in dict.fromkeys(run["kind"] for run in runs)],
        *[f"{run['kind']}, m = {run['m']}: not measured ({run['failed']})." for run in failed],
        *_checked(runs),
        "## A model of one device",
        "Rates in float64, measured in the same run: "
        + ", ".join(f"{name} {rate / 1e9:.3g} Gflop/s" for name, rate in rates.items())
        + ". Where all points are support vectors nearly all the work is s² d + s³ / 3 operations of matrix products; "
        "at the rate of the product that predicts:",
        _table(
            ["m = d", "operations", "predicted (s)", "measured (s)", "measured / predicted"],
            [_predicted(run, rates["matrix product"]) for run in runs if run["support"] == run["m"]],
        ),
        "## What N devices would do",
        *_cluster([run for run in runs if run["support"] == run["m"]], rates["matrix product"]),
    ]
    return "\n\n".join(parts) + "\n"


def operations(run: dict[str, Any]) -> float:
    """Of a solve in which all points are support vectors: tiles of G and their factor."""
    return run["m"] ** 2 * run["d"] + run["m"] ** 3 / 3.0


def model_seconds(operations: float, s: int, d: int, devices: int, rate: float, link: float = LINK) -> float:
    """Seconds of N devices: work shared evenly, but for the diagonal tiles, one after another; then what travels.

    Row i of tiles lives on device i mod N: each device receives the tiles of the others, 4 s² bytes in all, and their
    points, 8 s d.
    """
    diagonal = s * LARGEST**2 / 3.0
    received = (1 - 1 / devices) * NUMBER * (s * s / 2 + s * d)
    return (operations - diagonal) / (devices * rate) + diagonal / rate + received / link


def _row(run: dict[str, Any]) -> list[str]:
    models = "" if run["all_models_seconds"] is None else f"{run['all_models_seconds']:.3g}"
    return [
        run["kind"],
        *(str(run[name]) for name in ("m", "d", "support", "working_sets")),
        f"{run['relative_residual']:.1e}",
        f"{run['solve_seconds']:.3g}",
        models,
        readable(run["gram_bytes"]),
        readable(run["peak_bytes"]),
    ]


def _growth(kind: str, runs: Sequence[dict[str, Any]]) -> str:
    chosen = [run for run in runs if run["kind"] == kind]
    if len(chosen) < 2:
        return f"{kind}: one size, no growth."
    said = []
    for name, text in (("solve_seconds", "seconds"), ("peak_bytes", "peak memory")):
        ratio = math.log(chosen[-1][name] / chosen[0][name]) / math.log(chosen[-1]["m"] / chosen[0]["m"])
        said.append(f"{text} like m^{ratio:.2f}")
    return f"{kind}: from m = {chosen[0]['m']} to {chosen[-1]['m']} " + " and ".join(said) + "."


def _checked(runs: Sequence[dict[str, Any]]) -> list[str]:
    """What was checked of the leave-one-out models."""
    lines = [
        f"{run['kind']}, m = {run['m']}: of the {run['support']} models without a support vector "
        f"{run['exact'] - run['m'] + run['support']} are the retrained ones; the others have a bound."
        for run in runs
        if run["exact"] is not None
    ]
    lines += [
        f"{run['kind']}, m = {run['m']}: of 16 leave-one-out models recomputed from the points the retained margins "
        f"differ from 1 by {run['margin_error_of_16_models']:.1e} at most."
        for run in runs
        if "margin_error_of_16_models" in run
    ]
    return ["\n".join(f"- {line}" for line in lines)] if lines else []


def _predicted(run: dict[str, Any], rate: float) -> list[str]:
    seconds = operations(run) / rate
    took = run["solve_seconds"]
    return [str(run["m"]), f"{operations(run):.2e}", f"{seconds:.3g}", f"{took:.3g}", f"{took / seconds:.2f}"]


def _cluster(runs: Sequence[dict[str, Any]], rate: float) -> list[str]:
    if not runs:
        return ["No run had all points as support vectors."]
    largest = max(runs, key=lambda run: run["m"])
    m, d = largest["m"], largest["d"]
    slower = largest["solve_seconds"] / (operations(largest) / rate)
    rows = []
    for count in CLUSTER:
        work = model_seconds(operations(largest), m, d, count, rate / slower)
        every = model_seconds(2 * operations(largest) + 4 * m**3 / 3, m, d, count, rate / slower)
        memory = NUMBER * (m * d + m * m / 2) / count
        rows.append([str(count), f"{work:.3g}", f"{every:.3g}", readable(int(memory))])
    return [
        f"Points and tiles are split over JAX's devices by rows, so each device holds 8 (m d + s² / 2) / N bytes. For "
        f"N devices *like the one measured* the model gives, at m = d = {m} with all points support vectors:",
        _table(["N", "solve (s)", "and all m models (s)", "bytes a device"], rows),
        f"What it assumes: a device takes what was measured, {slower:.2f} times the prediction above; "
        f"devices exchange {LINK / 1e9:g} GB/s; diagonal tiles are factored one after another and nothing else waits; "
        "rows of tiles are shared evenly. None of it was measured on more than one real device: the tests run the "
        "same code on four emulated ones, for its results and not for its speed. For a GPU put its measured float64 "
        "rate and link in place of these two numbers (`experiments.scaling_page.model_seconds`).",
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
