from dataclasses import replace

import jax.numpy as jnp

from tests.claims import harness
from theory.claims.ft import golden
from theory.claims.ft.instances import by_hand, count

CLAIM = golden.CLAIM


def test_hand_worked():
    """X = [[1, 1, 0], [0, 1, 1]], w* = (1, 1, 1): w_g = (1, 1, 0), so UL = (1 − 2)² = 1.

    √UL + ‖X_F w_g‖ = 1 + 1 = 2 = |y_F|: the lower side is attained.
    """
    X = [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    instance = by_hand(X, [2.0, 2.0], [1.0, 1.0, 1.0], columns=(1, 1, 1), retained=1)
    evaluation = harness.assert_holds_on(CLAIM, instance, unlearning_loss=1.0, forgets_at_least=2.0)
    assert abs(evaluation.conclusions["forgets at least"].rhs - 2.0) < 1e-14


def test_hand_worked_distinct():
    """X = [[1, 1, 0], [0, 0, 2]], w* = (2, 0, 3): w_g = (1, 1, 0), UL = y_F² = 36."""
    X = [[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]
    instance = by_hand(X, [2.0, 6.0], [2.0, 0.0, 3.0], columns=(2, 0, 1), retained=1)
    harness.assert_holds_on(CLAIM, instance, unlearning_loss=36.0, distinct_features=36.0)
    assert jnp.allclose(golden.solve(instance).w, jnp.asarray([1.0, 1.0, 0.0]), atol=1e-14)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def _changed(name, **fields):
    """The claim with that conclusion alone, changed."""
    (conclusion,) = (replace(c, **fields) for c in CLAIM.conclusions if c.name == name)
    return replace(CLAIM, conclusions=(conclusion,))


def test_mutant_divides_by_the_retained_rows():
    def wrong(i, s):
        return jnp.sum(jnp.where(i.forget, (i.X @ s.rejected) ** 2, 0.0)) / count(~i.forget)

    harness.assert_refuted(_changed("unlearning loss", rhs=wrong))


def test_mutant_ignores_overlap():
    """‖y_F‖²/|F| is not the golden loss once features overlap."""
    harness.assert_refuted(
        _changed("unlearning loss", rhs=lambda i, s: golden.mean_square(i.y, i.forget)),
    )
