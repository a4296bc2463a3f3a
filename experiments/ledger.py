"""The evidence found so far, one record a claim, kept in ``.forgetproof/evidence.json``.

A check's record is replaced when a run tested at least as many instances, or when it refuted the claim, so
that the ledger shows the strongest evidence, never a quick look that came after it. Beside it stand the other
rungs of the ladder, PARTS, each replaced by its successor; of hunts the tightest instance is kept for each conclusion.
"""

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path

from experiments.files import read_json, write_atomically
from theory.report import Record

PARTS = ("proof", "certified", "hunt")


class DamagedLedger(ValueError):
    """The ledger cannot be read; the message says where it is and what to do."""


def home() -> Path:
    """Folder for evidence and counterexamples: ``$FORGETPROOF_HOME``, or ``.forgetproof`` here."""
    return Path(os.environ.get("FORGETPROOF_HOME", ".forgetproof"))


def read() -> dict[str, Record]:
    """Records by key; empty when nothing was run yet.

    Raises:
        DamagedLedger: the file is damaged or not a ledger.
    """
    path = home() / "evidence.json"
    try:
        content = read_json(path)
    except ValueError as fault:
        raise DamagedLedger(f"{fault}; move it away to start afresh") from None
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(r, dict) and "outcome" in r for r in content.values()):
        raise DamagedLedger(f"{path}: expected evidence records by claim key; move it away to start afresh")
    return content


def update(records: Iterable[Record]) -> None:
    """Merge new records into the ledger: whole ones of checks, or a key with some of PARTS alone.

    Raises:
        OSError: the folder cannot be written. DamagedLedger: the present file is damaged (it is left as it is).
    """
    known = read()
    for record in records:
        before = known.get(record["key"], {"key": record["key"], "outcome": None})
        parts = {part: record[part] for part in PARTS if record.get(part) is not None}
        if "hunt" in parts and "hunt" in before:
            parts["hunt"] = _best(before["hunt"], parts["hunt"])
        kept = {part: before[part] for part in PARTS if part in before}
        checked = "instances" in record
        stronger = checked and (record["instances"] >= before.get("instances", 0) or not record["as_expected"])
        known[record["key"]] = {**(record if stronger else before), **kept, **parts}
    home().mkdir(parents=True, exist_ok=True)
    write_atomically(home() / "evidence.json", json.dumps(known, indent=1, sort_keys=True).encode())


def _best(before: Record, after: Record) -> Record:
    """The larger or refuting hunt, with each conclusion's tightest instance of either."""
    stronger = after["outcome"] == "REFUTED" or after["evaluations"] >= before["evaluations"]
    earlier = {c["name"]: c for c in before["conclusions"]}

    def height(entry: Record) -> float:
        return -math.inf if entry["tightness"] is None else entry["tightness"]

    best = [max(c, earlier.get(c["name"], c), key=height) for c in after["conclusions"]]
    return {**(after if stronger else before), "conclusions": best}
