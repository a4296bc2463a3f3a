"""Ratios against peers."""

from typing import Any

from rich.markup import escape
from rich.table import Table

from forgetproof.screen import console as terminal


def show_benchmarks(results: list[Any]) -> None:
    """Ratios against peers, what was reached, and what limits each."""
    console = terminal()
    table = Table()
    for column in ("benchmark", "peer", "ratio", "target", "ours (s)", "peer (s)"):
        table.add_column(column, justify="left" if column in ("benchmark", "peer") else "right")
    for result in results:
        data = result.as_json()
        for peer, ratio in data["ratios"].items():
            target = data["targets"].get(peer)
            colour = "" if target is None else "[green]" if ratio >= target else "[red]"
            peer_seconds = data["seconds"].get(peer)
            variant = peer.partition(", ")[2]  # the same peer on other problems has its own time of ours beside it
            ours = data["seconds"].get(f"ours, {variant}" if variant else "ours", data["seconds"].get("ours"))
            table.add_row(
                data["name"],
                peer,
                f"{colour}{ratio:.1f}x",
                "-" if target is None else f"{target:g}x",
                "-" if ours is None else f"{ours:.4g}",
                "-" if peer_seconds is None else f"{peer_seconds:.4g}",
            )
    console.print(table)
    for result in results:
        data = result.as_json()
        console.print(f"[bold]{data['name']}[/]: {escape(data['limit'])}", highlight=False)
        for note in data["notes"]:
            console.print(f"  {escape(note)}", highlight=False)
