"""The view of claims: a check on random instances, its tightness size by size, and the statement."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from figures.style import BLUE, GREY, ORANGE, RED
from forgetproof.app.charts import Chart, Rule, Series
from forgetproof.app.knobs import parse_query
from forgetproof.app.rows import Row
from theory.claim import Claim, Outcome
from theory.claims import all_claims
from theory.evidence.check import Verdict, check, draw_latents, evaluate_batch, outcomes

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
    ]


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
    worst = {c.name: c.tightness for c in result.verdict.conclusions}
    return Chart(
        "tightness",
        "Tightness of the claim",
        "; ".join(f"{name}: worst {worst[name]:.4g}" for name in names) + ".",
        "relative gap of the two sides" if equal else "smaller side / larger side; 1: the bound is attained",
        "",
        tuple(series),
        rules=() if equal else (Rule("x", 1.0, "", RED if result.verdict.refuted else GREY),),
        log="x" if equal else "",
        names=names,
        notes=tuple(f"{worst[name]:.2g}" for name in names),
    )


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
