"""One line where moving a slider changed no number, with the reason."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from forgetproof.app.knobs import State, Value
from forgetproof.app.rows import Row

_ACTIVATIONS = "the exact KKT point depends on {} through the activations after training alone, and these stayed"
_SAME = {"relative": 1e-6, "absolute": 1e-12}  # rounding is no change


def why(knob: str, state: State) -> str:
    """Why a setting can leave every number of a state as it was."""
    law = state.values.get("law")
    if knob in [f"at-{state.values.get(name)}" for name in ("along", "lines")]:
        return "the curves run through all its values"
    if knob == "rho" and law != "mixture":
        return "only the mixture has a mean"
    if knob == "d" and law == "near-orthogonal":
        return "the inner products of near-orthogonal points are drawn, whatever the dimension"
    if knob == "scale":
        return _ACTIVATIONS.format("the start")
    if knob == "steps":
        return _ACTIVATIONS.format("the length of training")
    if knob == "which":
        return "these are the same points"
    return "the results do not depend on it here"


def settled_note(asked: Mapping[str, Any], state: State) -> str:
    """What was changed of the widgets' values to make them possible."""
    if "k" in asked and asked["k"] != state.values.get("k"):
        return (
            f"Of m = {state.values['m']} points at most {state.values['k']} can be forgotten: k = {state.values['k']}."
        )
    return ""


class Watch:
    """Remembers what was shown last."""

    def __init__(self) -> None:
        self._last: tuple[State, list[Row]] | None = None
        self._note = ""

    def note(self, state: State, rows: Sequence[Row], labels: Mapping[str, str]) -> str:
        """The line for these rows, or nothing where a number moved, or more than one setting did.

        Args:
            labels: what the page calls the settings.
        """
        if self._last is not None and state == self._last[0]:
            return self._note
        self._note = ""
        if self._last is not None and state.view == self._last[0].view:
            moved = _moved(self._last[0].values, state.values)
            if len(moved) == 1 and _same(self._last[1], rows):
                name = moved[0]
                self._note = (
                    f"Moving “{labels.get(name, name.removeprefix('at-'))}” changed no number: {why(name, state)}."
                )
        self._last = state, list(rows)
        return self._note


def _moved(before: Mapping[str, Value], after: Mapping[str, Value]) -> list[str]:
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def _same(before: Sequence[Row], after: Sequence[Row]) -> bool:
    return [row.name for row in before] == [row.name for row in after] and all(
        _close(x, y) for a, b in zip(before, after, strict=True) for x, y in ((a.value, b.value), (a.bound, b.bound))
    )


def _close(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    x, y = float(a), float(b)
    return (math.isnan(x) and math.isnan(y)) or math.isclose(x, y, rel_tol=_SAME["relative"], abs_tol=_SAME["absolute"])
