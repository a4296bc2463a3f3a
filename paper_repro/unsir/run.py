"""What paper UNSIR's reported numbers and words compare with: the study of this run on real images."""

import xarray as xr

from paper_repro.reported import Finding, Ours, graded, over_seeds

_GONE, _KEPT = "forget test accuracy", "retained test accuracy"


def measures(dataset: xr.Dataset) -> dict[str, Ours]:
    """The notebook's pair with the notebook's label; one class with its own; processor seconds without compilation."""
    pair, count = dataset.pair_stages, dataset.sizes["seed"]
    where = f"{dataset.attrs['setting']}, {count} seeds"
    both = f"{where}, classes 0 and 2, label 0"
    before, classes = pair.sel(stage="trained"), dataset.sizes["class"]
    found = {
        "base": over_seeds((2 * before.sel(metric=_GONE) + (classes - 2) * before.sel(metric=_KEPT)) / classes, where),
        "one_forget": over_seeds(
            dataset.stages.sel(stage="repaired", metric="forget accuracy"), f"{where}, one class, another for each seed"
        ),
    }
    for stage in ("impaired", "repaired"):
        for name, metric in (("forget", _GONE), ("retained", _KEPT)):
            found[f"{stage}_{name}"] = over_seeds(pair.sel(stage=f"label 0, {stage}", metric=metric), both)
    if 2 in dataset.k.values:
        seconds = dataset.several_seconds.sel(k=2)
        ratio = seconds.sel(procedure="retrain") / seconds.sel(procedure="unsir")
        found["speedup"] = over_seeds(ratio, f"{where}, two classes, against retraining")
    return found


def findings(dataset: xr.Dataset) -> list[Finding]:
    """The abstract's statements about experiments."""
    where = f"{dataset.attrs['setting']}, {dataset.sizes['seed']} seeds"
    gone, slipped = (
        dataset.stages.sel(stage=stage, metric="forget accuracy") for stage in ("repaired", "label 0, repaired")
    )
    before, kept = (dataset.stages.sel(stage=stage, metric="retained accuracy") for stage in ("trained", "repaired"))
    lost = before - kept
    steps = dataset.several_steps.median("seed").sel(procedure="unsir")
    ratio, most = float(steps.isel(k=-1) / steps.isel(k=0)), int(dataset.k[-1])
    several = dataset.several.isel(k=-1)
    several_gone, several_kept = (
        several.sel(procedure="unsir", metric=f"{side} accuracy") for side in ("forget", "retained")
    )
    golden = several.sel(procedure="retrain", metric="retained accuracy")
    several_lost = golden - several_kept
    seconds = dataset.several_seconds.isel(k=0)
    speed = seconds.sel(procedure="retrain") / seconds.sel(procedure="unsir")
    return [
        Finding(
            "it never looks at the data to forget",
            graded(dataset.blind.all(), False),
            f"with NaN in every forgotten image, the same bits in {int(dataset.blind.sum())} of "
            f"{dataset.sizes['seed']} seeds; {where}",
            "the same bits in every seed",
        ),
        Finding(
            "excellent unlearning",
            graded(gone.max() <= 5, gone.mean() <= 15),
            f"{_text(gone)}% forget accuracy after repair, {float(gone.min()):.1f} to {float(gone.max()):.1f}; {where}",
            "at most 5% in every seed; in part: 15% on average",
        ),
        Finding(
            "overall accuracy substantially retained",
            graded(lost.max() <= 5, lost.mean() <= 15),
            f"retained accuracy {_text(before)}% before, {_text(kept)}% after; {where}",
            "at most 5 points lost in every seed; in part: 15 on average",
        ),
        Finding(
            "several classes take a similar number of update steps as one",
            graded(ratio <= 1.1, ratio <= 2),
            f"{most} classes take {ratio:.2f} times the steps of one; {where}",
            "at most 1.1 times; in part: 2",
        ),
        Finding(
            "works for multi-class unlearning",
            graded(
                (several_gone.max() <= 5) & (several_lost.max() <= 15),
                (several_gone.mean() <= 15) & (several_lost.mean() <= 30),
            ),
            f"{most} classes: forget accuracy {_text(several_gone)}%, retained {_text(several_kept)}%, retraining's "
            f"{_text(golden)}%; {where}",
            "forget accuracy at most 5%, retained at most 15 points under retraining's, in every seed; in part: 15% "
            "and 30 points on average",
        ),
        Finding(
            "quite efficient",
            graded(speed.min() >= 20, speed.mean() >= 2),
            f"retraining without one class takes {_text(speed)} times as long, without compilation; {where}",
            "at least 20 times in every seed; in part: 2 on average",
        ),
        Finding(
            "(public notebook) one noise label, 0, serves every class",
            graded(abs(slipped - gone).max() <= 5, slipped.mean() - gone.mean() <= 5),
            f"forget accuracy {_text(slipped)}% with label 0, {_text(gone)}% with each class's own; {where}",
            "within 5 points of the class's own in every seed; in part: at most 5 worse on average",
        ),
    ]


def _text(values: xr.DataArray) -> str:
    return f"{float(values.mean()):.1f} ± {float(values.std(ddof=min(1, values.size - 1))):.1f}"


FROM_STUDIES = {"unsir_outcome": measures}
FINDINGS = {"unsir_outcome": findings}
