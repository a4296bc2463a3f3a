"""Which Parquet files of a folder hold the training and the test images."""

import re
from pathlib import Path

from experiments.readers import FileFault

SPLITS = {"train": ("train",), "test": ("test", "validation", "valid", "val")}  # the first that is there
_SHARD = re.compile(r"-(\d+)-of-(\d+)(-[0-9a-f]+)?\.parquet")


def find_shards(folder: Path) -> dict[str, list[Path]]:
    """The files of "train" and of "test" in a folder, its ``data`` subfolder, or its only subfolder that has them.

    Raises:
        FileFault: no folder, no such files, a missing shard.
    """
    if not folder.is_dir():
        raise FileFault(f"{folder}: expected a folder with train-*.parquet and test-*.parquet")
    subfolders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    subfolders.sort(key=lambda path: path.name != "data")
    for place in (folder, *subfolders):
        names = {split: _of_split(place, choices) for split, choices in SPLITS.items()}
        if names["train"]:
            break
    missing = [split for split, paths in names.items() if not paths]
    if missing:
        files = sorted(path.name for path in place.iterdir())
        shown = ", ".join(files[:6]) + (", ..." if len(files) > 6 else "") if files else "nothing"
        raise FileFault(f"{place}: expected files {missing[0]}-*.parquet, found {shown}")
    for paths in names.values():
        _need_every_shard(paths)
    return names


def _of_split(place: Path, choices: tuple[str, ...]) -> list[Path]:
    for choice in choices:
        found = sorted([*place.glob(f"{choice}-*.parquet"), *place.glob(f"{choice}.parquet")])
        if found:
            return found
    return []


def _need_every_shard(paths: list[Path]) -> None:
    numbers = [(int(match[1]), int(match[2])) for path in paths if (match := _SHARD.search(path.name))]
    for total in {total for _, total in numbers}:
        have = {number for number, of in numbers if of == total}
        lacking = [number for number in range(min(total, 10**5)) if number not in have]
        if lacking:
            raise FileFault(f"{paths[0].parent}: shard {lacking[0]} of {total} is missing beside {paths[0].name}")
