"""What the sweeps measure: against closed forms and independent code, and vmapped against cell by cell."""

import numpy as np
import pytest
import xarray as xr

from experiments.engine.dataset import load_sweep
from experiments.engine.grid import make_chunks, make_grid
from experiments.engine.model import all_sweeps
from experiments.studies.gram_problems import masked, solve
from tests.experiments.sweep_stores import computed, empty
from theory.unlearning.ascent import gradient_ascent


def swept(key: str, folder, **changes) -> xr.Dataset:
    """The tiny grid, with other values where given."""
    sweep = all_sweeps()[key]
    width = 64
    store, grid, chunks = empty(folder / key, sweep, {**sweep.tiny, **changes}, width)
    for index, chunk in enumerate(chunks):
        found = computed(sweep, grid, chunk, width)
        assert not found.failed
        store.write(index, found)
    return load_sweep(folder / key)


def test_correlated_ascent_meets_its_closed_form_in_high_dimension(tmp_path):
    correlations = (0.1, 0.5, 0.7, 0.72, 0.95)
    dataset = swept("ga_correlated", tmp_path, correlation=correlations, k=(1, 2), m=(4,), d=(1e15,), seed=(0, 1))
    c = dataset.correlation
    harm = dataset.harm.squeeze("m")
    np.testing.assert_allclose(harm, (c / np.sqrt(1.0 - c**2)).broadcast_like(harm), rtol=1e-5)
    assert (harm.sel(correlation=0.7) < 1).all()
    assert (harm.sel(correlation=0.72) > 1).all()
    assert (dataset.projected_harm.isel(correlation=slice(0, 4)) < 1e-6).all()


def test_fine_tuning_moves_only_with_ridge(tmp_path):
    dataset = swept("ft_ridge_overlap", tmp_path)
    assert (dataset.movement.sel(ridge=0.0) < 1e-12).all()
    assert (dataset.movement.sel(ridge=0.1) > 1e-3).all()
    still = dataset.unlearning.sel(ridge=0.0)
    assert (still.sel(model="fine-tuned w_t") < 1e-20).all()
    distinct = still.sel(overlap=0.0)
    for model in ("golden w_g", "retention mask", "forget mask"):
        np.testing.assert_allclose(distinct.sel(model=model), 1.0, rtol=1e-10, err_msg=model)
    assert (dataset.remaining.sel(model=["fine-tuned w_t", "golden w_g"]) < 1e-20).all()


@pytest.mark.slow
def test_linear_cells_agree_with_the_public_functions(tmp_path):
    import jax

    from theory.data.wishart import wishart_gram

    dataset = swept("ga_linear", tmp_path)
    bound, distance = dataset.bound, dataset.witness_distance
    assert ((distance <= bound * (1 + 1e-9) + 1e-12) | np.isnan(bound)).all()
    drawn = wishart_gram(jax.random.key(1), 6, 30.0)
    problems = masked(np.asarray(drawn.factor)[None], np.asarray(drawn.y)[None], np.array([6]), np.array([1]))
    trained, retrained = solve(problems, problems.present), solve(problems, problems.retained)
    X, y, lam, target = problems.X[0], problems.y[0], trained.lam[0], retrained.w[0]
    plain = np.asarray(gradient_ascent(trained.w[0], X, y, [5], lam=lam))
    at, size = {"d": 30.0, "m": 6, "k": 1, "seed": 1}, np.linalg.norm(target)
    ours = dataset.sel(at)
    assert float(ours.distance.sel(model="plain ascent")) == pytest.approx(np.linalg.norm(plain - target) / size)
    least = np.min((y * (X @ plain))[:5])
    slack = np.sum((lam * (y * (X @ plain) / least - 1.0))[:5]) / least
    assert float(ours.witness_distance) == pytest.approx(np.linalg.norm(plain / least - target) / size)
    assert float(ours.bound) == pytest.approx(np.sqrt(slack) / size)


@pytest.mark.slow
def test_two_layer_cells_shrink_as_the_theorem_says(tmp_path):
    dataset = swept("ga_two_layer", tmp_path, d=(1e4, 1e6, 1e12), fraction=(0.0, 0.5, 1.0, 1.5))
    epsilon = dataset.epsilon.median("seed").squeeze(("m", "n", "k", "scale"))
    assert (epsilon.argmin("fraction") == 2).all(), "the theorem's step is the best one"
    best = epsilon.sel(fraction=1.0)
    np.testing.assert_allclose(best.sel(d=1e4) / best.sel(d=1e12), 1e4, rtol=0.1)
    reached = dataset.dropna("seed", how="any")
    assert reached.sizes["seed"] > 0, "no network reached an exact KKT point"
    assert (reached.delta < 1e-9).all()
    assert (reached.tau.sel(fraction=0.0) == 0).all()
    assert (reached.flips.sel(fraction=0.0) == 0).all()


@pytest.mark.slow
def test_mixture_errors_lie_above_bayes(tmp_path):
    dataset = swept("ga_mixture", tmp_path)
    dataset = dataset.dropna("seed", how="any")
    assert dataset.sizes["seed"] > 0
    noise = 4.0 * np.sqrt(0.25 / 256)
    assert (dataset.error >= dataset.bayes - noise).all()
    assert (dataset.linear >= dataset.bayes - 1e-12).all()
    assert (dataset.change.sel(model="trained") == 0).all()


@pytest.mark.slow
def test_heuristics_never_beat_the_exact_worst_case(tmp_path):
    dataset = swept("wc_ridge", tmp_path)
    for name in ("ratio", "bilevel"):
        assert (dataset[name] >= 1 - 1e-9).all(), name
    assert ((dataset.overlap >= 0) & (dataset.overlap <= 1)).all()


@pytest.mark.slow
def test_unsir_counts_steps_and_accuracies_and_moves_with_the_rates(tmp_path):
    dataset = swept("unsir", tmp_path, rate=(1e-3, 1.0), epochs=10)
    assert ((dataset.accuracy >= 0) & (dataset.accuracy <= 100)).all()
    assert (dataset.steps > 0).all()
    change = np.abs(dataset.accuracy.sel(stage="repaired") - dataset.accuracy.sel(stage="trained")).max(("metric",))
    assert (change.sel(rate=1e-3) < change.sel(rate=1.0)).all()
    assert float(change.sel(rate=1e-3).max()) < 10


@pytest.mark.slow
@pytest.mark.parametrize("key", ["ga_linear", "ga_correlated", "ft_ridge_overlap", "ga_two_layer"])
def test_a_cell_alone_and_in_a_chunk_agree(key):
    sweep = all_sweeps()[key]
    grid = make_grid(sweep, sweep.tiny, {})
    chunk = make_chunks(sweep, grid, 64)[0]
    together, alone = computed(sweep, grid, chunk, 64), computed(sweep, grid, chunk, len(chunk.cells))
    np.testing.assert_array_equal(together.values, alone.values)
    for row, cell in enumerate(chunk.cells):
        one = computed(sweep, grid, chunk.__class__(chunk.shape, np.array([cell])), 1)
        np.testing.assert_allclose(one.values[0], together.values[row], rtol=1e-6, atol=1e-12)
