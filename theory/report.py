"""Verdicts as records (JSON) and Markdown. Plain text and pages are laid out elsewhere from the records."""

import math
from collections.abc import Iterable
from typing import Any

from theory.claim import Claim
from theory.evidence.check import Verdict

Record = dict[str, Any]


def describe(claim: Claim) -> Record:
    """What a claim says, without evidence."""
    paper, *setting = claim.key.split(".")[:-1]
    return {
        "key": claim.key,
        "paper": paper,
        "setting": ".".join(setting),
        "title": claim.title,
        "statement": claim.statement,
        "status": claim.status,
        "source": claim.source,
        "assumptions": [{"name": a.name, "latex": a.latex} for a in claim.assumptions],
        "conclusions": [
            {"name": c.name, "latex": c.latex, "relation": c.relation, "tight": c.tight, "share": c.share}
            for c in claim.conclusions
        ],
        "notes": claim.notes,
        "constants": dict(claim.constants),
        "overrides": dict(claim.overrides),
    }


def record(claim: Claim, verdict: Verdict, seconds: float) -> Record:
    """A claim with the outcome of its check; finite numbers or None throughout, ready for JSON."""
    evidence = [
        {
            "name": e.name,
            "tightness": number(e.tightness),
            "held": e.held,
            "tested": e.tested,
            "interval": None if e.interval is None else list(e.interval),
        }
        for e in verdict.conclusions
    ]
    conclusions = [{**c, **e} for c, e in zip(describe(claim)["conclusions"], evidence, strict=True)]
    return {
        **describe(claim),
        "conclusions": conclusions,
        "outcome": verdict.outcome.value,
        "as_expected": verdict.as_expected,
        "instances": verdict.instances,
        "held": verdict.held,
        "refuted": verdict.refuted,
        "vacuous": verdict.vacuous,
        "inconclusive": verdict.inconclusive,
        "tightness": number(verdict.tightness),
        "residual": number(verdict.residual),
        "seconds": round(seconds, 3),
        "seed": verdict.seed,
        "exact": None,
        "counterexample": None,
    }


def number(value: float) -> float | None:
    """``value``, or None where JSON has no name for it (NaN, infinity)."""
    return float(value) if math.isfinite(value) else None


def tightness_text(entry: Record) -> str:
    """Worst tightness for people: a ratio for inequalities, the relative gap where all are equalities."""
    value = entry.get("tightness")
    if value is None:
        return "-"
    if all(c["relation"] == "==" for c in entry["conclusions"] if c["share"] is None):
        return f"gap {value:.0e}"
    return f"{value:.3f}"


LADDER = ("proved", "exact", "certified", "tested", "hunted")
"""The rungs of the evidence, the strongest kind first."""


def ladder(entry: Record) -> dict[str, str]:
    """What was found at each rung of LADDER in a few words; rungs that were not run are left out."""
    found = {}
    if proof := entry.get("proof"):
        found["proved"] = f"{proof['proved']} of {proof['steps']} steps"
    if exact := entry.get("exact"):
        found["exact"] = f"{exact['instances']}" if exact["held"] else "FAILS"
    if certified := entry.get("certified"):
        whole = f"{certified['decided']} of {certified['conclusions']} on {certified['instances']:,}"
        found["certified"] = "refuted" if certified["refuted"] else whole
    if entry.get("instances"):
        refuted = entry["outcome"] == "REFUTED"
        found["tested"] = f"refuted on {entry['refuted']:,}" if refuted else f"{entry['held']:,}"
    if hunt := entry.get("hunt"):
        best = [c["tightness"] for c in hunt["conclusions"] if c["tightness"] is not None]
        closest = f"{max(best):.3f}" if best else "no ratio"
        found["hunted"] = "refuted" if hunt["outcome"] == "REFUTED" else closest
    return found


def evidence_text(entry: Record) -> str:
    """How far up the ladder a claim is, in a few words."""
    found = ladder(entry)
    words = {"exact": "exact on ", "certified": "certified ", "tested": "tested on ", "hunted": "hunted to "}
    if found.get("tested", "").startswith("refuted"):
        words["tested"] = ""
    if found.get("certified") == "refuted":
        words["certified"] = "certified: "
    if found.get("hunted") == "refuted":
        words["hunted"] = "hunt: "
    parts = [("EXACTLY REFUTED" if text == "FAILS" else words.get(rung, "") + text) for rung, text in found.items()]
    return "; ".join(part.replace(" steps", " steps proved") for part in parts) or "none yet"


def markdown_table(records: Iterable[Record]) -> str:
    """The evidence table of the README and of ``forgetproof export``."""

    def cell(text: str) -> str:
        return text.replace("|", "\\|")

    lines = [
        "| claim | says | status | outcome | evidence | tightness |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{r['key']}` | {cell(r['title'])} | {r['status']} | {r['outcome'] or '-'} | {evidence_text(r)} "
        f"| {tightness_text(r)} |"
        for r in records
    ]
    return "\n".join(lines) + "\n"
