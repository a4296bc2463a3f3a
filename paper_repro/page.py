"""The report as one self-contained HTML file: no script, no network, readable on a phone and in the dark."""

import base64
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from theory.report import Record, evidence_text, number, tightness_text

SVG_LIMIT = 400_000  # a larger vector picture is embedded as its PNG

_STYLE = """
:root { color-scheme: light dark; --fg:#1b1b1f; --bg:#fdfdfc; --soft:#5c5f66; --line:#d9d9d6; --card:#f4f4f1;
  --good:#00694b; --bad:#b3261e; --unsure:#8a5a00; --link:#0b57a4 }
@media (prefers-color-scheme: dark) { :root { --fg:#e8e8e6; --bg:#17181b; --soft:#a3a6ad; --line:#3a3c42;
  --card:#212329; --good:#5fd3a6; --bad:#ff8a80; --unsure:#f2c063; --link:#8ab8f0 } }
* { box-sizing: border-box }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--fg); background: var(--bg); margin: 0 auto;
  max-width: 70rem; padding: 1.2rem }
h1 { line-height: 1.2 } h2 { margin-top: 2.6rem; border-bottom: 2px solid var(--line); padding-bottom: .2rem }
a { color: var(--link) } code { font-size: .92em; overflow-wrap: anywhere }
.lead { font-size: 1.15rem } .soft { color: var(--soft) }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .93rem }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top }
td.num, th.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.HOLDS, .met { color: var(--good); font-weight: 600 } .REFUTED, .missed { color: var(--bad); font-weight: 600 }
.expected { color: var(--good); font-weight: 600 }
.VACUOUS, .INCONCLUSIVE { color: var(--unsure); font-weight: 600 }
details, figure { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem;
  margin: .8rem 0 } summary { cursor: pointer; font-weight: 600 }
figure img { width: 100%; height: auto; background: #fff; border-radius: .3rem }
figcaption { margin-top: .5rem } math { font-size: 1.08em } .statement math { text-align: left }
.statement { overflow-x: auto; padding: .4rem 0 }
td:first-child a code { white-space: nowrap }
ul.findings { margin: .4rem 0 0; padding-left: 1.2rem }
"""


def render(summary: dict[str, Any], folder: Path) -> str:
    """The page for a run's summary; pictures are read from ``folder``."""
    claims = summary["claims"]
    body = [
        "<h1>What holds in the theory of machine unlearning</h1>",
        f"<p class=lead>{_verdict_sentence(summary)}</p>",
        f"<p class=soft>{_run_sentence(summary)}</p>",
        "<ul>" + "".join(f"<li><b>{escape(k.upper())}</b>: {escape(v)}</li>" for k, v in summary["papers"].items()),
        "</ul>",
        "<h2>Evidence, theorem by theorem</h2>",
        _how_to_read(),
        _evidence_table(claims),
        "<h2>Papers and theory against this run</h2>",
        _targets_table(summary["targets"]),
        "<h2>Pictures</h2>",
        *(_picture(picture, folder) for picture in summary["pictures"]),
        "<h2>Statements</h2>",
        "<p>Each statement with its assumptions, its conclusions and how closely each was approached.</p>",
        *(_claim(claim) for claim in claims),
        "<h2>This run</h2>",
        _environment(summary),
    ]
    title = "forgetproof report"
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
    )
    return head + "\n".join(body) + "</body></html>\n"


@cache
def mathml(latex: str, display: str = "inline") -> str:
    """MathML, inline or as a block; the source itself in a code tag when it cannot be converted."""
    from latex2mathml.converter import convert

    try:
        return convert(latex, display=display)
    except Exception:  # the converter raises many kinds; the reader still gets the statement
        return f"<code>{escape(latex)}</code>"


def _verdict_sentence(summary: dict[str, Any]) -> str:
    claims = summary["claims"]
    good = sum(r["as_expected"] for r in claims)
    false = sum(r["status"] == "false" and r["outcome"] == "REFUTED" for r in claims)
    met = sum(t["met"] for t in summary["targets"])
    instances = sum(r["held"] for r in claims)
    exact = sum(r["exact"]["instances"] for r in claims if r["exact"])
    unexpected = [r["key"] for r in claims if not r["as_expected"]]
    sentence = (
        f"{good} of {len(claims)} claims came out as stated ({false} of them {'is' if false == 1 else 'are'} false "
        f"and {'was' if false == 1 else 'were'} refuted by a counterexample), on {instances:,} instances that met "
        f"every assumption; {exact} further instances were verified in exact rational arithmetic. "
        f"{met} of {len(summary['targets'])} target numbers were met."
    )
    if unexpected:
        sentence += " <b class=REFUTED>Not as stated: " + ", ".join(map(escape, unexpected)) + ".</b>"
    return sentence


def _run_sentence(summary: dict[str, Any]) -> str:
    env = summary["environment"]
    return escape(
        f"Profile {summary['profile']}, seed {summary['seed']}, {summary['made']}, {summary['seconds']:.0f} s on "
        f"{env['processor']} ({env['machine']}), device {env['device']}, float64 {'on' if env['x64'] else 'OFF'}."
    )


def _how_to_read() -> str:
    return (
        "<p><b>Outcome</b>: HOLDS, no instance violates the conclusion by more than rounding and the solver's "
        "residual allow; REFUTED, one does (expected where the status is <i>false</i>); VACUOUS, no instance met the "
        "assumptions; INCONCLUSIVE, the solver did not reach its residual. <b>Tightness</b> is the worst ratio of the "
        "two sides of an inequality (1: attained), or for equalities the largest relative gap seen. <b>Residual</b> is "
        "the worst solver residual among the instances judged.</p>"
    )


def _outcome(r: Record) -> str:
    if r["outcome"] == "REFUTED" and r["as_expected"]:
        return "<span class=expected>REFUTED, as it should be</span>"
    return f"<span class={r['outcome']}>{r['outcome']}</span>"


def _table(head: Iterable[tuple[str, bool]], rows: Iterable[Iterable[tuple[str, bool]]]) -> str:
    def cell(tag: str, text: str, numeric: bool) -> str:
        return f"<{tag}{' class=num' if numeric else ''}>{text}</{tag}>"

    top = "".join(cell("th", text, numeric) for text, numeric in head)
    lines = ("<tr>" + "".join(cell("td", text, numeric) for text, numeric in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"


def _evidence_table(claims: list[Record]) -> str:
    head = [("claim", False), ("status", False), ("outcome", False), ("evidence", False)]
    head += [("tightness", True), ("residual", True), ("seconds", True)]
    rows = [
        [
            (f'<a href="#{r["key"]}"><code>{r["key"]}</code></a><br>{escape(r["title"])}', False),
            (r["status"], False),
            (_outcome(r), False),
            (evidence_text(r), False),
            (tightness_text(r), True),
            (_short(r["residual"]), True),
            (f"{r['seconds']:.1f}", True),
        ]
        for r in claims
    ]
    return _table(head, rows)


def _short(value: float | None) -> str:
    return "-" if value is None else "0" if value == 0 else f"{value:.3g}"


def _targets_table(targets: list[dict[str, Any]]) -> str:
    if not targets:
        return "<p>No targets for this selection.</p>"
    head = [("quantity", False), ("source says", True), ("ours", True), ("difference", True), ("", False)]
    head += [("source", False)]
    rows = [
        [
            (escape(t["name"]), False),
            (f"{escape({'==': '', '<=': '≤ ', '>=': '≥ '}[t['relation']])}{_short(t['value'])}", True),
            (_short(number(t["ours"])), True),
            (_short(number(t["difference"])), True),
            ("<span class=met>met</span>" if t["met"] else "<span class=missed>MISSED</span>", False),
            (f"[{escape(t['tag'])}] {escape(t['source'])}", False),
        ]
        for t in targets
    ]
    return _table(head, rows)


def _picture(picture: dict[str, Any], folder: Path) -> str:
    findings = "".join(f"<li>{escape(text)}</li>" for text in picture["findings"])
    return (
        f"<figure id={escape(picture['name'])}><h3>{escape(picture['title'])}</h3>"
        f"<p class=soft>{escape(picture['question'])}</p>"
        f'<img src="{_embedded(picture["files"], folder)}" alt="{escape(picture["caption"], quote=True)}">'
        f"<figcaption>{escape(picture['caption'])}"
        + (f"<ul class=findings>{findings}</ul>" if findings else "")
        + f" <span class=soft>Data: <code>{escape(picture['data'])}</code></span></figcaption>"
        + f"{_extra(picture)}</figure>"
    )


def _extra(picture: dict[str, Any]) -> str:
    table = picture.get("table")
    if not table:
        return ""
    head = [(escape(str(name)), index > 0) for index, name in enumerate(table["columns"])]
    rows = [[(escape(str(cell)), index > 0) for index, cell in enumerate(row)] for row in table["rows"]]
    return f"<details><summary>{escape(table['title'])}</summary>{_table(head, rows)}</details>"


def _embedded(files: list[str], folder: Path) -> str:
    by_kind = {Path(name).suffix: folder / name for name in files}
    svg = by_kind.get(".svg")
    use_svg = svg is not None and svg.stat().st_size <= SVG_LIMIT
    chosen, kind = (svg, "image/svg+xml") if use_svg else (by_kind[".png"], "image/png")
    assert chosen is not None
    return f"data:{kind};base64,{base64.b64encode(chosen.read_bytes()).decode()}"


def _claim(r: Record) -> str:
    assumed = "".join(f"<li>{escape(a['name'])}: {mathml(a['latex'])}</li>" for a in r["assumptions"])
    concluded = "".join(
        f"<li>{escape(c['name'])}: {mathml(c['latex'])} <span class=soft>{_closeness(c)}</span></li>"
        for c in r["conclusions"]
    )
    parts = [
        f"<details id={r['key']}><summary><code>{r['key']}</code> {escape(r['title'])}: {_outcome(r)}</summary>",
        f"<div class=statement>{mathml(r['statement'], 'block')}</div>",
        f"<p class=soft>Status: {escape(r['status'])}. Source: {escape(r['source'])}.</p>",
        f"<p>Assumptions (met by {r['instances'] - r['vacuous']:,} of {r['instances']:,} instances):</p>"
        f"<ul>{assumed}</ul>"
        if assumed
        else "",
        f"<p>Conclusions:</p><ul>{concluded}</ul>",
        f"<p>{escape(r['notes'])}</p>" if r["notes"] else "",
        _exact(r),
        _counterexample(r),
        "</details>",
    ]
    return "".join(parts)


def _closeness(c: dict[str, Any]) -> str:
    value = "-" if c["tightness"] is None else f"{c['tightness']:.3g}"
    text = f"largest relative gap {value}" if c["relation"] == "==" else f"tightness {value}"
    text += " (attainable)" if c["tight"] and c["relation"] != "==" else ""
    text += f"; held on {c['held']:,} of {c['tested']:,}"
    if c["share"] is not None and c["interval"]:
        low, high = c["interval"]
        text += f"; share at least {c['share']:g} required, 99% interval {low:.4f} to {high:.4f}"
    return escape(text)


def _exact(r: Record) -> str:
    if not r["exact"]:
        return ""
    exact = r["exact"]
    outcome = "holds exactly" if exact["held"] else f"FAILS exactly at {exact['failed']}"
    return (
        f"<p>Over the rationals (ground types {escape(exact['ground_types'])}), zero tolerance: {escape(outcome)} on "
        f"{exact['instances']} instances.</p>"
    )


def _counterexample(r: Record) -> str:
    found = r["counterexample"]
    if not found:
        return ""
    arrays = "".join(
        f"<li><code>{escape(k)} = {escape(str(v)[:600])}</code></li>" for k, v in found["instance"].items()
    )
    return (
        f"<p>Counterexample ({escape(found['conclusion'])}: left {found['lhs']:.6g}, right {found['rhs']:.6g}), replay "
        f"with <code>{escape(found.get('replay', ''))}</code>:</p><ul>{arrays}</ul>"
    )


def _environment(summary: dict[str, Any]) -> str:
    env = summary["environment"]
    rows = [("python", env["python"]), *env["versions"].items(), ("machine", env["machine"])]
    rows += [("processor", env["processor"]), ("device", env["device"]), ("revision", env["revision"])]
    rows += [("seed", str(summary["seed"])), ("profile", summary["profile"])]
    return _table([("what", False), ("value", False)], [[(escape(k), False), (escape(v), False)] for k, v in rows])
