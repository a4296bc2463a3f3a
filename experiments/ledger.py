"""The evidence found so far, one record a claim, kept in ``.forgetproof/evidence.json``.

A record is replaced when a run tested at least as many instances, or when it refuted the claim, so
that the ledger shows the strongest evidence, never a quick look that came after it.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from experiments.files import read_json, write_atomically
from theory.report import Record


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
    """Merge new records into the ledger.

    Raises:
        OSError: the folder cannot be written. DamagedLedger: the present file is damaged (it is left as it is).
    """
    known = read()
    for record in records:
        before = known.get(record["key"])
        stronger = before is None or record["instances"] >= before["instances"] or not record["as_expected"]
        if stronger:
            known[record["key"]] = record
    home().mkdir(parents=True, exist_ok=True)
    write_atomically(home() / "evidence.json", json.dumps(known, indent=1, sort_keys=True).encode())
