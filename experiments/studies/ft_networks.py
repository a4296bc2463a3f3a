"""FT's discriminative losses on a network: what the weight α of the second loss buys and costs."""

import numpy as np
import xarray as xr

from experiments.studies.network_unlearning import attacked, judged, prepare, sets_of, settings, unlearn
from experiments.study import Parameters, Study, labelled

LOSSES = ("ce_ft", "ice_ft", "kl_ft")
LINES = ("retrain", "fine_tune")
METRICS = ("UA", "RA", "TA", "MIA")


def run(p: Parameters) -> xr.Dataset:
    """UA, RA, TA and the confidence attack's efficacy for each loss and α, and of retraining and fine-tuning."""
    seeds, classes, alphas = range(p["seed"], p["seed"] + p["seeds"]), p["classes"], p["alphas"]
    curves = np.empty((len(LOSSES), len(alphas), len(classes), len(seeds), len(METRICS)))
    lines = np.empty((len(LINES), len(classes), len(seeds), len(METRICS)))
    for s, seed in enumerate(seeds):
        bench = prepare(p, seed)
        for c, label in enumerate(classes):
            sets = sets_of(bench, (label,))

            def found(method: str, at: int = seed, which: int = label, **hyper: float) -> list[float]:
                network = unlearn(bench, method, (which,), at, **hyper).network  # noqa: B023
                forgotten, retained, test = judged(network, sets)  # noqa: B023
                return [100.0 - forgotten, retained, test, attacked(network, sets, at)]  # noqa: B023

            for i, method in enumerate(LINES):
                lines[i, c, s] = found(method, **settings(bench, method, 0))
            for i, method in enumerate(LOSSES):
                for j, alpha in enumerate(alphas):
                    curves[i, j, c, s] = found(method, alpha=float(alpha))
    axes = ("class", "seed", "metric")
    return xr.Dataset(
        {
            "curves": labelled(("loss", "alpha", *axes), curves, "metric", "percent"),
            "lines": labelled(("model", *axes), lines, "metric", "percent"),
        },
        {
            "loss": labelled("loss", list(LOSSES), "loss"),
            "alpha": labelled("alpha", np.asarray(alphas, float), "weight α"),
            "model": labelled("model", list(LINES), "method"),
            "class": labelled("class", np.asarray(classes), "forgotten class"),
            "seed": labelled("seed", np.asarray(list(seeds)), "repetition"),
            "metric": labelled("metric", list(METRICS), "metric"),
        },
        {"source": p["source"], "width": p["width"]},
    )


_DIGITS = {"seed": 0, "source": "digits", "batch": 32}

STUDY = Study(
    key="ft_networks",
    paper="ft",
    title="Discriminative losses on a network",
    question="How does the weight of CE-FT, ICE-FT and KL-FT trade forgetting for retained accuracy?",
    quick={
        **_DIGITS,
        "seeds": 2,
        "per_class": 120,
        "width": 8,
        "epochs": 10,
        "classes": (3, 6, 9),
        "alphas": (0.01, 0.1, 0.3, 1.0, 3.0, 10.0),
    },
    full={
        **_DIGITS,
        "seeds": 10,
        "per_class": 120,
        "width": 16,
        "epochs": 30,
        "classes": (3, 6, 9),
        "alphas": (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
    },
    tiny={
        **_DIGITS,
        "seeds": 1,
        "per_class": 12,
        "width": 2,
        "epochs": 1,
        "classes": (3,),
        "alphas": (0.1, 1.0),
    },
    run=run,
    long=True,
)
