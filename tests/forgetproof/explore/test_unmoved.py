"""Where moving a slider changes nothing, one line says so and why."""

import math

import pytest

from forgetproof.app.knobs import knobs_of, parse_query
from forgetproof.app.rows import Row
from forgetproof.app.unmoved import Watch, settled_note

ROWS = [Row("gap", 0.25, 0.5), Row("none", math.nan)]
WHY = {
    "rho": ("view=linear", {"rho": 0.7}, "only the mixture has a mean"),
    "near-orthogonal": ("view=linear&law=near-orthogonal", {"d": 100}, "whatever the dimension"),
    "start": ("view=network", {"scale": 0.1}, "depends on the start through the activations"),
    "training": ("view=network", {"steps": 500}, "the length of training through the activations"),
    "a sweep's start": ("view=sweep&key=ga_two_layer", {"scale": 0.1}, "depends on the start"),
    "points": ("view=linear", {"which": "largest multipliers"}, "the same points"),
    "the picture's axis": ("view=data&along=overlap", {"at-overlap": 1.0}, "run through all its values"),
    "another": ("view=sweep&key=wc_ridge", {"seed": 3}, "do not depend on it here"),
}


def noted(query, moved, before=ROWS, after=ROWS):
    state, watch = parse_query(query), Watch()
    labels = {knob.name: knob.label for knob in knobs_of(state.view, state.values.get("key"))}
    assert watch.note(state, before, labels) == ""
    return watch.note(state.with_values(**moved), after, labels)


@pytest.mark.parametrize("case", WHY)
def test_the_line_names_the_slider_and_the_reason(case):
    query, moved, reason = WHY[case]
    line = noted(query, moved)
    state = parse_query(query)
    labels = {knob.name: knob.label for knob in knobs_of(state.view, state.values.get("key"))}
    (label,) = (labels.get(name, "overlap") for name in moved)
    assert line.startswith(f"Moving “{label}” changed no number: ")
    assert reason in line


CHANGED = {
    "a value": [Row("gap", 0.26, 0.5), ROWS[1]],
    "a bound": [Row("gap", 0.25, 0.6), ROWS[1]],
    "a number that was none": [ROWS[0], Row("none", 1.0)],
    "another number": [ROWS[0], Row("other", math.nan)],
    "fewer numbers": ROWS[:1],
}


@pytest.mark.parametrize("case", CHANGED)
def test_there_is_no_line_where_a_number_moved(case):
    assert noted("view=linear", {"rho": 0.7}, after=CHANGED[case]) == ""


def test_rounding_is_no_change():
    after = [Row("gap", 0.25 * (1 + 1e-9), 0.5), ROWS[1]]
    assert "changed no number" in noted("view=linear", {"rho": 0.7}, after=after)


def test_several_moves_are_not_one_slider():
    assert noted("view=linear", {"rho": 0.7, "d": 100}) == ""


def test_the_line_stays_while_the_state_does():
    watch, state = Watch(), parse_query("view=linear")
    watch.note(state, ROWS, {})
    line = watch.note(state.with_values(rho=0.7), ROWS, {})
    assert line
    assert watch.note(state.with_values(rho=0.7), ROWS, {}) == line
    assert watch.note(parse_query("view=network"), ROWS, {}) == ""


def test_what_was_made_possible_is_told():
    state = parse_query("view=linear&m=4&k=64")
    assert settled_note({"m": 4, "k": 64}, state) == "Of m = 4 points at most 3 can be forgotten: k = 3."
    assert settled_note({"m": 4, "k": 3}, state) == ""
