"""What paper WC's targets, reported numbers and words compare with: the step of the weights, and networks on images."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from paper_repro.reported import Finding, Ours, graded, over_seeds
from theory.models.networks import mlp
from theory.solvers.sgd import Labelled
from theory.unlearning.worst_case import sign_steps, upper_step

SETS = {"random": "random", "worst": "worst, sign descent"}
KEEPING = ("fine_tune", "cf_k", "scrub")
RELABELLING = ("random_labels", "boundary_shrink", "boundary_expand", "salun")
POINTS, FORGOTTEN, ITERATIONS, STEPS = 200, 20, 20, 10


def measure(seed: int) -> dict[str, float]:
    """Fixed losses, uniform in [0, 1], selected with three steps α; sign descent's response to the weights."""
    losses = jax.random.uniform(jax.random.key(seed), (POINTS,), jnp.float64)
    found = {}
    for name, alpha in (("trapped", 1e-3), ("free", 1e4)):
        w = jnp.asarray(np.arange(POINTS) < FORGOTTEN, jnp.float64)
        for _ in range(ITERATIONS):
            w = upper_step(w, losses, jnp.asarray(alpha), jnp.asarray(0.0))
        found[f"overlap_{name}"] = float(np.mean(np.argsort(-np.asarray(w), kind="stable")[:FORGOTTEN] < FORGOTTEN))
    return found | _response(seed)


def _response(seed: int) -> dict[str, float]:
    """Largest implicit gradient of an unlearned weight, and how far a finite change of the weights moves it."""
    start, pixels = jax.random.split(jax.random.key(seed))
    network = mlp((2, 2, 1), 3, (4,), key=start)
    data = Labelled(jax.random.normal(pixels, (POINTS, 2, 2, 1), jnp.float32), jnp.arange(POINTS) % 3)
    order = jnp.arange(STEPS * FORGOTTEN).reshape(STEPS, FORGOTTEN) % POINTS

    def weights(kept: jax.Array) -> jax.Array:
        layers = sign_steps(network, data, kept, order, jnp.float32(0.01)).layers
        return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(layers)])

    kept = jnp.ones(POINTS, jnp.float32)
    without = kept.at[: POINTS // 2].set(0.0)
    slopes = jax.jit(jax.jacrev(lambda w: weights(w)[:: POINTS // 20]))(kept)
    moved = jax.jit(lambda: jnp.linalg.norm(weights(without) - weights(kept)))()
    return {"implicit_gradient": float(jnp.max(jnp.abs(slopes))), "finite_response": float(moved)}


def selection(dataset: xr.Dataset) -> Mapping[str, Ours]:
    """Retraining on the random and the worst set, and every method's average gap."""
    where = f"{dataset.attrs['setting']}, {100 * dataset.attrs['share']:g}% forgotten, {dataset.sizes['seed']} seeds"
    found = {}
    for name, full in SETS.items():
        for metric in ("UA", "MIA", "RA", "TA"):
            found[f"{metric}_{name}"] = over_seeds(dataset.retrained.sel(set=full, metric=metric), where)
        for method in map(str, dataset.method.values):
            found[f"gap_{method}_{name}"] = over_seeds(dataset.gap.sel({"compared": full, "method": method}), where)
    return found


def trap(dataset: xr.Dataset) -> Mapping[str, Ours]:
    """Overlap with the start at the smallest and the largest step."""
    where = f"{dataset.attrs['setting']}, {dataset.attrs['iterations']} iterations, {dataset.sizes['seed']} seeds"
    ends = {1e-3: "network_overlap_trapped", 1e4: "network_overlap_free"}
    return {name: over_seeds(dataset.overlap.sel(alpha=a), where) for a, name in ends.items() if a in dataset.alpha}


def judge_selection(dataset: xr.Dataset) -> list[Finding]:
    """What the paper says of retraining and of the methods."""
    values = selection(dataset)
    where = values["UA_random"].setting

    def mean(name: str) -> float:
        return values[name].value

    def pair(name: str) -> str:
        return f"{_text(values[f'{name}_random'])} → {_text(values[f'{name}_worst'])}"

    def compared(methods: tuple[str, ...]) -> tuple[list[tuple[float, float]], str]:
        known = [method for method in methods if f"gap_{method}_random" in values]
        ends = [(mean(f"gap_{method}_random"), mean(f"gap_{method}_worst")) for method in known]
        return ends, "; ".join(f"{method.replace('_', ' ')} {pair(f'gap_{method}')}" for method in known)

    shares = [(mean(f"{metric}_random"), mean(f"{metric}_worst")) for metric in ("UA", "MIA")]
    kept = [mean(f"{metric}_random") - mean(f"{metric}_worst") for metric in ("RA", "TA")]
    keeping, keeping_text = compared(KEEPING)
    relabelling, relabelling_text = compared(RELABELLING)
    return [
        Finding(
            "retraining itself hardly forgets the worst-case set: UA and MIA fall to 0",
            graded(all(w <= min(0.5, r) for r, w in shares), all(w <= 0.5 * r for r, w in shares)),
            f"random → worst: UA {pair('UA')}, MIA {pair('MIA')}; {where}",
            "both at most 0.5% on average; in part: at most half of the random set's",
        ),
        Finding(
            "a network retrained without the worst-case set is as good on the others",
            graded(max(kept) <= 0.5, max(kept) <= 2.0),
            f"random → worst: RA {pair('RA')}, TA {pair('TA')}; {where}",
            "RA and TA at most 0.5 points below the random set's on average; in part: 2 points",
        ),
        Finding(
            "methods that relabel nothing come nearer to retraining on the worst-case set",
            graded(all(w < r for r, w in keeping), any(w < r for r, w in keeping)),
            f"average gap in points, random → worst: {keeping_text}; {where}",
            "a smaller gap on average for each; in part: for one",
        ),
        Finding(
            "methods that relabel collapse on the worst-case set",
            graded(all(w >= 2.0 * r for r, w in relabelling), any(w >= 2.0 * r for r, w in relabelling)),
            f"average gap in points, random → worst: {relabelling_text}; {where}",
            "twice the gap on average for each; in part: for one",
        ),
    ]


def judge_coreset(dataset: xr.Dataset) -> list[Finding]:
    """What the paper says of the complement."""
    share = float(dataset.kept.values[-1])
    worst, random = (dataset.curve.isel(left=i, kept=-1) for i in (0, 1))
    lost = float((dataset.everything - worst).mean())
    fewest = dataset.curve.isel(kept=0).mean("seed").values
    texts = [_text(over_seeds(values, "")) for values in (worst, random, dataset.everything)]
    return [
        Finding(
            "the complement of the worst-case set is a coreset: it trains about as well as everything",
            graded(lost <= 0.5, lost <= 2.0),
            f"test accuracy with {100 * share:g}% left: {texts[0]} without the worst set, {texts[1]} without a random "
            f"one, {texts[2]} on everything; with {100 * float(dataset.kept[0]):g}% left {fewest[0]:.1f} and "
            f"{fewest[1]:.1f}; {dataset.attrs['setting']}, {dataset.sizes['seed']} seeds",
            "at most 0.5 points below training on everything on average with the most samples left; in part: 2 points",
        )
    ]


def judge_classes(dataset: xr.Dataset) -> list[Finding]:
    """What the paper does class-wise."""
    ranks = [dataset["rank"].sel(k=k) for k in (1, 2)]
    texts = [", ".join(f"{int(value)}" for value in rank.values) for rank in ranks]
    sets = [int(value) for value in dataset.sets.values]
    tenth = all(bool((rank <= max(1, count // 10)).all()) for rank, count in zip(ranks, sets, strict=True))
    near = all(float(rank.mean()) <= 0.2 * count for rank, count in zip(ranks, sets, strict=True))
    return [
        Finding(
            "the scheme also selects whole classes that are hard to forget",
            graded(tenth, near),
            f"rank of the selected class among {sets[0]}: {texts[0]}; of the pair among {sets[1]}: {texts[1]}, by the "
            "loss that sign descent leaves. Retraining forgets every class (UA "
            f"{float(dataset.quality.sel(model='retrain', metric='UA').min()):.1f}% at least), so no class is hard for "
            f"it; {dataset.attrs['setting']}, {dataset.sizes['seed']} seeds",
            "among the first tenth of all sets in every run; in part: in the first fifth on average",
        )
    ]


def _text(ours: Ours) -> str:
    return f"{ours.value:.2f}" + ("" if ours.spread is None else f" ± {ours.spread:.2f}")


FROM_STUDIES = {"wc_selection": selection, "wc_coreset": trap}
FINDINGS = {"wc_selection": judge_selection, "wc_coreset": judge_coreset, "wc_classes": judge_classes}
