"""Real data for linear models, from scikit-learn's package: handwritten digits and breast cancer.

Every feature is standardised on the training points, a constant feature is appended for the intercept,
and everything is divided by one number, so that the training points have mean square norm 1: then the
theorems' ψ and φ can be read off.
"""

import functools
from typing import NamedTuple

import numpy as np

NAMES = ("digits 3-8", "digits 4-9", "digits 1-7", "digits 0-6", "breast cancer")
WIDTH = 65  # 64 pixels and the constant; narrower data get zero columns, which change no inner product


class Split(NamedTuple):
    """Training points with both classes in turn, and test points; labels ±1."""

    name: str
    X: np.ndarray  # (train, WIDTH)
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    dimension: int  # features that vary on the training points, and the constant
    rank: int  # of the training points


@functools.cache
def _raw(name: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_breast_cancer, load_digits

    if name == "breast cancer":
        points, labels = load_breast_cancer(return_X_y=True)
        return points, np.where(labels == 1, 1.0, -1.0)
    first, second = (int(digit) for digit in name.removeprefix("digits ").split("-"))
    points, labels = load_digits(return_X_y=True)
    kept = (labels == first) | (labels == second)
    return points[kept], np.where(labels[kept] == first, 1.0, -1.0)


def load_split(name: str, train: int, seed: int) -> Split:
    """Split a data set by a seed and prepare it as the module's docstring says.

    Args:
        name: one of NAMES. train: number of training points, the classes in turn; the others are test points.
        seed: seed of the shuffle.

    Raises:
        ValueError: an unknown name, or more training points than twice the smaller class.
    """
    if name not in NAMES:
        raise ValueError(f"name: expected one of {', '.join(NAMES)}, got {name!r}")
    points, labels = _raw(name)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    sides = [shuffled[labels[shuffled] == side] for side in (1.0, -1.0)]
    available = 2 * min(len(side) for side in sides)
    if not 2 <= train <= available:
        raise ValueError(f"train: expected 2 to {available} training points for {name}, got {train}")
    half = (train + 1) // 2
    chosen = np.stack([sides[0][:half], sides[1][:half]], axis=1).ravel()[:train]
    rest = np.setdiff1d(shuffled, chosen)
    middle, spread = points[chosen].mean(axis=0), points[chosen].std(axis=0)
    varying = spread > 0

    def prepare(rows: np.ndarray) -> np.ndarray:
        scaled = np.where(varying, (points[rows] - middle) / np.where(varying, spread, 1.0), 0.0)
        with_intercept = np.concatenate([scaled, np.ones((len(rows), 1))], axis=1)
        return np.pad(with_intercept, ((0, 0), (0, WIDTH - with_intercept.shape[1])))

    X, X_test = prepare(chosen), prepare(rest)
    unit = np.sqrt(np.mean(np.sum(X**2, axis=1)))
    return Split(
        name,
        X / unit,
        labels[chosen],
        X_test / unit,
        labels[rest],
        int(varying.sum()) + 1,
        int(np.linalg.matrix_rank(X)),
    )
