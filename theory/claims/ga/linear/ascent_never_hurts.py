r"""False: "a plain ascent step never moves the model farther from the retrained one than doing nothing".

Counterexample (derived here). Retain e₁ and e₂, forget c e₁ + s e₃ (c² + s² = 1), all labels +1. The
max-margin model of the three has λ = (1/(1+c), 1, 1/(1+c)): w = e₁ + e₂ + s/(1+c) e₃. Retrained:
w* = e₁ + e₂. The step removes c/(1+c) of the *retained* e₁ along with the private part:
w′ = e₁/(1+c) + e₂, so ‖w′ − w*‖ = c/(1+c) against ‖w − w*‖ = s/(1+c). The step hurts exactly when
c > s, that is c > 1/√2; at c = 4/5 the distances are 4/9 against 3/9, and 1 − cos rises too, from 0.027
to 0.038. For c = 0 it is exact.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.claim import Assumption, Claim, Conclusion
from theory.claims.ga.linear import support_steps
from theory.claims.instances import TrainedModel, correlated_latent, correlated_model, retrained_multipliers
from theory.numerics import cosine_gap, norm
from theory.solvers.kkt import KKTResiduals, residuals_at
from theory.unlearning.ascent import remove_terms


class Moved(NamedTuple):
    """The step's result beside the retrained model."""

    unlearned: Float[Array, " d"]
    retrained: Float[Array, " d"]
    trained_kkt: KKTResiduals  # of w on all points
    retrained_kkt: KKTResiduals  # of w* on R
    amplified: Float[Array, ""]  # rounding of w and w*: condition of their linear systems times their size


def step(i: TrainedModel) -> Moved:
    """One full ascent step and the retrained model, both with residuals."""
    best = retrained_multipliers(i)
    target = i.X.T @ (best * i.y)
    everything, zero = jnp.ones(len(i.y), bool), jnp.zeros(())
    K = i.X @ i.X.T
    return Moved(
        remove_terms(i.w, i.X, i.y, i.lam, i.forget),
        target,
        residuals_at(i.lam, i.y * (i.X @ i.w), norm(i.w - i.X.T @ (i.lam * i.y)), everything),
        residuals_at(best, i.y * (i.X @ target), zero, ~i.forget),
        norm(K) * norm(jnp.linalg.inv(K)) * (norm(i.w) + norm(target)),
    )


def unsolved(i: TrainedModel, s: Moved) -> Array:
    """The larger relative KKT residual of w and w*."""
    best = jnp.max(retrained_multipliers(i))
    trained = s.trained_kkt.worst_relative(norm(i.w), jnp.max(i.lam))
    return jnp.maximum(trained, s.retrained_kkt.worst_relative(norm(s.retrained), best))


CLAIM = Claim(
    key="ga.linear.ascent_never_hurts",
    title="A plain ascent step never moves the model farther from the retrained one than doing nothing (false)",
    statement=r"\|w'-w^*\| \le \|w-w^*\| \ \text{and}\ \cos(w',w^*) \ge \cos(w,w^*)",
    source="refuted here; arXiv 2509.26427 (abstract) argues that ascent fails on correlated data",
    status="false",
    sizes=({"m": 3, "d": 3, "k": 1}, {"m": 6, "d": 8, "k": 2}, {"m": 10, "d": 10, "k": 5}),
    latent=correlated_latent,
    build=correlated_model,
    assumptions=(Assumption("trained", r"\lambda \ge 0: w \text{ is the max-margin model}", lambda i: jnp.min(i.lam)),),
    solve=step,
    residual=unsolved,
    conclusions=(
        Conclusion(
            "distance",
            r"\|w'-w^*\| \le \|w-w^*\|",
            lhs=lambda i, s: norm(s.unlearned - s.retrained),
            rhs=lambda i, s: norm(i.w - s.retrained),
            scale=lambda i, s: s.amplified,
        ),
        Conclusion(
            "direction",
            r"1-\cos(w',w^*) \le 1-\cos(w,w^*)",
            lhs=lambda i, s: cosine_gap(s.unlearned, s.retrained),
            rhs=lambda i, s: cosine_gap(i.w, s.retrained),
            scale=lambda i, s: s.amplified / norm(s.retrained),
        ),
    ),
    obligations=support_steps.ascent_never_hurts,
    notes="With one forget point and its one correlated partner the step hurts exactly when c > 1/√2. The projected "
    "step never hurts on the same instances: ga.linear.projected_never_hurts.",
)
