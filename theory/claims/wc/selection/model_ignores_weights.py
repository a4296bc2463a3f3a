r"""False: "the implicit gradient is 0, so the unlearned model does not depend on which points are forgotten".

Counterexample (derived here). One feature x = (1, 1), y = (1, −2), θ_0 = 0, β = 1/2. With everything g = −y₁ − y₂ = 1
and θ_1 = −1/2; without the second point g = −1 and θ_1 = 1/2. A derivative of 0 almost everywhere is a statement
about small changes of w: within the radius of wc.selection.implicit_gradient, and forgetting is a change of 1.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Claim, Conclusion
from theory.claims.wc.selection.implicit_gradient import Descent, build, iterates, latent


def _models(i: Descent) -> tuple[Float[Array, " d"], Float[Array, " d"]]:
    """θ_T without F, and with everything."""
    return iterates(i, jnp.where(i.forget, 1.0, 0.0))[-1], iterates(i, jnp.zeros(len(i.y)))[-1]


CLAIM = Claim(
    key="wc.selection.model_ignores_weights",
    title="With an implicit gradient of 0 the unlearned model does not depend on the forget set (false)",
    statement=r"\partial\theta_T/\partial w = 0 \text{ almost everywhere} \Rightarrow \theta_T(1_F) = \theta_T(0)",
    source="refuted here",
    status="false",
    sizes=({"N": 2, "d": 1, "k": 1}, {"N": 6, "d": 3, "k": 2}, {"N": 20, "d": 8, "k": 5}),
    latent=latent,
    build=build,
    solve=_models,
    conclusions=(
        Conclusion(
            "same model",
            r"\theta_T(1_F) = \theta_T(0)",
            lhs=lambda i, s: s[0],
            rhs=lambda i, s: s[1],
            relation="==",
            scale=lambda i, s: jnp.max(jnp.abs(i.theta)) + i.beta,
        ),
    ),
    notes="How often the model moves: the conclusion 'forgetting moves the model' of wc.selection.implicit_gradient.",
)
