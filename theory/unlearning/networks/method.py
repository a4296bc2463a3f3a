"""What an unlearning method for networks is, and how it is run: it receives the data it declares and nothing else.

Defaults are for some thousand images and a small network trained to a loss near 0, such as scikit-learn's digits: the
published rates, made for tens of thousands of images, leave such a network as it is. Each file says where they differ.
Ascent (gradient_ascent, ascent_descent, scrub) has no rate that suits every network, so it is bounded: no sample's loss
is driven above that of a guess. A network that diverges all the same is an error, never an outcome.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from theory.models.networks import Network
from theory.solvers.sgd import Labelled, Prepare, as_given

STREAMS = ("retained", "forget", "sample")
"""Retained samples; forgotten samples; a class-balanced part of the retained samples, ``per_class`` of each class."""

_SHARES = ("share", "used")  # hyper-parameters that are fractions


class Problem(NamedTuple):
    """A trained network and what is to be forgotten."""

    network: Network
    train: Labelled
    forget: Bool[Array, " N"]  # of the training samples
    classes: int
    fresh: Callable[[PRNGKeyArray], Network]  # an untrained network of the same kind
    prepare: Prepare = as_given  # of each training batch: augmentation


class Task(NamedTuple):
    """What a method sees."""

    network: Network
    data: Mapping[str, Labelled]  # the streams that the method reads, no other
    classes: int
    forgotten: tuple[int, ...]  # classes without retained samples: what class unlearning removes
    fresh: Callable[[PRNGKeyArray], Network]
    prepare: Prepare
    hyper: Mapping[str, Any]
    key: PRNGKeyArray


class Outcome(NamedTuple):
    """The unlearned network and what it took."""

    network: Network
    steps: int  # updates of the weights
    samples: int  # training samples read, with repetitions: by steps, masks, labels and teachers
    stages: Mapping[str, Any] = {}  # what a method passes through, such as networks between its steps


@dataclass(frozen=True, eq=False)
class Method:
    """An unlearning method. ``run`` takes a :class:`Task` whose data hold exactly the streams in ``reads``."""

    key: str
    title: str
    source: str
    reads: tuple[str, ...]
    run: Callable[[Task], Outcome]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [name for name in self.reads if name not in STREAMS]
        if unknown:
            raise ValueError(f"reads of {self.key}: expected some of {', '.join(STREAMS)}, got {unknown[0]!r}")


def unlearn_network(method: Method, problem: Problem, key: PRNGKeyArray, **hyper: Any) -> Outcome:
    """Run a method on a problem.

    Args:
        method: from :func:`theory.unlearning.networks.all_methods`. problem: the network and the forget set.
        key: seed of everything random. hyper: overrides of the method's defaults; ``per_class`` is the number of
            samples of each retained class in the stream "sample".

    Returns:
        :class:`Outcome`.

    Raises:
        ValueError: an unknown or impossible hyper-parameter, an empty or full forget set, one that does not match the
            samples, or labels outside the classes; a network with weights that are not finite, with the rates to lower.
    """
    unknown = [name for name in hyper if name not in method.defaults]
    if unknown:
        known = ", ".join(method.defaults) or "none"
        raise ValueError(f"{method.key} has no hyper-parameter {unknown[0]!r}; expected some of {known}")
    values = {**method.defaults, **{name: _checked(name, method.defaults[name], hyper[name]) for name in hyper}}
    forget = np.asarray(problem.forget, bool)
    if forget.shape != problem.train.y.shape:
        raise ValueError(f"forget: expected a mask of shape {problem.train.y.shape}, got shape {forget.shape}")
    if forget.all() or not forget.any():
        raise ValueError(f"forget: expected some samples and not all, got {int(forget.sum())} of {len(forget)}")
    labels = np.asarray(problem.train.y)
    if labels.min() < 0 or labels.max() >= problem.classes:
        raise ValueError(
            f"train: expected labels from 0 to {problem.classes - 1}, got {labels.min()} to {labels.max()}"
        )
    own, chosen = jax.random.split(key)
    data = _streams(method.reads, problem.train, forget, values.get("per_class", 0), chosen)
    gone = sorted(set(labels[forget].tolist()) - set(labels[~forget].tolist()))
    task = Task(problem.network, data, problem.classes, tuple(gone), problem.fresh, problem.prepare, values, own)
    found = method.run(task)
    if not _finite(found.network):
        raise ValueError(_broken(method, problem.network, data, values))
    return found


def _finite(tree: Any) -> bool:
    return all(bool(np.isfinite(np.asarray(leaf)).all()) for leaf in jax.tree.leaves(tree))


def _broken(method: Method, given: Network, data: Mapping[str, Labelled], values: Mapping[str, Any]) -> str:
    """Why the unlearned network has weights that are not finite, and what to do."""
    said = f"{method.key}: the unlearned network has weights that are not finite"
    if not _finite([stream.x for stream in data.values()]):
        return f"{said}; so have the images that it read: remove those that are not finite"
    if not _finite(given):
        return f"{said}; so has the network that it was given"
    rates = {name: value for name, value in values.items() if name.endswith("rate")}
    if not rates:
        return said
    now, instead = (", ".join(f"{name} = {v * by:g}" for name, v in rates.items()) for by in (1.0, 0.1))
    return f"{said}: it diverged at {now}; try {instead}"


def _checked(name: str, default: Any, value: Any) -> Any:
    """The value, if it is of the default's kind: a flag, a name, a whole number of at least 1, or a number >= 0."""
    if isinstance(default, bool | str):
        if type(value) is not type(default):
            raise ValueError(f"{name}: expected a {type(default).__name__}, got {value!r}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
    if isinstance(default, int) and (value != int(value) or value < 1):
        raise ValueError(f"{name}: expected a whole number of at least 1, got {value!r}")
    if value < 0:
        raise ValueError(f"{name}: expected a number of at least 0, got {value!r}")
    if name in _SHARES and value > 1:
        raise ValueError(f"{name}: expected a fraction of at most 1, got {value!r}")
    return int(value) if isinstance(default, int) else float(value)


def _streams(
    reads: tuple[str, ...], train: Labelled, forget: np.ndarray, per_class: int, key: PRNGKeyArray
) -> dict[str, Labelled]:
    rows: dict[str, np.ndarray] = {}
    if "retained" in reads:
        rows["retained"] = np.flatnonzero(~forget)
    if "forget" in reads:
        rows["forget"] = np.flatnonzero(forget)
    if "sample" in reads:
        rows["sample"] = balanced(np.asarray(train.y), ~forget, per_class, key)
    return {name: Labelled(train.x[index], train.y[index]) for name, index in rows.items()}


def balanced(labels: np.ndarray, among: np.ndarray, per_class: int, key: PRNGKeyArray) -> np.ndarray:
    """Indices of ``per_class`` random samples of each class ``among`` the given ones; all of a smaller class."""
    order = np.asarray(jax.random.permutation(key, len(labels)))
    order = order[among[order]]
    return np.concatenate([order[labels[order] == c][:per_class] for c in np.unique(labels[among])])


def cosine(rate: float, steps: int) -> Float[Array, " steps"]:
    """Learning rates from ``rate`` to 0 along half a cosine."""
    return jnp.asarray(0.5 * rate * (1.0 + np.cos(np.pi * np.arange(steps) / max(steps, 1))), jnp.float32)


def constant(rate: float, steps: int) -> Float[Array, " steps"]:
    """The same learning rate at every step."""
    return jnp.full(steps, rate, jnp.float32)
