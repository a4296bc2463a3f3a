"""The main job: check every claim, run every study, draw every picture, write one report.

Everything is made in a staging folder beside the output folder and moved in place at the end, the
report last, so that an interrupted run leaves the earlier report whole and nothing half-written.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from experiments import ledger, provenance, slices
from experiments.checking import check_claim, claim_jobs
from experiments.study import Study
from experiments.workers import run_jobs, workers
from paper_repro import hunts, page, pictures, proofs, reported, targets
from theory.claim import Claim
from theory.claims import PAPERS, all_claims

PROFILES = {"quick": 1000, "full": 20_000}  # random instances per claim
Stages = Callable[[str, int], Callable[[str], Any]]


class ReproduceError(ValueError):
    """The job cannot start as asked; the message says why."""


def reproduce(
    papers: Sequence[str], profile: str, out: Path, seed: int, stages: Stages, data: str | None = None
) -> dict[str, Any]:
    """Run the job and write ``out/report.html``, ``report.json``, ``proofs/``, ``figures/`` and ``data/``.

    Args:
        papers: paper keys; empty means all that have claims, the long studies left out of the quick profile then.
        profile: "quick" or "full".
        out: output folder. seed: seed of everything random.
        stages: called with a title and a total, returns the function that advances that stage.
        data: images for the studies of networks, as :func:`experiments.images.source.load_images` takes them; None
            leaves each study its own.

    Returns:
        The content of ``report.json``; ``good`` says whether every claim came out as its status says, no
        step of a proof was refuted or left undecided, and every target was met.

    Raises:
        ReproduceError: unknown paper or profile, images that cannot be read, or a folder that cannot be written.
    """
    chosen = _papers(papers)
    if profile not in PROFILES:
        raise ReproduceError(f"--profile: expected one of {', '.join(PROFILES)}, got {profile!r}")
    _readable(data)
    staging = _staging(out)
    began = time.perf_counter()
    try:
        claims = [claim for claim in all_claims().values() if claim.key.split(".")[0] in chosen]
        studies, left_out = _studies(chosen, everything=bool(papers) or profile == "full")
        with workers(len(claims)) as pool:
            measured, records = _measure(pool, chosen, studies, claims, profile, seed, staging, stages, data)
            decided = _proofs(pool, claims, staging / "proofs", stages)
            drawn = _pictures(pool, studies, staging, stages)
        records = [r | {"proof": decided[r["key"]]} if r["key"] in decided else r for r in records]
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
            "reported": [row for paper in chosen for row in reported.compare(paper, staging / "data")],
            "findings": {paper: reported.findings(paper, staging / "data") for paper in chosen},
            "pictures": drawn,
            "left_out": [{"study": s.key, "title": s.title, "paper": s.paper} for s in left_out],
        }
        (staging / "report.html").write_text(page.render(summary, staging), encoding="utf-8")
        (staging / "report.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
        _publish(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    slices.clear(study.key for study in studies)
    ledger.update(summary["claims"])
    return {**summary, "report": str(out / "report.html")}


def _papers(papers: Sequence[str]) -> list[str]:
    present = sorted({key.split(".")[0] for key in all_claims()})
    unknown = [paper for paper in papers if paper not in present]
    if unknown:
        raise ReproduceError(f"no paper {unknown[0]!r} to reproduce; expected one of {', '.join(present)}")
    return [paper for paper in PAPERS if paper in (papers or present)]


def _readable(data: str | None) -> None:
    if data is None:
        return
    from experiments.images.source import load_images

    try:
        load_images(data)
    except ValueError as fault:
        raise ReproduceError(str(fault)) from fault


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


def _stage(title: str, name: str, job: Callable[[], Any]) -> tuple[str, str, Any]:
    return title, name, job()


def _studies(papers: Sequence[str], everything: bool) -> tuple[list[Study], list[Study]]:
    """The papers' studies to run, and those left out: the long ones, unless everything is wanted."""
    from experiments.study import all_studies

    found = [study for study in all_studies().values() if study.paper in papers]
    return [s for s in found if everything or not s.long], [s for s in found if s.long and not everything]


def _measure(
    pool: Executor,
    papers: Sequence[str],
    studies: Sequence[Study],
    claims: Sequence[Claim],
    profile: str,
    seed: int,
    out: Path,
    stages: Stages,
    source: str | None,
) -> tuple[list[Any], list[Any]]:
    """Run the studies into ``out/data``, measure the targets and check the claims; targets and records."""
    data = out / "data"
    data.mkdir()

    def studying(timed: bool) -> dict[str, Callable[[], Any]]:
        chosen = [study.key for study in studies if study.timed is timed]
        return {key: partial(pictures.run_study, key, profile, seed, data, source) for key in chosen}

    checks = claim_jobs(pool, claims, check_claim, PROFILES[profile], seed, out / "counterexamples")
    work: dict[str, dict[str, Callable[[], Any]]] = {
        "running studies": studying(timed=False),  # the longest first
        "measuring targets": {paper: partial(targets.measure, paper, seed) for paper in papers},
        "checking claims": dict(zip([claim.key for claim in claims], checks, strict=True)),
    }
    counts = {title: len(jobs) for title, jobs in work.items()} | {"running studies": len(studies)}
    advance = {title: stages(title, count) for title, count in counts.items()}
    jobs = [partial(_stage, title, name, job) for title, part in work.items() for name, job in part.items()]
    done = run_jobs(pool, jobs, lambda result: advance[result[0]](result[1]))
    for job in studying(timed=True).values():  # nothing runs beside them
        run_jobs(pool, [job], advance["running studies"])
    measured = [found for title, _, found in done if title == "measuring targets"]
    return [target for found in measured for target in found], [r for title, _, r in done if title == "checking claims"]


def _proofs(pool: Executor, claims: Sequence[Claim], folder: Path, stages: Stages) -> dict[str, Any]:
    """Pages of the machine-decided proofs in ``folder``; summaries by key."""
    folder.mkdir()
    proved = [claim for claim in claims if claim.obligations is not None]
    advance = stages("deciding proofs", len(proved))
    jobs = claim_jobs(pool, proved, proofs.write_proof, folder)
    found = run_jobs(pool, jobs, lambda summary: advance(summary["key"]), thread_safe=False)
    return {summary.pop("key"): summary for summary in found}


def _pictures(pool: Executor, studies: Sequence[Study], out: Path, stages: Stages) -> list[dict[str, Any]]:
    from figures import all_figures

    drawn = {study.key for study in studies}
    names = [name for name, figure in all_figures().items() if figure.STUDY in drawn]
    advance = stages("drawing", len(names))
    jobs = [partial(pictures.draw, name, out) for name in names]
    return run_jobs(pool, jobs, lambda picture: advance(picture["name"]), thread_safe=False)


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
