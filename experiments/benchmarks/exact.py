"""F1 to F4 decided over the rationals: DomainMatrix with python-flint against plain sympy matrices."""

from functools import partial

from experiments.benchmarks.measure import median_of, medians, peer
from experiments.benchmarks.model import Benchmark, BenchmarkResult, Growth, growth
from theory.claims.ft import finetune_noop, forget_mask, golden, overlap, retention_mask
from theory.solvers.rational import ground_types, rational_matrix

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
    "operations on big integers, never bytes: products and inverses take about m^2 d of them and the numbers grow by a "
    "few digits a pivot; below some 20 rows the fixed cost of each matrix call hides that, so the fitted exponents "
    "(small instances included) lie far below 3 in m and below 1 in d"
)


def _sizes(m: int, d: int) -> dict[str, int]:
    """m rows and d columns: 3 of 5 rows retained, 2 of 5 columns retained only, 1 shared."""
    r, a = max(1, round(0.6 * m)), max(1, round(0.4 * d))
    b = max(1, round(0.2 * d))
    return {"r": r, "f": m - r, "a": a, "b": b, "c": d - a - b}


def run(quick: bool) -> BenchmarkResult:
    """Every identity of F1 to F4 on the same rational instances; the target is judged on the largest."""
    sympy = peer("sympy")
    shapes, repeats = ([(2, 4)], 1) if quick else ([(5, 10), (10, 20), (20, 40), (40, 80)], 3)
    seconds: dict[str, float] = {}
    ratios: dict[str, float] = {}
    differing = 0
    for m, d in shapes:
        sums = {"ours": 0.0, "sympy.Matrix": 0.0}
        for name, module in CLAIMS.items():
            taken, results = medians(
                {
                    "ours": partial(module.exact, _sizes(m, d), SEED, rational_matrix),
                    "sympy.Matrix": partial(module.exact, _sizes(m, d), SEED, sympy.Matrix),
                },
                repeats,
            )
            differing += sum(not (held and results["sympy.Matrix"][key]) for key, held in results["ours"].items())
            if (m, d) == shapes[-1]:
                seconds |= {f"{side}, {name}": value for side, value in taken.items()}
                ratios[f"sympy.Matrix, {name}"] = taken["sympy.Matrix"] / taken["ours"]
            sums = {side: total + taken[side] for side, total in sums.items()}
        label = "" if (m, d) == shapes[-1] else f", m = {m}, d = {d}"
        seconds |= {f"{side}{label}": total for side, total in sums.items()}
        ratios[f"sympy.Matrix{label}"] = sums["sympy.Matrix"] / sums["ours"]
    ratios = {"sympy.Matrix": ratios["sympy.Matrix"]} | ratios
    return BenchmarkResult(
        name="exact",
        ratios=ratios,
        targets={"sympy.Matrix": TARGET},
        seconds=seconds,
        residuals={"identities that fail in either": float(differing)},
        sizes={"m, d": [list(shape) for shape in shapes], **_sizes(*shapes[-1]), "repeats": repeats},
        limit=LIMIT,
        growth=_growth(quick),
        seed=SEED,
        solved=differing == 0,
        notes=(
            f"integers behind the rationals of both: {ground_types()}; sympy.Matrix itself keeps rational entries in a "
            "sparse DomainMatrix, so what is compared is flint's dense matrices against sympy's Python loops over "
            "flint's numbers; small matrices are fixed cost on both sides and the ratio rises with size",
            "both sides run the same claim code, every identity, drawing the instance included, with zero tolerance",
        ),
    )


def _growth(quick: bool) -> Growth:
    def each(m: int, d: int) -> tuple[int, int, float]:
        return m, d, median_of(lambda: golden.exact(_sizes(m, d), SEED), 1 if quick else 3)

    ms, ds = ((2, 3), (4, 6)) if quick else ((5, 10, 20, 40), (20, 40, 80))
    return growth([each(m, 2 * ms[-1]) for m in ms], [each(ms[1], d) for d in ds])


BENCHMARK = Benchmark("exact", "F1 to F4 over the rationals", TARGET, LIMIT, run)
