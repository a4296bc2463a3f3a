"""The proof of unsir.steps.class_count, step by step for a machine; it follows the docstring."""

from theory.claims.lemmas import reals
from theory.obligation import Obligation, uncovered


def class_count() -> tuple[Obligation, ...]:
    """Rounding up, one epoch and two, and where the number of classes cancels."""
    from sympy import Eq

    u, v, first, then, other, w, total = reals("u v first then other w total")
    n, p, k, c, B, b, K, noise = reals("n p k c B b K noise")
    grown, shared = reals("grown shared")
    return (
        uncovered("dealing", "an epoch over m images takes as many steps as batches of b are needed for them, ⌈m/b⌉"),
        Obligation(
            "rounding up",
            "⌈u + v⌉ − ⌈u⌉ differs from v by less than 1",
            (then - first - v < 1) & (then - first - v > -1),
            (first >= u, first < u + 1, then >= u + v, then < u + v + 1),
            ("dealing",),
        ),
        Obligation(
            "noise of more classes",
            "at a fixed sample the impair epoch grows by (k − 1)cB images, the repair epoch by none",
            Eq(grown, (k - 1) * noise / b),
            (b > 0, Eq(noise, c * B), Eq(b * grown, (n + k * c * B) - (n + c * B))),
        ),
        Obligation(
            "two epochs",
            "two differences, each by less than 1, together by less than 2",
            (total - v - w < 2) & (total - v - w > -2),
            (then - v < 1, then - v > -1, other - w < 1, other - w > -1, Eq(total, then + other)),
            ("rounding up",),
        ),
        Obligation(
            "images of each class",
            "with n = p(K − k) the two epochs together grow by (k − 1)(cB − 2p) images",
            Eq(shared, (k - 1) * (c * B - 2 * p) / b),
            (
                b > 0,
                Eq(b * shared, (p * (K - k) + k * c * B) - (p * (K - 1) + c * B) + p * (K - k) - p * (K - 1)),
            ),
        ),
        Obligation(
            "balance",
            "the growth is 0 for some k > 1 only where cB = 2p",
            Eq(c * B, 2 * p),
            (k > 1, b > 0, Eq((k - 1) * (c * B - 2 * p) / b, 0)),
            ("images of each class",),
        ),
    )
