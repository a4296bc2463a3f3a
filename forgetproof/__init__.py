"""forgetproof verifies the theory of machine unlearning.

The public names load on first use, so that importing the package costs nothing. They need JAX with
64-bit types: call ``forgetproof.start_jax()`` first, or ``jax.config.update("jax_enable_x64", True)``.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "experiments.audit": ("audit",),
    "forgetproof.runtime": ("start_jax",),
    "theory.blocked_certificate": ("certificate_blocked", "leave_one_out_certificates"),
    "theory.certificate": ("Certificate", "certificate"),
    "theory.claim": ("Assumption", "Claim", "Conclusion", "Counterexample", "Outcome", "evaluate", "judge"),
    "theory.claims": ("all_claims",),
    "theory.data.correlated": ("sample_correlated",),
    "theory.data.feature_overlap": ("sample_feature_overlap",),
    "theory.data.gaussian_mixture": ("sample_gaussian_mixture",),
    "theory.data.near_orthogonal": ("sample_near_orthogonal",),
    "theory.data.wishart": ("sample_gram",),
    "theory.evidence.check": ("Verdict", "check", "check_instance"),
    "theory.models.mixture_error": ("mixture_test_error",),
    "theory.models.two_layer": ("TwoLayer", "from_weights", "initialise", "output_weights"),
    "theory.numerics": ("norm", "tolerance"),
    "theory.obligation": ("Constant", "Obligation", "uncovered"),
    "theory.solvers.blocked_margin": ("solve_margin_blocked",),
    "theory.solvers.clarke": ("clarke_residual",),
    "theory.solvers.clarke_kkt_point": ("KKTPoint", "find_kkt_point"),
    "theory.solvers.device_rows": ("gram_blocks", "gram_memory", "place"),
    "theory.solvers.gradient_flow": ("gradient_flow",),
    "theory.solvers.kkt": ("KKTResiduals", "kkt_residuals"),
    "theory.solvers.margin_batch": ("solve_margin_batch",),
    "theory.solvers.margin": ("MarginSolution", "NotSeparable", "solve_margin"),
    "theory.solvers.min_norm": ("solve_min_norm",),
    "theory.solvers.two_layer_flow": ("NotSeparated", "train_two_layer"),
    "theory.two_layer_certificate": ("NetworkCertificate", "network_certificates", "step_certificate"),
    "theory.unlearning.ascent": ("gradient_ascent",),
    "theory.unlearning.leave_one_out": ("unlearn_each",),
    "theory.unlearning.projected_ascent": ("projected_ascent",),
    "theory.unlearning.retrain": ("decremental", "retrain"),
    "theory.unlearning.two_layer_ascent": ("unlearn_two_layer",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'forgetproof' has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
