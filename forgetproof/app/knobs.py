"""What can be set in each view, and the state that an address carries.

A state is a view with one value a knob. Its text is a query string such as ``view=linear&m=40&d=1000``: the page's
address, the argument of ``forgetproof explore --at``, and the key of every cached result.
"""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

Value = float | int | str

LONGEST = 200  # characters of one value in an address
LONGEST_PATH = 4096


class Knob(NamedTuple):
    """One setting: the values it can take, in the slider's order. Numbers snap to the nearest, words must match."""

    name: str
    label: str
    values: tuple[Value, ...]
    default: Value

    @property
    def numeric(self) -> bool:
        """Whether it is a slider; otherwise a list to choose from."""
        return not isinstance(self.default, str)

    def read(self, text: str) -> Value:
        """The value that ``text`` names.

        Raises:
            ValueError: not a number, or none of the words.
        """
        if not self.numeric:
            if text not in self.values:
                raise ValueError(f"{self.name}: expected one of {', '.join(map(str, self.values))}, got {text!r}")
            return text
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"{self.name}: expected a number from {self.values[0]} to {self.values[-1]}, got {text!r}")
        return min(self.values, key=lambda value: abs(float(value) - number))


class State(NamedTuple):
    """A view and its settings, by knob."""

    view: str
    values: dict[str, Value]

    @property
    def query(self) -> str:
        """The state as a query string; equal states have equal texts."""
        return urlencode({"view": self.view, **{name: _text(value) for name, value in self.values.items()}})

    def with_values(self, **values: Value) -> "State":
        """The same view with other settings."""
        return self._replace(values={**self.values, **values})


def _text(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


_LAW = Knob("law", "points' law", ("gaussian", "mixture", "near-orthogonal"), "gaussian")
_DIMENSIONS = tuple(round(10 ** (i / 2)) for i in range(2, 25))
_FORGET = (
    Knob("which", "forget", ("last", "largest multipliers", "smallest multipliers"), "last"),
    Knob("fraction", "step c (1: the theorem's)", tuple(round(0.05 * i, 2) for i in range(41)), 1.0),
    Knob("seed", "seed", tuple(range(20)), 0),
)
_RHO = Knob("rho", "mixture: length of the mean ρ", tuple(round(0.1 * i, 1) for i in range(21)), 0.5)
_CORRELATION = Knob(
    "correlation",
    "correlation of forget and retained points",
    (*(round(0.05 * i, 2) for i in range(20)), 0.99),
    0.0,
)

LINEAR = (
    _LAW,
    Knob("d", "dimension d", _DIMENSIONS, 1000),
    _RHO,
    Knob("m", "points m", (4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128), 20),
    Knob("k", "points to forget k", (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64), 2),
    _CORRELATION,
    *_FORGET,
)
NETWORK = (
    _LAW,
    Knob("d", "dimension d", _DIMENSIONS[2:], 1000),
    _RHO,
    Knob("m", "points m", (4, 6, 8, 10, 12, 16, 20, 24, 28, 32), 12),
    Knob("n", "neurons n", (8, 16, 24, 32, 48, 64, 96, 128), 24),
    Knob("k", "points to forget k", (1, 2, 3, 4, 5, 6, 8, 10, 12, 16), 1),
    _CORRELATION,
    Knob("scale", "length of a neuron at the start", (0.01, 0.03, 0.1, 0.3, 1.0, 3.0), 1.0),
    Knob("steps", "steps of training", (250, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 200_000), 2000),
    Knob("subgradient", "subgradient of the step", ("model", "autodiff"), "model"),
    *_FORGET,
)


def claim_knobs() -> tuple[Knob, ...]:
    """Of the view of claims: its choices are the registry's."""
    from theory.claims import all_claims

    keys = tuple(all_claims())
    return (
        Knob("key", "claim", keys, "ga.linear.ascent_step" if "ga.linear.ascent_step" in keys else keys[0]),
        Knob("examples", "random instances", (50, 100, 200, 500, 1000, 2000, 5000, 10_000), 200),
        Knob("seed", "seed", tuple(range(20)), 0),
    )


def study_knobs() -> tuple[Knob, ...]:
    """Of the view of studies."""
    from experiments.study import all_studies

    keys = tuple(all_studies())
    return (
        Knob("key", "study", keys, "ga_counter_regime" if "ga_counter_regime" in keys else keys[0]),
        Knob("profile", "grid", ("tiny", "quick", "full"), "tiny"),
    )


def sweep_choice() -> Knob:
    """Which sweep the view of sweeps shows; its axes' knobs are :func:`forgetproof.app.axes.axis_knobs`."""
    from experiments.engine.model import all_sweeps

    keys = tuple(all_sweeps())
    return Knob("key", "sweep", keys, "ga_correlated" if "ga_correlated" in keys else keys[0])


VIEWS = {
    "linear": "Linear model",
    "network": "Two-layer network",
    "claim": "A claim",
    "sweep": "A sweep, cell by cell",
    "study": "A study",
    "data": "A saved dataset",
}


def knobs_of(view: str, key: str | None = None) -> tuple[Knob, ...]:
    """The knobs of a view; a dataset's own are made when it is read.

    Args:
        key: of the sweep, for the view of sweeps; the default one if left out.

    Raises:
        ValueError: no such view, or sweep.
    """
    if view not in VIEWS:
        raise ValueError(f"view: expected one of {', '.join(VIEWS)}, got {view!r}")
    if view == "sweep":
        from forgetproof.app.axes import axis_knobs

        choice = sweep_choice()
        return (choice, *axis_knobs(str(choice.default if key is None else choice.read(key))))
    fixed: dict[str, tuple[Knob, ...]] = {"linear": LINEAR, "network": NETWORK, "data": ()}
    return fixed[view] if view in fixed else {"claim": claim_knobs, "study": study_knobs}[view]()


_SLICING = ("variable", "along", "lines", "at-DIMENSION")  # known in full when the dataset is, see datasets.py
_OPEN_NAMES = {
    "study": re.compile("variable|along|lines|at-.+"),
    "data": re.compile("dataset|variable|along|lines|at-.+"),
}


def read_state(given: Mapping[str, str]) -> State:
    """The state that an address' parameters name; what is left out has its default.

    Raises:
        ValueError: an unknown view or knob, or a value that is none of the knob's.
    """
    view = given.get("view", "linear")
    knobs = {knob.name: knob for knob in knobs_of(view, given.get("key"))}
    texts = {name: text for name, text in given.items() if name != "view"}
    open_names = _OPEN_NAMES.get(view)
    for name, text in texts.items():
        most = LONGEST_PATH if name == "dataset" else LONGEST
        if len(text) > most:
            raise ValueError(f"{name}: expected at most {most} characters, got {len(text)}")
        if name not in knobs and not (open_names and open_names.fullmatch(name)):
            known = ", ".join([*knobs, *(["dataset"] if view == "data" else []), *(_SLICING if open_names else [])])
            raise ValueError(f"{name}: the view {view!r} has no such setting; it has {known}")
    values = {name: knob.read(texts[name]) if name in texts else knob.default for name, knob in knobs.items()}
    return settled(State(view, {**values, **{name: texts[name] for name in sorted(texts) if name not in knobs}}))


def parse_query(text: str) -> State:
    """:func:`read_state` of a query string, with or without an address before it."""
    pairs = parse_qsl(text.rpartition("?")[2], keep_blank_values=True)
    return read_state({name: value for name, value in pairs if name != "access_token"})


def settled(state: State) -> State:
    """The state with settings that contradict each other made possible: fewer than m points are forgotten.

    A sweep's cells are left as they are: it says itself which have no meaning.
    """
    if state.view in ("linear", "network"):
        m, k = int(state.values["m"]), int(state.values["k"])
        return state.with_values(k=min(k, m - 1))
    return state
