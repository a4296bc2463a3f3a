"""Image classification sets: scikit-learn's digits, a local folder in the Hugging Face layout, or one of the hub's."""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

DIGITS = "digits"
_TRAIN_SHARE = 0.8  # of digits, which come without a split
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


class ImageSet(NamedTuple):
    """Training and test images, as stored: 8 bits a channel."""

    name: str
    train_x: np.ndarray  # (N, H, W, C) uint8, C = 1 (grey) or 3 (RGB)
    train_y: np.ndarray  # (N,) int32, from 0 to classes − 1
    test_x: np.ndarray
    test_y: np.ndarray
    classes: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        high, wide, channels = self.train_x.shape[1:]
        return high, wide, channels

    def fingerprint(self) -> str:
        """SHA-256 of every pixel and label."""
        digest = hashlib.sha256(str(self.classes).encode())
        for part in (self.train_x, self.train_y, self.test_x, self.test_y):
            digest.update(str((part.dtype.str, part.shape)).encode())
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()

    def per_class(self, count: int, seed: int = 0) -> "ImageSet":
        """``count`` random training samples of each class; the test samples stay.

        Raises:
            ValueError: a class with fewer.
        """
        sizes = np.bincount(self.train_y, minlength=self.classes)
        present = sizes[sizes > 0]
        if not 1 <= count <= present.min():
            least = int(np.flatnonzero(sizes == present.min())[0])
            raise ValueError(
                f"per_class: expected 1 to {present.min()}, the samples of the smallest class ({least}), got {count}"
            )
        order = np.random.default_rng(seed).permutation(len(self.train_y))
        kept = np.concatenate([order[self.train_y[order] == c][:count] for c in np.flatnonzero(sizes)])
        kept.sort()
        return self._replace(train_x=self.train_x[kept], train_y=self.train_y[kept])


def load_images(
    source: str | Path = DIGITS,
    *,
    resize: int | None = None,
    channels: int | None = None,
    image: str | None = None,
    label: str | None = None,
    seed: int = 0,
    cache: bool = True,
    limit: int | None = None,
) -> ImageSet:
    """Read a set of labelled images.

    Args:
        source: "digits" (scikit-learn's 1,797 digits of 8 × 8, 80% for training); a folder of Parquet files in the
            Hugging Face layout (``train-*.parquet`` and ``test-*.parquet``, there or in a subfolder); or the name of
            such a set on the hub, when online.
        resize: side in pixels of every image, after scaling; None needs images of one size.
        channels: 1 (grey) or 3 (RGB); None takes the first image's. image, label: columns; None finds the usual ones.
        seed: of the split of digits; the other sets have their own.
        cache: keep the decoded arrays in the user's cache folder, and use them memory-mapped.
        limit: bytes that the arrays may take; None allows 80% of the machine's memory.

    Raises:
        ValueError: no such set, or one that cannot be read; the message names the file and the row.
        ModuleNotFoundError: a package that this source needs.
    """
    if resize is not None and not 1 <= resize <= 4096:
        raise ValueError(f"resize: expected 1 to 4096 pixels, got {resize}")
    if channels not in (None, 1, 3):
        raise ValueError(f"channels: expected 1 (grey) or 3 (RGB), got {channels}")
    if str(source) == DIGITS:
        if (resize, channels, image, label) != (None,) * 4:
            raise ValueError("digits: 8 × 8 grey images; resize, channels, image and label are for sets from files")
        return _digits(seed)
    from experiments.images.cache import decoded
    from experiments.images.parquet import Wanted

    folder = Path(source) if Path(source).exists() else _from_hub(str(source))
    return _classified(decoded(folder, Wanted(resize, channels, image, label), cache, limit))


def _classified(images: ImageSet) -> ImageSet:
    """The same images, whose labels can be told apart and number the classes with few gaps."""
    present = np.unique(images.train_y)
    if len(present) < 2:
        raise ValueError(
            f"{images.name}: every training image has the label {present[0]}; expected two classes or more"
        )
    if images.classes > 2 * len(present) + 100:  # each gap is an output of every network
        raise ValueError(
            f"{images.name}: labels up to {images.classes - 1} for {len(present)} classes; number the classes from 0"
        )
    return images


def _digits(seed: int) -> ImageSet:
    from sklearn.datasets import load_digits

    points, labels = load_digits(return_X_y=True)
    x = np.round(points.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)  # stored as 0 to 16
    y = labels.astype(np.int32)
    order = np.random.default_rng(seed).permutation(len(y))
    train, test = np.split(order, [int(_TRAIN_SHARE * len(y))])
    return ImageSet(DIGITS, x[train], y[train], x[test], y[test], 10)


def _from_hub(name: str) -> Path:
    """A folder with the set's Parquet files, downloaded once by the hub's own library."""
    if not _HUB_NAME.fullmatch(name):
        raise ValueError(
            f"data: no folder {name!r}; expected digits, a folder, or a name of the hub such as ylecun/mnist"
        )
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError:
        raise ValueError(
            f"data: no folder {name!r}; to fetch it from the hub run: pip install 'forgetproof[hub]'"
        ) from None
    try:
        found = snapshot_download(name, repo_type="dataset", allow_patterns=["*train-*.parquet", "*test-*.parquet"])
    except Exception as fault:  # its library raises many kinds: offline, not found, no permission, no space
        why = (str(fault).splitlines() or [""])[0][:160]
        raise ValueError(
            f"data: no folder {name!r}, and the hub did not send a set of that name ({type(fault).__name__}: {why})"
        ) from fault
    return Path(found)
