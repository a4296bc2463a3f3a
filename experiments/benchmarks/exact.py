"""F1 to F4 decided over the rationals: DomainMatrix with python-flint against plain sympy matrices."""

from collections.abc import Callable
from functools import partial

from experiments.benchmarks.measure import median_of, medians, peer
from experiments.benchmarks.model import Benchmark, BenchmarkResult, Growth, growth
from theory.claims.ft import finetune_noop, forget_mask, golden, overlap, retention_mask
from theory.solvers.rational import MatrixMaker, ground_types, rational_matrix

SEED = 41
TARGET = 10.0
CLAIMS = {
    "F1 fine-tuning does nothing": finetune_noop,
    "F2 golden model": golden,
    "F3 overlap": overlap,
    "F4 retention mask": retention_mask,
    "F4 forget mask": forget_mask,
}
LIMIT = (
    "flops on big integers: elimination takes about m^2 d rational operations whose numbers grow by a few digits a "
    "pivot, so the time grows faster than m^3 in m; bytes never matter"
)


def _sizes(m: int, d: int) -> dict[str, int]:
    """m rows and d columns: 3 of 5 rows retained, 2 of 5 columns retained only, 1 shared."""
    r, a = max(1, round(0.6 * m)), max(1, round(0.4 * d))
    b = max(1, round(0.2 * d))
    return {"r": r, "f": m - r, "a": a, "b": b, "c": d - a - b}


def _decide(
    exact: Callable[..., dict[str, bool]], sizes: dict[str, int], instances: int, matrix: MatrixMaker
) -> list[dict[str, bool]]:
    return [exact(sizes, SEED + index, matrix) for index in range(instances)]


def run(quick: bool) -> BenchmarkResult:
    """Every identity of F1 to F4 on the same rational instances, in both arithmetics."""
    sympy = peer("sympy")
    m, d, instances, repeats = (2, 4, 1, 1) if quick else (10, 20, 2, 3)
    sizes = _sizes(m, d)
    seconds: dict[str, float] = {}
    ratios: dict[str, float] = {}
    agree = True
    for name, module in CLAIMS.items():
        taken, results = medians(
            {
                "ours": partial(_decide, module.exact, sizes, instances, rational_matrix),
                "sympy": partial(_decide, module.exact, sizes, instances, sympy.Matrix),
            },
            repeats,
        )
        agree &= results["ours"] == results["sympy"] and all(all(held.values()) for held in results["ours"])
        ratios[f"sympy.Matrix, {name}"] = taken["sympy"] / taken["ours"]
        seconds |= {f"ours, {name}": taken["ours"], f"sympy.Matrix, {name}": taken["sympy"]}
    for side in ("ours", "sympy.Matrix"):
        seconds[side] = sum(value for key, value in seconds.items() if key.startswith(f"{side},"))
    ratios["sympy.Matrix"] = seconds["sympy.Matrix"] / seconds["ours"]
    return BenchmarkResult(
        name="exact",
        ratios=ratios,
        targets={"sympy.Matrix": TARGET},
        seconds=seconds,
        residuals={"identities that differ or fail": 0.0 if agree else 1.0},
        sizes={**sizes, "instances": instances, "repeats": repeats},
        limit=LIMIT,
        growth=_growth(quick),
        seed=SEED,
        notes=(
            f"integers behind the rationals: {ground_types()} (python-flint makes them fast, sympy.Matrix uses "
            "the same integers); both sides run the same claim code, every identity, drawing the instance included, "
            "with zero tolerance",
        ),
    )


def _growth(quick: bool) -> Growth:
    def each(m: int, d: int) -> tuple[int, int, float]:
        return m, d, median_of(lambda: golden.exact(_sizes(m, d), SEED), 1 if quick else 3)

    ms, ds = ((2, 3), (4, 6)) if quick else ((5, 10, 20, 40), (20, 40, 80))
    return growth([each(m, 2 * ms[-1]) for m in ms], [each(ms[1], d) for d in ds])


BENCHMARK = Benchmark("exact", "F1 to F4 over the rationals", TARGET, LIMIT, run)
