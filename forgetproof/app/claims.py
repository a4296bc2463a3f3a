"""The view of claims: a check on random instances, its tightness size by size, and the statement."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from figures.style import BLUE, GREY, ORANGE, RED
from forgetproof.app.charts import Chart, Rule, Series
from forgetproof.app.knobs import parse_query
from forgetproof.app.rows import Row
from theory.claim import Claim, Outcome
from theory.claims import all_claims
from theory.evidence.check import ConclusionEvidence, Verdict, check, draw_latents, evaluate_batch, outcomes

_SHOWN = 400  # points of one size in the picture


class Checked(NamedTuple):
    """A verdict, and every judged instance's tightness: conclusion -> one array a size of the claim."""

    claim: Claim
    verdict: Verdict
    tightness: dict[str, list[np.ndarray]]


def run(query: str) -> Iterator[tuple[int, int, Checked | None]]:
    """Check the claim of a state, size by size: yields (sizes done, sizes, None), the result with the last.

    The instances are those of :func:`theory.evidence.check.check` with the same numbers.
    """
    state = parse_query(query)
    claim = all_claims()[str(state.values["key"])]
    examples, seed = max(int(state.values["examples"]), len(claim.sizes)), int(state.values["seed"])
    shares = [examples // len(claim.sizes) + (i < examples % len(claim.sizes)) for i in range(len(claim.sizes))]
    total = len(claim.sizes) + 1
    tightness: dict[str, list[np.ndarray]] = {c.name: [] for c in claim.conclusions}
    for index, (sizes, share) in enumerate(zip(claim.sizes, shares, strict=True)):
        latents = draw_latents(np.random.default_rng([seed, index]), share, claim.latent(sizes))
        evaluation = evaluate_batch(claim, sizes, latents)
        judged = np.isin(outcomes(claim, evaluation), [Outcome.HOLDS.value, Outcome.REFUTED.value])
        for name, compared in evaluation.conclusions.items():
            tightness[name].append(np.asarray(compared.tightness)[judged])
        yield index + 1, total, None
    yield total, total, Checked(claim, check(claim, examples, seed, simplify=False), tightness)


def rows(result: Checked) -> list[Row]:
    """The verdict's numbers."""
    v = result.verdict
    counts = ("instances", "held", "refuted", "vacuous", "inconclusive", "residual", "tightness")
    return [
        *(Row(name, getattr(v, name)) for name in counts),
        *(Row(f"{'gap' if c.relation == '==' else 'tightness'}, {c.name}", c.tightness) for c in v.conclusions),
        *(Row(f"{what}, {c.name}", value) for c in v.conclusions for what, value in _shares(c).items()),
    ]


def _shares(found: ConclusionEvidence) -> dict[str, float]:
    """Of a conclusion that need not hold on every instance: on which share it must hold, and on which it does."""
    if found.share is None:
        return {}
    return {"share required": found.share, "share that holds": found.held / found.tested if found.tested else math.nan}


def sizes_text(claim: Claim) -> str:
    """The claim's sizes, in the picture's order."""
    return "; ".join(", ".join(f"{name} = {value}" for name, value in sizes.items()) for sizes in claim.sizes)


def picture(result: Checked) -> Chart:
    """Every instance's tightness by conclusion: the sizes of the claim beside each other, small first."""
    claim, series, hidden = result.claim, [], 0
    inequalities = [c.name for c in claim.conclusions if c.relation != "=="] or [c.name for c in claim.conclusions]
    equal = all(c.relation == "==" for c in claim.conclusions)
    names = tuple(inequalities)
    for place, name in enumerate(names):
        for index, values in enumerate(result.tightness[name]):
            finite = values[np.isfinite(values)][:_SHOWN]
            hidden += len(values) - len(finite)
            rise = place + (0.5 * (index + 0.5) / len(claim.sizes) - 0.25)
            look = {"color": BLUE if index % 2 else ORANGE, "marker": "o", "markersize": 2.2, "linestyle": "none"}
            values = np.maximum(finite, 1e-17) if equal else finite
            series.append(Series("", values, np.full(len(finite), rise), look))
    found = {c.name: c for c in result.verdict.conclusions}
    counted = any(found[name].share is not None for name in names)
    most = "right: worst" + (", or share that holds" if counted else "")
    return Chart(
        "tightness",
        "Tightness of the claim",
        "; ".join(f"{name}: {_in_words(found[name])}" for name in names) + ".",
        "relative gap of the two sides" if equal else f"smaller side / larger side; {most}",
        "",
        tuple(series),
        rules=() if equal else (Rule("x", 1.0, "", RED if result.verdict.refuted else GREY),),
        log="x" if equal else "",
        names=names,
        notes=tuple(
            f"{found[n].tightness:.2g}" if found[n].share is None else f"{_shares(found[n])['share that holds']:.0%}"
            for n in names
        ),
    )


def _in_words(found: ConclusionEvidence) -> str:
    if found.share is None:
        return f"worst {found.tightness:.4g}"
    return f"holds on {found.held} of {found.tested} instances, required on {found.share:.0%} of them"


def statement(claim: Claim) -> str:
    """Markdown: title, statement, assumptions and conclusions, source."""
    lines: list[Any] = [
        f"### {claim.title}",
        f"`{claim.key}` · status: {claim.status} · source: {claim.source}",
        f"$$\n{claim.statement}\n$$",
    ]
    for title, parts in (("Assumptions", claim.assumptions), ("Conclusions", claim.conclusions)):
        if parts:
            listed = "\n".join(f"- {part.name}: ${part.latex}$" for part in parts)
            lines.append(f"**{title}**\n\n{listed}")
    if claim.notes:
        lines.append(claim.notes)
    return "\n\n".join(lines)
