"""An audit as files: ``audit.html`` (self-contained), ``audit.json`` and its pictures."""

import json
from html import escape
from pathlib import Path
from typing import Any

from experiments.files import write_atomically
from paper_repro.html import document, embedded, short, table

METHOD_COLUMNS = {
    "epsilon": "ε",
    "epsilon_relative": "ε / ‖θ̃‖",
    "delta": "δ",
    "tau": "τ",
    "distance_bound": "D ≤",
    "distance": "D",
    "exact_tau": "τ at ε = δ = 0",
    "direction_gap": "1 − cos",
    "forget_accuracy": "forget %",
    "retained_accuracy": "retained %",
    "test_accuracy": "test %",
    "membership": "non-member %",
}
"""Measures of a method and their headings; a column without any number is left out."""


def write_audit(record: dict[str, Any], out: Path) -> Path:
    """Write the page, the record and the pictures into ``out``, made if missing; returns the page's path.

    Raises:
        OSError: the folder or a file cannot be written.
    """
    from figures import audit as pictures
    from figures.style import save

    out.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, figure, caption in (
        ("audit_margins", pictures.margins(record), pictures.MARGINS),
        ("audit_methods", pictures.methods(record), pictures.methods_caption(record["model"]["kind"])),
    ):
        files = [path.name for path in save(figure, out, name)]
        drawn.append((files, caption))
    write_atomically(out / "audit.json", json.dumps(record, indent=1, allow_nan=False).encode())
    write_atomically(out / "audit.html", render(record, drawn, out).encode())
    return out / "audit.html"


def render(record: dict[str, Any], pictures: list[tuple[list[str], str]], folder: Path) -> str:
    """The page for an audit's record; pictures are (files, caption), read from ``folder``."""
    facts = record["model"]
    margins, methods = (_figure(files, caption, folder) for files, caption in pictures)
    body = [
        "<h1>Audit of an unlearned model</h1>",
        f"<p class=lead>{escape(sentence(record))}</p>",
        "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in facts["notes"]) + "</ul>",
        "<h2>Before</h2>",
        f"<p>{escape(record['before']['says'])}</p>",
        _before(record["before"]),
        margins,
        "<h2>After</h2>",
        _how_to_read(facts["kind"]),
        _methods(record["methods"]),
        methods,
        "<h2>Which theorems speak of this</h2>",
        _hypotheses(record["hypotheses"]),
        "<h2>Settings</h2>",
        "<p class=soft>" + escape(", ".join(f"{k} = {v}" for k, v in record["settings"].items()))
        + f"; {record['seconds']:.1f} s</p>",
    ]  # fmt: skip
    return document("forgetproof audit", body)


def sentence(record: dict[str, Any]) -> str:
    """What was audited, in one sentence."""
    facts = record["model"]
    kind = "A linear classifier" if facts["kind"] == "linear" else f"A two-layer network of {facts['neurons']} neurons"
    forgotten = f"{facts['forgotten']} to forget ({facts['forgotten_support']} of them with a positive multiplier)"
    tested = "" if facts["test_points"] is None else f", {facts['test_points']} test points"
    return f"{kind} on {facts['features']} features; {facts['points']} training points, {forgotten}{tested}."


def columns(entries: list[dict[str, Any]]) -> dict[str, str]:
    """The measures that at least one method has, with their headings."""
    return {key: text for key, text in METHOD_COLUMNS.items() if any(e.get(key) is not None for e in entries)}


def state(before: dict[str, Any]) -> list[tuple[str, str]]:
    """The numbers of the model before unlearning, as (name, text)."""
    rows = [
        ("least margin as given", short(before["least_margin"])),
        ("training accuracy", f"{before['accuracy']:.1f}%"),
    ]
    if "data_separable" in before:
        rows.append(
            (
                "points separable by a linear model",
                {True: "yes", False: "no", None: "not decided"}[before["data_separable"]],
            )
        )
    if before["residuals"]:
        rows += [(f"KKT {name.replace('_', ' ')}", short(value)) for name, value in before["residuals"].items()]
    rows.append(("points with a positive multiplier", str(before["support"])))
    for key, text in (("kinks", "share of (neuron, point) pairs on the kink"),
                      ("distance_to_max_margin", "distance to the max-margin model / its length"),
                      ("gap_to_max_margin", "1 − cos to the max-margin model")):  # fmt: skip
        if before.get(key) is not None:
            rows.append((text, short(before[key])))
    return rows


def _before(before: dict[str, Any]) -> str:
    return table([("", False), ("", True)], [[(escape(name), False), (text, True)] for name, text in state(before)])


def _methods(entries: list[dict[str, Any]]) -> str:
    shown = columns(entries)
    rows = []
    for entry in entries:
        note = entry.get("note") or entry.get("exact_note") or ""
        name = escape(entry["name"]) + (f"<br><span class=soft>{escape(note)}</span>" if note else "")
        rows.append([(name, False)] + [(cell(key, entry.get(key)), True) for key in shown])
    return table([("method", False), *((text, True) for text in shown.values())], rows)


def cell(key: str, value: float | None) -> str:
    """A measure as text: shares in percent with one digit, the rest in three digits."""
    if value is None:
        return "-"
    return f"{value:.1f}" if key.endswith("accuracy") or key == "membership" else short(value)


def _how_to_read(kind: str) -> str:
    text = (
        "The certificate says: a multiple θ̃ of the unlearned model is an (ε, δ)-KKT point of the max-margin problem on "
        "the retained points; it turns by τ. Smaller is nearer to a model that never saw the forgotten points. "
        "Multipliers weigh ε against δ evenly."
    )
    if kind == "linear":
        text += (
            " D is the distance from θ̃ to the exact retrained model over that model's length, and beside it what the "
            "certificate alone guarantees (ga.linear.distance_to_retraining). 1 − cos is to the retrained model."
        )
    else:
        text += (
            " For networks there is also an exact KKT point nearby (ε = δ = 0): then only τ is left. "
            "1 − cos is to a network retrained from one random start."
        )
    return f"<p>{escape(text)} Non-member: share of the forgotten points that a confidence attack calls unseen.</p>"


def _hypotheses(rows: list[dict[str, Any]]) -> str:
    head = [("theorem", False), ("hypothesis", False), ("needed", False), ("measured", True), ("by", True), ("", False)]

    def verdict(row: dict[str, Any]) -> str:
        if row["holds"] is None:
            return "<span class=soft>does not apply</span>"
        return "<span class=met>holds</span>" if row["holds"] else "<span class=missed>fails</span>"

    body = []
    for row in rows:
        note = f"<br><span class=soft>{escape(row['note'])}</span>" if row["note"] else ""
        says = f"<b>{escape(row['name'])}</b>: {escape(row['statement'])} <code>{row['claim']}</code>{note}"
        theorem = row["theorem"]
        body.append([(theorem, False), (says, False), (escape(row["needed"]), False), (short(row["measured"]), True),
                     (short(row["gap"]), True), (verdict(row), False)])  # fmt: skip
    return table(head, body)


def _figure(files: list[str], caption: str, folder: Path) -> str:
    return (
        f'<figure><img src="{embedded(files, folder)}" alt="{escape(caption, quote=True)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
