"""How networks are trained by default, per kind of images."""

from typing import Any, NamedTuple

import numpy as np

from theory.models.networks import NETWORKS
from theory.unlearning.networks import epochs

SCHEDULES = ("cosine", "one-cycle", "constant")
_WARM = 0.3  # share of a one-cycle run before its peak
_START = 0.04  # of the peak rate, where it starts


class Recipe(NamedTuple):
    """Settings of a run of stochastic gradient descent with momentum 0.9."""

    network: str  # one of theory.models.networks.NETWORKS
    epochs: int
    batch: int
    rate: float  # the largest learning rate
    schedule: str = "one-cycle"  # one of SCHEDULES
    weight_decay: float = 5e-4  # L2, on every weight
    smoothing: float = 0.0  # share of each label spread evenly over the classes
    augmentation: str = "none"  # see experiments.images.prepare.preparation
    precision: str = "auto"  # float32, bfloat16, or auto: bfloat16 on a GPU

    def checked(self) -> "Recipe":
        """Itself.

        Raises:
            ValueError: naming the setting that is out of its range.
        """
        from experiments.images.prepare import REACH

        choices = {
            "network": tuple(NETWORKS),
            "schedule": SCHEDULES,
            "augmentation": tuple(REACH),
            "precision": ("auto", "float32", "bfloat16"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name}: expected one of {', '.join(known)}, got {getattr(self, name)!r}")
        for name in ("epochs", "batch"):
            if not 1 <= getattr(self, name) <= 10**6:
                raise ValueError(f"{name}: expected 1 to 1000000, got {getattr(self, name)}")
        if not 0.0 < self.rate < float("inf"):
            raise ValueError(f"rate: expected a positive number, got {self.rate}")
        if not 0.0 <= self.weight_decay < float("inf"):
            raise ValueError(f"weight_decay: expected a number >= 0, got {self.weight_decay}")
        if not 0.0 <= self.smoothing < 1.0:
            raise ValueError(f"smoothing: expected a number in [0, 1), got {self.smoothing}")
        return self


RECIPES = {
    "digits": Recipe("small_cnn", epochs=100, batch=64, rate=0.05, augmentation="shift"),
    "mnist": Recipe("small_cnn", epochs=20, batch=64, rate=0.05, augmentation="shift"),
    "cifar10": Recipe("resnet18", epochs=30, batch=128, rate=0.1, augmentation="crop-flip"),
}
_RATES = {"mlp": 0.05, "small_cnn": 0.05, "all_cnn": 0.1, "resnet18": 0.1}


def recipe_for(shape: tuple[int, int, int], **changes: Any) -> Recipe:
    """The recipe for images of ``shape`` (H, W, C): RGB as cifar10, grey as mnist, grey of 8 × 8 as digits.

    Args:
        changes: other settings. Another network brings its own learning rate unless one is given.

    Raises:
        ValueError: a setting that is unknown or out of its range.
    """
    unknown = [name for name in changes if name not in Recipe._fields]
    if unknown:
        raise ValueError(f"no setting {unknown[0]!r}; expected some of {', '.join(Recipe._fields)}")
    kind = "cifar10" if shape[2] == 3 else "digits" if shape[0] <= 8 else "mnist"
    recipe = RECIPES[kind]
    if changes.get("network", recipe.network) != recipe.network:
        changes.setdefault("rate", _RATES.get(changes["network"], recipe.rate))
    return recipe._replace(**changes).checked()


def rates_of(recipe: Recipe, steps: int) -> np.ndarray:
    """The learning rate of every step (steps,), float32."""
    if recipe.schedule in epochs.SCHEDULES:
        return np.asarray(epochs.SCHEDULES[recipe.schedule](recipe.rate, steps))
    at = np.arange(steps) / max(steps, 1)
    up = _START + (1.0 - _START) * at / _WARM
    down = 0.5 * (1.0 + np.cos(np.pi * (at - _WARM) / (1.0 - _WARM)))
    return np.asarray(recipe.rate * np.where(at < _WARM, up, down), np.float32)
