"""Distance of approximate KKT points to the retrained model against the bound that their certificate gives."""

import numpy as np
import xarray as xr

from experiments.studies.gram_problems import Problems, sample, solve
from experiments.study import Parameters, Study, labelled

_FAMILIES = ("plain ascent", "random KKT point")


def run(p: Parameters) -> xr.Dataset:
    """Both families on the same problems; points without a feasible multiple are NaN."""
    count, size = p["count"], p["size"]
    draw = np.random.default_rng(p["seed"])
    m = draw.integers(p["m"][0], p["m"][1] + 1, count)
    k = np.minimum(draw.integers(1, p["k"] + 1, count), m - 1)
    d = m * np.exp(draw.uniform(np.log(p["d_over_m"][0]), np.log(p["d_over_m"][1]), count))
    problems = sample(p["seed"], d, m, k, size)
    trained, retrained = solve(problems, problems.present), solve(problems, problems.retained)
    plain = np.where(problems.retained, trained.lam, 0.0)
    spread = draw.uniform(0.0, p["spread"], (count, 1))
    random = np.where(problems.retained, retrained.lam * np.exp(spread * draw.standard_normal((count, size))), 0.0)
    error = draw.standard_normal((count, size))
    share = 10.0 ** draw.uniform(-4.0, 0.0, count)  # of ‖w*‖
    error *= (share * np.linalg.norm(retrained.w, axis=1) / np.linalg.norm(error, axis=1))[:, None]
    families = [
        _points(problems, plain, np.zeros_like(error), retrained.w),
        _points(problems, random, error, retrained.w),
    ]
    names = ("distance", "bound", "coarse_bound")
    text = ("distance to the retrained model", "bound √(ε² + 2Σλ(M − 1))", "bound √(ε² + 2|R|δ)")
    dims = ("family", "instance")
    return xr.Dataset(
        {
            name: labelled(dims, np.stack([family[i] for family in families]), f"{text[i]}, over ‖w*‖")
            for i, name in enumerate(names)
        },
        {
            "family": labelled("family", list(_FAMILIES), "approximate KKT points"),
            "instance": labelled("instance", np.arange(count), "random problem"),
        },
    )


def _points(
    problems: Problems, lam: np.ndarray, error: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w = Σ λᵢ yᵢ xᵢ + v scaled to least margin 1: (distance, bound, coarse bound), relative to ‖target‖."""
    w = np.einsum("nsd,ns->nd", problems.X, lam * problems.y) + error
    margins = problems.y * np.einsum("nsd,nd->ns", problems.X, w)
    least = np.min(np.where(problems.retained, margins, np.inf), axis=1)
    scale = 1.0 / np.where(least > 0, least, np.nan)
    above = np.maximum(margins * scale[:, None] - 1.0, 0.0)  # the least margin is 1 up to rounding
    slack = np.where(problems.retained, lam * scale[:, None] * above, 0.0)
    epsilon = scale * np.linalg.norm(error, axis=1)
    size = np.linalg.norm(target, axis=1)
    distance = np.linalg.norm(w * scale[:, None] - target, axis=1) / size
    bound = np.sqrt(epsilon**2 + 2.0 * np.sum(slack, axis=1)) / size
    count = np.sum(problems.retained, axis=1)
    return distance, bound, np.sqrt(epsilon**2 + 2.0 * count * np.max(slack, axis=1)) / size


STUDY = Study(
    key="ga_distance_bound",
    paper="ga",
    title="Distance to retraining against the certificate's bound",
    question="How much of the distance to retraining does a certificate account for?",
    quick={"seed": 0, "count": 250, "m": (3, 20), "k": 5, "d_over_m": (2.0, 200.0), "spread": 0.3, "size": 40},
    full={"seed": 0, "count": 5000, "m": (3, 60), "k": 20, "d_over_m": (2.0, 1e4), "spread": 0.3, "size": 100},
    tiny={"seed": 0, "count": 6, "m": (3, 5), "k": 2, "d_over_m": (3.0, 9.0), "spread": 0.3, "size": 8},
    run=run,
)
