"""Refuse work that would not fit in memory, before allocating it."""

import os


def physical_memory() -> int:
    """Bytes of this machine's memory (8 GB where the system does not tell)."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 8 * 10**9


def require_memory(needed: int, what: str, advice: str, limit: int | None = None) -> None:
    """Check an allocation's size.

    Args:
        needed: bytes. what: what would be allocated. advice: how to need less.
        limit: bytes allowed; None allows 80% of the machine's memory.

    Raises:
        ValueError: ``needed`` exceeds the limit; the message tells both sizes.
    """
    allowed = int(0.8 * physical_memory()) if limit is None else limit
    if needed > allowed:
        raise ValueError(
            f"memory: {what} needs {readable(needed)}, more than the {readable(allowed)} allowed; {advice}"
        )


def readable(size: int) -> str:
    """Bytes in three digits."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size / 1e3:.3g} kB"
