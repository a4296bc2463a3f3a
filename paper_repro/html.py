"""Parts of a self-contained page: no script, no network, readable on a phone and in the dark."""

import base64
from collections.abc import Iterable
from pathlib import Path

SVG_LIMIT = 400_000  # a larger vector picture is embedded as its PNG

_STYLE = """
:root { color-scheme: light dark; --fg:#1b1b1f; --bg:#fdfdfc; --soft:#5c5f66; --line:#d9d9d6; --card:#f4f4f1;
  --good:#00694b; --bad:#b3261e; --unsure:#8a5a00; --link:#0b57a4 }
@media (prefers-color-scheme: dark) { :root { --fg:#e8e8e6; --bg:#17181b; --soft:#a3a6ad; --line:#3a3c42;
  --card:#212329; --good:#5fd3a6; --bad:#ff8a80; --unsure:#f2c063; --link:#8ab8f0 } }
* { box-sizing: border-box }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--fg); background: var(--bg); margin: 0 auto;
  max-width: 70rem; padding: 1.2rem }
h1 { line-height: 1.2 } h2 { margin-top: 2.6rem; border-bottom: 2px solid var(--line); padding-bottom: .2rem }
a { color: var(--link) } code { font-size: .92em; overflow-wrap: anywhere }
.lead { font-size: 1.15rem } .soft { color: var(--soft) }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .93rem }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top }
td.num, th.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.HOLDS, .met { color: var(--good); font-weight: 600 } .REFUTED, .missed { color: var(--bad); font-weight: 600 }
.expected { color: var(--good); font-weight: 600 }
.VACUOUS, .INCONCLUSIVE { color: var(--unsure); font-weight: 600 }
details, figure { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem;
  margin: .8rem 0 } summary { cursor: pointer; font-weight: 600 }
figure img { width: 100%; height: auto; background: #fff; border-radius: .3rem }
figcaption { margin-top: .5rem } math { font-size: 1.08em } .statement math { text-align: left }
.statement { overflow-x: auto; padding: .4rem 0 }
td:first-child a code { white-space: nowrap }
ul.findings { margin: .4rem 0 0; padding-left: 1.2rem }
"""


def document(title: str, body: Iterable[str]) -> str:
    """A whole page; ``body`` holds HTML, already escaped."""
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
    )
    return head + "\n".join(body) + "</body></html>\n"


def table(head: Iterable[tuple[str, bool]], rows: Iterable[Iterable[tuple[str, bool]]]) -> str:
    """A table that scrolls sideways; cells are (HTML, numeric)."""

    def cell(tag: str, text: str, numeric: bool) -> str:
        return f"<{tag}{' class=num' if numeric else ''}>{text}</{tag}>"

    top = "".join(cell("th", text, numeric) for text, numeric in head)
    lines = ("<tr>" + "".join(cell("td", text, numeric) for text, numeric in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"


def short(value: float | None) -> str:
    """A number in three digits, or a dash."""
    return "-" if value is None else "0" if value == 0 else f"{value:.3g}"


def embedded(files: list[str], folder: Path) -> str:
    """A picture as a data address: its SVG if that is small, else its PNG."""
    by_kind = {Path(name).suffix: folder / name for name in files}
    svg = by_kind.get(".svg")
    use_svg = svg is not None and svg.stat().st_size <= SVG_LIMIT
    chosen, kind = (svg, "image/svg+xml") if use_svg else (by_kind[".png"], "image/png")
    assert chosen is not None
    return f"data:{kind};base64,{base64.b64encode(chosen.read_bytes()).decode()}"
