"""Every study at its tiniest: labelled, repeatable, and stored without losing a bit; and what the theory says of it."""

import functools
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from experiments.real_data import NAMES, load_split
from experiments.store import load_dataset, save_dataset
from experiments.studies.real_leave_one_out import FOLDER, source
from experiments.study import all_studies, labelled
from tests.tiny_studies import case, tiny_dataset
from theory.claims import PAPERS

STUDIES = all_studies()


@pytest.fixture(scope="module")
def datasets(tmp_path_factory) -> Callable[[str], xr.Dataset]:
    """Tiny datasets by key, each made when it is asked for."""
    return functools.cache(lambda key: tiny_dataset(key, tmp_path_factory))


def test_the_studies_are_found():
    assert {key.split("_")[0] for key in STUDIES} == {"ga", "ft", "unsir", "real", "evidence", "wc"}
    assert len(STUDIES) >= 10
    assert all(study.paper in PAPERS for study in STUDIES.values())


@pytest.mark.parametrize("key", STUDIES)
def test_profiles_have_the_same_parameters(key):
    study = STUDIES[key]
    assert study.quick.keys() == study.full.keys() == study.tiny.keys()
    assert "seed" in study.quick


@pytest.mark.parametrize("key", [case(key, key) for key in STUDIES])
def test_a_study_comes_back_from_the_store_bit_for_bit(key, datasets, tmp_path):
    dataset = datasets(key)
    path = save_dataset(dataset.assign_attrs(title=STUDIES[key].title), tmp_path / f"{key}.nc")
    again = load_dataset(path)
    assert again.attrs.pop("title") == STUDIES[key].title
    assert again.identical(dataset)
    for name, variable in dataset.variables.items():
        assert variable.attrs["units"], name
        assert variable.attrs["long_name"], name
        if variable.dtype.kind == "f":
            assert again[name].values.tobytes() == np.ascontiguousarray(variable.values).tobytes()


@pytest.mark.parametrize("key", ["ga_distance_bound", "ft_overlap"])
def test_a_study_depends_on_its_parameters_alone(key, datasets):
    study = STUDIES[key]
    assert study.run(study.tiny).identical(datasets(key))
    assert not study.run({**study.tiny, "seed": 1}).identical(datasets(key))


def test_projected_ascent_leaves_margins_and_plain_ascent_moves_them(datasets):
    margin = datasets("ga_retained_margins").margin
    moved = abs(margin - margin.sel(model="trained")).max(("k", "d", "seed", "point"))
    assert float(moved.sel(model="projected ascent")) < 1e-12
    assert float(moved.sel(model="plain ascent")) > 1e-2


def test_projected_ascent_is_retraining_where_its_multipliers_are_positive(datasets):
    data = datasets("ga_distance_to_retraining")
    gap, least = data.gap_d.sel(model="projected ascent"), data.least_multiplier_d
    exact = least.values > 0
    assert exact.any()
    assert np.all(gap.values[exact] < 1e-24)


def test_the_v_has_its_tip_at_the_full_step(datasets):
    data = datasets("ga_step_fraction")
    exact = data.isel(start=0)
    np.testing.assert_allclose(data.fixed, data.formula, atol=1e-12)
    assert np.argmin(exact.fixed.values) == len(data.fraction) // 2
    assert float(exact.fixed.min()) < 1e-12
    assert np.all(exact.refitted.values <= exact.fixed.values + 1e-12)
    assert np.all(exact.refitted.values >= exact.lower.values - 1e-12)


def test_no_point_is_beyond_its_certificates_bound(datasets):
    data = datasets("ga_distance_bound")
    known = np.isfinite(data.distance.values)
    assert known.any()
    assert np.all(data.distance.values[known] <= data.bound.values[known] + 1e-7)
    assert np.all(data.bound.values[known] <= data.coarse_bound.values[known] + 1e-12)


def test_the_flow_stays_below_its_bound(datasets):
    data = datasets("ga_implicit_bias")
    assert np.all(data.gap.values <= data.bound.values)


def test_fine_tuning_does_not_move_the_pretrained_model(datasets):
    data = datasets("ft_fine_tuning")
    assert float(data.movement.sel(model="pretrained w_o").max()) < 1e-12
    distinct = data.unlearning.sel(features="distinct features")
    for model in ("golden w_g", "retention mask", "forget mask"):
        np.testing.assert_allclose(distinct.sel(model=model), 1.0, atol=1e-12)


def test_closed_forms_of_unlearning_losses(datasets):
    overlap, ridge = datasets("ft_overlap"), datasets("ft_ridge")
    np.testing.assert_allclose(overlap.unlearning.sel(model="golden w_g"), overlap.closed_form, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ridge.tuned, ridge.closed_form, rtol=1e-8, atol=1e-12)
    assert float(ridge.movement.sel(noise=0.0).max()) < 1e-12


@pytest.mark.slow
def test_no_forget_set_is_worse_than_the_worst_and_no_step_goes_beyond_its_reach(datasets):
    data = datasets("wc_ridge_gap")
    assert data.attrs["unsolved"] == 0
    assert float(min(data.ratio.min(), data.bilevel.min())) >= 1.0 - 1e-9
    runs = data.sel(start="random set")
    held = runs.actual.values < 1
    assert held.any()
    assert np.all(runs.overlap.values[held] == 1.0)
    assert np.any(runs.overlap.values < 1.0)


@pytest.mark.slow
def test_real_data_certificates_hold_and_decremental_is_retraining(datasets):
    data = datasets("real_linear")
    assert float(data.distance.sel(model="decremental").max()) < 1e-9
    assert float(data.retrain_residual.max()) < 1e-9
    certified = np.isfinite(data.distance_bound.values)
    assert certified.any()
    assert np.all(data.witness_distance.values[certified] <= data.distance_bound.values[certified] + 1e-7)
    many = data.sel(regime="many points")
    np.testing.assert_allclose(
        many.distance.sel(model="projected ascent"), many.distance.sel(model="nothing"), rtol=1e-9, atol=1e-12
    )


@pytest.mark.slow
def test_the_networks_v_has_its_tip_at_the_full_step(datasets):
    data = datasets("ga_two_layer_step_fraction")
    full = len(data.fraction) // 2
    assert np.all(data.fixed.argmin("fraction") == full)
    assert np.all(data.refitted.values <= data.fixed.values + 1e-9)
    assert np.all(data.refitted.values >= data.lower.values - 1e-9)
    assert np.all(data.trade_epsilon.isel(share=-1) < 1e-9)  # the last witness is an exact KKT point


def test_projected_ascent_flips_no_activation_of_a_network(datasets):
    data = datasets("ga_two_layer_margins")
    assert float(abs(data.margin.sel(model="projected ascent") - data.margin.sel(model="nothing")).max()) < 1e-12
    assert int(data.flips.sel(model="projected ascent").max()) == 0
    assert int(data.left_kink.sel(model="projected ascent").max()) == 0
    assert int((data.flips + data.left_kink).sel(model="plain ascent").max()) > 0


def test_kinks_are_seen_at_exact_points(datasets):
    data = datasets("ga_two_layer_kinks")
    assert np.all(data.inside_m <= data.kinks_m)
    assert float(data.kinks_d_over_m.max()) > 0.05
    assert float(data.residual_exact.max()) < 1e-12
    assert np.all(np.diff(data.residual_flow.values, axis=-1) <= 1e-9)  # a larger tolerance admits more subgradients


def test_exact_points_are_reached(datasets):
    data = datasets("ga_two_layer_kkt_points")
    assert bool(data.solved.all())
    assert int(data.rises.sum()) == 0
    assert float(data.worst.max()) < 1e-13


@pytest.mark.slow
def test_exact_certificates_of_unlearned_networks(datasets):
    data = datasets("ga_two_layer_exact_certificate")
    for axis in "kd":
        tau, nearest = data[f"tau_{axis}"], data[f"nearest_{axis}"]
        assert np.all(nearest.values <= np.where(np.isnan(tau.values), np.inf, tau.values))
        assert float(tau.sel(model="retraining").max()) < 1e-15
        assert float(nearest.sel(model="nothing").median()) > 1e-4


@pytest.mark.slow
def test_the_networks_certificate_shrinks_with_the_dimension(datasets):
    data = datasets("ga_two_layer_dimension")
    for name in ("epsilon", "tau"):
        bound = data[f"{name}_a_priori"].values
        assert np.all(data[name].values <= np.where(np.isnan(bound), np.inf, bound))
    assert np.all(data.epsilon_refitted <= data.epsilon)
    ratio = (data.epsilon.sel(d=1e6) / data.epsilon.sel(d=1e2)).values
    np.testing.assert_allclose(ratio, 1e-2, rtol=0.5)  # like 1/√d
    assert data.attrs["needed_by_pairs"] > data.attrs["needed_by_points"] > 1e6


@pytest.mark.slow
def test_the_flow_approaches_a_kkt_point(datasets):
    data = datasets("ga_two_layer_flow")
    assert np.all(data.clarke.isel(record=-1) < 0.5 * data.clarke.max("record"))
    assert np.all(data.clarke <= data.autodiff + 1e-9)


@pytest.mark.slow
def test_certificates_of_networks_on_digits_hold(datasets):
    data = datasets("real_two_layer")
    assert bool(data.solved.all())
    assert np.all(data.step_epsilon <= data.step_epsilon_bound + 1e-9)
    assert np.all(data.step_tau <= data.step_tau_bound + 1e-12)
    assert float(data.gap.sel(model="retraining").max()) == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_splits_are_scaled_balanced_and_disjoint(name):
    split = load_split(name, 40, 3)
    assert np.mean(np.sum(split.X**2, axis=1)) == pytest.approx(1.0)
    assert abs(split.y.sum()) == 0
    seen = {row.tobytes() for row in np.round(split.X, 12)}
    assert sum(row.tobytes() in seen for row in np.round(split.X_test, 12)) <= 1  # a duplicate in the source at most
    assert not np.array_equal(load_split(name, 40, 4).X, split.X)


@pytest.mark.parametrize(
    ("name", "train", "said"), [("digits 3-9", 40, "one of"), (NAMES[0], 10**4, "training points")]
)
def test_bad_splits_are_refused(name, train, said):
    with pytest.raises(ValueError, match=said):
        load_split(name, train, 0)


def small() -> xr.Dataset:
    return xr.Dataset(
        {
            "value": labelled("x", [0.1, np.nan, -0.0], "a value", "m"),
            "flag": labelled("x", [True, False, True], "a flag"),
        },
        {"x": labelled("x", np.arange(3), "index"), "name": labelled("x", ["α", "b", "cc"], "a name")},
        {"title": "ε and δ", "count": 3},
    )


def test_store_keeps_signs_of_zero_nan_text_and_flags(tmp_path):
    again = load_dataset(save_dataset(small(), tmp_path / "small.nc"))
    assert again.identical(small())
    assert again.value.values.tobytes() == small().value.values.tobytes()
    assert again.flag.dtype == bool
    assert [path.name for path in tmp_path.iterdir()] == ["small.nc"]


@pytest.mark.parametrize("kept", [0, 3, 40, 200, -200, -20, -1])
def test_a_truncated_file_is_refused_in_one_line(kept, tmp_path):
    path = save_dataset(small(), tmp_path / "small.nc")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"small\.nc: (damaged|expected)") as fault:
        load_dataset(path)
    assert "\n" not in str(fault.value)


def test_a_changed_number_and_a_foreign_file_are_refused(tmp_path):
    path = save_dataset(small(), tmp_path / "small.nc")
    content = path.read_bytes()
    place = content.index(np.array(0.1).astype(">f8").tobytes())
    path.write_bytes(content[: place + 7] + b"\x00" + content[place + 8 :])
    with pytest.raises(ValueError, match="digest"):
        load_dataset(path)
    xr.Dataset({"v": ("x", np.ones(2))}).to_netcdf(path, engine="scipy")
    with pytest.raises(ValueError, match="another program"):
        load_dataset(path)


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        (("x", np.ones(3)), "attribute 'units'"),
        (("x", np.ones(3, np.float32), {"units": "1", "long_name": "n"}), "float32"),
        (("x", np.arange(3), {"units": "1", "long_name": "n"}), "int64"),
    ],
)
def test_what_would_not_come_back_is_not_stored(variable, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        save_dataset(xr.Dataset({"v": variable}), tmp_path / "v.nc")
    assert not list(tmp_path.iterdir())


def test_leave_one_out_reads_the_folder_that_it_is_given(monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    assert [source(name) for name in ("some/folder", "digits", "mnist")] == ["some/folder", "digits", "digits"]
    monkeypatch.setenv(FOLDER, "of/mnist")
    assert source("mnist") == "of/mnist"
