"""Falsehoods about gradient ascent on two-layer ReLU networks."""

import jax.numpy as jnp

from tests.falsehoods.planting import Falsehood, always, dropped, restated, sharper, solved
from theory.claims.ga.two_layer import ascent_certificate as certificate
from theory.claims.ga.two_layer import ascent_keeps_classes as classes
from theory.claims.ga.two_layer import certificate_size as size
from theory.claims.ga.two_layer import coefficient_dynamics as dynamics
from theory.claims.ga.two_layer import exact_certificate as exact
from theory.claims.ga.two_layer import exact_kkt_point as point
from theory.claims.ga.two_layer import implicit_bias as bias
from theory.claims.ga.two_layer import margin_drift as drift
from theory.claims.ga.two_layer import projected_ascent as projected
from theory.claims.ga.two_layer import residual, step_size
from theory.claims.ga.two_layer.instances import hidden_weights
from theory.models import two_layer
from theory.numerics import masked_max, norm


def _plain_activations(i, s):
    """Pre-activations of the plain step in place of the witness's."""
    return s._replace(preactivations=jnp.einsum("id,cjd->cij", i.X, s.witness - s.projected))


def _no_start(i, s):
    start = two_layer.from_weights(i.u, i.W, i.X)
    return s._replace(squares=s.squares + jnp.max(start.sq0))


def _naive_subgradient(i, s):
    """t = λ[z > 0], nothing at kinks."""
    t = jnp.where(s.Z > 0, s.point.lam[:, None], 0.0)
    return s._replace(point=s.point._replace(t=t))


def _larger_multipliers(i, s):
    t = 1.01 * s.best.t
    return s._replace(remainder=residual.remainder(i, t), best=s.best._replace(t=t))


def _kinks_ignored(i, s):
    return s._replace(remainder=residual.remainder(i, jnp.where(i.kinks, 0.0, s.best.t)))


def _short(i):
    """Half the network: margins of 1/2, still with the t of its own stationarity error."""
    return i._replace(V=0.5 * i.V, lam=0.5 * i.lam, t=0.5 * i.t)


def _negative_part(i):
    """Retained multipliers turned negative."""
    return i._replace(lam=-i.lam, t=-i.t)


def _flipped(i):
    return i._replace(y=-i.y)


FALSEHOODS: tuple[Falsehood, ...] = (
    *sharper(certificate.CLAIM, "stationarity", 50, 10, 1),
    *sharper(certificate.CLAIM, "complementarity", 1),
    *sharper(certificate.CLAIM, "direction", 10, 1),
    *sharper(certificate.CLAIM, "refitted", 1),
    solved(
        certificate.CLAIM,
        "plain_step",
        "the plain step keeps the activations",
        "pre-activations",
        _plain_activations,
    ),
    restated(
        certificate.CLAIM,
        "kinks_ignored",
        "ε ≤ ε₁ + ‖P_R g‖ at kinks too",
        "stationarity",
        rhs=lambda i, s: norm(i.V) + certificate.norms(s.projected),
    ),
    restated(
        certificate.CLAIM,
        "root_ignored",
        "τ ≤ q²/2",
        "direction",
        rhs=lambda i, s: jnp.where(s.ratio < 1.0, 0.5 * s.ratio**2, 2.0),
    ),
    dropped(certificate.CLAIM, "feasible", "primal", _short),
    dropped(certificate.CLAIM, "admissible", "admissible", _negative_part),
    restated(classes.CLAIM, "model", "the model's own subgradient keeps every class", "what the points put there"),
    restated(classes.CLAIM, "autodiff", "autodiff's subgradient keeps every class", "autodiff"),
    restated(
        classes.CLAIM,
        "plain_margins",
        "the plain step keeps the margins",
        "projected",
        lhs=lambda i, s: jnp.where(i.forget, 0.0, s.model),
    ),
    *sharper(size.CLAIM, "projection", 50, 10, 1),
    *sharper(size.CLAIM, "removed part", 1),
    *sharper(size.CLAIM, "stationarity", 1),
    *sharper(size.CLAIM, "length", 1),
    restated(
        size.CLAIM,
        "products_ignored",
        "1 − ψ for 1 − ψ − (|R| − 1)φ",
        "projection",
        rhs=lambda i, s: i.phi * jnp.sqrt(len(i.y) - 1.0) / jnp.sqrt(1.0 - i.psi),
    ),
    restated(
        size.CLAIM,
        "one_point_fewer",
        "|R| − 1 points for |R|",
        "projection",
        rhs=lambda i, s: i.phi * jnp.sqrt((jnp.sum(~i.forget) - 1.0) / s.low),
    ),
    restated(
        size.CLAIM,
        "no_u",
        "the length grows with |R| alone, ‖u‖ dropped",
        "length",
        rhs=lambda i, s: jnp.sqrt((len(i.y) - 1.0) / s.high),
    ),
    dropped(size.CLAIM, "near-orthogonal", "projection", lambda i: i._replace(phi=0.5 * i.phi)),
    dropped(size.CLAIM, "feasible", "length", lambda i: i._replace(W=0.5 * i.W)),
    solved(dynamics.CLAIM, "no_start", "‖w_j‖² = c_jᵀ G c_j, without the start", "norms", _no_start),
    dropped(dynamics.CLAIM, "inner products", "weights", lambda i: i._replace(G=1.01 * i.G)),
    solved(
        exact.CLAIM,
        "unmoved",
        "the trained network is an exact point of the retained problem",
        "epsilon",
        lambda i, s: s._replace(W=s.trained.net.C @ i.factor),
    ),
    *sharper(exact.CLAIM, "feasible", 1),
    *sharper(exact.CLAIM, "projected ascent is nearer than doing nothing", 50),
    always(exact.CLAIM, "autodiff's step is nearer than doing nothing"),
    always(exact.CLAIM, "plain ascent is the nearer step"),
    always(exact.CLAIM, "retraining ends no nearer"),
    *sharper(point.CLAIM, "primal", 1),
    *sharper(point.CLAIM, "flips only shorten", 1),
    solved(point.CLAIM, "kinks_ignored", "t = λ[z > 0] at kinks too", "stationarity", _naive_subgradient),
    solved(
        point.CLAIM,
        "unmoved",
        "the start is a KKT point already",
        "stationarity",
        lambda i, s: s._replace(W=i.W),
    ),
    dropped(point.CLAIM, "separates", "no longer than the start", _flipped),
    *sharper(bias.CLAIM, "smoothing", 10, 1),
    always(bias.CLAIM, "nearer a KKT point"),
    always(bias.CLAIM, "near a KKT point"),
    restated(
        bias.CLAIM,
        "wrong_power",
        "−log L/‖W‖² never falls",
        "smoothed margin",
        lhs=lambda i, s: bias._later(i, s) / s.path.norms[1:],
        rhs=lambda i, s: bias._earlier(i, s) / s.path.norms[:-1],
    ),
    *sharper(drift.CLAIM, "drift", 50, 10, 1),
    *sharper(drift.CLAIM, "fall", 1),
    *sharper(drift.CLAIM, "feasibility", 10, 1),
    restated(drift.CLAIM, "wrong_side", "the fall is bounded by the rise's terms", "fall", rhs=lambda i, s: s.rise),
    restated(
        drift.CLAIM,
        "mean_over_neurons",
        "a mean over neurons for a sum",
        "drift",
        rhs=lambda i, s: s.drift / len(i.u),
    ),
    restated(
        drift.CLAIM,
        "euclidean_norm",
        "‖λ‖₂ in place of the sum over F",
        "reach",
        rhs=lambda i, s: masked_max(
            jnp.sum(i.u**2) * jnp.sqrt((i.X @ i.X.T) ** 2 @ jnp.where(i.forget, i.lam**2, 0.0)), ~i.forget
        ),
    ),
    dropped(drift.CLAIM, "subgradient", "reach", lambda i: i._replace(s=2.0 * i.s)),
    dropped(drift.CLAIM, "feasible", "feasibility", lambda i: i._replace(W=0.5 * i.W)),
    *sharper(projected.CLAIM, "stationarity, bound", 50, 1),
    *sharper(projected.CLAIM, "forgotten scores", 1),
    *sharper(projected.CLAIM, "stationarity", 1),
    restated(
        projected.CLAIM,
        "nothing_forgotten",
        "forgotten points keep their scores too",
        "retained predictions",
        lhs=lambda i, s: s.coded_scores,
        rhs=lambda i, s: two_layer.scores(i.u, hidden_weights(i), i.X)[None],
    ),
    restated(
        projected.CLAIM,
        "same_score",
        "a forgotten point scores as its projection",
        "forgotten scores",
        rhs=lambda i, s: 0.0,
    ),
    restated(
        projected.CLAIM,
        "no_residue",
        "the distance falls by ‖(I − P_R)(V + r)‖² in full",
        "distance within the span",
        rhs=lambda i, s: (
            norm(hidden_weights(i) - projected._within_span(i)) ** 2 - projected._squares(s.before_outside)
        ),
    ),
    *sharper(residual.CLAIM, "least", 1),
    solved(residual.CLAIM, "larger", "multipliers 1% too large are optimal", "orthogonal", _larger_multipliers),
    solved(residual.CLAIM, "kinks_ignored", "the best subgradient is 0 at kinks", "least", _kinks_ignored),
    restated(
        residual.CLAIM,
        "autodiff",
        "autodiff's subgradient is as good as any",
        "autodiff",
        lhs=lambda i, s: s.autodiff,
        rhs=lambda i, s: norm(s.remainder),
    ),
    *sharper(step_size.CLAIM, "refitted, lower", 1),
    *sharper(step_size.CLAIM, "refitted, V", 1),
    *sharper(step_size.CLAIM, "refitted, upper", 1),
    restated(
        step_size.CLAIM,
        "whole_remainder",
        "the part within span(R) cannot be refitted either",
        "refitted, lower",
        rhs=lambda i, s: norm(s.left),
    ),
    restated(
        step_size.CLAIM,
        "a_v",
        "with fixed multipliers ε is |1 − c|‖(I − P_R)g‖",
        "fixed multipliers",
        rhs=lambda i, s: jnp.abs(1.0 - i.c) * norm(s.removed_outside),
    ),
)
