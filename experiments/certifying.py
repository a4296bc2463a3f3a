"""Rigorous enclosures of claims' instances and of models in files."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.checking import own_faults, saved_counterexample
from experiments.instance_file import InstanceFileError, load_instance, read_arrays
from theory.checks import as_data, as_float_array, as_forget_mask, as_weights
from theory.claim import Claim, Instance, Sizes
from theory.evidence.ball import exactly
from theory.evidence.ball_claims import Decision, InstanceCertificate, certify_instance, precisions
from theory.evidence.ball_models import Finding, linear_findings
from theory.evidence.ball_networks import Network, network_findings
from theory.evidence.check import Refutation, draw_latents
from theory.models import two_layer
from theory.report import Record, number
from theory.solvers.clarke import best_clarke_multipliers
from theory.solvers.kkt import best_multipliers_compiled

MODEL_ARRAYS = ("X", "y", "w", "lam", "W", "u", "t", "forget", "mu")


def drawn(claim: Claim, examples: int, seed: int) -> list[tuple[Sizes, np.ndarray]]:
    """Latent vectors as a check draws them, shared among the claim's sizes, at least one each."""
    count = max(examples, len(claim.sizes))
    shares = [count // len(claim.sizes) + (k < count % len(claim.sizes)) for k in range(len(claim.sizes))]
    found = []
    for index, (sizes, share) in enumerate(zip(claim.sizes, shares, strict=True)):
        rng = np.random.default_rng([seed, index])
        found += [(sizes, z) for z in draw_latents(rng, share, claim.latent(sizes))]
    return found


def certify_claim(claim: Claim, examples: int, seed: int, limit: int, exact_build: bool, folder: Path) -> Record:
    """Certify a claim on drawn instances; a refuted one is saved in ``folder``.

    Args:
        claim: any claim. examples: instances in all. seed: they are a function of it. limit: of the precision, bits.
        exact_build: take an instance as the exact image of its latent vector, not as the floats of its arrays.

    Raises:
        ClaimFault: a claim from a file fails by an exception. OSError: an instance cannot be saved.
    """
    began = time.perf_counter()
    parts: list[InstanceCertificate] = []
    counterexample = None
    with own_faults(claim):
        builds: dict[int, Callable[..., Instance]] = {}
        for sizes, z in drawn(claim, examples, seed):
            build = builds.setdefault(id(sizes), jax.jit(lambda z, sizes=sizes: claim.build(sizes, z)))
            instance = build(jnp.asarray(z))
            if exact_build:
                parts.append(certify_instance(claim, jnp.asarray(z), limit, sizes))
            else:
                parts.append(certify_instance(claim, instance, limit))
            if counterexample is None:
                counterexample = _counterexample(claim, sizes, instance, parts[-1], folder)
    return _claim_record(claim, parts, time.perf_counter() - began, limit, seed, counterexample)


def certify_saved(claim: Claim, path: Path, limit: int) -> Record:
    """Certify a claim on one saved instance. Raises as :func:`experiments.instance_file.load_instance`."""
    began = time.perf_counter()
    instance, _ = load_instance(path, claim)
    with own_faults(claim):
        found = certify_instance(claim, instance, limit)
    return _claim_record(claim, [found], time.perf_counter() - began, limit, None, None)


def _counterexample(
    claim: Claim, sizes: Sizes, instance: Instance, found: InstanceCertificate, folder: Path
) -> Record | None:
    refuted = next((e for e in found.conclusions if e.decision is Decision.REFUTED), None)
    if refuted is None or refuted.lhs is None or refuted.rhs is None:
        return None
    sides = (refuted.lhs[0], refuted.rhs[0])
    return saved_counterexample(claim, Refutation(dict(sizes), instance, refuted.name, *sides, 0.0), folder)


def _claim_record(
    claim: Claim,
    parts: Sequence[InstanceCertificate],
    seconds: float,
    limit: int,
    seed: int | None,
    counterexample: Record | None,
) -> Record:
    judged = [part for part in parts if not part.vacuous]
    conclusions = []
    for conclusion in claim.conclusions:
        found = [e for part in judged for e in part.conclusions if e.name == conclusion.name]
        decided = [e for e in found if e.decision in (Decision.CERTIFIED, Decision.WITHIN)]
        reasons = [e.reason for e in found if e.reason]
        conclusions.append(
            {
                "name": conclusion.name,
                "relation": conclusion.relation,
                **{decision.value: sum(e.decision is decision for e in found) for decision in Decision},
                "width": number(max((e.width or 0.0 for e in decided), default=float("nan"))),
                "radius": number(max((e.radius for e in found if e.radius is not None), default=float("nan"))),
                "bits": max((e.bits for e in found), default=None),
                "reason": max(set(reasons), key=reasons.count) if reasons else "",
            }
        )
    refuted = any(c["refuted"] for c in conclusions)
    whole = all(c["undecided"] == 0 for c in conclusions)
    outcome = "REFUTED" if refuted else "VACUOUS" if not judged else "CERTIFIED" if whole else "UNDECIDED"
    return {
        "key": claim.key,
        "title": claim.title,
        "status": claim.status,
        "outcome": outcome,
        "as_expected": not refuted or claim.status == "false",
        "instances": len(parts),
        "vacuous": len(parts) - len(judged),
        "assumption_undecided": sum(None in part.assumptions.values() for part in judged),
        "conclusions": conclusions,
        "bits": max((part.bits for part in parts), default=None),
        "limit": limit,
        "seed": seed,
        "seconds": round(seconds, 3),
        "counterexample": counterexample,
    }


def certified_part(entry: Record) -> Record:
    """What the ledger keeps of a claim's record: how many conclusions were decided on every instance."""
    conclusions = entry["conclusions"]
    found = {
        "instances": entry["instances"] - entry["vacuous"],
        "conclusions": len(conclusions),
        "decided": sum(c["refuted"] + c["undecided"] == 0 for c in conclusions),
        "refuted": entry["outcome"] == "REFUTED",
        "bits": entry["bits"],
        "seed": entry["seed"],
    }
    return {"key": entry["key"], "certified": found}


def certify_model(path: Path, limit: int) -> Record:
    """Certify a model in an ``.npz`` file.

    Args:
        path: arrays X (m, d) and y (m,) with w (d,) and/or lam (m,), or W (n, d) and u (n,), with lam and t (m, n) or
            neither; optional: forget (indices or mask), mu (d,). Multipliers left out are the best that the float
            solvers find; whatever they are, the enclosures are of theirs. limit: of the precision, bits.

    Raises:
        InstanceFileError: unreadable, or not such arrays; the message says what is wrong.
    """
    began = time.perf_counter()
    arrays = read_arrays(path)
    try:
        kind, findings = _prepared(arrays)
    except ValueError as fault:
        raise InstanceFileError(f"{path}: {fault}") from None
    import flint

    found: list[Finding] = []
    bits = 0
    for bits in precisions(limit):
        with flint.ctx.workprec(bits):
            found = findings()
        if all(f.settled for f in found):
            break
    return {
        "key": str(path),
        "kind": kind,
        "findings": [
            {**f._asdict(), "interval": None if f.interval is None else [number(end) for end in f.interval]}
            for f in found
        ],
        "as_expected": True,
        "bits": bits,
        "limit": limit,
        "seconds": round(time.perf_counter() - began, 3),
    }


def _prepared(arrays: dict[str, np.ndarray]) -> tuple[str, Callable[[], list[Finding]]]:
    unknown = sorted(set(arrays) - set(MODEL_ARRAYS))
    if unknown or not {"X", "y"} <= set(arrays) or not ({"w", "lam"} & set(arrays) or {"W", "u"} <= set(arrays)):
        given = ", ".join(sorted(arrays)) or "nothing"
        raise ValueError(f"expected arrays X and y with w or lam, or with W and u ({_optional}); got {given}")
    X, y = as_data(arrays["X"], arrays["y"])
    m, d = X.shape
    retained = ~as_forget_mask(arrays["forget"], m) if "forget" in arrays else jnp.ones(m, bool)
    points, labels = np.asarray(X), np.asarray(y)
    if "W" in arrays:
        net = _network(arrays, X, y)
        return "two-layer network", lambda: network_findings(points, labels, net, np.asarray(retained))
    w = as_weights(arrays["w"], d) if "w" in arrays else None
    if "lam" in arrays:
        lam = as_weights(arrays["lam"], m, "lam")
    else:
        assert w is not None
        lam = best_multipliers_compiled(w, X, y, retained, 0.0).lam
    mu = np.asarray(as_weights(arrays["mu"], d, "mu")) if "mu" in arrays else None
    weights = None if w is None else np.asarray(w)
    return "linear model", lambda: linear_findings(points, labels, weights, np.asarray(lam), np.asarray(retained), mu)


_optional = "optional: forget, mu; lam and t of a network"


def _network(arrays: dict[str, np.ndarray], X: Any, y: Any) -> Network:
    m, d = X.shape
    W = as_float_array(arrays["W"], "W", 2)
    u = as_weights(arrays["u"], W.shape[0], "u")
    if W.shape[1] != d:
        raise ValueError(f"W: expected rows of {d} weights, one per column of X, got {W.shape[1]}")
    if ("lam" in arrays) != ("t" in arrays):
        raise ValueError("lam, t: expected both of a network's multipliers or neither")
    if "t" in arrays:
        lam, t = as_weights(arrays["lam"], m, "lam"), as_float_array(arrays["t"], "t", 2)
        if t.shape != (m, len(u)):
            raise ValueError(f"t: expected shape ({m}, {len(u)}), one row a point, got {t.shape}")
    else:
        best = jax.jit(best_clarke_multipliers)(two_layer.from_weights(u, W, X), X @ X.T, y)
        lam, t = best.lam, best.t
    return Network(exactly(W), exactly(u), exactly(lam), exactly(t))
