"""ε, τ and the distance to retraining of a two-layer network against the dimension, with the a-priori bounds."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures.style import BLUE, GREY, LOOKS, ORANGE, RED, axis_label, canvas, legend, median_and_spread, panel_titles

STUDY = "ga_two_layer_dimension"
CAPTION = (
    "One exact ascent step on networks at exact KKT points, every dimension at the same cost. (a) Stationarity error "
    "ε of the witness θ − (I − P_R) g and (b) the angle τ to it, with the bounds that use ψ, φ and the multipliers "
    "alone, drawn where they speak. Vertical lines: the dimension from which φ ≤ ε_d/(4m) and φ ≤ ε_d/(4mn) hold with "
    "99% probability, at ε_d = 0.01. (c) 1 − cos to the network retrained from the same start does not fall with the "
    "dimension: the unlearned network is near another KKT point. Medians and 10th to 90th percentiles."
)


def plot(dataset: xr.Dataset) -> Figure:
    """Three panels against d."""
    figure, grid = canvas(1, 3, width=12.6, height=4.3)
    d = dataset.d.values
    curves = {
        "epsilon": (
            ("epsilon_a_priori", ORANGE, "s", "a-priori bound"),
            ("epsilon", RED, "^", "trained multipliers"),
            ("epsilon_refitted", BLUE, "o", "refitted multipliers"),
        ),
        "tau": (("tau_a_priori", ORANGE, "s", "a-priori bound"), ("tau", RED, "^", "measured")),
    }
    for axis, (name, lines) in zip(grid[0], curves.items(), strict=False):
        for variable, color, marker, label in lines:
            values = dataset[variable].transpose("d", "seed").values
            known = np.isfinite(values).any(axis=1)
            look = {"color": color, "marker": marker, "linestyle": "--" if "priori" in variable else "-"}
            median_and_spread(axis, d[known], values[known], look, label)
        for at, text in (
            (dataset.attrs["needed_by_points"], "ε_d/(4m)"),
            (dataset.attrs["needed_by_pairs"], "ε_d/(4mn)"),
        ):
            axis.axvline(at, color=GREY, linewidth=0.9, linestyle=":")
            axis.text(at, 0.98, f"φ ≤ {text} ", rotation=90, ha="right", va="top", fontsize=8, color=GREY,
                      transform=axis.get_xaxis_transform())  # fmt: skip
        axis.set_ylabel("stationarity error ε" if name == "epsilon" else "τ = 1 − cos to the witness")
        legend(axis, loc="lower left")
    axis = grid[0][2]
    for model in dataset.model.values:
        values = dataset.retrained_gap.sel(model=model).transpose("d", "seed").values
        median_and_spread(axis, d, values, LOOKS[model], model)
    axis.set_ylabel(axis_label(dataset.retrained_gap))
    legend(axis, loc="lower left", ncols=2)
    axis.set_ylim(bottom=3e-4)
    for axis in grid[0]:
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel(axis_label(dataset.d))
    at = dataset.attrs
    panel_titles(grid[0], [f"ε, m = {at['m']}, n = {at['n']}, k = {at['k']}", "τ", "direction to retraining"])
    return figure


def findings(dataset: xr.Dataset) -> list[str]:
    """Rates, and where the hypotheses are vacuous."""
    middle, d, at = dataset.median("seed", skipna=True), dataset.d.values, dataset.attrs
    slope = {key: np.polyfit(np.log(d), np.log(middle[key].values), 1)[0] for key in ("epsilon", "tau")}
    wanted = at["epsilon_d"] / (4 * at["m"] * at["n"])
    met = d[(dataset.phi.max("seed") <= wanted).values]
    measured = f"met by every sample from d = {met[0]:.0e} on" if len(met) else "met by no sample that was drawn"
    bounded = np.isfinite(dataset.epsilon_a_priori).all("seed").values
    begins = f"from d = {d[bounded][0]:g} on" if bounded.any() else "at no dimension shown"
    phi = float(middle.phi[0])
    return [
        f"ε falls like d^{slope['epsilon']:.2f} and τ like d^{slope['tau']:.2f}; the bounds from ψ and φ speak "
        f"{begins}.",
        f"Vacuous at realistic dimensions: with m = {at['m']}, n = {at['n']} the hypothesis φ ≤ ε_d/(4mn) at ε_d = "
        f"{at['epsilon_d']:g} needs d ≈ {at['needed_by_pairs']:.1e} (99% of samples, union bound; {measured}), and "
        f"φ ≤ ε_d/(4m) needs d ≈ {at['needed_by_points']:.1e}. At d = {d[0]:g} the largest inner product is "
        f"{phi:.2g}, {phi / wanted:.1e} times too large. The step's own certificate needs neither.",
    ]
