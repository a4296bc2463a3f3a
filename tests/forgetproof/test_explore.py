"""The page without a browser: states and addresses, charts, what is refused."""

import asyncio
import json
import re
import socket
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import xarray as xr

from experiments.store import save_dataset
from experiments.study import labelled
from figures.style import BLACK, BLUE, GREEN, RED
from forgetproof.app import datasets, linear, live, server, widgets, work
from forgetproof.app.charts import Chart, Heat, Rule, Series
from forgetproof.app.jobs import STOPPED, Job
from forgetproof.app.knobs import LINEAR, VIEWS, parse_query
from forgetproof.app.rows import Row, as_csv, as_numbers
from tests.command_line import one_line


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
    class Parameters(dict):
        to_dict = dict.copy

    state, fault = widgets.read_address(Parameters(view="linear", m="many", access_token="x"))
    assert state == parse_query("view=linear")
    assert fault.startswith("m: expected")
    assert "expected one value" in widgets.read_address(Parameters(m=["4", "6"]))[1]


def chart(**changes) -> Chart:
    x = np.arange(1.0, 6.0)
    series = (
        Series("a < b", x, 10.0**-x, {"color": BLUE, "linestyle": "--", "marker": "s"}),
        Series("", x, np.where(x == 3, np.nan, 0.5), {"color": RED, "marker": "^", "linestyle": "none"}),
    )
    return Chart("some", "Title", 'words & "more"', "x", "y", series, **changes)


CHARTS = {
    "plain": chart(),
    "log": chart(log="xy"),
    "names": chart(names=("one,\ntwo",) * 5, notes=("1.00",) * 5),
    "rules and band": chart(rules=(Rule("x", 2.0, "here"), Rule("y", 0.2)), band=(2.0, 3.0)),
    "heat": chart(heat=Heat(np.full((3, 4), np.nan), (1.0, 5.0), (0.0, 1.0))),
    "empty": Chart("none", "", "", "", "", (Series("", np.zeros(1), np.full(1, np.nan), {"color": RED}),)),
}


@pytest.mark.parametrize("case", CHARTS)
def test_a_live_picture_is_well_formed_and_inside(case):
    root = ElementTree.fromstring(live.svg(CHARTS[case]))
    assert root.get("aria-label") == CHARTS[case].words
    numbers = [float(v) for e in root.iter() for n, v in e.attrib.items() if n in ("x", "y", "cx", "cy", "x1", "y1")]
    assert np.isfinite(numbers).all()
    assert min(numbers) >= -1
    assert max(numbers) <= live.WIDTH + 1


def test_positions_follow_the_values():
    """The middle of five points is in the middle; a missing one is left out."""
    marks = re.findall(r'<polygon points="([^"]*)"', live.svg(chart()))
    assert len(marks) == 5 + 4 + 1  # the last is in the legend
    centres = [np.mean([[float(v) for v in p.split(",")] for p in m.split()], axis=0) for m in marks[:5]]
    np.testing.assert_allclose(np.diff([c[0] for c in centres]), np.diff([c[0] for c in centres])[0], atol=0.2)
    assert centres[0][1] < centres[1][1] < centres[2][1] <= centres[4][1]  # falling values go down the page


def luminance(colour: str) -> float:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear_parts = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear_parts @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", [BLACK, BLUE, GREEN, RED])
def test_pictures_read_on_a_dark_page(colour):
    """WCAG asks 3:1 of graphics and 4.5:1 of text."""
    assert contrast(live.ON_DARK[colour], live.DARK_PAGE) >= (4.5 if colour == BLACK else 3.0)
    assert contrast(colour, "#FFFFFF") >= 3.0


def test_a_broken_bound_shows():
    rows = [Row("fine", 1.0, 2.0), Row("broken", 2.0, 1.0), Row("rounding", 1e-16, 0.0), Row("alone", 3.0)]
    assert [row.broken for row in rows] == [False, True, False, False]
    assert [row.tightness for row in rows] == [0.5, 2.0, None, None]
    assert widgets.numbers_table(rows).count("BROKEN") == 1
    assert as_numbers(rows)["bound of fine"] == 2.0
    assert as_csv(rows).splitlines()[1] == "fine,1.0,2.0,0.5"


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


@pytest.fixture
def saved(tmp_path):
    dims = ("d", "seed", "model")
    values = np.arange(24.0).reshape(4, 3, 2)
    dataset = xr.Dataset(
        {"gap": labelled(dims, values, "1 - cos")},
        {
            "d": labelled("d", [1.0, 10.0, 100.0, 1000.0], "dimension"),
            "seed": labelled("seed", np.arange(3), "repetition"),
            "model": labelled("model", ["plain", "projected"], "method"),
        },
        {"title": "A title"},
    )
    return save_dataset(dataset, tmp_path / "saved.nc")


def test_a_saved_dataset_is_sliced(saved, run):
    at = f"view=data&dataset={saved}&lines=none&at-model=projected"
    code, out, _ = run("explore", str(saved), "--at", at, "--json")
    assert code == 0
    numbers = list(json.loads(out)["numbers"].values())
    assert numbers == [3.0, 9.0, 15.0, 21.0]  # medians over three seeds of the second model
    dataset = datasets.open_dataset(saved)
    found = datasets.cut(dataset, datasets.settings(dataset, {}))
    assert (found.along, found.lines, found.names) == ("d", "model", ("plain", "projected"))
    np.testing.assert_array_equal(found.middle[1], [3.0, 9.0, 15.0, 21.0])
    assert datasets.picture(dataset, found).log == "x"
    assert len(datasets.as_csv(found).splitlines()) == 9


def test_only_datasets_of_the_command_line_are_read(saved, run, tmp_path):
    code, _, err = run("explore", "--at", f"view=data&dataset={saved}", "--json")
    assert code == 2
    assert "expected one of the datasets opened" in one_line(err)


@pytest.mark.parametrize("damage", ["missing", "cut", "another", "empty folder"])
def test_a_damaged_dataset_is_one_line(damage, saved, run, tmp_path):
    path = {"missing": tmp_path / "none.nc", "empty folder": tmp_path / "empty"}.get(damage, saved)
    content = saved.read_bytes()
    if damage == "empty folder":
        path.mkdir()
    elif damage != "missing":
        saved.write_bytes(content[: len(content) // 2] if damage == "cut" else b"text")
    code, _, err = run("explore", str(path))
    assert code == 2
    assert str(path) in one_line(err)


def test_a_port_in_use_is_one_line(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = run("explore", "--no-browser", "--port", str(taken.getsockname()[1]))
    assert code == 2
    assert "in use; pass another, or leave --port out" in one_line(err)


def test_others_reach_the_page_only_with_a_token(run):
    code, _, err = run("explore", "--no-browser", "--host", "0.0.0.0", "--no-token")
    assert code == 2
    assert "a token is needed" in one_line(err)
    assert [server.is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.org")] == [
        *(True, True, True),
        *(False, False),
    ]


REQUESTS = {
    "own page": ({"host": "127.0.0.1:2718", "origin": "http://127.0.0.1:2718"}, True),
    "no origin": ({"host": "localhost:2718"}, True),
    "another site": ({"host": "127.0.0.1:2718", "origin": "https://example.org"}, False),
    "another port": ({"host": "127.0.0.1:2718", "origin": "http://127.0.0.1:8000"}, False),
    "rebound name": ({"host": "example.org:2718", "origin": "http://example.org:2718"}, False),
    "sandboxed": ({"host": "127.0.0.1:2718", "origin": "null"}, False),
}


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("case", REQUESTS)
def test_requests_of_other_sites_are_refused(case, kind):
    headers, allowed = REQUESTS[case]
    reached, sent = [], []

    async def inner(scope, receive, send):
        reached.append(scope)

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "headers": [(k.encode(), v.encode()) for k, v in headers.items()]}
    app = server.own_pages_only(inner, frozenset({"127.0.0.1", "localhost"}))
    asyncio.run(app(scope, None, send))
    assert bool(reached) == allowed
    if not allowed:
        assert sent[0].get("status", sent[0].get("code")) in (403, 1008)


def test_marimo_missing_names_its_extra(run, monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *rest):
        if name.split(".")[0] == "marimo":
            raise ModuleNotFoundError("No module named 'marimo'", name="marimo")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    code, _, err = run("explore", "--no-browser")
    assert code == 2
    assert "pip install 'forgetproof[explore]'" in one_line(err)


class TestJob:
    """Work in a thread: progress, an end, and a stop between two parts."""

    @pytest.fixture
    def steps(self, monkeypatch):
        import threading

        gate = threading.Semaphore(0)

        def parts(query):
            for done in range(1, 4):
                gate.acquire(timeout=5)
                yield done, 3, None
            yield 3, 3, query.upper()

        monkeypatch.setitem(work._WORK, "test", parts)
        monkeypatch.setattr(work, "_known", type(work._known)())
        return gate

    def job(self, told):
        import threading

        return Job(threading.Thread, told.append)

    def test_an_outcome_comes_when_the_work_is_done(self, steps):
        told = []
        job = self.job(told)
        assert job.outcome("test?a", patience=0.05) is None
        assert job.running
        steps.release(3)
        assert job.outcome("test?a", patience=5).result == "A"
        assert work.known("test?a").result == "A"

    def test_a_stopped_job_says_so_until_it_is_run_again(self, steps):
        job = self.job([])
        assert job.outcome("test?b", patience=0.05) is None
        job.stop()
        steps.release(3)
        assert job.outcome("test?b", patience=1) == STOPPED
        job.again()
        steps.release(3)
        assert job.outcome("test?b", patience=5).result == "B"

    def test_a_new_task_stops_the_one_before(self, steps):
        job = self.job([])
        assert job.outcome("test?c", patience=0.05) is None
        first = job._stop
        steps.release(6)
        assert job.outcome("test?d", patience=5).result == "D"
        assert first.is_set()
        assert work.known("test?c") is None

    def test_a_defect_is_told_and_not_kept(self, monkeypatch, steps):
        def broken(query):
            yield 1, 2, None
            raise ZeroDivisionError("nothing")

        monkeypatch.setitem(work._WORK, "test", broken)
        assert "ZeroDivisionError" in self.job([]).outcome("test?e", patience=5).fault
        assert work.known("test?e") is None


def test_every_position_of_a_slider_is_finite():
    assert all(len(set(knob.values)) == len(knob.values) and knob.default in knob.values for knob in LINEAR)
