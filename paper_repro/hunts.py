"""The adversary's part of the evidence, from the study that hunted in the same run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from theory.report import Record, number

STUDY = "evidence_hunt"


def with_hunts(records: Sequence[Record], data: Path) -> list[Record]:
    """Records with ``hunt``, as :func:`experiments.hunting.hunt_part` keeps it, where the run hunted their claim.

    Args:
        records: of checks. data: folder of the run's datasets, perhaps without the study's.
    """
    from experiments.store import load_dataset

    if not (data / f"{STUDY}.nc").exists():
        return list(records)
    dataset = load_dataset(data / f"{STUDY}.nc")
    found: dict[str, Any] = {}
    for at in range(dataset.sizes["inequality"]):
        row = dataset.isel(inequality=at)
        effort = {"evaluations": int(row.evaluations), "seconds": None, "seed": int(dataset.attrs["seed"])}
        outcome = "REFUTED" if bool(row.refuted) else "NOT REFUTED"
        hunt = found.setdefault(row.claim.item(), {"outcome": outcome, **effort, "conclusions": []})
        best = {"name": row.conclusion.item(), "tight": bool(row.tight), "tightness": number(float(row.tightness))}
        hunt["conclusions"].append(best | effort)
    return [r | {"hunt": found[r["key"]]} if r["key"] in found else r for r in records]
