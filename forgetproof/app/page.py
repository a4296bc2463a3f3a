"""A state and its outcome as what the page shows: numbers, pictures, statement."""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from forgetproof.app import claims, datasets, linear, network, pictures, sweeps, work
from forgetproof.app.charts import Chart
from forgetproof.app.knobs import State
from forgetproof.app.rows import Row
from forgetproof.app.work import Outcome

OPENED: dict[str, Path] = {}
"""Datasets that the page may read, by the path given on the command line: an address can name no other file.
Its parameter is ``dataset``: ``file`` has a meaning of its own to marimo."""
STATEMENTS = {
    "linear": ("ga.linear.ascent_step", "ga.linear.distance_to_retraining"),
    "network": ("ga.two_layer.ascent_certificate",),
}


class Content(NamedTuple):
    """What is shown; ``table`` is the CSV to download where it is not that of the rows, ``curve`` one beside it."""

    rows: list[Row]
    charts: list[Chart]
    markdown: str = ""
    picture: bytes | None = None  # a ready picture, PNG
    table: str = ""
    curve: str = ""
    note: str = ""  # one line beside the numbers


def open_all(paths: Iterable[Path]) -> None:
    """Let the page slice these datasets and no others.

    Raises:
        ValueError: one cannot be read.
    """
    OPENED.clear()
    opened.cache_clear()
    OPENED.update({str(path): path for path in paths})
    for name in OPENED:
        opened(name)


def open_also(path: Path) -> None:
    """Let the page slice one more dataset, or one that changed since."""
    OPENED[str(path)] = path
    opened.cache_clear()


@functools.lru_cache(maxsize=8)
def opened(name: str) -> Any:
    """A dataset of OPENED.

    Raises:
        ValueError: not one of them, or it cannot be read.
    """
    if name not in OPENED:
        among = ", ".join(OPENED) or "none: name files or folders after 'forgetproof explore'"
        raise ValueError(f"dataset: expected one of the datasets opened, {among}; got {name!r}")
    return datasets.open_dataset(OPENED[name])


def dataset_of(state: State, outcome: Outcome | None) -> Any:
    """The dataset that a state slices, or None. Errors as :func:`opened`."""
    if state.view == "data":
        return opened(str(state.values.get("dataset", next(iter(OPENED), ""))))
    return outcome.result.dataset if state.view == "study" and outcome is not None and outcome.result else None


def content(state: State, outcome: Outcome) -> Content:
    """What the page shows of a state whose work has ended well.

    Raises:
        ValueError: a slice of a dataset that does not exist.
    """
    return _CONTENT[state.view](state, outcome)


def _linear(state: State, outcome: Outcome) -> Content:
    result: linear.Linear = outcome.result
    rows, found, s = linear.rows(result), linear.phase(state), result.step
    here = float(state.values["correlation"]), float(state.values["fraction"])
    return Content(
        rows,
        [
            pictures.margins(s.margins, result.forget, result.m, linear.METHODS, 1.0 - float(s.alpha)),
            pictures.bounds(rows),
            pictures.distance(result),
            pictures.phase(
                found.ratio, linear.CORRELATIONS, linear.FRACTIONS, here, "distance to retraining", found.boundary
            ),
        ],
        _statements("linear"),
        note="" if float(s.alpha) < 1.0 else "α ≥ 1: the theorem says nothing here. Lower the step or the correlation.",
    )


def _network(state: State, outcome: Outcome) -> Content:
    result = network.compute(state, outcome.result)
    rows = network.rows(result)
    charts = [
        pictures.margins(result.step.margins, result.forget, result.m, network.METHODS, None),
        pictures.bounds(rows),
        pictures.epsilon(result),
    ]
    return Content(rows, charts, _statements("network"))


def phase_charts(state: State) -> list[Chart]:
    """The two-layer phase diagram, where it was computed for the state's problem."""
    found = work.known(work.task_of(state, phase=True))
    if found is None or found.result is None:
        return []
    here = float(state.values["correlation"]), float(state.values["fraction"])
    measure = "1 - cos to an exact KKT point of the retained problem"
    return [pictures.phase(found.result.ratio, found.result.correlations, found.result.fractions, here, measure)]


def _claim(state: State, outcome: Outcome) -> Content:
    result: claims.Checked = outcome.result
    markdown = f"{claims.statement(result.claim)}\n\nSizes, small first: {claims.sizes_text(result.claim)}."
    return Content(claims.rows(result), [claims.picture(result)], markdown)


def _sliced(dataset: Any, given: dict[str, Any], markdown: str, picture: bytes | None = None) -> Content:
    values = datasets.settings(dataset, given)
    found = datasets.cut(dataset, values)
    rows = [Row(found.point(i, j), found.middle[i, j]) for i in range(len(found.names)) for j in range(len(found.x))]
    chart, table = datasets.picture(dataset, found), datasets.as_csv(found)
    note = f"One line: its axis is {found.along} itself." if values["lines"] == found.along else ""
    return Content(rows, [chart], markdown, picture, table, note=note)


def _sweep(state: State, outcome: Outcome) -> Content:
    line = outcome.result
    return Content(
        sweeps.rows(state, line),
        [sweeps.picture(state, line)],
        sweeps.statement(state),
        curve=datasets.as_csv(sweeps.cut(state, line)),
        note=sweeps.note(state, line),
    )


def _study(state: State, outcome: Outcome) -> Content:
    studied = outcome.result
    findings = "\n".join(f"- {text}" for text in studied.findings)
    text = f"{studied.question}\n\n{findings}\n\n{studied.caption}"
    return _sliced(studied.dataset, state.values, text, studied.picture)


def _data(state: State, _: Outcome) -> Content:
    dataset = dataset_of(state, None)
    attributes = [str(dataset.attrs[name]) for name in ("title", "question") if name in dataset.attrs]
    return _sliced(dataset, state.values, "\n\n".join(attributes))


_CONTENT = {"linear": _linear, "network": _network, "claim": _claim, "sweep": _sweep, "study": _study, "data": _data}


@functools.cache
def _statements(view: str) -> str:
    from theory.claims import all_claims

    return "\n\n".join(claims.statement(all_claims()[key]) for key in STATEMENTS[view])


def numbers(state: State) -> list[Row]:
    """The state's rows, computed here and now.

    Raises:
        ValueError: the state has none; the message says why.
    """
    if state.view == "data":
        return content(state, Outcome(None)).rows
    outcome = work.run(work.task_of(state), lambda done, total: None, lambda: False)
    if outcome is None or outcome.fault:
        raise ValueError(outcome.fault if outcome is not None else "stopped")
    return content(state, outcome).rows
