"""The report as one self-contained HTML file: no script, no network, readable on a phone and in the dark."""

from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from paper_repro.html import document, embedded, short, table
from theory.report import LADDER, Record, ladder, number, tightness_text


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
        _reported(summary["reported"], summary["findings"]),
        "<h2>Pictures</h2>",
        *(_picture(picture, folder) for picture in summary["pictures"]),
        _left_out(summary["left_out"]),
        "<h2>Statements</h2>",
        "<p>Each statement with its assumptions, its conclusions and how closely each was approached.</p>",
        *(_claim(claim) for claim in claims),
        "<h2>This run</h2>",
        _environment(summary),
    ]
    return document("forgetproof report", body)


@cache
def mathml(latex: str, display: str = "inline") -> str:
    """MathML, inline or as a block; the source itself in a code tag when it cannot be converted."""
    from latex2mathml.converter import convert

    try:
        return convert(latex, display=display)
    except Exception:  # the converter raises many kinds; the reader still gets the statement
        return f"<code>{escape(latex)}</code>"


def _left_out(studies: list[dict[str, str]]) -> str:
    """Which studies this run did not make, and the command that does."""
    if not studies:
        return ""
    papers = " ".join(sorted({study["paper"] for study in studies}))
    titles = "; ".join(escape(study["title"]) for study in studies)
    command = f"<code>forgetproof reproduce {papers}</code>"
    return f"<p class=soft>Not in this run, for they take minutes: {titles}. {command}</p>"


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
        "<p>The evidence is a ladder. <b>Proved</b>: steps of the proof that a machine decided; <b>exact</b>: "
        "instances verified in rational arithmetic; <b>certified</b>: conclusions decided by rigorous enclosures on "
        "floating-point instances; <b>tested</b>: random instances; <b>hunted</b>: the tightest ratio that a directed "
        "search reached. A rung that this run did not try shows as &ndash;.</p>"
    )


def _outcome(r: Record) -> str:
    if r["outcome"] == "REFUTED" and r["as_expected"]:
        return "<span class=expected>REFUTED, as it should be</span>"
    return f"<span class={r['outcome']}>{r['outcome']}</span>"


def _evidence_table(claims: list[Record]) -> str:
    head = [("claim", False), ("status", False), ("outcome", False), *((rung, True) for rung in LADDER)]
    head += [("tightness", True), ("residual", True), ("seconds", True)]
    rows = [
        [
            (f'<a href="#{r["key"]}"><code>{r["key"]}</code></a><br>{escape(r["title"])}', False),
            (r["status"], False),
            (_outcome(r), False),
            *((ladder(r).get(rung, "&ndash;"), True) for rung in LADDER),
            (tightness_text(r), True),
            (short(r["residual"]), True),
            (f"{r['seconds']:.1f}", True),
        ]
        for r in claims
    ]
    return table(head, rows)


def _targets_table(targets: list[dict[str, Any]]) -> str:
    if not targets:
        return "<p>No targets for this selection.</p>"
    head = [("quantity", False), ("source says", True), ("ours", True), ("difference", True), ("", False)]
    head += [("source", False)]
    rows = [
        [
            (escape(t["name"]), False),
            (f"{escape({'==': '', '<=': '≤ ', '>=': '≥ '}[t['relation']])}{short(t['value'])}", True),
            (short(number(t["ours"])), True),
            (short(number(t["difference"])), True),
            ("<span class=met>met</span>" if t["met"] else "<span class=missed>MISSED</span>", False),
            (f"[{escape(t['tag'])}] {escape(t['source'])}", False),
        ]
        for t in targets
    ]
    return table(head, rows)


def _reported(rows: list[dict[str, Any]], findings: dict[str, list[dict[str, str]]]) -> str:
    """Reported numbers of each paper beside ours, and what became of what it says of its experiments."""
    papers = [paper for paper in findings if findings[paper] or any(row["paper"] == paper for row in rows)]
    if not papers:
        return ""
    parts = [
        "<h2>Experiments of the papers and of this project</h2><p>The settings differ, so no verdict goes with a "
        "difference (ours &minus; reported). &plusmn; is a standard deviation over repetitions.</p>"
    ]
    head = [("quantity", False), ("reported", True), ("ours", True), ("difference", True), ("setting here", False)]
    for paper in papers:
        parts.append(f"<h3 id=reported-{escape(paper)}>{escape(paper.upper())}</h3>")
        lines = [line for row in rows if row["paper"] == paper for line in _reported_lines(row)]
        parts.append(table(head, lines) if lines else "")
        told = [[(escape(f[name]), False) for name in ("says", "outcome", "here", "rule")] for f in findings[paper]]
        names = ("the paper says", "here it", "measured", "when it counts as held (our limits)")
        parts.append(table([(name, False) for name in names], told) if told else "")
    return "".join(parts)


def _reported_lines(row: dict[str, Any]) -> list[list[tuple[str, bool]]]:
    """One line for each of our numbers, the reported one beside the first."""

    def value(text: str, spread: float | None) -> str:
        return text + ("" if spread is None else f" &plusmn; {short(spread)}")

    about = f"{escape(row['name'])} ({escape(row['unit'])})<br><span class=soft>{escape(row['setting'])}; "
    first = [(about + f"{escape(row['source'])}</span>", False), (value(f"{row['value']:g}", row["spread"]), True)]
    ours = [
        [
            (value(short(entry["value"]), entry["spread"]), True),
            (short(entry["difference"]), True),
            (escape(entry["setting"]), False),
        ]
        for entry in row["ours"]
    ] or [[("&ndash;", True), ("&ndash;", True), ("not in this run", False)]]
    return [(first if index == 0 else [("", False), ("", True)]) + line for index, line in enumerate(ours)]


def _picture(picture: dict[str, Any], folder: Path) -> str:
    findings = "".join(f"<li>{escape(text)}</li>" for text in picture["findings"])
    return (
        f"<figure id={escape(picture['name'])}><h3>{escape(picture['title'])}</h3>"
        f"<p class=soft>{escape(picture['question'])}</p>"
        f'<img src="{embedded(picture["files"], folder)}" alt="{escape(picture["caption"], quote=True)}">'
        f"<figcaption>{escape(picture['caption'])}"
        + (f"<ul class=findings>{findings}</ul>" if findings else "")
        + f" <span class=soft>Data: <code>{escape(picture['data'])}</code></span></figcaption>"
        + f"{_extra(picture)}</figure>"
    )


def _extra(picture: dict[str, Any]) -> str:
    data = picture.get("table")
    if not data:
        return ""
    head = [(escape(str(name)), index > 0) for index, name in enumerate(data["columns"])]
    rows = [[(escape(str(cell)), index > 0) for index, cell in enumerate(row)] for row in data["rows"]]
    return f"<details><summary>{escape(data['title'])}</summary>{table(head, rows)}</details>"


def _claim(r: Record) -> str:
    assumed = "".join(f"<li>{escape(a['name'])}: {mathml(a['latex'])}</li>" for a in r["assumptions"])
    concluded = "".join(
        f"<li>{escape(c['name'])}: {mathml(c['latex'])} <span class=soft>{_closeness(c)}{_hunted(r, c)}</span></li>"
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
        _proof(r),
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


def _proof(r: Record) -> str:
    proof = r.get("proof")
    if not proof:
        return ""
    left = f"; left to the reader: {', '.join(proof['uncovered'])}" if proof["uncovered"] else ""
    link = f'<a href="proofs/{r["key"]}.html">Proof</a>'
    return f"<p>{link}: {proof['proved']} of {proof['steps']} steps decided by machine{escape(left)}.</p>"


def _hunted(r: Record, c: dict[str, Any]) -> str:
    found = [h for h in (r.get("hunt") or {"conclusions": []})["conclusions"] if h["name"] == c["name"]]
    if not found or found[0]["tightness"] is None:
        return ""
    return f"; hunted to {found[0]['tightness']:.4f} in {found[0]['evaluations']:,} evaluations"


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
    return table([("what", False), ("value", False)], [[(escape(k), False), (escape(v), False)] for k, v in rows])
