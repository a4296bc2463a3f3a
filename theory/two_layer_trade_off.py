"""What ε buys in τ: certificates of one two-layer network along a path of witnesses."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.models import two_layer
from theory.models.two_layer import TwoLayer
from theory.solvers.clarke import KINK_TOLERANCE
from theory.two_layer_certificate import certify_direction


def mixture(a: TwoLayer, b: TwoLayer, share: Float[Array, ""] | float) -> TwoLayer:
    """(1 − share) W_a + share W_b of comparable networks, 0 ≤ share ≤ 1."""
    root = (1.0 - share) * jnp.sqrt(a.sq0) + share * jnp.sqrt(b.sq0)
    return TwoLayer(a.u, (1.0 - share) * a.C + share * b.C, (1.0 - share) * a.Z0 + share * b.Z0, root**2)


class TradeOff(NamedTuple):
    """Certificates of one network along a path of witnesses."""

    share: Float[Array, " p"]  # 0: the first witness; 1: the exact KKT point
    epsilon: Float[Array, " p"]
    delta: Float[Array, " p"]
    tau: Float[Array, " p"]


def trade_off(
    net: TwoLayer,
    witness: TwoLayer,
    exact: TwoLayer,
    G: Float[Array, "m m"],
    y: Float[Array, " m"],
    retained: Bool[Array, " m"],
    shares: Float[Array, " p"],
    kink_tolerance: Float[Array, ""] | float = KINK_TOLERANCE,
) -> TradeOff:
    """ε against τ for witnesses between ``witness`` and ``exact``, multipliers refitted at each.

    Every point is a valid certificate of ``net``. The curve need not be monotone: a pair that is a kink at one
    end only leaves the kink on the way, and its subgradient is no longer free.
    """

    def at(share: Array) -> tuple[Array, Array, Array]:
        middle = certify_direction(mixture(witness, exact, share), G, y, retained, kink_tolerance)
        return middle.epsilon, middle.delta, two_layer.cosine_gap(net, middle.witness, G)

    return TradeOff(shares, *jax.lax.map(at, shares))
