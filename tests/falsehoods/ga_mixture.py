"""Falsehoods about test errors on the Gaussian mixture."""

import jax.numpy as jnp
from jax.scipy.stats import norm as gaussian

from tests.falsehoods.planting import Falsehood, always, dropped, restated, sharper, solved
from theory.claims.ga.mixture import linear_test_error, two_layer_test_error, unlearning_keeps_test_error

LINEAR, NETWORK = linear_test_error.CLAIM, two_layer_test_error.CLAIM
KEEPS = unlearning_keeps_test_error.CLAIM


def _no_root_d(i, s):
    return s._replace(closed=gaussian.cdf(-(i.w @ i.mu) / jnp.sqrt(jnp.sum(i.w**2))))


def _other_tail(i, s):
    return s._replace(closed=1.0 - s.closed)


FALSEHOODS: tuple[Falsehood, ...] = (
    *sharper(LINEAR, "best model", 10, 1),
    *sharper(LINEAR, "quadrature", 1),
    solved(LINEAR, "no_root_d", "Φ(−⟨w, μ⟩/‖w‖), √d forgotten", "quadrature", _no_root_d),
    solved(LINEAR, "no_root_d_sampled", "Φ(−⟨w, μ⟩/‖w‖), by Monte Carlo", "monte carlo", _no_root_d),
    solved(LINEAR, "other_tail", "Φ(+√d⟨w, μ⟩/‖w‖), the sign wrong", "monte carlo", _other_tail),
    always(LINEAR, "monte carlo, counted"),
    dropped(LINEAR, "isotropic", "quadrature", lambda i: i._replace(spread=i.spread.at[0].set(3.0))),
    solved(
        NETWORK,
        "centred",
        "a law with mean 0",
        "mean",
        lambda i, s: s._replace(law=s.law._replace(mean=0.0 * s.law.mean)),
    ),
    *sharper(NETWORK, "covariance", 1),
    *sharper(NETWORK, "linear network", 1),
    always(NETWORK, "monte carlo, counted"),
    dropped(NETWORK, "spanned", "covariance", lambda i: i._replace(W0=jnp.ones_like(i.W0))),
    always(KEEPS, "linear models"),
    always(KEEPS, "networks"),
    *sharper(KEEPS, "linear models, always", 90),
    restated(
        KEEPS,
        "same_error",
        "all four linear models have the same test error",
        "linear models, always",
        rhs=lambda i, s: 0.0,
    ),
)
