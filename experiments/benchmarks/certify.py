"""KKT residuals of a linear model enclosed in intervals: Arb's balls against mpmath's intervals."""

from typing import Any

import jax
import numpy as np

from experiments.benchmarks.measure import median_of, medians, peer
from experiments.benchmarks.model import Benchmark, BenchmarkResult, Growth, growth
from theory.data.gaussian_mixture import sample_gaussian_mixture
from theory.evidence.ball import lower, upper
from theory.evidence.ball_models import kkt_residuals
from theory.solvers.margin import solve_margin

SEED = 23
BITS = 106
TARGET = 100.0
LIMIT = (
    "bytes on our side: m d floats are cut into 3 or 4 slices, whose products BLAS takes without rounding, and balls "
    "add up m + d times half a dozen floats; on the other side an interval object of Python for every number. "
    "Growth: m + d for the balls and m d for the slices, the smaller part until m is in the hundreds"
)

Ends = dict[str, tuple[float, float]]


def problem(m: int, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows y_i x_i of a Gaussian mixture with its max-margin model and multipliers, as floats."""
    data = sample_gaussian_mixture(jax.random.key(SEED), m, d, 0.5)
    solved = solve_margin(data.X, data.y)
    return np.asarray(data.y[:, None] * data.X), np.asarray(solved.w), np.asarray(solved.lam)


def by_balls(Z: np.ndarray, w: np.ndarray, lam: np.ndarray) -> Ends:
    """Ours, from floats to the ends of the four enclosures."""
    import flint

    with flint.ctx.workprec(BITS):
        found = kkt_residuals(Z, w, lam)
        return {name: (lower(value), upper(value)) for name, value in found._asdict().items()}


def by_mpmath(Z: np.ndarray, w: np.ndarray, lam: np.ndarray) -> Ends:
    """The same with mpmath's interval matrices."""
    iv = peer("mpmath").iv
    iv.prec = BITS
    rows, weights, multipliers = (iv.matrix(a.tolist()) for a in (Z, w, lam))
    margins = rows * weights
    gap = weights - rows.T * multipliers
    square = sum((v**2 for v in gap), iv.mpf(0))
    pairs = [multipliers[i] * (margins[i] - 1) for i in range(len(lam))]
    return {
        "primal": _ends(iv, [iv.mpf(0), *(1 - v for v in margins)]),
        "dual": _ends(iv, [iv.mpf(0), *(-v for v in multipliers)]),
        "stationarity": _ends(iv, [iv.sqrt(square)]),
        "complementarity": _ends(iv, pairs),
    }


def _ends(iv: Any, values: list[Any]) -> tuple[float, float]:
    """Of the largest."""
    return float(max(v.a for v in values).a), float(max(v.b for v in values).b)


def disagreement(ours: Ends, theirs: Ends) -> float:
    """The widest gap between enclosures of one number, which must overlap; 0 where all do."""
    gaps = [max(ours[k][0] - theirs[k][1], theirs[k][0] - ours[k][1], 0.0) for k in ours]
    return max(gaps)


def run(quick: bool) -> BenchmarkResult:
    """Both start from float64 arrays."""
    peer("mpmath")
    m, d, repeats = (4, 20, 1) if quick else (50, 500, 3)
    given = problem(m, d)
    taken, results = medians({"ours": lambda: by_balls(*given), "mpmath.iv": lambda: by_mpmath(*given)}, repeats)
    ours, theirs = results["ours"], results["mpmath.iv"]
    width = max(high - low for low, high in ours.values())
    residuals = {
        "ours, widest enclosure": width,
        "mpmath.iv, widest enclosure": max(high - low for low, high in theirs.values()),
        "enclosures apart by": disagreement(ours, theirs),
    }
    return BenchmarkResult(
        name="certify",
        ratios={"mpmath.iv": taken["mpmath.iv"] / taken["ours"]},
        targets={"mpmath.iv": TARGET},
        seconds=taken,
        residuals=residuals,
        sizes={"m": m, "d": d, "bits": BITS, "repeats": repeats},
        limit=LIMIT,
        growth=_growth(quick),
        seed=SEED,
        solved=residuals["enclosures apart by"] <= 1e-30 and width <= 1e-12,
        notes=(
            f"all four residuals at {BITS} bits, conversion from float64 included on both sides; the ends are rounded "
            "to float64 outwards by ours, to nearest for mpmath",
        ),
    )


def _growth(quick: bool) -> Growth:
    ms, ds = ((2, 4), (20, 40)) if quick else ((12, 25, 50), (500, 1000, 2000))

    def each(m: int, d: int) -> tuple[int, int, float]:
        given = problem(m, d)
        return m, d, median_of(lambda: by_balls(*given), 1 if quick else 3)

    return growth([each(m, ds[0]) for m in ms], [each(ms[-1], d) for d in ds])


BENCHMARK = Benchmark("certify", "KKT residuals in intervals, m = 50, d = 500", TARGET, LIMIT, run)
