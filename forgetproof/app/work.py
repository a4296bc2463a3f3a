"""What a state shows: results computed in parts, so that they report how far they are and can be stopped, and kept.

Work is an iterator of (done, total, result or None); total 0 means that no end can be told.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from forgetproof.app import claims, linear, network, studies, sweeps
from forgetproof.app.knobs import State, parse_query

Work = Iterator[tuple[int, int, Any]]
KEPT = 64  # results


class Outcome(NamedTuple):
    """A result, or why there is none."""

    result: Any
    fault: str = ""


_known: OrderedDict[str, Outcome] = OrderedDict()
_lock = threading.Lock()


def task_of(state: State, phase: bool = False) -> str:
    """The key of what a state needs: states that share a trained network or a study share it."""
    if phase:
        return "phase?" + state.with_values(correlation=0.0, fraction=1.0).query
    if state.view == "network":
        return "network?" + network.training_query(state)
    if state.view == "study":
        return "study?" + state._replace(values={k: state.values[k] for k in ("key", "profile")}).query
    if state.view == "sweep":
        return "sweep?" + sweeps.line_query(state)
    return f"{state.view}?{state.query}"


def known(task: str) -> Outcome | None:
    """The outcome of work that was done before."""
    with _lock:
        return _known.get(task)


def _linear(query: str) -> Work:
    yield from _waiting("linear")
    yield 1, 1, linear.compute(parse_query(query))


def _network(query: str) -> Work:
    yield from _waiting("network")
    yield from network.train(query)


_WORK: dict[str, Callable[[str], Work]] = {
    "linear": _linear,
    "network": _network,
    "claim": claims.run,
    "study": studies.run,
    "sweep": sweeps.run,
    "phase": network.phase,
}


def run(task: str, report: Callable[[int, int], None], stopped: Callable[[], bool]) -> Outcome | None:
    """Do the work and keep its outcome; None where it was stopped between two parts."""
    kind, _, query = task.partition("?")
    parts = _WORK[kind](query)
    result = None
    try:
        for done, total, result in parts:  # noqa: B007 - the last result counts
            if stopped():
                parts.close()  # type: ignore[attr-defined]
                return None
            report(done, total)
        outcome = Outcome(result)
    except (linear.NotSolved, network.NotTrained, studies.StudyFailed, sweeps.NoCell) as fault:
        outcome = Outcome(None, str(fault))
    except Exception as fault:
        logging.getLogger(__name__).exception("%s failed", task)
        return Outcome(None, f"{type(fault).__name__}: {fault}")
    with _lock:
        _known[task] = outcome
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return outcome


_READY = {"linear": threading.Event(), "network": threading.Event()}
"""Unset while the view's first programs are being compiled: two threads would each compile them."""
for _event in _READY.values():
    _event.set()


def _waiting(view: str) -> Work:
    while not _READY[view].wait(0.2):
        yield 0, 0, None


def warm_up() -> threading.Thread:
    """Compile in the background what the live views need: the default sizes first, then the others."""
    for event in _READY.values():
        event.clear()

    def compile_all() -> None:
        began = time.monotonic()
        try:
            for view, module in (("linear", linear), ("network", network)):
                module.warm(0)
                _READY[view].set()
            linear.warm(1)
            network.warm(1)
        finally:
            for event in _READY.values():
                event.set()
        logging.getLogger(__name__).info("compiled in %.0f s", time.monotonic() - began)

    thread = threading.Thread(target=compile_all, name="warm-up", daemon=True)
    thread.start()
    return thread
