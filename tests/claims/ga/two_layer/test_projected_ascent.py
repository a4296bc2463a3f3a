from dataclasses import replace

import jax
import numpy as np
import pytest

from tests.claims import harness
from tests.claims.ga.two_layer.test_ascent_certificate import hand_worked
from theory.claim import Conclusion
from theory.claims.ga.two_layer import projected_ascent
from theory.claims.ga.two_layer.instances import margin_scale, network
from theory.models import two_layer
from theory.unlearning.two_layer_ascent import unlearn_two_layer

CLAIM = projected_ascent.CLAIM


def test_hand_worked():
    """The exact point of test_ascent_certificate with the model's subgradient: W⊥ = P_R W = (e₁, 0).

    P_R x₂ = 3/5 e₁, so W⊥ gives x₂ the score 3/5, as W gives 3/5 e₁; ε = √306/16, and ε = √370/16 with s = 1.
    """
    instance = hand_worked()
    harness.assert_holds_on(CLAIM, instance, primal=1.0, complementarity=0.0)
    s = jax.jit(projected_ascent.solve)(instance)
    np.testing.assert_allclose(s.W[1], [[1.0, 0.0], [0.0, 0.0]], atol=1e-15)
    np.testing.assert_allclose(s.scores[1], [1.0, 0.6], atol=1e-15)
    np.testing.assert_allclose(s.coded_scores[1], [1.0, 0.6], atol=1e-14)
    np.testing.assert_allclose(s.coded_epsilon[:2], np.sqrt([370, 306]) / 16, rtol=1e-12)


@pytest.mark.parametrize(("subgradient", "choice"), [("model", 1), ("autodiff", 2)])
def test_checked_entry_point(subgradient, choice):
    """unlearn_two_layer(method="projected") is the network of the claim."""
    i = hand_worked()
    net = network(i)
    found = unlearn_two_layer(net, i.X @ i.X.T, i.y, i.forget, "projected", subgradient=subgradient, lam=i.lam, t=i.t)
    s = jax.jit(projected_ascent.solve)(i)
    np.testing.assert_allclose(two_layer.hidden_weights(found, i.X), s.W[choice], atol=1e-14)


def test_property(sizes):
    harness.assert_property(CLAIM, sizes=sizes)


def test_sampled(sizes):
    harness.assert_sampled(CLAIM, sizes=sizes)


def test_counterexamples():
    harness.assert_counterexamples(CLAIM)


def test_tight_bounds_bite():
    harness.assert_tight_bounds_bite(CLAIM)


def test_mutants():
    """Forgotten points do not keep their scores, and with V ≠ 0 or s ≠ t/λ theirs is not that of P_R x."""
    conclusions = (
        Conclusion(
            "same score",
            r"N(W^\perp,x_l)=N(W,P_Rx_l)",
            lhs=lambda i, s: s.scores,
            rhs=lambda i, s: s.projected_scores,
            relation="==",
            scale=lambda i, s: margin_scale(i),
        ),
        Conclusion(
            "nothing forgotten",
            r"N(W^\perp,x_l)=N(W,x_l)",
            lhs=lambda i, s: s.coded_scores,
            rhs=lambda i, s: two_layer.scores(i.u, projected_ascent.hidden_weights(i), i.X)[None],
            relation="==",
            scale=lambda i, s: margin_scale(i),
        ),
    )
    for conclusion in conclusions:
        harness.assert_refuted(replace(CLAIM, conclusions=(conclusion,)))
