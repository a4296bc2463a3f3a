"""Who reaches the page, and where it is served."""

import asyncio
import socket

import pytest

from forgetproof.app import server
from tests.command_line import one_line


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
