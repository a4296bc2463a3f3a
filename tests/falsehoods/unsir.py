"""Falsehoods about error-maximising noise, about the steps it takes, and about what UNSIR reads."""

from tests.falsehoods.planting import Falsehood, dropped, restated, sharper, solved
from theory.claims.unsir.noise import well_posed as noise
from theory.claims.unsir.steps import class_count
from theory.claims.unsir.zero_glance import forget_set_unread
from theory.numerics import norm


def _without_two(i, s):
    """√2 forgotten: only the class's own probability is counted in ‖p − e_c‖."""
    return noise.spectral(i) / (2.0 * i.penalty)


def _half_the_constant(i, s):
    return noise.spectral(i) ** 2 / (8.0 * i.penalty) * norm(i.x - i.start)


FALSEHOODS: tuple[Falsehood, ...] = (
    *sharper(noise.CLAIM, "bound", 10, 1),
    *sharper(noise.CLAIM, "bound by the class's probability", 1),
    *sharper(noise.CLAIM, "coercive", 1),
    *sharper(noise.CLAIM, "curvature", 1),
    restated(noise.CLAIM, "without_two", "‖N‖ ≤ ‖W‖/(2λ)", "bound", rhs=_without_two),
    restated(
        noise.CLAIM, "half_lipschitz", "softmax has Lipschitz constant 1/4", "contraction", rhs=_half_the_constant
    ),
    restated(
        noise.CLAIM,
        "always_unique",
        "the noise is unique whatever the penalty",
        "unique",
        lhs=lambda i, s: norm(s.noise - s.again),
        solver_error=lambda i, s: 1e-6 * (1.0 + norm(s.noise)),
    ),
    solved(
        noise.CLAIM,
        "one_iteration",
        "one step of T from anywhere is stationary",
        "bound by the class's probability",
        lambda i, s: s._replace(noise=noise.step(i, i.start)),
    ),
    dropped(noise.CLAIM, "penalty", "bound", lambda i: i._replace(penalty=-i.penalty)),
    restated(
        class_count.CLAIM,
        "as_many_as_one",
        "k classes take as many steps as one",
        "fixed sample",
        lhs=lambda i, s: s.fixed,
        rhs=lambda i, s: s.fixed_one,
    ),
    restated(
        class_count.CLAIM,
        "once_read",
        "a class's images are read once, not to impair and to repair",
        "images of each class",
        lhs=lambda i, s: abs(s.shared - s.shared_one - class_count.growth(i) + (i.classes - 1) * i.per_class / i.batch),
    ),
    *sharper(class_count.CLAIM, "fixed sample", 10),
    solved(
        forget_set_unread.CLAIM,
        "ascent_unread",
        "gradient ascent reads no sample of the forgotten classes either",
        "other samples",
        lambda i, s: s._replace(unlearned=s.ascent, from_others=s.ascent_from_others),
    ),
    sharper(forget_set_unread.CLAIM, "retained samples read", 10)[0],
)
