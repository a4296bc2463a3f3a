"""The page's numbers are the library's: what is copied as Python or as a command gives them again."""

import contextlib
import io
import json
import shlex

import jax
import numpy as np
import pytest

from forgetproof.app import copying, linear, network, page
from forgetproof.app.knobs import knobs_of, parse_query
from forgetproof.app.rows import as_numbers

pytestmark = pytest.mark.slow

STATES = [
    "view=linear&correlation=.6&fraction=.8",
    "view=linear&law=mixture&rho=.4&which=largest multipliers&k=4",
    "view=linear&law=near-orthogonal&m=96&k=24&fraction=1.5",
    "view=network&k=2&fraction=.9",
    "view=network&m=20&n=48&law=mixture&correlation=.4&subgradient=autodiff&which=smallest multipliers",
    "view=claim&key=ga.linear.step_size&examples=50&seed=3",
    "view=claim&key=ga.two_layer.exact_certificate&examples=50",  # with conclusions that are counted
    "view=linear&m=12&fraction=2&correlation=.95",  # α ≥ 1
]


@pytest.mark.parametrize("query", STATES)
def test_copied_python_gives_the_numbers(query):
    state = parse_query(query)
    shown = as_numbers(page.numbers(state))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        exec(copying.python(state), {})
    found = dict(line.rsplit(": ", 1) for line in printed.getvalue().splitlines())
    assert set(found) == {name for name, value in shown.items() if np.isfinite(value) or name in found}
    for name, value in found.items():
        # a bound of a distance is the root of a gap: rounding of 1e-16 in the gap is 1e-8 in it
        np.testing.assert_allclose(
            float(value), shown[name], rtol=1e-8, atol=2e-7 if "bound of dist" in name else 1e-10
        )


@pytest.mark.parametrize("query", [STATES[0], STATES[3], STATES[5]])
def test_the_copied_command_gives_the_numbers(query, run):
    state = parse_query(query)
    shown = as_numbers(page.numbers(state))
    code, out, _ = run(*shlex.split(copying.command(state))[1:])
    assert code == 0
    answer = json.loads(out)
    if state.view == "claim":
        (record,) = answer
        assert [record[n] for n in ("instances", "held", "tightness")] == [
            shown[n] for n in ("instances", "held", "tightness")
        ]
    else:
        assert answer["state"] == state.query
        assert {n: v for n, v in answer["numbers"].items() if v is not None} == {
            n: v for n, v in shown.items() if np.isfinite(v)
        }


def test_training_in_parts_is_training_at_once():
    """Bit for bit: cutting the loop changes no step."""
    state = parse_query("view=network&steps=1000")
    G, y, present, net = network.begin(state)
    whole = jax.jit(lambda n: network.train_in_coefficients(n, G, y, present, steps=1000, records=2).end)(net)
    for _ in range(4):
        net, _ = network._part(net, G, y, present)
    np.testing.assert_array_equal(net.C, whole.C)


def test_bounds_hold_wherever_the_sliders_go():
    """No row breaks its bound, over random states of both live views."""
    rng = np.random.default_rng(0)
    for view, count in (("linear", 60), ("network", 12)):
        for _ in range(count):
            drawn = {k.name: k.values[rng.integers(len(k.values))] for k in knobs_of(view)}
            if view == "network":
                drawn |= {"m": 12, "n": 24, "steps": 2000}
            query = "&".join([f"view={view}", *(f"{n}={v}" for n, v in drawn.items())])
            with contextlib.suppress(ValueError):  # points that no model separates
                rows = page.numbers(parse_query(query))
                assert not [row for row in rows if row.broken], query


PROGRAMS = (linear._solve, linear._step, network._start, network._part, network._point, network._step)


def test_a_second_move_compiles_nothing():
    for query, moved in (
        ("view=linear&m=12", "view=linear&m=48&d=1e6&k=5&correlation=.5&fraction=.3"),
        ("view=network&m=8", "view=network&m=14&n=8&d=1e6&k=3&correlation=.5&fraction=.3&subgradient=autodiff"),
    ):
        page.numbers(parse_query(query))
        counts = [program._cache_size() for program in PROGRAMS]
        page.numbers(parse_query(moved))
        assert [program._cache_size() for program in PROGRAMS] == counts
