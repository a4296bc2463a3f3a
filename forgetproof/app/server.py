"""Serves the page: loopback only unless asked, a token in the address, and no requests from other sites' pages."""

import contextlib
import ipaddress
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from forgetproof.app import live, work

PORT = 2718
_TRIED = 50  # ports from PORT on, where none is asked for
NOTEBOOK = Path(__file__).with_name("notebook.py")

# The address follows the state and is no place of its own in the browser's history: marimo pushes an entry for every
# setting that changes, and on Back would change the address but not the page.
_SCRIPT = """
history.pushState = (...entry) => history.replaceState(...entry);
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const text = button.dataset.copies === "address" ? shareable() : button.parentElement.querySelector("pre").innerText;
  try { await navigator.clipboard.writeText(text); button.innerText = "copied"; }
  catch { button.innerText = "not allowed: select and copy"; }
  setTimeout(() => { button.innerText = button.dataset.label; }, 1500);
});
function shareable() {
  const address = new URL(location.href);
  address.searchParams.delete("access_token");
  return address.href;
}
"""
_CSS = """
.fp-panels { display: flex; flex-wrap: wrap; gap: 1.2rem; }
.fp-controls { display: grid; gap: .7rem 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 260px), 1fr)); }
.fp-panels figure { margin: 0; flex: 1 1 min(100%, 380px); max-width: 480px; min-width: 0; }
.fp-panels figcaption { font-weight: 600; margin-bottom: .2rem; }
.fp-copied { display: flex; align-items: flex-start; gap: .5rem; margin: .3rem 0; }
.fp-copied pre { flex: 1 1 0; min-width: 0; max-height: 16rem; overflow: auto; font-size: .75rem; padding: .5rem;
  border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 4px; white-space: pre; }
@media (max-width: 600px) { .fp-copied { flex-wrap: wrap; } .fp-copied pre { flex-basis: 100%; } }
button[data-copies] { border: 1px solid currentColor; border-radius: 4px; padding: .15rem .6rem; cursor: pointer; }
button[data-copies]:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
.fp-numbers { border-collapse: collapse; width: 100%; font-size: .85rem; font-variant-numeric: tabular-nums; }
.fp-numbers td, .fp-numbers th { padding: .15rem .3rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
.fp-numbers td:first-child, .fp-numbers th:first-child { text-align: left; white-space: normal;
  overflow-wrap: anywhere; }
.fp-note { margin: .2rem 0 .5rem; padding-left: .6rem; border-left: 3px solid currentColor; }
.fp-broken { font-weight: 700; }
"""


class CannotServe(ValueError):
    """The address cannot be served; the message says what to change."""


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int | None) -> socket.socket:
    """A listening socket; without a port the first free one from PORT on.

    Raises:
        CannotServe: the port is in use, not allowed, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    tried = [port] if port is not None else [*range(PORT, PORT + _TRIED), 0]
    fault: OSError | None = None
    for number in tried:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
            listener.listen(128)
            return listener
        except OSError as found:
            listener.close()
            fault = found
            if isinstance(found, socket.gaierror):
                break
    reason = (fault.strerror if fault is not None else None) or "unknown"
    raise CannotServe(f"--host {host} --port {tried[0]}: {reason.lower()}; pass another, or leave --port out")


def own_pages_only(app: Any, hosts: frozenset[str] | None) -> Callable[..., Any]:
    """Refuse what other sites' pages send (Origin), and names that are not this server's (Host, against rebinding).

    Args:
        hosts: names that the Host header may have, None for any.
    """

    async def checked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
            host, origin = headers.get(b"host", ""), headers.get(b"origin")
            known = hosts is None or urlsplit(f"//{host}").hostname in hosts
            if not known or (origin is not None and urlsplit(origin).netloc != host):
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": 1008})
                    return
                plain = [(b"content-type", b"text/plain")]
                await send({"type": "http.response.start", "status": 403, "headers": plain})
                await send({"type": "http.response.body", "body": b"forgetproof: not from this page\n"})
                return
        await app(scope, receive, send)

    return checked


def application(token: str) -> Any:
    """The page as an ASGI application."""
    import marimo

    head = f"<style>{live.style_sheet()}{_CSS}</style><script>{_SCRIPT}</script>"
    builder = marimo.create_asgi_app(quiet=True, token=token, html_head=head)
    return builder.with_app(path="", root=str(NOTEBOOK)).build()


def serve(
    host: str,
    port: int | None,
    with_token: bool = True,
    query: str = "",
    open_browser: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until interrupted.

    Args:
        host, port: where to listen; without a port the first free one. with_token: ask for a secret, which is in the
            address that is said. query: the state to begin with. say: called with that address.

    Raises:
        CannotServe: the address cannot be served, or a host that others reach is asked for without a token.
    """
    import uvicorn

    loopback = is_loopback(host)
    if not loopback and not with_token:
        raise CannotServe(f"--host {host}: others can reach it, so a token is needed; leave out --no-token")
    with contextlib.closing(bind(host, port)) as listener:
        token = secrets.token_urlsafe(16) if with_token else ""
        hosts = frozenset({"localhost", "127.0.0.1", "::1", host}) if loopback else None
        app = own_pages_only(application(token), hosts)
        address = page_address(host, listener.getsockname()[1], query, token)
        say(address)
        work.warm_up()
        if open_browser:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listener])


def page_address(host: str, port: int, query: str, token: str) -> str:
    """Where the page is, at a state and with the secret that opens it."""
    parts = [part for part in (query, urlencode({"access_token": token}) if token else "") if part]
    named = f"[{host}]" if ":" in host else host
    return f"http://{named}:{port}/" + (f"?{'&'.join(parts)}" if parts else "")
