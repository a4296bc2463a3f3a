"""Image sets: folders written here, the errors of damaged ones, the cache, normalisation and augmentation."""

import functools
import io
import os
import sys
import types
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from experiments.images.cache import cache_home
from experiments.images.parquet import Wanted, decode
from experiments.images.shards import find_shards
from experiments.images.source import load_images

DATA = Path(__file__).parents[3] / "shared" / "data"
PLAIN = Wanted(None, None, None, None)


def picture(seed: int, size: tuple[int, int] = (6, 5), mode: str = "RGB", kind: str = "PNG") -> bytes:
    """An encoded random image of (width, height)."""
    shape = (size[1], size[0], 3)[: 3 if mode == "RGB" else 2]
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def sixteen_bits() -> bytes:
    """An encoded grey image of 16 bits a pixel."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((5, 6), 40_000, np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def write(path: Path, images: list, labels: list, image: str = "img", label: str = "label") -> None:
    """A Parquet file in the Hugging Face layout."""
    held = [None if data is None else {"bytes": data, "path": "a.png"} for data in images]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({image: pa.array(held, kind), label: labels}), path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two training shards and a test file in data/; the cache goes to a folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = tmp_path / "set"
    write(place / "data" / "train-00000-of-00002.parquet", [picture(i) for i in range(4)], [0, 1, 2, 0])
    write(place / "data" / "train-00001-of-00002.parquet", [picture(i) for i in range(4, 6)], [1, 2])
    write(place / "data" / "test-00000-of-00001.parquet", [picture(i) for i in range(6, 9)], [2, 1, 0])
    return place


def read(folder: Path, wanted: Wanted = PLAIN, limit: int | None = None) -> tuple[dict[str, np.ndarray], int]:
    """Decoded in this process."""
    classes = decode(find_shards(folder), wanted, folder, limit)
    return {part: np.load(folder / f"{part}.npy") for part in ("train_x", "train_y", "test_x", "test_y")}, classes


# --- what is read --------------------------------------------------------------------------------------------------


def test_shards_are_read_in_order(folder):
    arrays, classes = read(folder)
    wanted = np.stack([np.asarray(Image.open(io.BytesIO(picture(i)))) for i in range(6)])
    assert np.array_equal(arrays["train_x"], wanted)
    assert (arrays["train_y"].tolist(), arrays["test_y"].tolist(), classes) == ([0, 1, 2, 0, 1, 2], [2, 1, 0], 3)
    assert arrays["train_x"].dtype == np.uint8


@pytest.mark.parametrize(("image", "label"), [("image", "labels"), ("img", "fine_label")])
def test_usual_columns_are_found(tmp_path, image, label):
    for split in ("train", "validation"):
        write(tmp_path / f"{split}-0.parquet", [picture(0, mode="L")], [0], image, label)
    assert read(tmp_path)[0]["test_x"].shape == (1, 5, 6, 1)


def test_size_and_channels_on_request(folder):
    write(folder / "data" / "test-00000-of-00001.parquet", [picture(0, (9, 4), "L", "JPEG")], [1])
    assert read(folder, Wanted(4, 1, None, None))[0]["test_x"].shape == (1, 4, 4, 1)
    assert read(folder, Wanted(4, None, None, None))[0]["test_x"].shape == (1, 4, 4, 3)  # grey becomes RGB


def test_digits_are_split_by_the_seed():
    first, same, other = (load_images(seed=seed) for seed in (0, 0, 1))
    assert (first.train_x.shape, first.test_x.shape, first.classes) == ((1437, 8, 8, 1), (360, 8, 8, 1), 10)
    assert first.fingerprint() == same.fingerprint() != other.fingerprint()
    everything = [np.sort(np.concatenate([s.train_y, s.test_y])) for s in (first, other)]
    assert np.array_equal(*everything)
    assert first.train_x.max() == 255


@pytest.mark.skipif(not (DATA / "mnist10k").is_dir(), reason="needs the folder shared/data/mnist10k beside the project")
def test_mnist_is_read_and_learnable(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    images = load_images(DATA / "mnist10k")
    assert (images.train_x.shape, images.test_x.shape, images.classes) == ((8000, 28, 28, 1), (2000, 28, 28, 1), 10)
    means = np.stack([images.train_x[images.train_y == c].mean(0).ravel() for c in range(10)])
    points = images.test_x.reshape(2000, -1).astype(float)
    nearest = np.argmin((means**2).sum(1) - 2 * points @ means.T, axis=1)
    assert np.mean(nearest == images.test_y) > 0.75  # labels belong to their images


@pytest.mark.skipif(not (DATA / "cifar10").is_dir(), reason="needs the folder shared/data/cifar10 beside the project")
def test_cifar10_has_its_columns_and_sizes():
    shards = find_shards(DATA / "cifar10")
    assert [pq.ParquetFile(paths[0]).metadata.num_rows for paths in shards.values()] == [50_000, 10_000]


# --- subsets -------------------------------------------------------------------------------------------------------


def test_subsets_are_balanced():
    images = load_images()
    part = images.per_class(20, seed=3)
    assert np.bincount(part.train_y).tolist() == 10 * [20]
    assert len({image.tobytes() for image in part.train_x} - {image.tobytes() for image in images.train_x}) == 0
    assert np.array_equal(part.train_y, images.per_class(20, seed=3).train_y)
    assert not np.array_equal(part.train_x, images.per_class(20, seed=4).train_x)
    assert part.test_x is images.test_x


@pytest.mark.parametrize("count", [0, 1000])
def test_a_subset_larger_than_a_class_is_refused(count):
    with pytest.raises(ValueError, match=rf"per_class: expected 1 to 1\d\d, .* got {count}"):
        load_images().per_class(count)


# --- faults --------------------------------------------------------------------------------------------------------


def bad_file(folder: Path, **changes) -> None:
    write(folder / "data" / "train-00001-of-00002.parquet", **{"images": [picture(4)], "labels": [1], **changes})


def truncate(folder: Path) -> None:
    path = folder / "data" / "train-00001-of-00002.parquet"
    path.write_bytes(path.read_bytes()[:-30])


def overwrite(folder: Path) -> None:
    """Bytes of a page turned over, the footer sound."""
    path = folder / "data" / "train-00001-of-00002.parquet"
    content = bytearray(path.read_bytes())
    content[4:60] = b"\xff" * 56
    path.write_bytes(content)


def empty(folder: Path) -> None:
    for path in (folder / "data").iterdir():
        path.unlink()


SHARD = "train-00001-of-00002.parquet"
FAULTS = {
    "no label": (functools.partial(bad_file, label="class"), r"no column label or labels .* are img, class"),
    "no image": (functools.partial(bad_file, image="pixels"), r"no column img or image .* columns are pixels, label"),
    "words as labels": (functools.partial(bad_file, labels=["cat"]), r"column 'label' holds string; expected"),
    "fractions as labels": (functools.partial(bad_file, labels=[0.5]), r"column 'label' holds double; expected whole"),
    "negative label": (functools.partial(bad_file, labels=[-1]), r"row 0: expected a label from 0 to 65535, got -1"),
    "huge label": (functools.partial(bad_file, labels=[2**40]), r"row 0: expected a label from 0 to 65535, got 10995"),
    "no value": (
        functools.partial(bad_file, images=2 * [picture(0)], labels=[1, None]),
        r"row 1: expected a label from 0 to 65535, got None",
    ),
    "not an image": (
        functools.partial(bad_file, images=[picture(0), b"not an image"], labels=[0, 1]),
        r"row 1: not an image; expected PNG, JPEG",
    ),
    "cut image": (functools.partial(bad_file, images=[picture(0)[:60]]), r"row 0: a damaged image"),
    "missing image": (functools.partial(bad_file, images=[None]), r"row 0: no image"),
    "other size": (
        functools.partial(bad_file, images=[picture(0), picture(0, (7, 5))], labels=[0, 1]),
        r"row 1: an image of 5 × 7 where the first is 5 × 6; --resize",
    ),
    "16 bits": (
        lambda folder: bad_file(folder, images=[sixteen_bits()]),
        r"row 0: an image of mode I;16; expected 8 bits a channel",
    ),
    "cut file": (truncate, r"not a Parquet file, or truncated"),
    "bytes turned over": (overwrite, r"damaged"),
    "missing shard": (lambda folder: (folder / "data" / SHARD).unlink(), r"shard 1 of 2 is missing"),
    "empty folder": (empty, r"expected files train-\*\.parquet, found nothing"),
    "no test": (
        lambda folder: (folder / "data" / "test-00000-of-00001.parquet").unlink(),
        r"expected files test-\*\.parquet, found train-0",
    ),
    "no rows": (
        lambda folder: write(folder / "data" / "test-00000-of-00001.parquet", [], pa.array([], pa.int64())),
        r"at least one row in train and test",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_faults_are_told_in_one_line(folder, case):
    spoil, message = FAULTS[case]
    spoil(folder)
    with pytest.raises(ValueError, match=message) as told:
        read(folder)
    assert "\n" not in str(told.value)
    assert str(folder) in str(told.value)


LABELS = {
    "one class": ([1, 1], "every training image has the label 1; expected two classes or more"),
    "a gap": ([0, 60_000], "labels up to 60000 for 2 classes; number the classes from 0"),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_that_train_nothing_are_refused(tmp_path, monkeypatch, case):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    labels, message = LABELS[case]
    for split in ("train", "test"):
        write(tmp_path / "set" / f"{split}-00000-of-00001.parquet", [picture(0), picture(1)], labels)
    with pytest.raises(ValueError, match=message) as told:
        load_images(tmp_path / "set")
    assert "\n" not in str(told.value)


def test_grey_and_colour_do_not_mix_silently(folder):
    write(folder / "data" / "train-00000-of-00002.parquet", [picture(0, mode="L")], [0])
    with pytest.raises(ValueError, match=r"row 0: an image in colour where the first is grey; choose --channels"):
        read(folder)


def test_an_image_that_is_too_large_is_refused(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)  # 30 pixels: Pillow warns; above 40 it raises
    with pytest.raises(ValueError, match=r"row 0: an image of more than 20 pixels"):
        read(folder)


def test_memory_is_told_before_it_is_taken(folder):
    with pytest.raises(ValueError, match=r"memory: 9 images of 5 × 6 × 3 needs 4.05 kB, more than the 4 kB allowed"):
        read(folder, limit=4000)
    assert not list(folder.glob("*.npy"))


OPTIONS = {
    "resize": ({"resize": 0}, "resize: expected 1 to 4096 pixels, got 0"),
    "channels": ({"channels": 2}, "channels: expected 1 .* got 2"),
    "digits": ({"resize": 16}, "digits: 8 × 8 grey images"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options_are_checked(case):
    given, message = OPTIONS[case]
    with pytest.raises(ValueError, match=message):
        load_images(**given)


# --- the hub -------------------------------------------------------------------------------------------------------


def test_a_name_that_is_no_folder_asks_for_the_hub(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r"no folder 'ylecun/mnist'; .* pip install 'forgetproof\[hub\]'"):
        load_images("ylecun/mnist")
    with pytest.raises(ValueError, match=r"no folder '/no/such/place'; expected digits, a folder, or a name"):
        load_images("/no/such/place")


def test_the_hub_offline_is_one_line(monkeypatch):
    def offline(*_, **__):
        raise ConnectionError("cannot reach it\nlong story")

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=offline))
    with pytest.raises(ValueError, match=r"the hub did not send .* \(ConnectionError: cannot reach it\)$"):
        load_images("ylecun/mnist")


# --- the cache -----------------------------------------------------------------------------------------------------


def test_the_cache_is_used_checked_and_rebuilt(folder, monkeypatch):
    """One folder through its life: decoded in a child, mapped, damaged, rebuilt, changed."""
    first = load_images(folder)
    (entry,) = cache_home().iterdir()
    assert isinstance(first.train_x, np.memmap)
    assert first.classes == 3

    pixels = entry / "train_x.npy"
    stamp = pixels.stat().st_mtime_ns
    assert load_images(folder).fingerprint() == first.fingerprint()
    assert pixels.stat().st_mtime_ns == stamp  # mapped again, not decoded again

    wanted = first.fingerprint()
    content = bytearray(pixels.read_bytes())
    content[-1] ^= 1
    pixels.unlink()
    pixels.write_bytes(content)
    assert load_images(folder).fingerprint() == wanted
    assert [path.name for path in cache_home().iterdir()] == [entry.name]

    write(folder / "data" / "test-00000-of-00001.parquet", [picture(i) for i in range(6, 9)], [2, 2, 0])
    assert load_images(folder).test_y.tolist() == [2, 2, 0]


def test_without_the_cache_nothing_is_kept(folder):
    assert not isinstance(load_images(folder, cache=False).train_x, np.memmap)
    assert not cache_home().exists()


def test_a_fault_in_the_child_is_one_line_and_leaves_nothing(folder):
    bad_file(folder, images=[b"not an image"])
    with pytest.raises(ValueError, match=r"00001-of-00002.parquet: row 0: not an image"):
        load_images(folder)
    assert not list(cache_home().iterdir())


def test_a_cache_that_cannot_be_written_names_the_way_out(folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ValueError, match=r"cannot keep decoded images .*; pass --no-cache"):
        load_images(folder)


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_home() == Path(os.environ["XDG_CACHE_HOME"]) / "forgetproof" / "images"
