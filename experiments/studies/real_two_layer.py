"""Two-layer networks on pairs of digits: unlearning from exact KKT points against retraining, start by start."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.real_data import load_split
from experiments.studies.gram_problems import in_chunks
from experiments.studies.network_problems import METHODS, SAME_KINK, Trained, solved, unlearn_one
from experiments.study import Parameters, Study, labelled
from theory.data.wishart import GramSample
from theory.models import two_layer
from theory.models.two_layer import initialise, output_weights
from theory.numerics import cosine_gap, masked_min
from theory.solvers.clarke_kkt_point import kkt_point_near
from theory.solvers.two_layer_flow import train_in_coefficients
from theory.two_layer_certificate import certify_direction, certify_step

_MEASURES = {
    "margin": ("least retained margin / ‖θ‖", "1"),
    "forget_accuracy": ("accuracy on the forget set", "%"),
    "test_accuracy": ("test accuracy", "%"),
    "epsilon": ("ε of the (ε, δ, 0) certificate / ‖witness‖", "1"),
    "tau": ("τ of the (0, 0, τ) certificate", "1"),
    "gap": ("1 − cos to the network retrained from the same start", "1"),
    "output_gap": ("1 − cos of the test outputs to those of the network retrained from the same start", "1"),
}
_PER_CELL = {
    "step_epsilon": "ε of the step's certificate / ‖witness‖",
    "step_tau": "τ of the step's certificate",
    "step_epsilon_bound": "bound on ε / ‖witness‖",
    "step_tau_bound": "bound on τ",
}


def _outputs(net: two_layer.TwoLayer, cross: Array) -> Array:
    """N(x) on test points; ``cross`` (t, m) holds their inner products with the training points."""
    return jax.nn.relu(cross @ net.C.T) @ net.u


def _train(key: Array, X: Array, y: Array, d: int, n: int, scale: float, steps: int) -> Trained:
    G = X @ X.T
    start = initialise(key, X, output_weights(n), d, scale)
    end = train_in_coefficients(start, G, y, steps=steps, records=2).end
    point = kkt_point_near(end, G, y)
    return Trained(GramSample(G, y, X, jnp.zeros_like(y)), start, end, point)


def _measure(problem: Trained, forget: Array, cross: Array, labels: Array, steps: int, tuning: int) -> dict[str, Array]:
    G, y, kept = problem.sample.G, problem.sample.y, ~forget
    result = unlearn_one(problem, forget, steps, tuning)
    outputs = jax.vmap(lambda net: _outputs(net, cross))(result.nets)

    def one(net: two_layer.TwoLayer, output: Array, tau: Array) -> dict[str, Array]:
        M = two_layer.margins(net, G, y)
        direct = certify_direction(net, G, y, kept, SAME_KINK)
        return {
            "margin": masked_min(M, kept) / two_layer.size(net, G),
            "forget_accuracy": 100.0
            * jnp.sum(jnp.where(forget & (M > 0), 1.0, 0.0))
            / jnp.sum(jnp.where(forget, 1.0, 0.0)),
            "test_accuracy": 100.0 * jnp.mean((labels * output > 0).astype(G.dtype)),
            "epsilon": direct.epsilon / two_layer.size(direct.witness, G),
            "tau": tau,
            "output_gap": cosine_gap(output, outputs[-1]),
        }

    found = jax.vmap(one)(result.nets, outputs, result.tau)
    step = certify_step(problem.point.net, G, y, problem.point.lam, problem.point.t, forget, problem.point.t, SAME_KINK)
    size = two_layer.size(step.refitted.witness, G)
    return found | {
        "gap": result.retrained_gap,
        "step_epsilon": step.refitted.epsilon / size,
        "step_tau": step.refitted.tau,
        "step_epsilon_bound": step.epsilon_bound / size,
        "step_tau_bound": step.tau_bound,
        "solved": solved(problem.point) & solved(jax.tree.map(lambda a: a[-1], result.points)),
        "retrained_C": result.nets.C[-1],
        "retrained_outputs": outputs[-1],
    }


def _spread(found: dict[str, np.ndarray], G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 − cos between retrained networks of different starts, weights and test outputs: one entry a pair."""
    C, outputs = found["retrained_C"], found["retrained_outputs"]
    first, second = np.triu_indices(len(C), 1)
    inner = np.einsum("anm,mk,bnk->ab", C, G, C, optimize=True)
    length = np.sqrt(np.diagonal(inner))
    weights = 1.0 - (inner / length[:, None] / length[None, :])[first, second]
    outputs = outputs / np.linalg.norm(outputs, axis=1, keepdims=True)
    return weights, 1.0 - (outputs @ outputs.T)[first, second]


def run(p: Parameters) -> xr.Dataset:
    """The forget set holds the points with the largest multipliers of the first start's network."""
    keys = jax.random.split(jax.random.key(p["seed"]), p["starts"])
    chunk = min(p["starts"], 8)
    options = {key: p[key] for key in ("n", "scale", "steps")}
    train = jax.jit(
        jax.vmap(functools.partial(_train, **options), in_axes=(0, None, None, None)),
        static_argnums=3,
    )
    measure = jax.jit(
        jax.vmap(functools.partial(_measure, steps=p["steps"], tuning=p["tuning"]), in_axes=(0, 0, None, None))
    )
    cells: list[dict[str, np.ndarray]] = []
    spreads: list[tuple[np.ndarray, np.ndarray]] = []
    facts: dict[str, list[float]] = {"phi": [], "psi": [], "kinks": []}
    for name in p["data"]:
        split = load_split(name, p["train"], p["seed"])
        G = split.X @ split.X.T
        problems = in_chunks(lambda k, s=split: train(k, s.X, s.y, s.X.shape[1]), keys, chunk=chunk)
        cross = split.X_test @ split.X.T
        order = np.argsort(-problems.point.lam[0])
        facts["phi"].append(float(np.max(np.abs(G - np.diag(np.diagonal(G))))))
        facts["psi"].append(float(np.max(np.abs(np.diagonal(G) - 1.0))))
        facts["kinks"].append(float(np.mean(problems.point.kinks)))
        for k in p["k"]:
            forget = np.zeros(p["train"], bool)
            forget[order[:k]] = True
            masks = np.broadcast_to(forget, (p["starts"], p["train"]))
            found = in_chunks(lambda a, f, c=cross, s=split: measure(a, f, c, s.y_test), problems, masks, chunk=chunk)
            ok = found["solved"]
            cells.append({key: np.where(ok.reshape(-1, *[1] * (v.ndim - 1)), v, np.nan) for key, v in found.items()})
            spreads.append(_spread({key: found[key][ok] for key in ("retrained_C", "retrained_outputs")}, G))
            pairs = p["starts"] * (p["starts"] - 1) // 2
            spreads[-1] = tuple(np.pad(s, (0, pairs - len(s)), constant_values=np.nan) for s in spreads[-1])  # type: ignore[assignment]
    shape = (len(p["data"]), len(p["k"]))

    def stack(key: str) -> np.ndarray:
        values = np.stack([cell[key] for cell in cells])
        return values.reshape(*shape, *values.shape[1:])

    dims = ("data", "k", "start")
    variables = {key: labelled((*dims, "model"), stack(key), *text) for key, text in _MEASURES.items()}
    variables |= {key: labelled(dims, stack(key), text) for key, text in _PER_CELL.items()}
    variables["solved"] = labelled(dims, stack("solved"), "exact KKT points found before and after")
    for at, (key, text) in enumerate({"spread": "weights", "output_spread": "test outputs"}.items()):
        values = np.stack([s[at] for s in spreads]).reshape(*shape, -1)
        variables[key] = labelled((*dims[:2], "pair"), values, f"1 − cos of {text} between retrained networks")
    for key, text in (("phi", "φ of the training points"), ("psi", "ψ"), ("kinks", "share of pairs on the kink")):
        variables[key] = labelled("data", facts[key], text)
    return xr.Dataset(
        variables,
        {
            "data": labelled("data", list(p["data"]), "data set"),
            "k": labelled("k", p["k"], "points forgotten", "points"),
            "start": labelled("start", np.arange(p["starts"]), "random initialisation"),
            "model": labelled("model", list(METHODS), "network"),
        },
        {key: p[key] for key in ("train", "n", "scale", "steps", "tuning")},
    )


STUDY = Study(
    key="real_two_layer",
    paper="ga",
    title="Two-layer networks on digits",
    question="On real data, is an unlearned network nearer to retraining than retrained networks are to each other?",
    quick={"seed": 0, "data": ("digits 3-8", "digits 4-9"), "train": 30, "n": 40, "k": (1, 5, 20), "starts": 4,
           "scale": 0.01, "steps": 2000, "tuning": 200},
    full={"seed": 0, "data": ("digits 3-8", "digits 4-9", "digits 1-7", "digits 0-6"), "train": 50, "n": 60,
          "k": (1, 5, 20), "starts": 16, "scale": 0.01, "steps": 5000, "tuning": 500},
    tiny={"seed": 0, "data": ("digits 3-8",), "train": 6, "n": 16, "k": (1, 2), "starts": 2, "scale": 0.1, "steps": 300,
          "tuning": 50},
    run=run,
)  # fmt: skip
