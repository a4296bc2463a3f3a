from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from tests.claims import harness
from theory.claims.ft import finetune_noop
from theory.claims.ft.instances import by_hand, feature_problem, free_entries, problem_latent, train

CLAIM = finetune_noop.CLAIM


def test_hand_worked():
    """X = [[1, 1, 0], [0, 1, 1]], w* = (1, 1, 1), y = (2, 2).

    XXᵀ = [[2, 1], [1, 2]], its inverse times y is (2/3, 2/3), so w_o = (2/3, 4/3, 2/3); it fits both
    rows, and fine-tuning on the first leaves it: subset and both losses 0.
    """
    X = [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    instance = by_hand(X, [2.0, 2.0], [1.0, 1.0, 1.0], columns=(1, 1, 1), retained=1)
    harness.assert_holds_on(CLAIM, instance, subset=0.0, remaining_loss=0.0, unlearning_loss=0.0)
    solved = finetune_noop.solve(instance)
    for w in (solved.start, solved.limit, *solved.path):
        np.testing.assert_allclose(w, [2 / 3, 4 / 3, 2 / 3], rtol=1e-14)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_mutant_pretrained_badly():
    """From half of w_o, which fits nothing, fine-tuning does move."""

    def halved(i):
        base = train(i)
        return finetune_noop.fine_tune_from(i, base, 0.5 * base.pretrained.w)

    harness.assert_refuted(replace(CLAIM, solve=halved))


def test_mutant_fine_tuning_forgets():
    """Fine-tuning does not give the golden model."""
    wrong = replace(CLAIM.conclusions[1], lhs=lambda i, s: s.limit, rhs=lambda i, s: s.base.golden.w)
    harness.assert_refuted(replace(CLAIM, conclusions=(wrong,)))


@pytest.mark.parametrize("sizes", CLAIM.sizes, ids=str)
def test_instances_are_well_conditioned(sizes):
    """Full row rank and bounded conditioning whatever the latent vector, extreme or zero."""
    rng = np.random.default_rng(0)
    for scale in (0.0, 1.0, 100.0):
        i = feature_problem(sizes, jnp.asarray(scale * rng.standard_normal(problem_latent(sizes))))
        values = np.linalg.svd(np.asarray(i.X), compute_uv=False)
        assert len(values) == len(i.y)
        assert values[0] / values[-1] < 1e3
        assert 1 <= i.subset.sum() < sizes["r"]
        assert not (i.subset & i.forget).any()


@pytest.mark.parametrize(
    "sizes",
    [
        {"r": 0, "f": 1, "a": 1, "b": 1, "c": 1},
        {"r": 1, "f": 1, "a": 0, "b": 0, "c": 2},
        {"r": 2, "f": 3, "a": 2, "b": 1, "c": 1},
    ],
    ids=["no retained rows", "no retained columns", "too many forget rows"],
)
def test_impossible_sizes(sizes):
    with pytest.raises(ValueError, match="sizes: expected"):
        free_entries(sizes)
