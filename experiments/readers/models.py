"""Models from files and from other libraries' objects: linear (w, b) or two-layer ReLU (W, u, b).

N(x) = ⟨w, x⟩ + b, or N(x) = Σ_j u_j relu(⟨w_j, x⟩ + b_j). The theory knows no bias: it is the weight of a constant
feature 1, so that the margin problem counts it like any other weight. A bias of the output layer has no such place
and must be 0. No other library is imported: objects are known by what they hold.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.readers import MAX_BYTES, FileFault, kind_of, read_bytes
from experiments.readers.numpy_files import parse_npz
from experiments.readers.safetensors_files import parse_safetensors

KINDS = (".npz", ".safetensors")
_ROLES = {
    "w": "w", "coef_": "w", "coef": "w", "b": "b", "bias": "b", "intercept_": "b", "intercept": "b", "W": "W",
    "u": "u",
}  # fmt: skip


class Model(NamedTuple):
    """A classifier's weights in float64, and how to name and shape new ones like the given ones."""

    W: np.ndarray  # (n, d) hidden weights, or (1, d) of a linear model
    u: np.ndarray | None  # (n,) output weights; None: a linear model
    bias: np.ndarray | None  # (n,) first-layer bias, or (1,) intercept
    layout: tuple[tuple[str, str, tuple[int, ...], str], ...]  # (name, role, shape, dtype) of each array given

    @property
    def kind(self) -> str:
        """ "linear" or "two-layer"."""
        return "linear" if self.u is None else "two-layer"

    @property
    def weights(self) -> np.ndarray:
        """(n, d) or, with a bias, (n, d + 1): the last column is the constant feature's."""
        return self.W if self.bias is None else np.concatenate([self.W, self.bias[:, None]], axis=1)

    def points(self, X: np.ndarray) -> np.ndarray:
        """X, with the constant feature where the model has a bias.

        Raises:
            ValueError: columns that do not match the weights.
        """
        if X.shape[1] != self.W.shape[1]:
            turned = "; are its weights transposed?" if X.shape[1] == self.W.shape[0] else ""
            raise ValueError(
                f"model: expected {X.shape[1]} weights a row, one per feature of the data, "
                f"got {self.W.shape[1]}{turned}"
            )
        return X if self.bias is None else np.concatenate([X, np.ones((len(X), 1))], axis=1)

    def replaced(self, weights: np.ndarray) -> "Model":
        """The same architecture with other ``weights`` (n, d) or (n, d + 1), rounded to the given arrays' types."""
        full = np.asarray(weights, np.float64).reshape(self.weights.shape)
        types = {role: dtype for _, role, _, dtype in self.layout}
        inner = full if self.bias is None else full[:, :-1]
        bias = None if self.bias is None else full[:, -1].astype(types["b"]).astype(np.float64)
        return self._replace(W=inner.astype(types["W"]).astype(np.float64), bias=bias)

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights under the names, shapes and types of the model that was read."""
        values = {"W": self.W, "u": self.u, "b": self.bias, "zero": np.zeros(1)}
        return {name: np.asarray(values[role]).astype(dtype).reshape(shape) for name, role, shape, dtype in self.layout}


def read_model(path: Path | str, limit: int = MAX_BYTES) -> Model:
    """A model from ``.npz`` or ``.safetensors``. Errors as :func:`from_arrays`, and of the readers."""
    path = Path(path)
    kind = kind_of(path, KINDS)
    content = read_bytes(path, limit)
    arrays = parse_npz(path, content, limit) if kind == ".npz" else parse_safetensors(path, content)
    return from_arrays(arrays, str(path))


def from_arrays(arrays: Mapping[str, np.ndarray], source: str = "model") -> Model:
    """A model from named arrays: names w, b, W, u (or coef_, intercept_, bias) count; otherwise shapes decide.

    By shape: one row (1, d) or vector is linear; (n, d) with a vector (n,) or row (1, n) is two-layer, a further
    vector (n,) its bias where u is a row. W has one row a neuron.

    Raises:
        FileFault: naming ``source``: no finite numbers, or shapes that fit no model, or more than one.
    """
    given = {str(name): np.asarray(value) for name, value in arrays.items()}
    for name, value in given.items():
        if value.dtype.kind not in "fiu" or value.size == 0 or not np.isfinite(value).all():
            raise FileFault(f"{source}: {name[:60]}: expected finite numbers, got {value.dtype} {list(value.shape)}")
    if {"X", "y"} <= set(given):
        raise FileFault(f"{source}: expected a model's weights, got arrays X and y: these are data")
    roles = _by_name(given) or _by_shape(given, source)
    found = {role: np.asarray(given[name], np.float64) for name, role in roles.items()}
    if np.any(found.get("zero", 0.0)):
        raise FileFault(
            f"{source}: expected no bias in the output layer, got {float(found['zero'].ravel()[0]):g}: "
            "N(x) = Σ u_j relu(...) has no place for it"
        )
    hidden = found["W"].reshape(1, -1) if "u" not in found else found["W"]
    outer, bias = (found[role].ravel() if role in found else None for role in ("u", "b"))
    if hidden.ndim != 2 or any(part is not None and len(part) != len(hidden) for part in (outer, bias)):
        shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in given.items())
        raise FileFault(f"{source}: expected one entry of u and of the bias for every row of W, got {shapes}")
    if outer is not None and not outer.any():
        raise FileFault(f"{source}: expected at least one output weight that is not 0")
    if not hidden.any():
        raise FileFault(f"{source}: expected weights that are not all 0")
    layout = tuple(
        (n, r, given[n].shape, given[n].dtype.str if given[n].dtype.kind == "f" else "<f8") for n, r in roles.items()
    )
    return Model(hidden, outer, bias, layout)


def _by_name(given: dict[str, np.ndarray]) -> dict[str, str] | None:
    """Roles where every name is known and they make one model; else None."""
    roles = {name: _ROLES.get(name, "") for name in given}
    kinds = sorted(roles.values())
    if kinds in (["w"], ["b", "w"]):
        (name,) = (name for name, role in roles.items() if role == "w")
        if given[name].size == max(given[name].shape, default=0):  # a vector, or a row, or a column
            return {name: role.replace("w", "W") for name, role in roles.items()}
        return None
    if kinds in (["W", "u"], ["W", "b", "u"]):
        (name,) = (name for name, role in roles.items() if role == "W")
        return roles if given[name].ndim == 2 else None
    return None


def _by_shape(given: dict[str, np.ndarray], source: str) -> dict[str, str]:
    """Roles from shapes; exactly one reading must fit."""
    readings: list[dict[str, str]] = []
    for name, value in given.items():
        others = {other: given[other] for other in given if other != name}
        if (value.ndim == 1 or (value.ndim == 2 and value.shape[0] == 1)) and (
            not others or (len(others) == 1 and next(iter(others.values())).shape in ((), (1,)))
        ):
            readings.append({name: "W", **dict.fromkeys(others, "b")})
        if value.ndim == 2:
            readings += _two_layer(name, value.shape[0], others)
    if len(readings) != 1:
        shapes = ", ".join(f"{name[:30]} {list(value.shape)}" for name, value in list(given.items())[:8])
        what = "more than one model fits" if readings else "no model known here fits"
        if len(given) > 8:
            shapes = f"{shapes} and {len(given) - 8} more (a deep network's are read by 'forgetproof select')"
        raise FileFault(
            f"{source}: {what} the arrays {shapes}; expected w (d,) and b (), or W (n, d), u (n,) and b (n,), so named"
        )
    return readings[0]


def _is_bias(name: str) -> bool:
    return _ROLES.get(name.rsplit(".", 1)[-1]) == "b"


def _two_layer(name: str, n: int, others: dict[str, np.ndarray]) -> list[dict[str, str]]:
    """Readings of ``others`` as the output weights, bias and output bias beside hidden weights of n rows."""
    found = []
    for outer, value in others.items():
        # one number beside one row is an intercept, and what is called a bias is one
        if value.shape != (1, n) and (value.shape != (n,) or n == 1 or _is_bias(outer)):
            continue
        rest = {other: part.shape for other, part in others.items() if other != outer}
        # of two vectors (n,) either could be the bias: only a row (1, n) is surely the output layer
        if rest and value.ndim == 1:
            if len(rest) == 1 and next(iter(rest.values())) == (n,):
                found.append({name: "W", outer: "u", next(iter(rest)): "b"})
            continue
        hidden = [other for other, shape in rest.items() if shape == (n,)]
        output = [other for other, shape in rest.items() if shape in ((), (1,)) and other not in hidden[:1]]
        if len(hidden[:1]) + len(output) == len(rest) and len(output) <= 1:
            found.append({name: "W", outer: "u", **dict.fromkeys(hidden[:1], "b"), **dict.fromkeys(output, "zero")})
    return found


def as_model(given: Any) -> Model:
    """A model from a path, a mapping of arrays or tensors, or a fitted object.

    Known: a scikit-learn linear classifier of two classes (``coef_``, ``intercept_``), an equinox ``Linear`` or
    ``MLP`` with one hidden ReLU layer, a PyTorch state dict (the activation is then taken to be ReLU), and one
    vector of weights.

    Raises:
        FileFault: none of these, or what :func:`from_arrays` refuses.
    """
    if isinstance(given, Model):
        return given
    if isinstance(given, str | Path):
        return read_model(given)
    if isinstance(given, Mapping):
        return from_arrays({str(name): _array(value) for name, value in given.items()})
    if hasattr(given, "coef_"):
        return _from_sklearn(given)
    if hasattr(given, "layers"):
        return _from_mlp(given)
    if hasattr(given, "weight"):
        return from_arrays(_layer(given, "w", "b"))
    if np.ndim(_array(given)) == 1:
        return from_arrays({"w": _array(given)})
    raise FileFault(
        "model: expected a path, a mapping of arrays, a fitted linear classifier or a module, "
        f"got {type(given).__name__}"
    )


def _array(value: Any) -> np.ndarray:
    """A NumPy array of an array or tensor of any library."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    try:
        return np.asarray(value)
    except (TypeError, ValueError):
        raise FileFault(f"model: expected arrays, got {type(value).__name__}") from None


def _from_sklearn(given: Any) -> Model:
    coefficients = _array(given.coef_)
    classes = getattr(given, "classes_", np.zeros(2))
    if (coefficients.ndim == 2 and coefficients.shape[0] != 1) or len(classes) != 2:
        raise FileFault(f"model: expected a classifier of two classes, got {len(classes)} (coef_ {coefficients.shape})")
    arrays = {"coef_": coefficients}
    if getattr(given, "fit_intercept", True):
        arrays["intercept_"] = np.atleast_1d(_array(given.intercept_))
    return from_arrays(arrays)


def _layer(layer: Any, weight: str, bias: str) -> dict[str, np.ndarray]:
    found = {weight: _array(layer.weight)}
    if getattr(layer, "bias", None) is not None:
        found[bias] = _array(layer.bias)
    return found


def _from_mlp(given: Any) -> Model:
    layers = tuple(given.layers)
    if len(layers) != 2 or not all(hasattr(layer, "weight") for layer in layers):
        raise FileFault(f"model: expected an MLP with one hidden layer (2 layers of weights), got {len(layers)} layers")
    _require(getattr(given, "activation", None), lambda z: np.maximum(z, 0.0), "activation: expected relu")
    _require(getattr(given, "final_activation", lambda z: z), lambda z: z, "final_activation: expected the identity")
    outer = _layer(layers[1], "u", "output bias")
    return from_arrays({**_layer(layers[0], "W", "bias"), **outer})


def _require(function: Any, wanted: Callable[[np.ndarray], np.ndarray], message: str) -> None:
    """Refuse an activation that differs from ``wanted`` on a few numbers."""
    import jax.numpy as jnp

    probe = np.array([-3.0, -0.5, 0.0, 0.25, 2.0])
    values = [np.asarray(function(jnp.asarray(z))) for z in probe] if callable(function) else None
    if values is None or not np.array_equal(np.asarray(values, np.float64), wanted(probe)):
        raise FileFault(f"model: {message}, got {getattr(function, '__name__', type(function).__name__)}")
