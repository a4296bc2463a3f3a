"""States and their addresses, and which are refused."""

import numpy as np
import pytest

from forgetproof.app import linear, widgets
from forgetproof.app.knobs import LINEAR, VIEWS, parse_query, read_state
from tests.command_line import one_line
from tests.forgetproof.explore.addresses import Address


@pytest.mark.parametrize("view", [view for view in VIEWS if view != "data"])
def test_a_state_survives_its_address(view):
    state = parse_query(f"view={view}")
    assert parse_query(f"http://127.0.0.1:2718/?{state.query}&access_token=x") == state


def test_values_snap_to_the_sliders_positions():
    state = parse_query("view=linear&m=41&d=900&fraction=0.83&k=30")
    assert [state.values[name] for name in ("m", "d", "fraction", "k")] == [40, 1000, 0.85, 32]
    assert parse_query("view=linear&m=4&k=64").values["k"] == 3  # some point is retained


REFUSED = {
    "view": ("view=cubic", "view: expected one of linear, network"),
    "setting": ("view=linear&n=5", "n: the view 'linear' has no such setting"),
    "number": ("view=linear&m=many", "m: expected a number from 4 to 128, got 'many'"),
    "infinity": ("view=linear&m=inf", "m: expected a number"),
    "of a study": ("view=study&n=5", "n: the view 'study' has no such setting; it has key, profile, variable, along"),
    "of a dataset": ("view=data&n=5", "n: the view 'data' has no such setting; it has dataset, variable, along"),
    "word": ("view=linear&law=cauchy", "law: expected one of gaussian, mixture"),
    "length": (f"view=linear&m={'1' * 300}", "m: expected at most 200 characters"),
    "claim": ("view=claim&key=../etc", "key: expected one of"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_state_is_one_line(case, run):
    query, words = REFUSED[case]
    code, _, err = run("explore", "--at", query, "--json")
    assert code == 2
    assert words in one_line(err)


def test_a_page_with_a_bad_address_shows_the_default_and_says_why():
    state, fault = widgets.read_address(Address(read_state, view="linear", m="many", access_token="x"))
    assert state == parse_query("view=linear")
    assert fault.startswith("m: expected")
    assert "expected one value" in widgets.read_address(Address(read_state, m=["4", "6"]))[1]


PLACES = [
    *(f"view={view}" for view in VIEWS if view != "data"),
    "view=linear&m=8&k=2",
    "view=claim&key=wc.selection.model_ignores_weights&seed=3",
    "view=sweep&key=wc_ridge&N=20&k=2",
    "view=sweep&key=unsir",
    "view=study&key=ga_counter_regime&profile=tiny&variable=distance&at-d=100",
    "view=data&dataset=swept/first&variable=gap&along=k&lines=N&at-columns=4",
]


@pytest.mark.parametrize("before", PLACES)
def test_an_address_names_a_state_while_it_is_rewritten(before):
    for after in map(parse_query, PLACES):
        address = Address(read_state)
        widgets.write_address(address, parse_query(before))
        widgets.write_address(address, after)
        assert address.last == after


def test_where_the_step_hurts_in_the_limit_of_high_dimension():
    """Twins with correlation c: distances c/(1 + c) after the full step and √((1 − c)/(1 + c)) before it."""
    found = linear.phase(parse_query("view=linear&d=1e12&m=12&k=3"))
    c = linear.CORRELATIONS[1:]
    at_one = int(np.argmin(abs(linear.FRACTIONS - 1.0)))
    np.testing.assert_allclose(found.ratio[1:, at_one], c / np.sqrt(1 - c**2), atol=2e-4)
    np.testing.assert_allclose(found.boundary[1:], 2 * (1 - c**2), atol=2e-4)


def test_points_that_cannot_be_separated_are_told(run):
    code, _, err = run("explore", "--at", "view=linear&d=10&m=40", "--json")
    assert code == 2
    assert "No model separates these 40 points: raise d above m" in one_line(err)


def test_every_position_of_a_slider_is_finite():
    assert all(len(set(knob.values)) == len(knob.values) and knob.default in knob.values for knob in LINEAR)
