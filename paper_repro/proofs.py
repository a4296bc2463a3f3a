"""Proofs decided by machine, one page a claim: every step with its formulas, and what it rests on."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from paper_repro.html import document
from paper_repro.page import mathml
from theory.claim import Claim
from theory.evidence.prove import Decision, Proof, Status, proof_summary, prove
from theory.obligation import Obligation
from theory.report import Record, describe

HOW = {  # what decided a step
    "real arithmetic": "real arithmetic: z3 finds the negation unsatisfiable",
    "algebra": "algebra: sympy expands both sides to the same polynomial",
    "rewriting": "rewriting of matrix products of any size, with the hypotheses as rules",
    "symbolic entries": "symbolic entries: a sympy DomainMatrix over rational functions is 0",
}
_STYLE = """<style>
.step { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem 1rem;
  margin: .8rem 0 }
.step:target { border-color: var(--link) } .step h3 { margin: .1rem 0 } .step p, .step ul { margin: .3rem 0 }
.step ul, .formula { overflow: auto hidden; padding-bottom: .3rem }
.proved { color: var(--good) } .refuted { color: var(--bad) } .unknown, .uncovered { color: var(--unsure) }
</style>"""
_GREEK = {"lam": r"\lambda", "Lam": r"\Lambda", "epsilon": r"\varepsilon", "phi": r"\varphi"}


def write_proof(claim: Claim, folder: Path) -> Record:
    """Decide a claim's proof and write ``folder/KEY.html``; its summary, with ``key``."""
    proof = prove(claim)
    (folder / f"{claim.key}.html").write_text(proof_page(describe(claim), proof), encoding="utf-8")
    return {"key": claim.key, **proof_summary(proof)}


def proof_page(claim: Record, proof: Proof) -> str:
    """The page of one claim's proof.

    Args:
        claim: its description (:func:`theory.report.describe`). proof: its decided steps.
    """
    total, proved = len(proof.steps), proof.count(Status.PROVED)
    used = {name: [step.name for step, _ in proof.steps if name in step.uses] for name in _anchors(proof)}
    left = [step.name for step, decision in proof.steps if decision.status is not Status.PROVED]
    links = ", ".join(_link(name, _anchors(proof)) for name in left)
    body = [
        _STYLE,
        f"<h1>{escape(claim['title'])}</h1>",
        f"<p class=soft><code>{claim['key']}</code>, {escape(claim['status'])}; source: {escape(claim['source'])}. "
        f'<a href="../report.html#{claim["key"]}">Back to the report</a></p>',
        f"<div class=statement>{mathml(claim['statement'], 'block')}</div>",
        f"<p><b>{proved} of {total} steps proved.</b>"
        + (f" Not proved by machine: {links}." if links else "")
        + "</p>",
        "<p class=soft>Each step is an implication of real numbers or an identity of matrices, decided exactly. A sum "
        "of any number of terms is proved by adding one term. That the steps compose to the statement is for people to "
        "read: each says which earlier steps it rests on. Vectors and matrices have symbolic sizes; other letters "
        "are real numbers, named in the step's words.</p>",
        *(_step(n, step, decision, used, _anchors(proof)) for n, (step, decision) in enumerate(proof.steps, 1)),
    ]
    return document(f"{claim['key']}: proof", body)


def _anchors(proof: Proof) -> dict[str, str]:
    return {step.name: f"step-{n}" for n, (step, _) in enumerate(proof.steps, 1)}


def _link(name: str, anchors: dict[str, str]) -> str:
    return f'<a href="#{anchors[name]}">{escape(name)}</a>'


def _step(n: int, step: Obligation, decision: Decision, used: dict[str, list[str]], anchors: dict[str, str]) -> str:
    def links(title: str, names: Sequence[str]) -> str:
        return f"<p class=soft>{title}: {', '.join(_link(name, anchors) for name in names)}</p>" if names else ""

    assumed = "".join(f"<li>{formula(h)}</li>" for h in step.hypotheses)
    parts = [
        f"<section class=step id={anchors[step.name]}><h3>{n}. {escape(step.name)} "
        f"<span class={decision.status.value}>{decision.status.value}</span></h3>",
        f"<p>{escape(step.why)}</p>",
        f"<p>Given</p><ul>{assumed}</ul>" if assumed else "",
        f"<p class=formula>{'Then' if assumed else 'Always'} {formula(step.goal)}</p>" if step.goal is not None else "",
        _constant(step),
        f"<p class=soft>Decided by {HOW[decision.by]}.</p>" if decision.status is Status.PROVED else "",
        "<p class=soft>No machine form: left to the reader.</p>" if decision.status is Status.UNCOVERED else "",
        _doubt(decision),
        links("Rests on", step.uses),
        links("Used by", used[step.name]),
        "</section>",
    ]
    return "".join(parts)


def _constant(step: Obligation) -> str:
    if step.constant is None:
        return ""
    return f"<p>with {mathml(rf'{latex(step.constant.symbol)} = {latex(_rational(step.constant.stated))}')}</p>"


def _rational(value: Any) -> Any:
    import sympy

    return sympy.Rational(str(value))


def _doubt(decision: Decision) -> str:
    if decision.status not in (Status.REFUTED, Status.UNKNOWN):
        return ""
    at = ", ".join(f"{symbol} = {value}" for symbol, value in (decision.model or {}).items())
    return f"<p class={decision.status.value}>{escape(' '.join(part for part in (at, decision.detail) if part))}</p>"


def formula(relation: Any) -> str:
    """A relation as MathML."""
    return mathml(latex(relation))


def latex(expression: Any) -> str:
    """LaTeX of a sympy expression; names of several letters are upright words, but for Greek ones."""
    import sympy
    from sympy.printing.latex import translate

    def named(name: str) -> str:
        head, _, low = re.sub(r"^([A-Za-z])(\d)", r"\1_\2", name).partition("_")
        head = _GREEK.get(head, head)
        plain = len(head) > 1 and not head.startswith("\\") and translate(head) == head
        base = rf"\mathrm{{{head}}}" if plain else translate(head)
        return f"{base}_{{{named(low)}}}" if low else base

    symbols = expression.atoms(sympy.Symbol, sympy.MatrixSymbol)
    names = {symbol: named(symbol.name) for symbol in symbols}
    text = sympy.latex(expression, symbol_names=names, mat_str="bmatrix", mat_delim="")
    return text.replace(r"\mathbb{I}", "I").replace(r"\mathbb{0}", "0")
