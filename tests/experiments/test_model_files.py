"""Models from files and other libraries' objects: what shapes and names mean, and what is refused in one line."""

import struct

import numpy as np
import pytest
from safetensors.numpy import save

from experiments.readers import FileFault
from experiments.readers.models import as_model, from_arrays, read_model
from experiments.readers.writing import require_writable, write_model


@pytest.fixture
def write(tmp_path):
    """Writes a file and returns its path."""

    def call(name: str, content: bytes):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return call


def tensors(text: str, body: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(text) if length is None else length) + text.encode() + body


F4, ROWS = np.float32, np.arange(1.0, 13).reshape(4, 3)
KNOWN_MODELS = {
    "vector": ({"anything": ROWS[0]}, "linear", False),
    "named": ({"w": ROWS[0], "b": np.array(2.0)}, "linear", True),
    "one feature, named": ({"w": np.ones(1), "b": np.ones(1)}, "linear", True),
    "scikit-learn": ({"coef_": ROWS[:1], "intercept_": np.ones(1)}, "linear", True),
    "torch Linear": ({"weight": ROWS[:1], "bias": np.ones(1)}, "linear", True),
    "column": ({"w": ROWS[:, :1]}, "linear", False),
    "W, u": ({"W": ROWS, "u": np.ones(4)}, "two-layer", False),
    "W, u, b": ({"W": ROWS, "u": np.ones(4), "b": np.zeros(4)}, "two-layer", True),
    "by shape": ({"first": ROWS, "second": np.ones(4)}, "two-layer", False),
    "torch Sequential": ({"0.weight": ROWS, "0.bias": np.ones(4), "2.weight": np.ones((1, 4)), "2.bias": np.zeros(1)},
                         "two-layer", True),
    "one neuron": ({"a": ROWS[:1], "c": np.ones((1, 1))}, "two-layer", False),
}  # fmt: skip


@pytest.mark.parametrize("case", KNOWN_MODELS)
@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_models_keep_names_shapes_and_types(case, suffix, tmp_path):
    arrays, kind, bias = KNOWN_MODELS[case]
    arrays = {name: value.astype(F4) for name, value in arrays.items()}
    model = from_arrays(arrays)
    assert (model.kind, model.bias is not None) == (kind, bias)
    write_model(tmp_path / f"new{suffix}", model.replaced(2.0 * model.weights))
    again = read_model(tmp_path / f"new{suffix}")
    np.testing.assert_allclose(again.weights, 2.0 * model.weights)
    assert {n: (v.shape, v.dtype) for n, v in again.arrays().items()} == {n: (v.shape, F4) for n, v in arrays.items()}
    with pytest.raises(FileFault, match="exists already; pass --force"):
        require_writable(tmp_path / f"new{suffix}", force=False)


REFUSED_MODELS = {
    "two vectors could be u": ({"0": ROWS, "1": np.ones(4), "2": np.zeros(4)}, "more than one model fits"),
    "a third matrix": ({"0": ROWS, "1": np.ones((4, 4)), "2": np.ones((1, 4))}, "no model known here fits"),
    "several classes": ({"coef_": ROWS, "intercept_": np.ones(4)}, "no model known here fits"),
    "several outputs": ({"weight": ROWS, "bias": np.ones(4)}, "no model known here fits"),
    "output bias": ({"0.w": ROWS, "2.w": np.ones((1, 4)), "2.b": np.ones(1)}, "no bias in the output layer, got 1"),
    "zeros": ({"w": np.zeros(3)}, "not all 0"),
    "dead": ({"W": ROWS, "u": np.zeros(4)}, "at least one output weight"),
    "wrong width": ({"W": ROWS, "u": np.ones(3)}, "one entry of u"),
    "NaN": ({"w": np.array([1.0, np.nan])}, "expected finite numbers"),
    "words": ({"w": np.array(["a"])}, "expected finite numbers"),
    "nothing": ({}, "no model known"),
}


@pytest.mark.parametrize("case", REFUSED_MODELS)
def test_models_that_fit_nothing_or_two_things_are_refused(case):
    arrays, words = REFUSED_MODELS[case]
    with pytest.raises(FileFault, match=words):
        from_arrays(arrays)


REFUSED_TENSORS = {
    "header longer than the file": (lambda: tensors("{}", length=2**63), "a header of 9223372036854775808 bytes"),
    "not JSON": (lambda: tensors("{,}"), "not JSON"),
    "deep": (lambda: tensors("[" * 100_000), "not JSON"),
    "a list": (lambda: tensors("[]"), "not a table"),
    "beyond the end": (lambda: tensors('{"w":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}'), "needs 16 bytes"),
    "overflowing shape": (
        lambda: tensors('{"w":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'), "its offsets"),
    "negative": (lambda: tensors('{"w":{"dtype":"F64","shape":[-1],"data_offsets":[8,0]}}'), "whole numbers >= 0"),
    "BF16": (lambda: tensors('{"w":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}', b"ab"), "got 'BF16'"),
    "gap": (lambda: tensors('{"w":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}}', bytes(16)), "damaged"),
    "spare bytes": (lambda: save({"w": np.ones(2)}) + b"more", "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED_TENSORS)
def test_bad_safetensors_are_one_clear_line(case, write):
    content, words = REFUSED_TENSORS[case]
    with pytest.raises(FileFault, match=words):
        read_model(write("m.safetensors", content()))


X4 = np.random.default_rng(5).standard_normal((20, 3))
Y4 = np.where(X4 @ np.array([1.0, -2.0, 0.5]) > 0, 1, 0)


@pytest.mark.parametrize("name", ["LinearSVC", "LogisticRegression", "Perceptron"])
@pytest.mark.parametrize("intercept", [True, False])
def test_fitted_scikit_learn_models_score_alike(name, intercept):
    from sklearn import linear_model, svm

    fitted = getattr(svm if name == "LinearSVC" else linear_model, name)(fit_intercept=intercept).fit(X4, Y4)
    model = as_model(fitted)
    np.testing.assert_allclose(model.points(X4) @ model.weights[0], fitted.decision_function(X4), rtol=1e-12)
    assert (model.bias is not None) == intercept


def test_three_classes_are_refused():
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(FileFault, match="two classes, got 3"):
        as_model(LogisticRegression().fit(X4, np.arange(20) % 3))


def network_scores(model, X):
    return np.maximum(model.points(X) @ model.weights.T, 0.0) @ model.u


def test_equinox_modules():
    import equinox as eqx
    import jax

    key = jax.random.key(0)
    layer = eqx.nn.Linear(3, "scalar", key=key)
    model = as_model(layer)
    np.testing.assert_allclose(model.points(X4) @ model.weights[0], jax.vmap(layer)(X4), rtol=1e-12)
    mlp = eqx.nn.MLP(3, "scalar", 5, 1, key=key, use_final_bias=False)
    np.testing.assert_allclose(network_scores(as_model(mlp), X4), jax.vmap(mlp)(X4), rtol=1e-12)
    for bad, words in (
        (eqx.nn.MLP(3, 1, 5, 2, key=key), "one hidden layer"),
        (eqx.nn.MLP(3, 1, 5, 1, activation=jax.nn.tanh, key=key), "expected relu"),
        (eqx.nn.MLP(3, 1, 5, 1, final_activation=jax.nn.relu, key=key), "expected the identity"),
        (eqx.nn.MLP(3, 1, 5, 1, key=key), "no bias in the output layer"),
        (eqx.nn.MLP(3, 2, 5, 1, use_bias=False, use_final_bias=False, key=key), "one entry of u"),
    ):
        with pytest.raises(FileFault, match=words):
            as_model(bad)


@pytest.mark.slow
def test_torch_state_dicts():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1, bias=False))
    model = as_model(net.state_dict())
    wanted = net(torch.tensor(X4, dtype=torch.float32)).detach().numpy()[:, 0]
    np.testing.assert_allclose(network_scores(model, X4), wanted, rtol=1e-4, atol=1e-6)
    assert {name: value.dtype for name, value in model.arrays().items()} == dict.fromkeys(net.state_dict(), np.float32)


def test_what_is_no_model_is_refused():
    for given in (object(), "none.npz", {"w": object()}, np.ones((2, 3, 4))):
        with pytest.raises(FileFault):
            as_model(given)
    with pytest.raises(ValueError, match="transposed"):
        from_arrays({"W": ROWS, "u": np.ones(4)}).points(np.ones((2, 4)))
