"""What the page offers to copy: Python and a command that give the numbers shown again."""

import shlex

from forgetproof.app import network, sweeps
from forgetproof.app.knobs import State
from forgetproof.app.problem import DRAWN

_HEAD = """import jax
import numpy as np

import forgetproof

forgetproof.start_jax()
"""
_PRINT = """
for name, value in numbers.items():
    print(f"{name}: {float(value):.17g}")
"""


def command(state: State) -> str:
    """A command that prints the state's numbers."""
    if state.view == "claim":
        v = state.values
        return f"forgetproof check {v['key']} -n {v['examples']} --seed {v['seed']} --json"
    if state.view == "sweep":
        return sweeps.command(state)
    dataset = [str(state.values["dataset"])] if "dataset" in state.values else []
    return shlex.join(["forgetproof", "explore", *dataset, "--at", state.query, "--json"])


def python(state: State) -> str:
    """Python that computes the state's numbers with the library's public functions, and prints them."""
    made = {"linear": _linear, "network": _network, "claim": _claim, "sweep": _sweep, "study": _study}
    return made.get(state.view, _data)(state)


def _points(state: State) -> str:
    v = state.values
    if v["law"] == "near-orthogonal":
        sample = (
            "from forgetproof.app.problem import draw\n\n"
            f"sample = draw('near-orthogonal', {v['d']}, 0.0, {v['m']}, {v['seed']}, {v['m']})\n"
            "X, y = sample.X, sample.y\n"
        )
    else:
        rho = f", rho={v['rho']}" if v["law"] == "mixture" else ""
        sample = (
            f"sample = forgetproof.sample_gram(jax.random.key({v['seed']}), {DRAWN}, {v['d']}{rho})\n"
            f"X, y = sample.factor[:{v['m']}], sample.y[:{v['m']}]  # coordinates in the span of {DRAWN} points\n"
        )
    if v["correlation"]:
        sample += (
            "from theory.data.correlated import correlate\n\n"
            f"X, y = correlate(jax.numpy.asarray(X), jax.numpy.asarray(y), {v['k']}, {v['correlation']})\n"
        )
    return sample


def _forget(state: State) -> str:
    m, k, which = state.values["m"], state.values["k"], state.values["which"]
    order = {"last": f"np.arange({m})", "largest multipliers": "np.argsort(trained.lam)"}
    return f"forget = {order.get(str(which), 'np.argsort(-trained.lam)')}[-{k}:]\n"


def _linear(state: State) -> str:
    return (
        f"# forgetproof explore --at '{state.query}'\n{_HEAD}from theory.numerics import cosine_gap\n\n{_points(state)}"
        "X, y = np.asarray(X), np.asarray(y)\n"
        "trained = forgetproof.solve_margin(X, y)\n"
        f"{_forget(state)}"
        "retrained = forgetproof.retrain(X, y, forget)\n"
        f"c = {state.values['fraction']}\n"
        "plain = np.asarray(forgetproof.gradient_ascent(trained.w, X, y, forget, trained.lam, fraction=c))\n"
        "full = forgetproof.projected_ascent(trained.w, X, y, forget, trained.lam)\n"
        "projected = trained.w + c * (full.w - trained.w)\n"
        "kept, lam = np.setdiff1d(np.arange(len(y)), forget), np.asarray(trained.lam)\n"
        "moved = abs(X[kept] @ X[forget].T) @ lam[forget]\n"
        'numbers = {"alpha": c * moved.max(), "least multiplier after projecting": full.multipliers[kept].min()}\n'
        "shrink = 1.0 - c * moved.max()\n"
        "if shrink > 0:  # the theorem's witness and its bounds\n"
        "    own, g = lam[kept] / shrink, X[forget].T @ (lam[forget] * y[forget])\n"
        "    slack = y[kept] * (X[kept] @ plain) / shrink - 1.0\n"
        "    numbers |= {\n"
        "        \"epsilon of the step's witness\": np.linalg.norm(plain / shrink - X[kept].T @ (own * y[kept])),\n"
        "        \"bound of epsilon of the step's witness\": abs(1.0 - c) * np.linalg.norm(g) / shrink,\n"
        "        \"delta of the step's witness\": (own * slack).max(),\n"
        "        \"bound of delta of the step's witness\": 2.0 * (1.0 - shrink) * lam[kept].max() / shrink**2,\n"
        "    }\n"
        'models = {"nothing": trained.w, "plain ascent": plain, "projected ascent": projected}\n'
        "for name, w in models.items():\n"
        "    found, margins = forgetproof.certificate(w, X, y, forget), y * (X @ w)\n"
        "    numbers[f\"relative distance, {name}\"] = np.linalg.norm(w - retrained.w) / np.linalg.norm(retrained.w)\n"
        "    numbers[f\"1 - cos to retraining, {name}\"] = cosine_gap(jax.numpy.asarray(w), retrained.w)\n"
        "    numbers[f\"least retained margin, {name}\"] = margins[kept].min()\n"
        "    numbers[f\"mean forgotten margin, {name}\"] = margins[forget].mean()\n"
        "    if name != \"nothing\" and found.feasible:\n"
        "        numbers[f\"distance to retraining, {name}\"] = np.linalg.norm(found.witness - retrained.w)\n"
        "        numbers[f\"bound of distance to retraining, {name}\"] = found.distance_bound\n"
        'numbers["mean forgotten margin, retraining"] = (y * (X @ retrained.w))[forget].mean()\n'
        f"{_PRINT}"
    )  # fmt: skip


def _network(state: State) -> str:
    v = state.values
    m, n = int(v["m"]), int(v["n"])
    size, width = network.shape(m, n)
    return (
        f"# forgetproof explore --at '{state.query}'\n{_HEAD}\n"
        "from theory.models.two_layer import TwoLayer, margins, preactivations\n"
        "from theory.two_layer_certificate import certify_exact, certify_step\n"
        "from theory.unlearning.two_layer_ascent import ascend_projected, step_weights\n\n"
        f"{_points(state)}"
        f"rows = np.zeros(({size}, {size + 1}))  # the page pads to one size: its random start has this shape\n"
        f"rows[:{m}] = X[:, : {size + 1}]\n"
        f"u = forgetproof.output_weights({width}, {n})\n"
        f"key = jax.random.fold_in(jax.random.key({v['seed']}), 1)\n"
        f"start = forgetproof.initialise(key, jax.numpy.asarray(rows), u, {float(v['d'])}, {v['scale']})\n"
        f"start = TwoLayer(u, start.C[:, :{m}], start.Z0[:{m}], start.sq0)\n"
        f"G, y = jax.numpy.asarray(X[:, : {size + 1}] @ X[:, : {size + 1}].T), jax.numpy.asarray(y)\n"
        f"path = forgetproof.train_two_layer(start, G, y, steps={v['steps']}, records=2)\n"
        "trained = forgetproof.find_kkt_point(path.end, G, y)\n"
        f"{_forget(state)}"
        f"mask = jax.numpy.asarray(np.isin(np.arange({m}), forget))\n"
        f"c = {v['fraction']}\n"
        f"weights = step_weights(trained.net, G, trained.lam, trained.t, {v['subgradient']!r})\n"
        f"found = certify_step(trained.net, G, y, trained.lam, trained.t, mask, c * weights, {network.KINK})\n"
        "projected = ascend_projected(trained.net, G, y, mask, weights, c)\n"
        "counted = ~np.asarray(mask)[:, None] & (np.asarray(u) != 0)  # retained points by neurons\n"
        "signs = np.asarray(preactivations(trained.net, G) > 0)\n"
        "changed = (np.asarray(preactivations(found.unlearned, G) > 0) != signs) & ~np.asarray(trained.kinks)\n"
        "numbers = {\n"
        '    "epsilon of the step\'s witness": found.certificate.epsilon,\n'
        '    "bound of epsilon of the step\'s witness": found.epsilon_bound,\n'
        '    "epsilon, multipliers refitted": found.refitted.epsilon,\n'
        '    "bound of epsilon, multipliers refitted": found.epsilon_bound,\n'
        '    "delta of the step\'s witness": found.certificate.delta,\n'
        '    "bound of delta of the step\'s witness": found.delta_bound,\n'
        '    "tau of the step\'s witness": found.certificate.tau,\n'
        '    "bound of tau of the step\'s witness": found.tau_bound,\n'
        '    "retained activations flipped": (changed & counted).sum(),\n'
        '    "share of retained pairs on a kink": np.asarray(trained.kinks)[counted].mean(),\n'
        '    "stationarity of the trained network": trained.residuals.stationarity,\n'
        "}\n"
        'models = {"nothing": trained.net, "plain ascent": found.unlearned, "projected ascent": projected}\n'
        "for name, net in models.items():\n"
        "    pattern = jax.numpy.where(trained.kinks, trained.pattern, preactivations(net, G) > 0)\n"
        "    exact, _ = certify_exact(net, G, y, ~mask, pattern)\n"
        '    numbers[f"1 - cos to an exact KKT point, {name}"] = exact.tau if exact.feasible else np.nan\n'
        '    numbers[f"least retained margin, {name}"] = margins(net, G, y)[~mask].min()\n'
        '    numbers[f"mean forgotten margin, {name}"] = margins(net, G, y)[mask].mean()\n'
        f"{_PRINT}"
    )


def _claim(state: State) -> str:
    v = state.values
    return (
        f"{_HEAD.replace('import numpy as np', '').replace('import jax', '').strip()}\n\n"
        f"claim = forgetproof.all_claims()[{v['key']!r}]\n"
        f"verdict = forgetproof.check(claim, {v['examples']}, seed={v['seed']})\n"
        'counts = ("instances", "held", "refuted", "vacuous", "inconclusive", "residual", "tightness")\n'
        "numbers = {name: getattr(verdict, name) for name in counts}\n"
        "for found in verdict.conclusions:\n"
        "    kind = 'gap' if found.relation == '==' else 'tightness'\n"
        '    numbers[f"{kind}, {found.name}"] = found.tightness\n'
        "    if found.share is not None:\n"
        '        numbers[f"share required, {found.name}"] = found.share\n'
        '        numbers[f"share that holds, {found.name}"] = found.held / found.tested\n'
        f"{_PRINT}"
    )


def _sweep(state: State) -> str:
    return sweeps.python(state) + _PRINT


def _study(state: State) -> str:
    return (
        "import forgetproof\n\nforgetproof.start_jax()\nfrom experiments.study import all_studies\n\n"
        f"study = all_studies()[{state.values['key']!r}]\n"
        f"dataset = study.run(study.{state.values['profile']})\n"
        "print(dataset)\n" + _cut(state)
    )


def _data(state: State) -> str:
    return (
        "from forgetproof.app.datasets import open_dataset\n\n"
        f"dataset = open_dataset({str(state.values['dataset'])!r})\n"
        "print(dataset)\n" + _cut(state)
    )


def _cut(state: State) -> str:
    given = {name: value for name, value in state.values.items() if name not in ("key", "profile", "dataset")}
    return (
        "\nfrom forgetproof.app.datasets import as_csv, cut, settings\n\n"
        f"print(as_csv(cut(dataset, settings(dataset, {given}))))\n"
    )
