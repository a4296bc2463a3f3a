"""Retraining, exactly, and decrementally: the reference every other method is measured against.

Retraining solves the max-margin problem on the retained points from scratch. Decremental
unlearning reaches the same solution from the trained one: warm-start the dual's active set with the
trained support vectors that remain (the idea of Cauwenberghs & Poggio 2000) and count the exchanges.
"""

from typing import Any

from theory.solvers.margin import MarginSolution, solve_margin


def retrain(X: Any, y: Any, forget: Any) -> MarginSolution:
    """Max-margin model on the retained points. Arguments and errors: :func:`solve_margin`."""
    return solve_margin(X, y, forget=forget)


def decremental(X: Any, y: Any, forget: Any, trained_support: Any) -> MarginSolution:
    """:func:`retrain`, warm-started from the trained model's support vectors (mask (m,)).

    The solution is the same; ``exchanges`` counts the points that entered or left the active set.
    """
    return solve_margin(X, y, forget=forget, warm_start=trained_support)
