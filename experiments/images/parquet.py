"""Images and labels from Parquet files in the Hugging Face layout, decoded into ``.npy`` files.

The files come from anywhere, and Parquet's and the image formats' decoders are large native libraries: so a child
process with a bound on its memory opens them (:func:`decode_apart`) and, whatever becomes of it, the caller gets
whole arrays or one clear line.
"""

import io
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.readers import FileFault
from experiments.readers.apart import bound_memory, run_apart
from experiments.readers.parquet_files import FOOTER
from theory.solvers.memory import require_memory

IMAGES = ("img", "image")
LABELS = ("label", "labels", "fine_label")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
CLASSES = 2**16
_GREY = ("1", "L", "LA")
_ROWS = 256  # decoded at a time
_IMAGE_BYTES = 2**28  # room for one image while it is decoded


class Wanted(NamedTuple):
    """How images are to be read, see :func:`experiments.images.source.load_images`."""

    resize: int | None
    channels: int | None
    image: str | None
    label: str | None


class _Found(NamedTuple):
    """One file, opened, with the names of its two columns."""

    path: Path
    file: Any
    image: str
    label: str


def decode_apart(shards: dict[str, list[Path]], wanted: Wanted, into: Path, limit: int | None) -> int:
    """:func:`decode` in a process of its own; returns the number of classes.

    Raises:
        FileFault: as :func:`decode`. ModuleNotFoundError: pyarrow or Pillow is missing.
    """
    files = {split: [str(path.absolute()) for path in paths] for split, paths in shards.items()}
    task = json.dumps({"files": files, "wanted": wanted, "into": str(into.absolute()), "limit": limit})
    code, output = run_apart("experiments.images.parquet", content=task.encode(), needs=("pyarrow", "PIL"))
    if code or not output:
        folder = next(iter(shards["train"])).parent
        why = f"their decoder ended with code {code}"
        raise FileFault(f"{folder}: damaged files, or no space left in {into.parent} ({why})")
    answer = json.loads(output)
    if "fault" in answer:
        raise FileFault(answer["fault"])
    return int(answer["classes"])


def decode(
    shards: dict[str, list[Path]],
    wanted: Wanted,
    into: Path,
    limit: int | None = None,
    grant: Callable[[int], None] = lambda size: None,
) -> int:
    """Decode every image into ``train_x.npy``, ``train_y.npy``, ``test_x.npy``, ``test_y.npy`` of the folder ``into``.

    Args:
        shards: from :func:`experiments.images.shards.find_shards`. wanted: columns, size and channels.
        limit: bytes the arrays may take. grant: told the bytes that decoding sound files takes, before it starts.

    Returns:
        The number of classes, the largest label + 1.

    Raises:
        FileFault: naming the file, the row and what would be right.
    """
    import pyarrow as pa

    try:
        found = {split: [_open(path, wanted) for path in paths] for split, paths in shards.items()}
        counts = {split: sum(part.file.metadata.num_rows for part in parts) for split, parts in found.items()}
        if not min(counts.values()):
            raise FileFault(f"{shards['train'][0].parent}: expected at least one row in train and test, got {counts}")
        high, wide, channels = _first_shape(found["train"], wanted)
        size = sum(counts.values()) * high * wide * channels
        what = f"{sum(counts.values())} images of {high} × {wide} × {channels}"
        advice = "choose a smaller size (--resize) or fewer files"
        require_memory(5 * size, what, advice, limit)  # as they are, and in float32
        groups = [part.file.metadata.row_group(i) for parts in found.values() for part in parts for i in _groups(part)]
        grant(size + 2 * max(group.total_byte_size for group in groups) + _IMAGE_BYTES)
        classes = 0
        for split, parts in found.items():
            x = np.lib.format.open_memmap(
                into / f"{split}_x.npy", "w+", np.uint8, (counts[split], high, wide, channels)
            )
            y = np.empty(counts[split], np.int32)
            start = 0
            for pixels, labels in _rows(parts, wanted, (high, wide, channels)):
                stop = start + len(labels)
                x[start:stop], y[start:stop] = pixels, labels
                start = stop
            if start != counts[split]:
                raise FileFault(f"{parts[0].path}: its footer declares {counts[split]} rows, got {start}")
            x.flush()
            np.save(into / f"{split}_y.npy", y, allow_pickle=False)
            classes = max(classes, int(y.max()) + 1)
        return classes
    except (pa.ArrowException, OSError, OverflowError, MemoryError) as fault:
        if getattr(fault, "errno", None):  # the system's, not the decoder's
            raise
        raise FileFault(f"{shards['train'][0].parent}: damaged Parquet files ({type(fault).__name__})") from None


def _groups(part: _Found) -> range:
    return range(part.file.metadata.num_row_groups)


def _open(path: Path, wanted: Wanted) -> _Found:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, thrift_string_size_limit=FOOTER, thrift_container_size_limit=FOOTER // 64)
    except (pa.ArrowException, OSError) as fault:
        raise FileFault(f"{path}: not a Parquet file, or truncated ({type(fault).__name__})") from None
    schema = file.schema_arrow
    image = _column(path, schema.names, wanted.image, IMAGES, "image")
    label = _column(path, schema.names, wanted.label, LABELS, "label")
    kind = schema.field(image).type
    inner = kind.field("bytes").type if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0 else kind
    if not (pa.types.is_binary(inner) or pa.types.is_large_binary(inner)):
        raise FileFault(f"{path}: column {image!r} holds {str(kind)[:60]}; expected images as struct<bytes, path>")
    if not pa.types.is_integer(schema.field(label).type):
        held = str(schema.field(label).type)[:60]
        raise FileFault(f"{path}: column {label!r} holds {held}; expected whole numbers from 0, one a class")
    return _Found(path, file, image, label)


def _column(path: Path, names: list[str], chosen: str | None, usual: tuple[str, ...], role: str) -> str:
    found = [name for name in ((chosen,) if chosen else usual) if name in names]
    if not found:
        expected = repr(chosen) if chosen else " or ".join(usual)
        shown = ", ".join(name[:30] for name in names[:8]) + (", ..." if len(names) > 8 else "")
        raise FileFault(f"{path}: no column {expected} (--{role}-column); its columns are {shown or 'none'}")
    return found[0]


def _first_shape(parts: list[_Found], wanted: Wanted) -> tuple[int, int, int]:
    part = next(part for part in parts if part.file.metadata.num_rows)
    batch = next(part.file.iter_batches(1, columns=[part.image]))
    picture = _picture(_contents(batch.column(0))[0], f"{part.path}: row 0")
    wide, high = (wanted.resize, wanted.resize) if wanted.resize else picture.size
    return high, wide, wanted.channels or (1 if picture.mode in _GREY else 3)


def _rows(parts: list[_Found], wanted: Wanted, shape: tuple[int, int, int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pixels and labels, some rows at a time."""
    for part in parts:
        at = 0
        for batch in part.file.iter_batches(_ROWS, columns=[part.image, part.label], use_threads=False):
            batch.validate(full=True)
            images = _contents(batch.column(batch.schema.get_field_index(part.image)))
            labels = batch.column(batch.schema.get_field_index(part.label)).to_pylist()
            for row, value in enumerate(labels, at):
                if value is None or not 0 <= value < CLASSES:
                    raise FileFault(f"{part.path}: row {row}: expected a label from 0 to {CLASSES - 1}, got {value}")
            pixels = [_pixels(data, f"{part.path}: row {row}", wanted, shape) for row, data in enumerate(images, at)]
            at += len(labels)
            yield np.stack(pixels), np.asarray(labels, np.int32)


def _contents(column: Any) -> list[bytes | None]:
    """The encoded images of a column, struct or plain."""
    import pyarrow as pa

    values: list[Any] = column.to_pylist()
    return [value and value["bytes"] for value in values] if pa.types.is_struct(column.type) else values


def _picture(data: bytes | None, where: str) -> Any:
    """An image whose size is known and whose pixels are not decoded yet."""
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise FileFault(f"{where}: no image (its bytes are missing)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise FileFault(f"{where}: an image of more than {Image.MAX_IMAGE_PIXELS} pixels") from None
    except UnidentifiedImageError:
        raise FileFault(f"{where}: not an image; expected {', '.join(FORMATS)}") from None
    except Exception as fault:  # a decoder may raise anything on damaged bytes
        raise FileFault(f"{where}: a damaged image ({type(fault).__name__})") from None


def _pixels(data: bytes | None, where: str, wanted: Wanted, shape: tuple[int, int, int]) -> np.ndarray:
    """One image decoded, (H, W, C) uint8."""
    from PIL import Image

    picture = _picture(data, where)
    high, wide, channels = shape
    if wanted.resize is None and picture.size != (wide, high):
        raise FileFault(
            f"{where}: an image of {picture.height} × {picture.width} where the first is {high} × {wide}; "
            "--resize N scales all to N × N"
        )
    if picture.mode in ("F", "I") or ";" in picture.mode:
        raise FileFault(f"{where}: an image of mode {picture.mode}; expected 8 bits a channel")
    if channels == 1 and wanted.channels is None and picture.mode not in _GREY:
        raise FileFault(f"{where}: an image in colour where the first is grey; choose --channels 1 or 3")
    try:
        flat = picture.convert("L" if channels == 1 else "RGB")
        flat = flat if flat.size == (wide, high) else flat.resize((wide, high), Image.Resampling.BILINEAR)
    except Exception as fault:  # see above
        raise FileFault(f"{where}: a damaged image ({type(fault).__name__})") from None
    return np.asarray(flat, np.uint8).reshape(shape)


def _serve() -> None:
    """The child: one line of JSON on standard input, one on standard output."""
    import PIL.Image
    import pyarrow.parquet  # noqa: F401 (loaded before memory is bounded)

    PIL.Image.init()
    task = json.loads(sys.stdin.read())
    shards = {split: [Path(path) for path in paths] for split, paths in task["files"].items()}
    try:
        classes = decode(shards, Wanted(*task["wanted"]), Path(task["into"]), task["limit"], bound_memory())
        answer: dict[str, int | str] = {"classes": classes}
    except ValueError as fault:
        answer = {"fault": str(fault)}
    except OSError as fault:
        answer = {"fault": f"{fault.filename or task['into']}: {fault.strerror or fault}"}
    print(json.dumps(answer))


if __name__ == "__main__":
    _serve()
