"""Prompts of a small conditional generator that are hard to forget: random, least lost and selected forget sets.

The generator draws digits of a class in a style. The data and the judge are those of the first seed; the generator's
weights, its training, the random sets and the drawn images are of each seed's own.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.studies.styled_digits import CLASSES, EVERY, PROMPTS, SIDE, STYLES, Judge, load, train_judge
from experiments.study import Parameters, Study, labelled
from theory.models.flow import Flow
from theory.solvers.flow_matching import Prompted, draw, evenly_bridged, prompt_losses, train
from theory.unlearning.networks.method import constant, cosine
from theory.unlearning.prompts import forget_prompts, select_prompts

_FORGETTING = {"fine-tuning": ("fine-tuning", 0.0), "no prompt": ("erasing", 0.0), "erasing": ("erasing", 1.0)}
"""Method and η; with "no prompt" the forgotten prompts are drawn as if none was given."""
METHODS = ("trained", *_FORGETTING, "retraining")
CRITERIA = ("prompt", "class", "style")
_BATCH = 128


class _Bench:
    """A trained generator and everything that is done with it, for one seed."""

    def __init__(self, p: Parameters, data: Prompted, judge: Judge, seed: int):
        self.p, self.data, self.judge = p, data, judge
        self.start, self.training, self.forgetting, self.selecting, self.drawing, self.measuring = jax.random.split(
            jax.random.key(seed), 6
        )
        self.fresh = Flow(SIDE * SIDE, (CLASSES, len(STYLES)), p["width"], key=self.start)
        self.flow = self.retrain(jnp.zeros(PROMPTS, jnp.float32), self.training)
        self.sample = evenly_bridged(data, p["measured"], self.measuring)
        self.losses = np.asarray(prompt_losses(self.flow, self.sample, PROMPTS))
        self.outcome = functools.cache(self._outcome)  # two choices may be one set

    def retrain(self, w: Array, key: Array) -> Flow:
        """From the untrained weights, without the prompts of weight 1."""
        return train(self.fresh, self.data, 1.0 - w, cosine(self.p["rate"], self.p["steps"]), _BATCH, key)

    def forget(self, method: str, w: Array) -> Flow:
        """One of METHODS but the first on the forget set of weights ``w``."""
        if method == "retraining":
            return self.retrain(w, self.training)
        rates = cosine(self.p["forget_rate"], self.p["forget_steps"])
        return forget_prompts(self.flow, self.data, w, rates, _BATCH, self.forgetting, *_FORGETTING[method])

    def select(self, level: str, start: np.ndarray) -> tuple[np.ndarray, float]:
        """The worst case by that lower level, from the indicator of ``start``, and the reach of the step."""
        rates = constant(self.p["sign_rate"], self.p["sign_steps"])

        def by_sign(w: Array, key: Array) -> Flow:
            return forget_prompts(self.flow, self.data, w, rates, _BATCH, key, *_FORGETTING[level], rule="signsgd")

        lower: Callable[[Array, Array], Flow] = self.retrain if level == "retraining" else by_sign
        first = jnp.asarray(np.isin(np.arange(PROMPTS), start), jnp.float64)
        found = select_prompts(
            lower, self.sample, first, self.p["alpha"], self.selecting, iterations=self.p["iterations"]
        )
        return found.prompts, found.reach.reach

    def _outcome(self, method: str, forgotten: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the judge sees, the loss of each prompt, and an image of each; nothing is forgotten by "trained"."""
        w = jnp.asarray(np.isin(np.arange(PROMPTS), forgotten), jnp.float32)
        flow = self.forget(method, w) if forgotten else self.flow
        return self._seen(flow), np.asarray(prompt_losses(flow, self.sample, PROMPTS)), self._pictures(flow)

    def _seen(self, flow: Flow) -> np.ndarray:
        """Percent of each prompt's images that the judge sees as its prompt, class and style: (CRITERIA, PROMPTS)."""
        asked = np.repeat(np.arange(PROMPTS), self.p["images"])
        found = self.judge.sees(draw(flow, jnp.asarray(EVERY[asked]), self.drawing))
        hits = [found == asked, *(EVERY[found] == EVERY[asked]).T]
        return 100.0 * np.mean(np.reshape(hits, (3, PROMPTS, -1)), axis=2)

    def _pictures(self, flow: Flow) -> np.ndarray:
        return np.asarray(draw(flow, jnp.asarray(EVERY), self.measuring)).reshape(PROMPTS, SIDE, SIDE)


def run(p: Parameters) -> xr.Dataset:
    """Every method on every forget set; what the judge sees in what is then drawn."""
    data, unseen = load(p["per_class"], p["seed"])
    judge = train_judge(data, p["judge_epochs"], p["seed"])
    right = judge.sees(unseen.x)
    real = [right == np.asarray(unseen.number), *(EVERY[right] == np.asarray(unseen.prompt)).T]
    seeds, randoms = range(p["seed"], p["seed"] + p["seeds"]), [f"random {i + 1}" for i in range(p["randoms"])]
    choices = [*randoms, "least loss", *(f"worst, {level}" for level in p["levels"])]
    forget = np.zeros((len(choices), len(seeds), PROMPTS), bool)
    seen = np.empty((len(METHODS), len(choices), len(seeds), len(CRITERIA), PROMPTS))
    loss, reach = np.empty((len(METHODS), len(choices), len(seeds), PROMPTS)), np.empty((len(p["levels"]), len(seeds)))
    drawn = np.empty((len(METHODS), len(choices), PROMPTS, SIDE, SIDE))  # of the last seed
    for s, seed in enumerate(seeds):
        bench, rng = _Bench(p, data, judge, seed), np.random.default_rng([seed, 7])
        sets = [np.sort(rng.choice(PROMPTS, p["k"], replace=False)) for _ in randoms]
        sets.append(np.argsort(bench.losses, kind="stable")[: p["k"]])
        for i, level in enumerate(p["levels"]):
            chosen, reach[i, s] = bench.select(level, sets[0])
            sets.append(chosen)
        for c, rows in enumerate(sets):
            forget[c, s, rows] = True
            for m, method in enumerate(METHODS):
                forgotten = () if method == "trained" else tuple(int(row) for row in rows)
                seen[m, c, s], loss[m, c, s], drawn[m, c] = bench.outcome(method, forgotten)
    return xr.Dataset(
        {
            "seen": labelled(
                ("model", "choice", "seed", "criterion", "prompt"), seen, "images seen as asked", "percent"
            ),
            "loss": labelled(("model", "choice", "seed", "prompt"), loss, "loss of flow matching", "squared ink"),
            "forget": labelled(("choice", "seed", "prompt"), forget.astype(np.int32), "1 where forgotten"),
            "reach": labelled(("level", "seed"), reach, "reach α Σ (max g − min g) of the selection"),
            "real": labelled(
                "criterion", 100.0 * np.mean(real, axis=1), "unseen real images seen as they are", "percent"
            ),
            "picture": labelled(
                ("model", "choice", "prompt", "row", "column"), drawn, "ink, −1 to 1, of the last seed"
            ),
        },
        {
            "model": labelled("model", list(METHODS), "method"),
            "choice": labelled("choice", choices, "choice of the forget set"),
            "seed": labelled("seed", np.asarray(list(seeds)), "repetition"),
            "criterion": labelled("criterion", list(CRITERIA), "what the judge must see"),
            "prompt": labelled("prompt", [f"{c} {list(STYLES)[s]}" for c, s in EVERY], "class and style"),
            "level": labelled("level", list(p["levels"]), "lower level of the selection"),
            "row": labelled("row", np.arange(SIDE), "pixel row"),
            "column": labelled("column", np.arange(SIDE), "pixel column"),
        },
        {"k": p["k"], "images": p["images"], "iterations": p["iterations"], "alpha": p["alpha"]},
    )


_QUICK = {
    "seed": 0,
    "seeds": 5,
    "per_class": 0,
    "judge_epochs": 10,
    "width": 128,
    "steps": 1500,
    "rate": 3e-3,
    "k": 6,
    "randoms": 2,
    "levels": ("fine-tuning", "no prompt"),
    "alpha": 10.0,
    "iterations": 20,
    "sign_rate": 3e-4,
    "sign_steps": 50,
    "forget_rate": 1e-3,
    "forget_steps": 400,
    "measured": 64,
    "images": 20,
}

STUDY = Study(
    key="wc_prompts",
    paper="wc",
    title="Prompts that a conditional generator finds hard to forget",
    question="Are the prompts that bi-level selection finds harder to forget than random ones, and by which methods?",
    quick=_QUICK,
    full={
        **_QUICK,
        "seeds": 10,
        "steps": 3000,
        "randoms": 4,
        "levels": ("fine-tuning", "no prompt", "retraining"),
        "images": 50,
    },
    tiny={
        **_QUICK,
        "seeds": 2,
        "per_class": 3,
        "judge_epochs": 1,
        "width": 8,
        "steps": 5,
        "k": 2,
        "randoms": 1,
        "iterations": 2,
        "sign_steps": 2,
        "forget_steps": 3,
        "measured": 2,
        "images": 1,
    },
    run=run,
    long=True,
)
