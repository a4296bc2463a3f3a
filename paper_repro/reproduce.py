"""The main job: check every claim, run every study, draw every picture, write one report.

Everything is made in a staging folder beside the output folder and moved in place at the end, the
report last, so that an interrupted run leaves the earlier report whole and nothing half-written.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments import ledger, provenance
from experiments.checking import check_claims
from experiments.study import Study
from paper_repro import hunts, page, proofs, targets
from theory.claims import PAPERS, all_claims

PROFILES = {"quick": 1000, "full": 20_000}  # random instances per claim
Stages = Callable[[str, int], Callable[[str], Any]]


class ReproduceError(ValueError):
    """The job cannot start as asked; the message says why."""


def reproduce(papers: Sequence[str], profile: str, out: Path, seed: int, stages: Stages) -> dict[str, Any]:
    """Run the job and write ``out/report.html``, ``report.json``, ``proofs/``, ``figures/`` and ``data/``.

    Args:
        papers: paper keys; empty means all that have claims. profile: "quick" or "full".
        out: output folder. seed: seed of everything random.
        stages: called with a title and a total, returns the function that advances that stage.

    Returns:
        The content of ``report.json``; ``good`` says whether every claim came out as its status says, no
        step of a proof was refuted or left undecided, and every target was met.

    Raises:
        ReproduceError: unknown paper or profile, or a folder that cannot be written.
    """
    chosen = _papers(papers)
    if profile not in PROFILES:
        raise ReproduceError(f"--profile: expected one of {', '.join(PROFILES)}, got {profile!r}")
    staging = _staging(out)
    began = time.perf_counter()
    try:
        claims = [claim for claim in all_claims().values() if claim.key.split(".")[0] in chosen]
        advance = stages("checking claims", len(claims))
        records = check_claims(
            claims, PROFILES[profile], seed, staging / "counterexamples", lambda r: advance(r["key"])
        )
        advance = stages("deciding proofs", len(claims))
        decided = proofs.write_proofs(claims, staging / "proofs", advance)
        records = [r | {"proof": decided[r["key"]]} if r["key"] in decided else r for r in records]
        measured = _targets(chosen, seed, stages)
        pictures = _pictures(chosen, profile, seed, staging, stages)
        records = hunts.with_hunts(records, staging / "data")
        summary: dict[str, Any] = {
            "good": all(r["as_expected"] for r in records)
            and all(t["met"] for t in measured)
            and not any(proof["undecided"] for proof in decided.values()),
            "papers": {key: PAPERS[key] for key in chosen},
            "profile": profile,
            "seed": seed,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - began, 1),
            "environment": provenance.environment(),
            "claims": _relocate(records, staging, out),
            "targets": measured,
            "pictures": pictures,
        }
        (staging / "report.html").write_text(page.render(summary, staging), encoding="utf-8")
        (staging / "report.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
        _publish(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    ledger.update(summary["claims"])
    return {**summary, "report": str(out / "report.html")}


def _papers(papers: Sequence[str]) -> list[str]:
    present = sorted({key.split(".")[0] for key in all_claims()})
    unknown = [paper for paper in papers if paper not in present]
    if unknown:
        raise ReproduceError(f"no paper {unknown[0]!r} to reproduce; expected one of {', '.join(present)}")
    return [paper for paper in PAPERS if paper in (papers or present)]


def _staging(out: Path) -> Path:
    if out.exists() and not out.is_dir():
        raise ReproduceError(f"--out: expected a folder, but {out} is a file")
    staging = out.absolute().parent / f".{out.name}.partial-{os.getpid()}"
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        if out.exists() and not os.access(out, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied", str(out))
        for stale in staging.parent.glob(f".{out.name}.partial-*"):
            if not _alive(stale):
                shutil.rmtree(stale, ignore_errors=True)
        staging.mkdir()
    except OSError as fault:
        raise ReproduceError(f"--out: cannot write to {out}: {fault.strerror}") from fault
    return staging


def _alive(staging: Path) -> bool:
    """Whether the run that owns a staging folder is still there; killed runs leave theirs behind."""
    try:
        os.kill(int(staging.name.rsplit("-", 1)[1]), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _targets(papers: Sequence[str], seed: int, stages: Stages) -> list[dict[str, Any]]:
    advance = stages("measuring targets", len(papers))
    found = []
    for paper in papers:
        found += targets.measure(paper, seed)
        advance(paper)
    return found


def _pictures(papers: Sequence[str], profile: str, seed: int, staging: Path, stages: Stages) -> list[dict[str, Any]]:
    from experiments.store import load_dataset, save_dataset
    from experiments.study import all_studies
    from figures import all_figures
    from figures.style import save

    studies = [study for study in all_studies().values() if study.paper in papers]
    data = staging / "data"
    data.mkdir()
    advance = stages("running studies", len(studies))

    def run(study: Study) -> Study:
        parameters = {**(study.quick if profile == "quick" else study.full), "seed": seed}
        save_dataset(provenance.stamped(study, parameters), data / f"{study.key}.nc")
        return study

    together = [study for study in studies if not study.timed]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        try:
            for future in as_completed([pool.submit(run, study) for study in together]):
                advance(future.result().key)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for study in studies:
        if study.timed:
            advance(run(study).key)
    drawn = []
    figures = [(name, f) for name, f in all_figures().items() if f.STUDY in {s.key for s in studies}]
    advance = stages("drawing", len(figures))
    for name, figure in figures:
        dataset = load_dataset(data / f"{figure.STUDY}.nc")
        files = save(figure.plot(dataset), staging / "figures", name)
        study = all_studies()[figure.STUDY]
        drawn.append(
            {
                "name": name,
                "study": study.key,
                "paper": study.paper,
                "title": study.title,
                "question": study.question,
                "caption": figure.CAPTION,
                "findings": list(figure.findings(dataset)) if hasattr(figure, "findings") else [],
                "table": figure.table(dataset) if hasattr(figure, "table") else None,
                "files": sorted(str(Path(file).relative_to(staging)) for file in files),
                "data": f"data/{study.key}.nc",
            }
        )
        advance(name)
    return drawn


def _relocate(records: list[dict[str, Any]], staging: Path, out: Path) -> list[dict[str, Any]]:
    """Counterexample paths as they will be once published."""
    text = json.dumps(records).replace(json.dumps(str(staging))[1:-1], json.dumps(str(out))[1:-1])
    return json.loads(text)


def _publish(staging: Path, out: Path) -> None:
    """Move the finished files in place, one rename each, the report last."""
    files = sorted((f for f in staging.rglob("*") if f.is_file()), key=lambda f: f.name.startswith("report"))
    for file in files:
        place = out / file.relative_to(staging)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, place)
