"""What the studies of worst-case forget sets share: how a set is selected, and what unlearning it does."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.studies.network_unlearning import Bench, attacked
from experiments.study import Parameters
from theory.models.networks import Network
from theory.network_metrics import accuracies, sets_without
from theory.unlearning.networks import all_methods
from theory.unlearning.networks.method import Outcome, Problem, unlearn_network
from theory.unlearning.worst_case import Lower, Selection, by_method, by_sign_descent, select_worst_case

METRICS = ("UA", "RA", "TA", "MIA")
LOWER_LEVELS = ("sign descent", "retraining")
SIGN = {"sign_batch": 128, "sign_rate": 1e-3}  # of sign descent


def problem_of(bench: Bench, forget: np.ndarray) -> Problem:
    """Bench and forget set as the methods take them."""
    return Problem(bench.network, bench.train, jnp.asarray(forget), bench.classes, bench.fresh)


def lower_level(bench: Bench, name: str, p: Parameters) -> Lower:
    """One of LOWER_LEVELS; sign descent makes one epoch, with ``sign_batch`` and ``sign_rate``."""
    problem = problem_of(bench, np.zeros(len(bench.train.y), bool))
    if name == "retraining":
        return by_method(all_methods()["retrain"], problem, **bench.training)
    return by_sign_descent(problem, 1, p["sign_batch"], p["sign_rate"])


def selected(bench: Bench, name: str, p: Parameters, k: int, seed: int, **options: Any) -> Selection:
    """The set that the bi-level scheme finds; runs of a seed start from the same random set.

    Sign descent takes ``iterations`` of the weights, retraining, which costs far more, ``retrainings``.
    """
    lower, key = lower_level(bench, name, p), jax.random.key(seed + 2000)
    iterations = p["retrainings"] if name == "retraining" else p["iterations"]
    return select_worst_case(bench.train, lower, k, key, iterations=iterations, **options)


def unlearned(bench: Bench, method: str, forget: np.ndarray, seed: int) -> Outcome:
    """Outcome of a method on a set of samples."""
    hyper = bench.training if method == "retrain" else {}
    return unlearn_network(all_methods()[method], problem_of(bench, forget), jax.random.key(seed + 1000), **hyper)


def measured(network: Network, bench: Bench, forget: np.ndarray, seed: int) -> list[float]:
    """METRICS, in percent; a class that is forgotten as a whole is left out of the test images."""
    sets = sets_without(bench.train, bench.test, forget)
    return [*accuracies(network, sets), attacked(network, sets, seed)]


def forgotten_count(bench: Bench, share: float) -> int:
    """Samples in a share of the training set, at least one."""
    return max(1, round(share * len(bench.train.y)))
