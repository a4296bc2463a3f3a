"""The Clarke-KKT QP over (λ, t) written out for Clarabel: an independent solver, in explicit matrices."""

from typing import Any

from experiments.benchmarks.peers import clarabel_value, clarke_qp


def clarke_value(
    Z: Any, u: Any, G: Any, y: Any, square: float, kinks: Any, slack: Any = 0.0, tolerance: float = 1e-12
) -> float:
    """Minimum of ‖W − Σ…‖² + 2 Σ slackᵢ λᵢ, with ‖W‖² = ``square`` and pre-activations Z."""
    return square + 2.0 * clarabel_value(clarke_qp(Z, u, G, y, kinks, slack), tolerance)
